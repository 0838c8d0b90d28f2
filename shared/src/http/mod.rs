//! HTTP: parsing of requests, replies, and the formats of errors.

mod answers;
mod device_cookies;
mod digits;
mod endpoint;
mod error_format;
mod event;
mod json;
mod media_type;
mod reply;
mod request;
mod session_cookie;
mod texts;

pub use answers::{Account, LoggedIn, Renewed, Tokens};
pub use digits::Digits;
pub use endpoint::{Endpoint, HandlerFuture};
pub use error_format::ErrorFormat;
pub use event::NOT_IN_A_QUERY;
pub use json::Fields;
pub use reply::Reply;
pub use request::Request;
