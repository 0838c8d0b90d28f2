//! The "this wasn't me" link in a security notification. With it an owner undoes a change that they did not make.
//!
//! The link is also sent by SMS, so it is short: key id, account, the end of a link that is sent at once, and half a MAC,
//! 40 bytes in all. Two more bytes tell how late a notification was sent that had to wait. The link stands in
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
    /// When the change happened that the link can stop.
    happened_at: Timestamp,
    /// How long after it the notification was sent, in whole minutes.
    delay_minutes: u16,
}

/// The length of what is signed in a link that is sent at once, and in one that is sent late.
const SIGNED_BYTES: [usize; 2] = [24, 26];
const MAC_BYTES: usize = 16;

impl NotMeLink {
    /// The lifetime of a link after it is sent, in seconds. A person who is notified on a weekend sees it on Monday.
    pub const LIFE_SECONDS: i64 = 3 * 86_400;

    /// Returns the link of a notification that is sent now. The delay is cut to whole minutes, so a link may end up to a
    /// minute before its lifetime is over, and never after it.
    #[must_use]
    pub fn new(user_id: UserId, happened_at: Timestamp, now: Timestamp) -> Self {
        let minutes = happened_at.seconds_until(now) / 60;
        Self { user_id, happened_at, delay_minutes: u16::try_from(minutes).unwrap_or(u16::MAX) }
    }

    /// Returns the moment from which the link is no longer valid.
    #[must_use]
    pub fn expires_at(&self) -> Timestamp {
        self.happened_at.plus_seconds(Self::LIFE_SECONDS + 60 * i64::from(self.delay_minutes))
    }

    /// Returns the end of the last link of this change, if notifications may be this many seconds late.
    #[must_use]
    pub fn all_expire_at(&self, longest_delay_seconds: i64) -> Timestamp {
        let last = self.happened_at.plus_seconds(Self::LIFE_SECONDS + longest_delay_seconds);
        last.max(self.expires_at())
    }

    /// Returns the id by which the link is recorded as used. All links of one change have the same, wherever and
    /// whenever they were sent, so that the change can be stopped once.
    #[must_use]
    pub fn id(&self) -> String {
        format!("not_me.{}.{}", self.user_id, self.end_if_prompt().unix_seconds())
    }

    fn end_if_prompt(&self) -> Timestamp {
        self.happened_at.plus_seconds(Self::LIFE_SECONDS)
    }

    /// Returns the token of the link, or `None` for an account whose id is not one of ours.
    #[must_use]
    pub fn sign(&self, keyring: &Keyring) -> Option<String> {
        let (mut key_id, mut user) = ([0; 4], [0; 16]);
        hex::decode_to_slice(keyring.newest_id(), &mut key_id).ok()?;
        hex::decode_to_slice(self.user_id.as_str(), &mut user).ok()?;
        let end = u32::try_from(self.end_if_prompt().unix_seconds()).ok()?;
        let mut bytes = [&key_id[..], &user, &end.to_be_bytes()].concat();
        if self.delay_minutes > 0 {
            bytes.extend(self.delay_minutes.to_be_bytes());
        }
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
        let signed_bytes = bytes.len().checked_sub(MAC_BYTES).filter(|length| SIGNED_BYTES.contains(length))?;
        let (signed, mac) = bytes.split_at_checked(signed_bytes)?;
        let key = keyring.by_id(&hex::encode(&signed[..4]), Purpose::NotMeLink)?;
        let tag = hmac::sign(&key, signed);
        let same: bool = tag.as_ref()[..MAC_BYTES].ct_eq(mac).into();
        let end = u32::from_be_bytes(signed[20..24].try_into().ok()?);
        let delay_minutes = signed[24..].try_into().map_or(0, u16::from_be_bytes);
        let link = Self {
            user_id: UserId::from(hex::encode(&signed[4..20])),
            happened_at: Timestamp::from_unix_seconds(end.into()).plus_seconds(-Self::LIFE_SECONDS),
            delay_minutes,
        };
        (same && now < link.expires_at()).then_some(link)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn keyring() -> Keyring {
        Keyring::whole(&"k".repeat(32))
    }

    const HAPPENED_AT: Timestamp = Timestamp::from_unix_seconds(1000);

    fn link(delay_seconds: i64) -> NotMeLink {
        NotMeLink::new(UserId::generate(), HAPPENED_AT, HAPPENED_AT.plus_seconds(delay_seconds))
    }

    #[test]
    fn a_link_is_short_and_good_until_its_end_under_a_secret_that_is_held() {
        for (delay, length, life) in [(0, 54, 0), (59, 54, 0), (119, 56, 60), (3 * 86_400, 56, 3 * 86_400)] {
            let link = link(delay);
            let token = link.sign(&keyring()).unwrap();
            assert_eq!(token.len(), length);
            let end = HAPPENED_AT.plus_seconds(NotMeLink::LIFE_SECONDS + life);
            assert_eq!(NotMeLink::verify(&token, &keyring(), end.plus_seconds(-1)), Some(link));
            assert_eq!(NotMeLink::verify(&token, &keyring(), end), None);
            let newer = Keyring::whole(&format!("{},{}", "n".repeat(32), "k".repeat(32)));
            assert!(NotMeLink::verify(&token, &newer, HAPPENED_AT).is_some());
            assert!(NotMeLink::verify(&token, &Keyring::whole(&"n".repeat(32)), HAPPENED_AT).is_none());
        }
    }

    #[test]
    fn all_links_of_a_change_have_one_id_that_is_kept_until_the_last_one_ends() {
        let user = UserId::generate();
        let [prompt, late] =
            [0, 3 * 86_400].map(|delay| NotMeLink::new(user.clone(), HAPPENED_AT, HAPPENED_AT.plus_seconds(delay)));
        assert_eq!(prompt.id(), late.id());
        assert!(prompt.all_expire_at(3 * 86_400) >= late.expires_at());
        let other = NotMeLink::new(user, HAPPENED_AT.plus_seconds(1), HAPPENED_AT.plus_seconds(1));
        assert_ne!(prompt.id(), other.id());
    }

    proptest! {
        #[test]
        fn a_changed_byte_spoils_a_link(place in 0usize..40, change in 1u8.., late in any::<bool>()) {
            let token = link(if late { 7200 } else { 0 }).sign(&keyring()).unwrap();
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
