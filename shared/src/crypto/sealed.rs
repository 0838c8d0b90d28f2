//! Private keys at rest. They are encrypted under the deployment's secret, so that reading the table reveals none.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::hmac;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{Keyring, Purpose, random};

/// A text sealed with AES-256-GCM (NIST SP 800-38D) under a key derived from one of the deployment's secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed {
    /// The id of the secret that the text is sealed under.
    key_id: String,
    nonce: String,
    ciphertext: String,
}

/// The error for a sealed text that cannot be opened, because its secret is not held or the text was changed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a private key cannot be opened: its KEY_SECRET is not held")]
pub struct UnsealError;

impl Sealed {
    /// Seals a text under the newest secret. `name` is bound to it, so that a text sealed under one name does not open
    /// under another.
    ///
    /// The nonce is random: 96 bits suffice for the few keys that a deployment ever makes.
    pub fn seal(plain: &[u8], name: &str, keyring: &Keyring) -> Result<Self, UnsealError> {
        let key_id = keyring.newest_id().to_owned();
        let nonce = random::<12>();
        let mut text = plain.to_vec();
        key(keyring, &key_id)?
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(name), &mut text)
            .map_err(|_| UnsealError)?;
        Ok(Self { key_id, nonce: URL_SAFE_NO_PAD.encode(nonce), ciphertext: URL_SAFE_NO_PAD.encode(text) })
    }

    pub fn open(&self, name: &str, keyring: &Keyring) -> Result<Zeroizing<Vec<u8>>, UnsealError> {
        let nonce = URL_SAFE_NO_PAD.decode(&self.nonce).map_err(|_| UnsealError)?;
        let nonce = Nonce::try_assume_unique_for_key(&nonce).map_err(|_| UnsealError)?;
        let mut text = Zeroizing::new(URL_SAFE_NO_PAD.decode(&self.ciphertext).map_err(|_| UnsealError)?);
        let opened = key(keyring, &self.key_id)?.open_in_place(nonce, Aad::from(name), &mut text);
        let length = opened.map_err(|_| UnsealError)?.len();
        text.truncate(length);
        Ok(text)
    }

    /// Returns whether the text is sealed under the newest secret.
    #[must_use]
    pub fn is_under_newest(&self, keyring: &Keyring) -> bool {
        self.key_id == keyring.newest_id()
    }
}

fn key(keyring: &Keyring, id: &str) -> Result<LessSafeKey, UnsealError> {
    let derived = keyring.by_id(id, Purpose::SealedKey).ok_or(UnsealError)?;
    let bytes = hmac::sign(&derived, b"aes-256-gcm");
    UnboundKey::new(&AES_256_GCM, bytes.as_ref()).map(LessSafeKey::new).map_err(|_| UnsealError)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_under_its_secret_and_name_alone() {
        let (a, b) = ("a".repeat(32), "b".repeat(32));
        let (old, other) = (Keyring::whole(&a), Keyring::whole(&b));
        let sealed = Sealed::seal(b"private", "kid", &old).unwrap();
        assert!(!serde_json::to_string(&sealed).unwrap().contains("cHJpdmF0ZQ"));
        assert_eq!(*sealed.open("kid", &old).unwrap(), b"private");
        assert_eq!(sealed.open("other", &old), Err(UnsealError));
        assert_eq!(sealed.open("kid", &other), Err(UnsealError));
        let both = Keyring::whole(&format!("{b},{a}"));
        assert_eq!(*sealed.open("kid", &both).unwrap(), b"private");
        assert!(!sealed.is_under_newest(&both));
        let changed = Sealed { ciphertext: sealed.ciphertext.replace(|c| c != 'A', "A"), ..sealed };
        assert_eq!(changed.open("kid", &old), Err(UnsealError));
    }
}
