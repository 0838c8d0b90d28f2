//! Looking accounts up by name.

use crate::app::App;
use crate::domain::{AccountName, User, UserId};
use crate::dynamodb::items::Claim;
use crate::dynamodb::{Condition, keys};
use crate::error::Error;

/// The account with a name, in two reads. An unknown name costs the same two: time must not tell (ASVS 6.3.8).
pub async fn find_by_name(app: &App, name: Option<&AccountName>) -> Result<Option<User>, Error> {
    let key = name.map_or_else(keys::no_claim, keys::claim);
    let claim = app.store.get::<Claim>(&key, "finding an account").await?;
    // The id of nobody is a new one each time: many asking for one key would slow down together, and so tell.
    let id = claim.map_or_else(UserId::generate, |claim| claim.user_id);
    claim_holder(app, &id, name).await
}

/// The account that a claim leads to. Since the claim was read, the account may have moved to another name: then there is
/// none. Whoever reads a claim reads the account by this, or asks [`User::bears`] of what another call returned.
pub(crate) async fn claim_holder(app: &App, id: &UserId, name: Option<&AccountName>) -> Result<Option<User>, Error> {
    let user: Option<User> = app.store.get(&keys::user(id), "reading an account").await?;
    Ok(user.filter(|user| name.is_some_and(|name| user.bears(name))))
}

/// The condition under which an account that was found by a name is as it was read, and bears the name still. Another
/// number or email is another version of its credentials. Another username is not, so it is compared itself.
#[must_use]
pub fn unchanged(user: &User, name: Option<&AccountName>) -> Condition {
    match (name, &user.username) {
        (Some(AccountName::Username(_)), Some(_)) => unchanged_with_username(user),
        _ => Condition::equal(User::CREDENTIAL_VERSION, user.credential_version),
    }
}

/// The condition under which an account is as it was read, its username too.
pub(crate) fn unchanged_with_username(user: &User) -> Condition {
    let same_name = match &user.username {
        Some(username) => Condition::equal(User::USERNAME, username.as_str()),
        None => Condition::absent(User::USERNAME),
    };
    Condition::equal(User::CREDENTIAL_VERSION, user.credential_version).and(same_name)
}
