//! Recovery of an account by an operator, for a person who has nothing but the number where a second proof is required.

use crate::app::App;
use crate::domain::{AccountName, Recovery, User};
use crate::dynamodb::items::SecurityEvent;
use crate::dynamodb::{Reason, Set, Transaction, Value, Write, keys};
use crate::error::Error;
use crate::messages::Notification;
use crate::users::unchanged;

/// Declares a recovery. After `RECOVERY_WAIT_HOURS` a code to the number alone opens the account, for
/// `RECOVERY_OPEN_DAYS`. Until then the owner, who is told by mail and in every session, can stop it by any change of
/// credentials.
pub fn begin_recovery<E: Reason>(
    app: &App,
    user: &User,
    name: Option<&AccountName>,
    tx: &mut Transaction<E>,
) -> Result<(), Error> {
    let (now, numbers) = (app.clock.now(), app.config.numbers);
    let opens_at = now.plus_seconds(numbers.recovery_wait_seconds);
    let recovery = Recovery {
        asked_at: now,
        opens_at,
        ends_at: opens_at.plus_seconds(numbers.recovery_open_seconds),
        credential_version: user.credential_version,
    };
    let set = Set::to(User::RECOVERY, Value::of(&recovery)?);
    tx.require(Write::update(keys::user(&user.id), set, unchanged(user, name)));
    // Whoever has the number asks for the recovery, so the owner is told by mail alone.
    let by_mail = User { mobile: None, ..user.clone() };
    tx.add(Notification::new(app, &by_mail, SecurityEvent::Recovery))
}
