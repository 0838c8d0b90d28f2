//! Sessions: opening one, carrying it through a change of credentials, ending it; and being signed in.

mod open;
mod signed_in;

pub(crate) use open::{MOST_REMOVED, NewSession, all_of, carry, carry_renewed, end, verify};
pub(crate) use signed_in::user_and_session;
pub use signed_in::{SignedIn, authorize};
