//! HTTP: parsing a request, shaping a reply, and the dialects errors are told in.

mod answers;
mod dialect;
mod digits;
mod endpoint;
mod event;
mod json;
mod media_type;
mod reply;
mod request;
mod session_cookie;
mod texts;

pub use answers::{Account, LoggedIn, Renewed, Tokens};
pub use dialect::Dialect;
pub use digits::Digits;
pub use endpoint::{Endpoint, Handled};
pub use event::NOT_IN_A_QUERY;
pub use json::Fields;
pub use reply::Reply;
pub use request::Request;
