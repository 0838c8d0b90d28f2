//! Messages: asking for one, and telling an owner of a change.

mod send;
mod solved;

pub use send::is_sign_up;
pub(crate) use send::{Free, INTERVAL_SECONDS, MessageRequest, Notification, is_settled, send};
pub use solved::Solved;
