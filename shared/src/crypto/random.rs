//! Randomness of the operating system, and the ids that are made of it.

use ring::rand::{SecureRandom, SystemRandom};

use crate::domain::{ChallengeId, SessionId, UserId};

/// `N` bytes of the operating system's generator (ASVS 11.5.1).
///
/// # Panics
/// When the operating system has no randomness to give; nothing safe can be done without it.
#[must_use]
#[expect(clippy::expect_used, reason = "without randomness no answer is safe; ending the process is")]
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

/// `N` random bytes as lower-case hex: what ids are made of.
#[must_use]
pub fn random_hex<const N: usize>() -> String {
    hex::encode(random::<N>())
}

impl UserId {
    #[must_use]
    pub fn generate() -> Self {
        Self::from(random_hex::<16>())
    }
}

impl SessionId {
    #[must_use]
    pub fn generate() -> Self {
        Self::of_hex(random_hex::<16>())
    }
}

impl ChallengeId {
    #[must_use]
    pub fn generate() -> Self {
        Self::of_hex(random_hex::<16>())
    }

    /// What a request for a code says: `new`, or a handle from before, to be sent the same code again.
    #[must_use]
    pub fn requested(text: &str) -> Option<Self> {
        if text == "new" { Some(Self::generate()) } else { Self::parse(text) }
    }
}
