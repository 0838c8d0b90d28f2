//! The digits of codes. They are derived from the stored part of a code and the secret.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use zeroize::Zeroizing;

use super::{Keyring, Purpose, random};
use crate::domain::{Code, CodeKey, CodeSeed};

impl CodeSeed {
    /// Creates a new code under the newest secret.
    #[must_use]
    pub fn generate(keyring: &Keyring) -> Self {
        Self { nonce: URL_SAFE_NO_PAD.encode(random::<16>()), key_id: keyring.newest_id().to_owned() }
    }

    /// Returns the digits: a keyed hash of purpose, subject, challenge id and nonce, truncated as in RFC 4226 §5.3.
    ///
    /// Returns `None` when the secret that the code was made under is no longer held.
    #[must_use]
    pub fn digits(&self, key: &CodeKey, keyring: &Keyring) -> Option<Code> {
        let hmac_key = keyring.by_id(&self.key_id, Purpose::Code)?;
        let tag = hmac::sign(&hmac_key, format!("{}#{}", key.as_text(), self.nonce).as_bytes());
        let bytes = tag.as_ref();
        let offset = usize::from(bytes[bytes.len() - 1] & 0x0f);
        let word = u32::from_be_bytes([bytes[offset], bytes[offset + 1], bytes[offset + 2], bytes[offset + 3]]);
        let digits = Zeroizing::new(format!("{:06}", (word & 0x7fff_ffff) % 1_000_000));
        Code::parse(&digits).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ChallengeId, Mobile};

    fn keyring() -> Keyring {
        Keyring::whole(&"k".repeat(32))
    }

    #[test]
    fn the_same_seed_gives_the_same_digits_and_another_purpose_or_subject_others() {
        let ring = keyring();
        let (a, b) = (Mobile::parse("13800000000").unwrap(), Mobile::parse("13800000001").unwrap());
        // By chance, one seed in a million gives two keys the same digits, so sixteen seeds are compared.
        let differs = |one: &CodeKey, other: &CodeKey| {
            (0..16).any(|_| {
                let seed = CodeSeed::generate(&ring);
                let (one_code, other_code) = (seed.digits(one, &ring).unwrap(), seed.digits(other, &ring).unwrap());
                assert!(one_code.matches(&seed.digits(one, &ring).unwrap()));
                !one_code.matches(&other_code)
            })
        };
        assert!(differs(&CodeKey::register(&a), &CodeKey::register(&b)));
        assert!(differs(&CodeKey::register(&a), &CodeKey::reset_password(&a)));
    }

    #[test]
    fn a_code_under_a_challenge_id_is_another_code() {
        let mobile = Mobile::parse("13800000000").unwrap();
        let challenge_id = ChallengeId::requested("new").unwrap();
        let (plain, under) = (CodeKey::log_in(&mobile), CodeKey::log_in(&mobile).under(Some(challenge_id.clone())));
        assert_eq!(under.as_text(), format!("{}#{}", plain.as_text(), challenge_id.as_str()));
        assert_eq!(ChallengeId::requested(challenge_id.as_str()), Some(challenge_id));
        for bad in ["", "New", "0123456789ABCDEF0123456789ABCDEF", "0123456789abcdef0123456789abcde", "#"] {
            assert_eq!(ChallengeId::requested(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_code_under_a_lost_secret_is_no_code() {
        let seed = CodeSeed::generate(&keyring());
        let other = Keyring::whole(&"o".repeat(32));
        assert!(seed.digits(&CodeKey::register(&Mobile::parse("13800000000").unwrap()), &other).is_none());
    }
}
