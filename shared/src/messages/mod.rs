//! Messages: requests for a code or a link, and security notifications.

mod captcha_result;
mod send;

pub use captcha_result::CaptchaResult;
pub use send::is_sign_up;
pub(crate) use send::{COOLDOWN_SECONDS, MessageRequest, NoCost, Notification, is_settled, send};
