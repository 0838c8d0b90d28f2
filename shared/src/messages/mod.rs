//! Messages: requests for a code or a link, and security notifications.

mod captcha_result;
mod guessing;
mod send;

pub use captcha_result::CaptchaResult;
pub(crate) use guessing::tell_of_guessing;
pub use send::is_sign_up;
pub(crate) use send::{COOLDOWN_SECONDS, MessageRequest, NoCost, Notification, is_settled, refuse_early, send};
