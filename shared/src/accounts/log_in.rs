//! Logging in with a name and a password.

use crate::app::{App, Caller};
use crate::config::RateLimit;
use crate::domain::{AccountName, Password, UserId};
use crate::dynamodb::items::Claim;
use crate::dynamodb::{Transaction, keys};
use crate::error::Error;
use crate::sessions::SignedIn;
use crate::sessions::{self, NewSession};
use crate::throttling::attempts::{self, ThrottleKey};
use crate::throttling::limits::{count_source, refund_source};

/// Logs in. The same error answers an unknown account, a wrong password, an account without a password and a disabled
/// one, after the same work and the same two round trips: the claim and the source's count, then the attempt and the
/// sessions. Only a correct password takes a third one, which stores the session.
pub async fn log_in(
    app: &App,
    caller: &Caller,
    name: &str,
    password: &Password,
    remembered: bool,
) -> Result<SignedIn, Error> {
    let store = &app.store;
    let classified = AccountName::classify(name);
    caller.who.note(classified.as_ref().map_or_else(|| "?".to_owned(), AccountName::masked));
    // All spellings of one name count together.
    let canonical =
        classified.as_ref().map_or_else(|| name.to_owned(), |name| keys::claim(name).partition().to_owned());
    let claim = classified.as_ref().map_or_else(keys::no_claim, keys::claim);
    let (counted, claim, token_keys) = tokio::join!(
        count_source(app, caller, RateLimit::LogInSource),
        store.get::<Claim>(&claim, "finding an account"),
        app.token_keys()
    );
    counted?;
    let (id, token_keys) = (claim?.and_then(Claim::holder), token_keys?);
    // An unknown name reads the sessions of a new random id. If all of them read one partition, they would slow down
    // together, and that would show.
    let throttle_key = match (&id, &caller.device) {
        (Some(id), Some(device)) if device.user_id == *id => ThrottleKey::KnownDevice(device),
        (Some(id), _) => ThrottleKey::Account(id),
        (None, _) => ThrottleKey::Unknown(&canonical),
    };
    let whose = id.clone().unwrap_or_else(UserId::generate);
    let (user, others) =
        tokio::join!(attempts::count_by(app, throttle_key, classified.as_ref()), sessions::all_of(app, &whose));
    let user = user?;
    // They are read only to end the oldest, which can wait for the next sign-in.
    let others = others.unwrap_or_default();
    let hash = user.as_ref().and_then(|user| user.password_hash.as_ref());
    let right = app.verify(password, hash)?;
    let user = user.filter(|user| right && !user.disabled).ok_or(Error::BadCredentials)?;

    // If the account was changed or deleted meanwhile, the password or the name may no longer be right.
    let mut tx = Transaction::new("opening a session", || Error::BadCredentials);
    let new = NewSession::new(app, caller, &user, remembered, others);
    tx.add(&new)?;
    // Only now is the password at hand, where its hash was made at another cost (ASVS 11.4.2).
    let rehashed = match &user.password_hash {
        Some(hash) => app.rehash(password, hash)?,
        None => None,
    };
    attempts::succeed(&mut tx, &user, (throttle_key, classified.as_ref()), rehashed.as_ref(), app.clock.now());
    // Refund only this attempt. A successful log-in to one's own account must not reset the count of the whole address.
    refund_source(app, caller, RateLimit::LogInSource)?.into_iter().for_each(|effect| tx.also(effect));
    let signed_in = SignedIn::of_sign_in(app, caller, &token_keys, user, new.session)?;
    store.commit(tx).await?;
    Ok(signed_in)
}
