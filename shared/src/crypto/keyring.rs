//! The keys that are derived from the deployment's secrets.

use std::fmt;

use ring::{hkdf, hmac};

use super::random;

/// The purpose of a derived key. A value that is signed for one purpose never verifies for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The digits of codes by SMS and mail.
    Code,
    ResetLink,
    CaptchaPass,
    Csrf,
    /// The keyed hashes of callers' network addresses, in the table and in tokens.
    Address,
    RefreshToken,
    Reauthentication,
    KnownDevice,
    NotMeLink,
    /// The encryption of stored private keys.
    SealedKey,
    /// The names under which attempts at a password are counted.
    AccountName,
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
            Self::AccountName => "account-name",
        }
    }
}

/// A group of purposes. A function holds the keys of all of them or of none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyGroup {
    /// One-time codes.
    Codes,
    /// Mailed links.
    Links,
    /// Values that a signed-in person holds.
    Sessions,
    /// Values that a person who is not signed in holds, and the hashes under which requests are counted.
    ///
    /// The value of a known device is one of them. Whoever has this key alone can make no value of use, because a value
    /// also names a random id that the account must list.
    Visitors,
    /// The encryption of stored private keys.
    SealedKeys,
}

impl KeyGroup {
    #[must_use]
    pub const fn purposes(self) -> &'static [Purpose] {
        match self {
            Self::Codes => &[Purpose::Code],
            Self::Links => &[Purpose::ResetLink, Purpose::NotMeLink],
            Self::Sessions => &[Purpose::RefreshToken, Purpose::Reauthentication],
            Self::Visitors => {
                &[Purpose::CaptchaPass, Purpose::Csrf, Purpose::Address, Purpose::AccountName, Purpose::KnownDevice]
            }
            Self::SealedKeys => &[Purpose::SealedKey],
        }
    }
}

/// The keys of one group, derived from each secret of the deployment. The newest secret signs, and all of them verify,
/// so that a secret can be replaced while older values are still in use.
///
/// The keyring does not hold the secrets themselves, so that a mistake in a function cannot use keys of other groups.
/// It does not protect from code that reads the function's environment, where the secrets of its own groups are.
#[derive(Clone)]
pub struct Keyring {
    /// Newest first, and never empty.
    secrets: Vec<DerivedKeys>,
}

/// The keys and the id that are derived from one secret.
#[derive(Clone)]
struct DerivedKeys {
    id: String,
    keys: Vec<(Purpose, hmac::Key)>,
}

/// The minimum length of a secret, in bytes. A shorter one can be guessed.
pub const MIN_SECRET_BYTES: usize = 32;

/// The `salt` of RFC 5869. With it, no other system derives the same keys from the same secret.
const SALT: &[u8] = b"latchkey/1";
const ID_BYTES: usize = 4;

/// The output length of HKDF for a secret's public id.
struct IdLength;

impl hkdf::KeyType for IdLength {
    fn len(&self) -> usize {
        ID_BYTES
    }
}

/// The error for a text that is not a list of secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyringError {
    /// A secret is shorter than 32 bytes, so it can be guessed.
    #[error("each secret needs at least {MIN_SECRET_BYTES} bytes")]
    TooShort,
}

impl Keyring {
    /// Derives the keys of a group from secrets, separated by commas, newest first.
    pub fn parse(text: &str, group: KeyGroup) -> Result<Self, KeyringError> {
        Self::derive(text, group.purposes())
    }

    /// Derives the keys of every group, for tests. No function holds them all.
    #[cfg(test)]
    pub(crate) fn whole(text: &str) -> Self {
        use KeyGroup::{Codes, Links, SealedKeys, Sessions, Visitors};
        let purposes = [Codes, Links, Sessions, Visitors, SealedKeys].map(KeyGroup::purposes).concat();
        Self::derive(text, &purposes).unwrap()
    }

    fn derive(text: &str, purposes: &[Purpose]) -> Result<Self, KeyringError> {
        let secrets = text.split(',').map(str::trim).map(|secret| DerivedKeys::new(secret, purposes));
        Ok(Self { secrets: secrets.collect::<Result<_, _>>()? })
    }

    /// Returns the id of the newest secret. It is public, and the same in every process.
    #[must_use]
    pub fn newest_id(&self) -> &str {
        self.secrets.first().map_or("", |secret| &secret.id)
    }

    /// Returns the key for a purpose, derived from the newest secret.
    ///
    /// A purpose of another group is a bug. Then the key is random, and values signed with it never verify.
    #[must_use]
    pub fn newest(&self, purpose: Purpose) -> hmac::Key {
        let key = self.secrets.first().and_then(|secret| secret.key(purpose));
        debug_assert!(key.is_some(), "this keyring has no key for {purpose:?}");
        key.unwrap_or_else(|| hmac::Key::new(hmac::HMAC_SHA256, &random::<32>()))
    }

    /// Returns the key for a purpose, derived from the secret with this id, or `None` when no such secret is held.
    #[must_use]
    pub fn by_id(&self, id: &str, purpose: Purpose) -> Option<hmac::Key> {
        self.secrets.iter().find(|secret| secret.id == id)?.key(purpose)
    }
}

impl DerivedKeys {
    fn new(secret: &str, purposes: &[Purpose]) -> Result<Self, KeyringError> {
        if secret.len() < MIN_SECRET_BYTES {
            return Err(KeyringError::TooShort);
        }
        let root = hkdf::Salt::new(hkdf::HKDF_SHA256, SALT).extract(secret.as_bytes());
        let keys = purposes.iter().map(|purpose| (*purpose, derive(&root, *purpose)));
        Ok(Self { id: hex::encode(id_of(&root)), keys: keys.collect() })
    }

    fn key(&self, purpose: Purpose) -> Option<hmac::Key> {
        self.keys.iter().find(|(one, _)| *one == purpose).map(|(_, key)| key.clone())
    }
}

#[expect(clippy::expect_used, reason = "HKDF refuses nothing but a key of more than 8160 bytes")]
fn derive(root: &hkdf::Prk, purpose: Purpose) -> hmac::Key {
    let info = [purpose.info().as_bytes()];
    root.expand(&info, hmac::HMAC_SHA256).expect("HKDF makes 32 bytes").into()
}

#[expect(clippy::expect_used, reason = "HKDF refuses nothing but a key of more than 8160 bytes")]
fn id_of(root: &hkdf::Prk) -> [u8; ID_BYTES] {
    let mut id = [0; ID_BYTES];
    root.expand(&[b"id"], IdLength).and_then(|okm| okm.fill(&mut id)).expect("HKDF makes four bytes");
    id
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.secrets.iter().map(|secret| &secret.id)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_older_secret_still_verifies_and_an_unknown_one_does_not() {
        let old = Keyring::whole(&"a".repeat(32));
        let both = Keyring::whole(&format!("{}, {}", "b".repeat(32), "a".repeat(32)));
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
        let ring = Keyring::whole(&"a".repeat(32));
        assert_eq!(ring.newest_id(), "6c7f5ced");
        let tag = hmac::sign(&ring.newest(Purpose::Csrf), b"x");
        assert_eq!(hex::encode(tag), "e8c6a7ea691a3a75facfd77d323d24218869661e9b30dc68b185dc8bcbd9d049");
    }

    #[test]
    fn purposes_have_keys_of_their_own() {
        let ring = Keyring::whole(&"a".repeat(32));
        let tag = hmac::sign(&ring.newest(Purpose::Csrf), b"x");
        assert!(hmac::verify(&ring.newest(Purpose::ResetLink), b"x", tag.as_ref()).is_err());
    }

    #[test]
    fn a_keyring_has_the_keys_of_its_group_alone() {
        let secret = "a".repeat(32);
        let (codes, whole) = (Keyring::parse(&secret, KeyGroup::Codes).unwrap(), Keyring::whole(&secret));
        assert!(codes.by_id(whole.newest_id(), Purpose::Code).is_some());
        assert!(whole.by_id(codes.newest_id(), Purpose::ResetLink).is_some());
        assert!(codes.by_id(codes.newest_id(), Purpose::ResetLink).is_none());
    }

    #[test]
    fn a_short_secret_is_refused_and_debug_shows_none() {
        assert_eq!(Keyring::parse("short", KeyGroup::Codes).unwrap_err(), KeyringError::TooShort);
        assert_eq!(
            Keyring::parse(&format!("{},", "a".repeat(32)), KeyGroup::Codes).unwrap_err(),
            KeyringError::TooShort
        );
        assert!(!format!("{:?}", Keyring::whole(&"a".repeat(32))).contains("aaa"));
    }
}
