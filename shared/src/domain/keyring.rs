//! The deployment's secrets, and the keys derived from them.

use std::fmt;

use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

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
    hex(&random::<N>())
}

/// Bytes as lower-case hex.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A secret text that is wiped when dropped and that `Debug` does not show.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes over the text.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

/// What a derived key is for. A value made for one purpose verifies under no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The digits of SMS and mail codes.
    Code,
    /// Mailed password-reset links.
    ResetLink,
    /// Captcha passes.
    CaptchaPass,
    /// CSRF cookies.
    Csrf,
    /// Addresses of callers, where one is stored or carried.
    Address,
    /// Refresh tokens.
    RefreshToken,
    /// Reauthentications.
    Reauthentication,
    /// Device cookies.
    Device,
    /// Links in notices.
    SafetyLink,
    /// Private keys at rest.
    SealedKey,
    /// Account names nobody has, where attempts at them are counted.
    UnknownAccount,
}

impl Purpose {
    const fn label(self) -> &'static str {
        match self {
            Self::Code => "latchkey/1/code",
            Self::ResetLink => "latchkey/1/reset-link",
            Self::CaptchaPass => "latchkey/1/captcha-pass",
            Self::Csrf => "latchkey/1/csrf",
            Self::Address => "latchkey/1/address",
            Self::RefreshToken => "latchkey/1/refresh-token",
            Self::Reauthentication => "latchkey/1/reauthentication",
            Self::SafetyLink => "latchkey/1/safety-link",
            Self::Device => "latchkey/1/device",
            Self::SealedKey => "latchkey/1/sealed-key",
            Self::UnknownAccount => "latchkey/1/unknown-account",
        }
    }
}

/// The secrets a function holds: the newest makes values, all of them verify, so that a secret can be replaced
/// without breaking what is under way.
#[derive(Clone)]
pub struct Keyring {
    keys: Vec<NamedKey>,
}

#[derive(Clone)]
struct NamedKey {
    id: String,
    root: hmac::Key,
}

/// Why a text is no keyring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyringProblem {
    /// A secret shorter than 32 characters can be guessed.
    #[error("each secret needs at least 32 characters")]
    TooShort,
}

impl Keyring {
    /// From secrets separated by commas, newest first.
    pub fn parse(text: &str) -> Result<Self, KeyringProblem> {
        let keys = text.split(',').map(str::trim).map(NamedKey::new).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { keys })
    }

    /// The id of the newest secret: public, and the same in every process.
    #[must_use]
    pub fn newest_id(&self) -> &str {
        self.keys.first().map_or("", |key| &key.id)
    }

    /// The key for a purpose derived from the newest secret.
    #[must_use]
    pub fn newest(&self, purpose: Purpose) -> hmac::Key {
        self.keys.first().map_or_else(|| hmac::Key::new(hmac::HMAC_SHA256, &random::<32>()), |key| key.derive(purpose))
    }

    /// The key for a purpose derived from the secret with this id; `None` when no such secret is held.
    #[must_use]
    pub fn by_id(&self, id: &str, purpose: Purpose) -> Option<hmac::Key> {
        self.keys.iter().find(|key| key.id == id).map(|key| key.derive(purpose))
    }
}

impl NamedKey {
    fn new(secret: &str) -> Result<Self, KeyringProblem> {
        if secret.len() < 32 {
            return Err(KeyringProblem::TooShort);
        }
        let root = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let id = hex(&hmac::sign(&root, b"latchkey/1/id").as_ref()[..4]);
        Ok(Self { id, root })
    }

    /// HMAC as a key derivation function: one block of HKDF-Expand (RFC 5869) would be the same with a counter byte.
    fn derive(&self, purpose: Purpose) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&self.root, purpose.label().as_bytes()).as_ref())
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.keys.iter().map(|key| &key.id)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_older_secret_still_verifies_and_an_unknown_one_does_not() {
        let old = Keyring::parse(&"a".repeat(32)).unwrap();
        let both = Keyring::parse(&format!("{}, {}", "b".repeat(32), "a".repeat(32))).unwrap();
        let tag = hmac::sign(&old.newest(Purpose::Csrf), b"x");
        let key = both.by_id(old.newest_id(), Purpose::Csrf).unwrap();
        assert!(hmac::verify(&key, b"x", tag.as_ref()).is_ok());
        assert!(hmac::verify(&both.newest(Purpose::Csrf), b"x", tag.as_ref()).is_err());
        assert!(old.by_id(both.newest_id(), Purpose::Csrf).is_none());
    }

    #[test]
    fn purposes_have_keys_of_their_own() {
        let ring = Keyring::parse(&"a".repeat(32)).unwrap();
        let tag = hmac::sign(&ring.newest(Purpose::Csrf), b"x");
        assert!(hmac::verify(&ring.newest(Purpose::ResetLink), b"x", tag.as_ref()).is_err());
    }

    #[test]
    fn a_short_secret_is_refused_and_debug_shows_none() {
        assert_eq!(Keyring::parse("short").unwrap_err(), KeyringProblem::TooShort);
        assert_eq!(Keyring::parse(&format!("{},", "a".repeat(32))).unwrap_err(), KeyringProblem::TooShort);
        assert!(!format!("{:?}", Keyring::parse(&"a".repeat(32)).unwrap()).contains("aaa"));
        assert_eq!(format!("{:?}", Secret::new("hidden".into())), "Secret(***)");
    }
}
