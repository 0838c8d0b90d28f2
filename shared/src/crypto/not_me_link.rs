//! The "this wasn't me" link in a security notification. With it an owner undoes a change that they did not make.
//!
//! The link is also sent by SMS, so it is short: key id, account, expiry and half a MAC, 40 bytes in all. It stands in
//! the part of a URL that browsers do not send (RFC 3986 §3.5), so it appears in no log, and opening it changes
//! nothing.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use subtle::ConstantTimeEq;

use super::{Keyring, Purpose};
use crate::domain::{Timestamp, UserId};

/// A "this wasn't me" link. It ends all sessions and removes the password of an account, once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotMeLink {
    pub user_id: UserId,
    /// The moment from which the link is no longer valid.
    pub expires_at: Timestamp,
}

const SIGNED_BYTES: usize = 24;
const MAC_BYTES: usize = 16;

impl NotMeLink {
    /// The lifetime of a link after the change, in seconds. A person who is notified on a weekend sees it on Monday.
    pub const LIFE_SECONDS: i64 = 3 * 86_400;

    /// Returns the id of the link, by which it is recorded as used. Two security notifications of the same second
    /// contain the same link.
    #[must_use]
    pub fn id(&self) -> String {
        format!("not_me.{}.{}", self.user_id, self.expires_at.unix_seconds())
    }

    /// Returns the token of the link, or `None` for an account whose id is not one of ours.
    #[must_use]
    pub fn sign(&self, keyring: &Keyring) -> Option<String> {
        let (mut key_id, mut user) = ([0; 4], [0; 16]);
        hex::decode_to_slice(keyring.newest_id(), &mut key_id).ok()?;
        hex::decode_to_slice(self.user_id.as_str(), &mut user).ok()?;
        let end = u32::try_from(self.expires_at.unix_seconds()).ok()?;
        let mut bytes = [&key_id[..], &user, &end.to_be_bytes()].concat();
        let tag = hmac::sign(&keyring.newest(Purpose::NotMeLink), &bytes);
        bytes.extend(&tag.as_ref()[..MAC_BYTES]);
        Some(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// Returns the link of a token, or `None` when the token is not ours or has expired.
    #[must_use]
    pub fn verify(text: &str, keyring: &Keyring, now: Timestamp) -> Option<Self> {
        if text.len() > 64 {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (signed, mac) = bytes.split_at_checked(SIGNED_BYTES)?;
        let key = keyring.by_id(&hex::encode(&signed[..4]), Purpose::NotMeLink)?;
        let tag = hmac::sign(&key, signed);
        let same: bool = tag.as_ref()[..MAC_BYTES].ct_eq(mac).into();
        let end = u32::from_be_bytes(signed[20..].try_into().ok()?);
        let link = Self {
            user_id: UserId::from(hex::encode(&signed[4..20])),
            expires_at: Timestamp::from_unix_seconds(end.into()),
        };
        (same && now < link.expires_at).then_some(link)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn keyring() -> Keyring {
        Keyring::whole(&"k".repeat(32))
    }

    fn link() -> NotMeLink {
        NotMeLink { user_id: UserId::generate(), expires_at: Timestamp::from_unix_seconds(1000) }
    }

    #[test]
    fn a_link_is_short_and_good_until_its_end_under_a_secret_that_is_held() {
        let (link, at) = (link(), Timestamp::from_unix_seconds);
        let token = link.sign(&keyring()).unwrap();
        assert!(token.len() <= 54, "{}", token.len());
        assert_eq!(NotMeLink::verify(&token, &keyring(), at(999)), Some(link));
        assert_eq!(NotMeLink::verify(&token, &keyring(), at(1000)), None);
        let newer = Keyring::whole(&format!("{},{}", "n".repeat(32), "k".repeat(32)));
        assert!(NotMeLink::verify(&token, &newer, at(0)).is_some());
        assert!(NotMeLink::verify(&token, &Keyring::whole(&"n".repeat(32)), at(0)).is_none());
    }

    proptest! {
        #[test]
        fn a_changed_byte_spoils_a_link(place in 0usize..40, change in 1u8..) {
            let token = link().sign(&keyring()).unwrap();
            let mut bytes = URL_SAFE_NO_PAD.decode(token).unwrap();
            bytes[place] ^= change;
            let changed = URL_SAFE_NO_PAD.encode(bytes);
            prop_assert!(NotMeLink::verify(&changed, &keyring(), Timestamp::from_unix_seconds(0)).is_none());
        }

        #[test]
        fn verifying_never_panics(text in any::<String>()) {
            prop_assert!(NotMeLink::verify(&text, &keyring(), Timestamp::from_unix_seconds(0)).is_none());
        }
    }
}
