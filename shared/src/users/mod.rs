//! The parts of an account that several use cases share: looking it up by a name, claims on names, a new account.

pub(crate) mod claims;
mod find;
pub(crate) mod known_devices;
mod new_user;

pub(crate) use find::{claim_holder, unchanged_with_username};
pub use find::{find_by_name, unchanged};
pub(crate) use new_user::{check_consent, make, new_user};
