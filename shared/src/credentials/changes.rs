//! What every change of password, mobile or email has in common: the account's credential version moves on, on condition
//! that the account is still as it was read, and attempts at the password are forgotten. The owner is told at every address
//! held before (ASVS 6.3.7) by a [`crate::messages::Notification`] beside it.
//!
//! A signed-in owner makes so many changes in a day, see [`crate::throttling::limits::of_changes`]: each is told by SMS and mail, and
//! whoever stole a session and a password floods nobody. A reset is not counted: it is how an owner gets back in.

use crate::domain::User;
use crate::dynamodb::{Set, Write, keys};
use crate::throttling::attempts::forgetting;
use crate::users::unchanged;

/// Changes the credentials of an account that is as it was read.
pub(crate) fn change(user: &User, set: Set) -> Write {
    let set = forgetting(set.and_increment(User::CREDENTIAL_VERSION));
    Write::update(keys::user(&user.id), set, unchanged(user, None))
}
