//! The keys that sign access tokens, and the rules of their rotation.
//!
//! A key is created long before it signs. Verifiers elsewhere keep the keys that they fetched for up to two hours, as
//! API Gateway's JWT authorizer does, so a key signs no earlier than 2 h 10 min after it is published. One published
//! key is always on standby, so that a leaked key can be dropped at once. A key that has ceased to sign stays published
//! until the last token that it signed has expired.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{RsaKeyPair, RsaPublicKeyComponents};
use serde::{Deserialize, Serialize};

use super::{Keyring, Sealed};
use crate::domain::Timestamp;

/// How long a key is published before it signs, in seconds.
///
/// It is two hours for the verifiers that keep fetched keys, and ten minutes for the delays between: the cache lifetime
/// of the answer, and instances of ours that look every five minutes.
pub const PUBLISHED_AHEAD_SECONDS: i64 = 2 * 3600 + 600;
/// The interval at which an instance looks for a new set, in seconds.
pub const LOOK_EVERY_SECONDS: i64 = 300;

/// The set of keys, stored in this form under [`crate::dynamodb::keys::token_keys`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeySet {
    /// A counter of changes, so that one of two simultaneous changes is refused.
    pub version: u64,
    /// All keys, oldest first.
    pub keys: Vec<TokenKey>,
}

/// The name of the attribute that conditions use.
impl KeySet {
    pub const VERSION: &'static str = "version";
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenKey {
    /// The key's id, which every token it signs contains.
    pub kid: String,
    /// The modulus, base64url (RFC 7518 §6.3.1.1).
    pub n: String,
    /// The exponent, base64url (RFC 7518 §6.3.1.2).
    pub e: String,
    /// The private key (RFC 8017 RSAPrivateKey, DER), sealed.
    pub private: Sealed,
    /// The time from which the key can be fetched.
    pub published_at: Timestamp,
    /// The time from which the key signs. `None` while it is on standby.
    pub signs_from: Option<Timestamp>,
    /// The time at which the key is dropped. `None` until another key takes over.
    pub retires_at: Option<Timestamp>,
}

/// The error for a private key that *ring* cannot sign with, or that cannot be sealed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a private key that can be used")]
pub struct KeyError;

impl TokenKey {
    /// Creates a standby key that is published now. `private` is an RSAPrivateKey (RFC 8017 §A.1.2) in DER.
    pub fn new(private: &[u8], kid: String, keyring: &Keyring, now: Timestamp) -> Result<Self, KeyError> {
        let pair = RsaKeyPair::from_der(private).map_err(|_| KeyError)?;
        let public = RsaPublicKeyComponents::<Vec<u8>>::from(pair.public());
        Ok(Self {
            n: URL_SAFE_NO_PAD.encode(public.n),
            e: URL_SAFE_NO_PAD.encode(public.e),
            private: Sealed::seal(private, &kid, keyring).map_err(|_| KeyError)?,
            kid,
            published_at: now,
            signs_from: None,
            retires_at: None,
        })
    }
}

/// The settings that a rotation depends on.
#[derive(Clone, Copy, Debug)]
pub struct RotationRules {
    /// How long a key signs, in seconds.
    pub period_seconds: i64,
    /// The lifetime of a token, in seconds.
    pub token_life_seconds: i64,
}

/// A change of the set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "rotation", content = "kid", rename_all = "snake_case")]
pub enum Rotation {
    /// Makes all changes that are due: creates the first keys, lets the next key take over, and drops retired keys.
    Due,
    /// Lets the next key take over, whether this is due or not.
    Now,
    /// Drops the key with this id at once.
    Drop(String),
    /// Drops every key at once, because their secret leaked.
    DropAll,
}

impl KeySet {
    /// Returns the key that signs: of those that have begun to sign, the last.
    #[must_use]
    pub fn signer(&self, now: Timestamp) -> Option<&TokenKey> {
        let begun = self.keys.iter().filter(|key| key.signs_from.is_some_and(|from| from <= now));
        begun.max_by_key(|key| key.signs_from)
    }

    /// Returns the set after a rotation. `make` creates a sealed key that is published now.
    pub fn rotated<E>(
        &self,
        rotation: &Rotation,
        now: Timestamp,
        rules: &RotationRules,
        mut make: impl FnMut() -> Result<TokenKey, E>,
    ) -> Result<Self, E> {
        let mut keys = self.keys.clone();
        match rotation {
            Rotation::Drop(kid) => keys.retain(|key| key.kid != *kid),
            Rotation::DropAll => keys.clear(),
            Rotation::Due | Rotation::Now => {}
        }
        keys.retain(|key| key.retires_at.is_none_or(|at| now < at));
        let signer = self.signer(now);
        if signer.is_none_or(|signer| keys.iter().all(|key| key.kid != signer.kid)) {
            // No key can sign: the set is new, or the signing key was dropped because it leaked. The next key signs at
            // once, because in a new set there is no verifier to wait for, and after a leak there is no time to wait.
            let waiting = keys.iter().position(|key| key.signs_from.is_none_or(|from| now < from));
            let next = waiting.unwrap_or(keys.len());
            if next == keys.len() {
                keys.push(make()?);
            }
            keys[next].signs_from = Some(now);
        }
        // The last key that began to sign goes on signing. If it was about to retire, its successor has been dropped.
        let last = keys.iter_mut().filter(|key| key.signs_from.is_some()).max_by_key(|key| key.signs_from);
        if let Some(last) = last {
            last.retires_at = None;
        }
        if keys.iter().all(|key| key.signs_from.is_some()) {
            keys.push(make()?);
        }
        let due = keys.iter().filter_map(|key| key.signs_from).max().is_some_and(|last| {
            let period = rules.period_seconds.max(PUBLISHED_AHEAD_SECONDS);
            *rotation == Rotation::Now || last.plus_seconds(period) <= now
        });
        if due {
            take_turns(&mut keys, now, rules);
            keys.push(make()?);
        }
        Ok(Self { version: self.version + 1, keys })
    }

    /// Seals again, under the newest secret, the private keys that are sealed under an older one. A key that cannot be
    /// opened stays as it is.
    pub fn reseal(&mut self, keyring: &Keyring) {
        for key in self.keys.iter_mut().filter(|key| !key.private.is_under_newest(keyring)) {
            if let Ok(plain) = key.private.open(&key.kid, keyring)
                && let Ok(private) = Sealed::seal(&plain, &key.kid, keyring)
            {
                key.private = private;
            }
        }
    }
}

/// Lets the standby key take over as soon as it has been published for long enough.
///
/// The keys before it retire when the last token that they can sign has expired. This allows for instances that have
/// not looked for the new set yet.
fn take_turns(keys: &mut [TokenKey], now: Timestamp, rules: &RotationRules) {
    let Some(next) = keys.iter().position(|key| key.signs_from.is_none()) else { return };
    let turn = now.max(keys[next].published_at.plus_seconds(PUBLISHED_AHEAD_SECONDS));
    keys[next].signs_from = Some(turn);
    let last_signature = turn.plus_seconds(2 * LOOK_EVERY_SECONDS);
    for key in &mut keys[..next] {
        key.retires_at.get_or_insert(last_signature.plus_seconds(rules.token_life_seconds));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    const T0: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);
    const DAY: i64 = 86_400;
    const RULES: RotationRules = RotationRules { period_seconds: 30 * DAY, token_life_seconds: 3600 };

    fn after(set: &KeySet, rotation: &Rotation, now: Timestamp) -> KeySet {
        let made = set.version * 10;
        let mut count = 0;
        let make = || {
            count += 1;
            let keyring = Keyring::whole(&"k".repeat(32));
            let kid = format!("k{}", made + count);
            let private = Sealed::seal(b"private", &kid, &keyring).unwrap();
            let (n, e) = ("n".to_owned(), "AQAB".to_owned());
            Ok::<_, Infallible>(TokenKey { kid, n, e, private, published_at: now, signs_from: None, retires_at: None })
        };
        set.rotated(rotation, now, &RULES, make).unwrap()
    }

    fn signer(set: &KeySet, now: Timestamp) -> &str {
        &set.signer(now).unwrap().kid
    }

    #[test]
    fn the_first_key_signs_at_once_and_another_stands_by() {
        let set = after(&KeySet::default(), &Rotation::Due, T0);
        assert_eq!((set.keys.len(), signer(&set, T0)), (2, "k1"));
        assert_eq!(set.keys[1].signs_from, None);
        let same = after(&set, &Rotation::Due, T0.plus_seconds(29 * DAY));
        assert_eq!(same.keys, set.keys, "nothing is due");
    }

    #[test]
    fn a_key_signs_no_sooner_than_it_was_published_long_enough_and_stays_for_its_last_token() {
        let set = after(&KeySet::default(), &Rotation::Due, T0);
        let early = T0.plus_seconds(60);
        let set = after(&set, &Rotation::Now, early);
        let turn = T0.plus_seconds(PUBLISHED_AHEAD_SECONDS);
        assert_eq!(signer(&set, turn.plus_seconds(-1)), "k1");
        assert_eq!(signer(&set, turn), "k2");
        // A second rotation by hand, while the first is still to come.
        let set = after(&set, &Rotation::Now, early.plus_seconds(60));
        assert_eq!(signer(&set, early.plus_seconds(60 + PUBLISHED_AHEAD_SECONDS)), "k11");
        let retires = set.keys[0].retires_at.unwrap();
        assert!(retires >= turn.plus_seconds(LOOK_EVERY_SECONDS + RULES.token_life_seconds));
        assert!(after(&set, &Rotation::Due, retires.plus_seconds(-1)).keys.iter().any(|key| key.kid == "k1"));
        assert!(after(&set, &Rotation::Due, retires).keys.iter().all(|key| key.kid != "k1"));
    }

    #[test]
    fn the_schedule_rotates_when_the_period_is_over() {
        let set = after(&KeySet::default(), &Rotation::Due, T0);
        let later = T0.plus_seconds(30 * DAY);
        let set = after(&set, &Rotation::Due, later);
        assert_eq!(signer(&set, later), "k2", "it stood by for long enough");
        assert_eq!(set.keys.len(), 3);
        assert_eq!(after(&set, &Rotation::Due, later.plus_seconds(3600)).keys, set.keys, "once");
    }

    #[test]
    fn a_key_that_leaked_is_gone_at_once_and_the_one_that_stood_by_signs() {
        let set = after(&KeySet::default(), &Rotation::Due, T0);
        let now = T0.plus_seconds(60);
        let dropped = after(&set, &Rotation::Drop("k1".into()), now);
        assert_eq!(signer(&dropped, now), "k2", "which verifiers know already");
        assert!(dropped.keys.iter().all(|key| key.kid != "k1"));
        let standby = after(&set, &Rotation::Drop("k2".into()), now);
        assert_eq!((signer(&standby, now), standby.keys.len()), ("k1", 2));
        let all = after(&set, &Rotation::DropAll, now);
        assert!(all.keys.iter().all(|key| !["k1", "k2"].contains(&key.kid.as_str())));
        assert_eq!(signer(&all, now), "k11");
        // While the next key is still to take over, and after it has.
        let pending = after(&set, &Rotation::Now, now);
        assert_eq!(signer(&after(&pending, &Rotation::Drop("k1".into()), now), now), "k2");
        let later = now.plus_seconds(PUBLISHED_AHEAD_SECONDS);
        let dropped = after(&pending, &Rotation::Drop("k2".into()), later);
        assert_eq!(signer(&dropped, later), "k11", "and not one that retires");
        let undone = after(&pending, &Rotation::Drop("k2".into()), now);
        assert_eq!((signer(&undone, now), undone.keys[0].retires_at), ("k1", None), "it signs on, and stays");
        let unknown = after(&set, &Rotation::Drop("x".into()), now);
        assert_eq!(unknown.keys, set.keys);
    }

    #[test]
    fn keys_are_resealed_under_the_newest_secret() {
        let mut set = after(&KeySet::default(), &Rotation::Due, T0);
        let both = Keyring::whole(&format!("{},{}", "n".repeat(32), "k".repeat(32)));
        set.reseal(&both);
        let new = Keyring::whole(&"n".repeat(32));
        assert_eq!(*set.keys[0].private.open("k1", &new).unwrap(), b"private");
    }
}
