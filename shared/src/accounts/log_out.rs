//! Signing out of one session or of all.

use crate::app::{App, Caller};
use crate::credentials;
use crate::credentials::codes::forget_device_streaks;
use crate::crypto::KeyGroup;
use crate::domain::User;
use crate::dynamodb::{Set, Transaction};
use crate::error::Error;
use crate::sessions::{end, verify};

/// Ends the session of a refresh token, which may be a rotated one. It succeeds for a session that has ended already.
pub async fn log_out(app: &App, caller: &Caller, token: &str) -> Result<(), Error> {
    let token = verify(app.keyring(KeyGroup::Sessions)?, token)?;
    caller.who.note(token.user_id.as_str());
    end(app, &token.user_id, &token.session_id).await
}

/// Ends every session of the user and invalidates every access token, reset link and known device, by incrementing
/// the credential version.
pub async fn log_out_everywhere(app: &App, user: &User) -> Result<(), Error> {
    let mut tx = Transaction::new("ending all sessions", || Error::Unauthorized);
    tx.require(credentials::change(app, user, Set::default(), None)?);
    forget_device_streaks(user).into_iter().for_each(|effect| tx.also(effect));
    app.store.commit(tx).await
}
