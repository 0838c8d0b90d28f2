//! The result of a captcha, as far as messages depend on it.

use crate::app::Caller;
use crate::domain::{User, UserId};
use crate::users::known_devices::known_device;

/// Whether the caller solved a captcha for this request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CaptchaResult {
    /// Solved, and the captcha pass is used up.
    Solved,
    /// Not solved. Solving one would raise the limit of the source.
    NotSolved,
    /// This operation never asks for a captcha.
    NotAsked,
    /// This operation never asks for a captcha, because its message can only go to the account's own number or address.
    /// It has the higher limit of a solved captcha.
    OwnRecipient,
    /// Not needed, because the signed-in owner of this account asks on a known device for a message to a new number or
    /// address. It counts at the account, so that neighbours behind the same address cannot stop it.
    KnownDevice(UserId),
}

impl CaptchaResult {
    /// Returns the result for a signed-in person who asks on a known device of their account.
    pub(crate) fn of_owner(caller: &Caller, user: &User) -> Option<Self> {
        known_device(caller, user).map(|_| Self::KnownDevice(user.id.clone()))
    }
}
