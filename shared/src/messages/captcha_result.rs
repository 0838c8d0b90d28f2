//! Captchas, as far as messages are concerned.

/// Whether the caller solved a captcha for this request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaptchaResult {
    /// Solved, and the pass is spent.
    Solved,
    /// No; who asks too often may.
    NotSolved,
    /// Nobody is asked here.
    NotAsked,
    /// Nobody is asked who can write to themselves alone.
    ToOneself,
}
