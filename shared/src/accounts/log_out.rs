//! Signing out, of one session or of all.

use crate::app::{App, Caller};
use crate::crypto::KeyGroup;
use crate::domain::User;
use crate::dynamodb::{Set, Transaction, Write, keys};
use crate::error::Error;
use crate::sessions::{end, verify};
use crate::users::unchanged;

/// Ends the session of a refresh token, spent or not. That it is over already is what was asked for.
pub async fn log_out(app: &App, caller: &Caller, token: &str) -> Result<(), Error> {
    let token = verify(app.keyring(KeyGroup::Sessions)?, token)?;
    caller.who.note(token.user_id.as_str());
    end(app, &token.user_id, &token.session_id).await
}

/// Ends every session of the user, and kills every token and link, by moving the credential version on.
pub async fn log_out_everywhere(app: &App, user: &User) -> Result<(), Error> {
    let mut tx = Transaction::new("ending all sessions", || Error::Unauthorized);
    let set = Set::default().and_increment(User::CREDENTIAL_VERSION);
    tx.require(Write::update(keys::user(&user.id), set, unchanged(user, None)));
    app.store.commit(tx).await
}
