use crate::app::App;
use crate::domain::{AccountName, User, UserId, Username};
use crate::dynamodb::items::Claim;
use crate::dynamodb::{Condition, keys};
use crate::error::Error;

/// Returns the account with a name, in two reads. An unknown name takes two reads as well, so that the time does not
/// tell whether the account exists (ASVS 6.3.8).
pub async fn find_by_name(app: &App, name: Option<&AccountName>) -> Result<Option<User>, Error> {
    let key = name.map_or_else(keys::no_claim, keys::claim);
    let claim = app.store.get::<Claim>(&key, "finding an account").await?;
    // Each unknown name reads a new random id. If all of them read one key, they would slow down together, and that
    // would show.
    let id = claim.and_then(Claim::holder).unwrap_or_else(UserId::generate);
    claim_holder(app, &id, name).await
}

/// Returns the account that a claim refers to, or `None` if the account has changed to another name since the claim was
/// read. Every caller that reads a claim must read the account with this function, or check [`User::bears`] itself.
pub(crate) async fn claim_holder(app: &App, id: &UserId, name: Option<&AccountName>) -> Result<Option<User>, Error> {
    let user: Option<User> = app.store.get(&keys::user(id), "reading an account").await?;
    Ok(user.filter(|user| name.is_some_and(|name| user.bears(name))))
}

/// Returns the condition that an account is still as it was read and has the name it was found by. A change of number
/// or email changes the credential version. A change of username does not, so the username is compared itself.
#[must_use]
pub fn unchanged(user: &User, name: Option<&AccountName>) -> Condition {
    match (name, &user.username) {
        (Some(AccountName::Username(_)), Some(_)) => unchanged_with_username(user),
        _ => Condition::equal(User::CREDENTIAL_VERSION, user.credential_version),
    }
}

/// Returns the condition that an account is still as it was read, including its username and the reserved one.
pub(crate) fn unchanged_with_username(user: &User) -> Condition {
    let same = |attribute, name: Option<&Username>| match name {
        Some(name) => Condition::equal(attribute, name.as_str()),
        None => Condition::absent(attribute),
    };
    Condition::equal(User::CREDENTIAL_VERSION, user.credential_version)
        .and(same(User::USERNAME, user.username.as_ref()))
        .and(same(User::RESERVED_USERNAME, user.reserved_username.as_ref()))
}
