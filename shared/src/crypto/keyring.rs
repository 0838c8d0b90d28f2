//! The deployment's secrets, and the keys derived from them.

use std::fmt;

use ring::{hkdf, hmac};

use super::random;

/// The purpose of a derived key. A value made for one purpose never verifies for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The digits of codes by SMS and mail.
    Code,
    ResetLink,
    CaptchaPass,
    Csrf,
    /// Network addresses of callers, where one is stored or carried.
    Address,
    RefreshToken,
    Reauthentication,
    KnownDevice,
    NotMeLink,
    /// Private keys at rest.
    SealedKey,
    /// Account names that nobody has, where attempts at them are counted.
    UnknownAccount,
}

impl Purpose {
    /// Returns the `info` of RFC 5869, which binds a key to its purpose.
    const fn info(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::ResetLink => "reset-link",
            Self::CaptchaPass => "captcha-pass",
            Self::Csrf => "csrf",
            Self::Address => "address",
            Self::RefreshToken => "refresh-token",
            Self::Reauthentication => "reauthentication",
            Self::NotMeLink => "not-me-link",
            Self::KnownDevice => "device",
            Self::SealedKey => "sealed-key",
            Self::UnknownAccount => "unknown-account",
        }
    }
}

/// The secrets that a function holds.
///
/// The newest secret makes values and all of them verify values, so that a secret can be replaced while values made
/// with the old one are still in use.
#[derive(Clone)]
pub struct Keyring {
    keys: Vec<NamedKey>,
}

#[derive(Clone)]
struct NamedKey {
    id: String,
    /// The key that HKDF extracts from the secret.
    root: hkdf::Prk,
}

/// The `salt` of RFC 5869, so that no other system derives the same keys from the same secret.
const SALT: &[u8] = b"latchkey/1";
const ID_BYTES: usize = 4;

/// The length of a secret's public id.
struct IdLength;

impl hkdf::KeyType for IdLength {
    fn len(&self) -> usize {
        ID_BYTES
    }
}

/// The reason why a text is not a keyring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyringError {
    /// A secret is shorter than 32 bytes, so it can be guessed.
    #[error("each secret needs at least 32 characters")]
    TooShort,
}

impl Keyring {
    /// Parses secrets that are separated by commas, newest first.
    pub fn parse(text: &str) -> Result<Self, KeyringError> {
        let keys = text.split(',').map(str::trim).map(NamedKey::new).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { keys })
    }

    /// Returns the id of the newest secret. It is public, and the same in every process.
    #[must_use]
    pub fn newest_id(&self) -> &str {
        self.keys.first().map_or("", |key| &key.id)
    }

    /// Returns the key for a purpose, derived from the newest secret.
    #[must_use]
    pub fn newest(&self, purpose: Purpose) -> hmac::Key {
        self.keys.first().map_or_else(|| hmac::Key::new(hmac::HMAC_SHA256, &random::<32>()), |key| key.derive(purpose))
    }

    /// Returns the key for a purpose, derived from the secret with this id, or `None` when no such secret is held.
    #[must_use]
    pub fn by_id(&self, id: &str, purpose: Purpose) -> Option<hmac::Key> {
        self.keys.iter().find(|key| key.id == id).map(|key| key.derive(purpose))
    }
}

impl NamedKey {
    fn new(secret: &str) -> Result<Self, KeyringError> {
        if secret.len() < 32 {
            return Err(KeyringError::TooShort);
        }
        let root = hkdf::Salt::new(hkdf::HKDF_SHA256, SALT).extract(secret.as_bytes());
        Ok(Self { id: hex::encode(id_of(&root)), root })
    }

    #[expect(clippy::expect_used, reason = "HKDF refuses nothing but a key of more than 8160 bytes")]
    fn derive(&self, purpose: Purpose) -> hmac::Key {
        let info = [purpose.info().as_bytes()];
        self.root.expand(&info, hmac::HMAC_SHA256).expect("HKDF makes 32 bytes").into()
    }
}

#[expect(clippy::expect_used, reason = "HKDF refuses nothing but a key of more than 8160 bytes")]
fn id_of(root: &hkdf::Prk) -> [u8; ID_BYTES] {
    let mut id = [0; ID_BYTES];
    root.expand(&[b"id"], IdLength).and_then(|okm| okm.fill(&mut id)).expect("HKDF makes four bytes");
    id
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

    /// The expected value comes from another implementation: HKDF-SHA-256 of 32 times `a`, salt `latchkey/1`, by the
    /// Python package `cryptography`.
    #[test]
    fn keys_are_derived_by_hkdf() {
        let ring = Keyring::parse(&"a".repeat(32)).unwrap();
        assert_eq!(ring.newest_id(), "6c7f5ced");
        let tag = hmac::sign(&ring.newest(Purpose::Csrf), b"x");
        assert_eq!(hex::encode(tag), "e8c6a7ea691a3a75facfd77d323d24218869661e9b30dc68b185dc8bcbd9d049");
    }

    #[test]
    fn purposes_have_keys_of_their_own() {
        let ring = Keyring::parse(&"a".repeat(32)).unwrap();
        let tag = hmac::sign(&ring.newest(Purpose::Csrf), b"x");
        assert!(hmac::verify(&ring.newest(Purpose::ResetLink), b"x", tag.as_ref()).is_err());
    }

    #[test]
    fn a_short_secret_is_refused_and_debug_shows_none() {
        assert_eq!(Keyring::parse("short").unwrap_err(), KeyringError::TooShort);
        assert_eq!(Keyring::parse(&format!("{},", "a".repeat(32))).unwrap_err(), KeyringError::TooShort);
        assert!(!format!("{:?}", Keyring::parse(&"a".repeat(32)).unwrap()).contains("aaa"));
    }
}
