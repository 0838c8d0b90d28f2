//! The result of a captcha, as far as messages depend on it.

/// Whether the caller solved a captcha for this request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    /// Not needed, because a signed-in owner asks on a known device for a message to a new number or address. Neighbours
    /// behind the same address must not stop that, so it has the higher limit of a solved captcha.
    KnownDevice,
}
