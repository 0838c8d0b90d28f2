//! Random bytes from the operating system, and the ids made from them.

use ring::rand::{SecureRandom, SystemRandom};

use crate::domain::{ChallengeId, SessionId, UserId};

/// Returns `N` bytes from the operating system's generator (ASVS 11.5.1).
///
/// # Panics
/// Panics when the operating system has no randomness to give, because nothing safe can be done without it.
#[must_use]
#[expect(clippy::expect_used, reason = "without randomness no answer is safe; ending the process is")]
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

/// Returns `N` random bytes in lower-case hex. Ids are made from these.
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

    /// Parses the challenge id in a request for a code: `new` generates one, and an existing one asks for the same code
    /// again.
    #[must_use]
    pub fn requested(text: &str) -> Option<Self> {
        if text == "new" { Some(Self::generate()) } else { Self::parse(text) }
    }
}
