//! Captchas, as far as messages are concerned.

/// Whether the caller solved a captcha for this request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Solved {
    /// Yes, and the pass is spent.
    Yes,
    /// No; who asks too often may.
    No,
    /// Nobody is asked here.
    NotAsked,
    /// Nobody is asked who can write to themselves alone.
    ToOneself,
}
