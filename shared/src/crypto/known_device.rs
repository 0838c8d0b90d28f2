//! Known devices: the values by which a browser or an app shows that an account was signed in to on it.
//!
//! A value is encrypted (AES-256-GCM, NIST SP 800-38D), so that whoever reads a browser's cookies does not learn whose
//! account it names. The nonce is random. 96 bits suffice for four billion values under one secret.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::hmac;
use serde::{Deserialize, Serialize};

use super::{Keyring, Purpose, random, random_hex};
use crate::domain::{SecretString, Session, Timestamp, UserId};

/// The maximum length of a text that is examined. A longer one is not ours.
const MAX_LENGTH: usize = 512;
const NONCE_BYTES: usize = 12;

/// A device on which an account was signed in to.
///
/// Attempts from a known device are counted separately from everybody else's, so that strangers who guess wrong lock no
/// owner out (OWASP, "Slow Down Online Guessing Attacks with Device Cookies"). This separate allowance is the owner's
/// reserve. A known device does not sign anybody in.
///
/// The value alone does not make a device known. The account must still have its credential version, and must list its
/// id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Fields", into = "Fields")]
pub struct KnownDevice {
    pub user_id: UserId,
    /// 48 random bits in hex. They distinguish the devices of one account.
    pub id: String,
    /// The account's credential version. A change of credentials makes the device an unknown one.
    pub credential_version: u64,
    pub issued_at: Timestamp,
    /// The moment from which the device is no longer known.
    pub expires_at: Timestamp,
    /// Whether the cookie outlives the browser session. This is so after a sign-in by a person who asked to be
    /// remembered.
    pub is_lasting: bool,
}

/// The stored form, without names, so that the value is short.
type Fields = (UserId, String, u64, Timestamp, Timestamp, bool);

impl From<Fields> for KnownDevice {
    fn from((user_id, id, credential_version, issued_at, expires_at, is_lasting): Fields) -> Self {
        Self { user_id, id, credential_version, issued_at, expires_at, is_lasting }
    }
}

impl From<KnownDevice> for Fields {
    fn from(device: KnownDevice) -> Self {
        let KnownDevice { user_id, id, credential_version, issued_at, expires_at, is_lasting } = device;
        (user_id, id, credential_version, issued_at, expires_at, is_lasting)
    }
}

impl KnownDevice {
    /// Returns the device after a sign-in on it.
    ///
    /// `known` is the device that the same account was signed in to on before, if any. It keeps its id, so that
    /// attempts counted on it still count. Where the person did not ask to be remembered, the device is forgotten with
    /// the session. A device on which the same account asked to be remembered before stays known as it was: one sign-in
    /// without the tick must not take away an owner's reserve on their own device.
    #[must_use]
    pub fn after_sign_in(known: Option<&Self>, session: &Session, life_seconds: i64, now: Timestamp) -> Self {
        let was_lasting = known.filter(|device| device.is_lasting).map(|device| device.expires_at);
        let expires_at = match was_lasting {
            _ if session.remembered => now.plus_seconds(life_seconds),
            Some(as_before) => as_before,
            None => session.ends_at,
        };
        Self {
            user_id: session.user_id.clone(),
            id: known.map_or_else(random_hex::<6>, |device| device.id.clone()),
            credential_version: session.credential_version,
            issued_at: now,
            expires_at,
            is_lasting: session.remembered || was_lasting.is_some(),
        }
    }

    /// Returns the device after a change of the account's credentials on it.
    #[must_use]
    pub fn after_change(&self, now: Timestamp) -> Self {
        Self { credential_version: self.credential_version + 1, issued_at: now, ..self.clone() }
    }

    /// Returns the value: `key id . nonce, encrypted claims and tag`.
    #[must_use]
    pub fn seal(&self, keyring: &Keyring) -> SecretString {
        let key_id = keyring.newest_id();
        let nonce = random::<NONCE_BYTES>();
        let mut text = serde_json::to_vec(self).unwrap_or_default();
        let sealed = key(keyring, key_id)
            .and_then(|key| {
                let nonce = Nonce::assume_unique_for_key(nonce);
                key.seal_in_place_append_tag(nonce, Aad::from(key_id), &mut text).ok()
            })
            .map(|()| URL_SAFE_NO_PAD.encode([&nonce[..], &text].concat()));
        // Without a key nothing can be sealed. An empty value is not a device.
        SecretString::from(sealed.map_or_else(String::new, |sealed| format!("{key_id}.{sealed}")))
    }

    /// Returns the device of a value, or `None` when the value is not ours or has expired.
    #[must_use]
    pub fn open(text: &str, keyring: &Keyring, now: Timestamp) -> Option<Self> {
        if text.len() > MAX_LENGTH {
            return None;
        }
        let (key_id, sealed) = text.split_once('.')?;
        let mut sealed = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (nonce, claims) = sealed.split_at_mut_checked(NONCE_BYTES)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let claims = key(keyring, key_id)?.open_in_place(nonce, Aad::from(key_id), claims).ok()?;
        let device: Self = serde_json::from_slice(claims).ok()?;
        (now < device.expires_at).then_some(device)
    }
}

fn key(keyring: &Keyring, id: &str) -> Option<LessSafeKey> {
    let derived = keyring.by_id(id, Purpose::KnownDevice)?;
    let bytes = hmac::sign(&derived, b"aes-256-gcm");
    UnboundKey::new(&AES_256_GCM, bytes.as_ref()).ok().map(LessSafeKey::new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ExposeSecret;
    use proptest::prelude::*;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

    fn keyring() -> Keyring {
        Keyring::whole(&"k".repeat(32))
    }

    fn device() -> KnownDevice {
        KnownDevice {
            user_id: UserId::generate(),
            id: random_hex::<6>(),
            credential_version: 7,
            issued_at: NOW,
            expires_at: NOW.plus_seconds(60),
            is_lasting: true,
        }
    }

    #[test]
    fn a_device_is_known_until_it_expires_under_a_secret_that_is_held() {
        let device = device();
        let text = device.seal(&keyring());
        let open = |ring: &Keyring, now| KnownDevice::open(text.expose_secret(), ring, now);
        assert_eq!(open(&keyring(), NOW.plus_seconds(59)), Some(device));
        assert_eq!(open(&keyring(), NOW.plus_seconds(60)), None);
        let newer = Keyring::whole(&format!("{},{}", "n".repeat(32), "k".repeat(32)));
        assert!(open(&newer, NOW).is_some());
        assert_eq!(open(&Keyring::whole(&"n".repeat(32)), NOW), None);
    }

    #[test]
    fn a_value_shows_nothing_of_the_account_and_no_two_are_alike() {
        let device = device();
        let (one, other) = (device.seal(&keyring()), device.seal(&keyring()));
        assert_ne!(one.expose_secret(), other.expose_secret());
        assert!(one.expose_secret().len() <= 200, "{}", one.expose_secret().len());
        let sealed = one.expose_secret().split_once('.').unwrap().1;
        let bytes = URL_SAFE_NO_PAD.decode(sealed).unwrap();
        let shown = |part: &str| bytes.windows(part.len()).any(|window| window == part.as_bytes());
        assert!(!shown(device.user_id.as_str()) && !shown(&device.id));
    }

    proptest! {
        #[test]
        fn a_changed_character_spoils_a_value(at in 0_usize..200, to in "[0-9a-zA-Z]") {
            let text = device().seal(&keyring());
            let mut changed = text.expose_secret().to_owned();
            let at = at % changed.len();
            changed.replace_range(at..=at, &to);
            let same = changed == text.expose_secret();
            prop_assert!(same || KnownDevice::open(&changed, &keyring(), NOW).is_none());
        }

        #[test]
        fn opening_never_panics(text in any::<String>()) {
            prop_assert!(KnownDevice::open(&text, &keyring(), NOW).is_none());
        }
    }
}
