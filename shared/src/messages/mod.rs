//! Messages: requests for a code or a link, and security notifications.

mod captcha_result;
mod guessing;
mod send;
mod settled;
mod strangers;

pub use captcha_result::CaptchaResult;
pub(crate) use guessing::tell_of_guessing;
pub(crate) use send::{COOLDOWN_SECONDS, MessageRequest, NoCost, Notification, refuse_early, send};
pub(crate) use settled::is_settled;
pub use settled::may_get_link;
pub use strangers::{count_for_stranger, take_back_for_stranger};
