//! The part that every change of password, mobile or email has in common. It increments the account's credential
//! version, on condition that the account is still as it was read, and it resets the count of attempts at the password.
//! A [`crate::messages::Notification`] in the same transaction tells the owner at every address that the account had
//! before (ASVS 6.3.7).
//!
//! The changes that a signed-in owner can make in a day are limited, see [`crate::config::RateLimit::Changes`].
//! Each one sends an SMS and a mail, and a thief with a session and a password must not be able to flood the owner. A
//! reset does not count, because it is how an owner gets back in.

use crate::domain::User;
use crate::dynamodb::{Set, Write, keys};
use crate::throttling::attempts::forgetting;
use crate::users::unchanged;

/// Changes the credentials of an account, on condition that the account is still as it was read.
pub(crate) fn change(user: &User, set: Set) -> Write {
    let set = forgetting(set.and_increment(User::CREDENTIAL_VERSION));
    Write::update(keys::user(&user.id), set, unchanged(user, None))
}
