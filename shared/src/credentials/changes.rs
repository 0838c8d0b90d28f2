//! The part that every change of password, mobile or email has in common. It increments the account's credential
//! version, on condition that the account is still as it was read, and it forgets the known devices. A
//! [`crate::messages::Notification`] in the same transaction tells the owner at every address that the account had
//! before (ASVS 6.3.7).
//!
//! The changes that a signed-in owner can make in a day are limited, see [`crate::config::RateLimit::Changes`].
//! Each one sends an SMS and a mail, and a thief with a session and a password must not be able to flood the owner. A
//! reset does not count there, because it is how an owner gets back in. Those above the same limit are not told.

use crate::app::{App, Caller};
use crate::crypto::KnownDevice;
use crate::domain::User;
use crate::dynamodb::{Set, Value, Write, keys};
use crate::error::Error;
use crate::users::{known_devices, unchanged};

/// Returns the device that the caller acts on, as it is after a change of the account's credentials. `None` if the
/// account does not know the device.
pub(crate) fn acting_device(app: &App, caller: &Caller, user: &User) -> Option<KnownDevice> {
    known_devices::known_device(caller, user).map(|device| device.after_change(app.clock.now()))
}

/// Changes the credentials of an account, on condition that the account is still as it was read. The account forgets
/// all its known devices but the one that acts.
pub(crate) fn change(app: &App, user: &User, set: Set, acting: Option<&KnownDevice>) -> Result<Write, Error> {
    let devices = Value::of(&known_devices::only_device(app, acting))?;
    let set = set.and_increment(User::CREDENTIAL_VERSION).and_to(User::CREDENTIALS_CHANGED_AT, app.clock.now());
    let set = set.and_to(User::DEVICES, devices);
    Ok(Write::update(keys::user(&user.id), set, unchanged(user, None)))
}
