//! Signing another device out.

use crate::app::App;
use crate::domain::{Session, SessionId, User};
use crate::dynamodb::{Condition, Transaction, Write, keys};
use crate::error::Error;

/// Ends one of the user's own live sessions. Any other session is not found.
pub async fn end_session(app: &App, user: &User, id: &SessionId) -> Result<(), Error> {
    let now = app.clock.now();
    let is_live = Condition::equal(Session::CREDENTIAL_VERSION, user.credential_version)
        .and(Condition::greater(Session::EXPIRES_AT, now))
        .and(Condition::greater(Session::ENDS_AT, now));
    let mut tx = Transaction::new("ending a session", || Error::NotFound);
    tx.require(Write::delete(keys::session(&user.id, id), is_live));
    app.store.commit(tx).await
}
