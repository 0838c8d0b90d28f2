//! Sessions: opening one, keeping it over a change of credentials, ending it; their tokens, and checking an access
//! token.

mod open;
mod signed_in;

pub(crate) use open::{MAX_REMOVED, NewSession, all_of, carry, carry_renewed, end, verify};
pub(crate) use signed_in::user_and_session;
pub use signed_in::{IssuedDevice, SignedIn, authorize};
