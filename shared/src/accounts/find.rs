//! Looking accounts up by name.

use super::limits::{SourceAction, count_source};
use crate::app::{App, Caller};
use crate::domain::{AccountName, Mobile, User, UserId};
use crate::dynamodb::items::Marker;
use crate::dynamodb::{Condition, keys};
use crate::error::Error;

/// The account with a name, in two reads. An unknown name costs the same two: time must not tell (ASVS 6.3.8).
pub async fn find_by_name(app: &App, name: Option<&AccountName>) -> Result<Option<User>, Error> {
    let key = name.map_or_else(keys::no_marker, keys::marker);
    let claim = app.store()?.get::<Marker>(&key, "finding an account").await?;
    // The id of nobody is a new one each time: many asking for one key would slow down together, and so tell.
    let id = claim.map_or_else(UserId::generate, |claim| claim.user_id);
    claim_holder(app, &id, name).await
}

/// The account that a claim leads to. Since the claim was read, the account may have moved to another name: then there is
/// none. Whoever reads a claim reads the account by this, or asks [`User::bears`] of what another call returned.
pub(super) async fn claim_holder(app: &App, id: &UserId, name: Option<&AccountName>) -> Result<Option<User>, Error> {
    let user: Option<User> = app.store()?.get(&keys::user(id), "reading an account").await?;
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
pub(super) fn unchanged_with_username(user: &User) -> Condition {
    let same_name = match &user.username {
        Some(username) => Condition::equal(User::USERNAME, username.as_str()),
        None => Condition::absent(User::USERNAME),
    };
    Condition::equal(User::CREDENTIAL_VERSION, user.credential_version).and(same_name)
}

/// Whether a number may be registered: nobody has, or whoever did was not seen for so long that a carrier may have
/// reissued it. Always `true` where registration is not disclosed, after the same read.
pub async fn is_mobile_free(app: &App, caller: &Caller, mobile: &Mobile) -> Result<bool, Error> {
    let marker = probe(app, caller, mobile).await?;
    let Some(marker) = marker.filter(|_| app.config.answers.disclose_registration) else { return Ok(true) };
    let user = claim_holder(app, &marker.user_id, Some(&AccountName::Mobile(mobile.clone()))).await?;
    Ok(user.is_none_or(|user| user.is_dormant(app.config.dormant_days, app.clock.now())))
}

/// How many accounts a number has: 0 or 1. Always 1 where registration is not disclosed, after the same read.
pub async fn count_registered(app: &App, caller: &Caller, mobile: &Mobile) -> Result<u8, Error> {
    let marker = probe(app, caller, mobile).await?;
    Ok(u8::from(marker.is_some() || !app.config.answers.disclose_registration))
}

/// Looks, and counts that the source asked: who asks too often is told nothing.
async fn probe(app: &App, caller: &Caller, mobile: &Mobile) -> Result<Option<Marker>, Error> {
    caller.who.note(mobile.masked());
    let key = keys::mobile_marker(mobile);
    let (counted, marker) = tokio::join!(
        count_source(app, caller, SourceAction::Probes, app.config.limits.probe_source),
        app.store()?.get::<Marker>(&key, "checking a number")
    );
    counted?;
    marker
}
