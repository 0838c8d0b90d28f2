//! Sessions: being signed in on one device.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

use super::{RefreshToken, Timestamp, User, UserId, random_hex};

/// For how long the refresh token that was spent last is answered again with the same child, in seconds: an answer may
/// have been lost. (Peers: Logto 3, Rauthy 5.)
pub const REPEAT_SECONDS: i64 = 10;
/// How many sessions of an account are live at most; the oldest ends.
pub const MAX_SESSIONS: usize = 20;

/// A session's id: 128 random bits in lower-case hex.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionId(String);

impl SessionId {
    /// The id in a path; `None` when it can be none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        (text.len() == 32 && text.bytes().all(hex)).then(|| Self(text.to_owned()))
    }

    /// As it stands in a key, a token or an answer.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How long sessions last, in seconds.
#[derive(Clone, Copy, Debug)]
pub struct SessionRules {
    /// Without being refreshed.
    pub idle_seconds: i64,
    /// At most.
    pub max_seconds: i64,
    /// At most, when the person did not ask to be remembered.
    pub unremembered_seconds: i64,
}

/// From where a session is used, as far as it is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// Browser and system; empty when unknown.
    pub device: String,
    /// The network's part of the address.
    pub address: String,
}

/// A session. Stored as it is here, under [`crate::dynamodb::keys::session`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Session {
    /// Never changes.
    pub id: SessionId,
    /// Whose.
    pub user_id: UserId,
    /// How often it was refreshed.
    pub generation: u64,
    /// When its tokens were made.
    pub rotated_at: Timestamp,
    /// The sign-in.
    pub created_at: Timestamp,
    /// The last refresh, or the sign-in.
    pub last_used_at: Timestamp,
    /// It is over at this moment, unless refreshed.
    pub expires_at: Timestamp,
    /// It is over at this moment.
    pub ends_at: Timestamp,
    /// Whether the person asked to be remembered on the device.
    pub remembered: bool,
    /// From where.
    #[serde(flatten)]
    pub origin: Origin,
    /// The account's credential version: the session dies when that moves on without it.
    pub credential_version: u64,
}

impl Session {
    /// A new session (ASVS 7.2.4: each sign-in has one of its own).
    #[must_use]
    pub fn open(user: &User, rules: SessionRules, remembered: bool, origin: Origin, now: Timestamp) -> Self {
        let most = if remembered { rules.max_seconds } else { rules.unremembered_seconds.min(rules.max_seconds) };
        Self {
            id: SessionId(random_hex::<16>()),
            user_id: user.id.clone(),
            generation: 0,
            rotated_at: now,
            created_at: now,
            last_used_at: now,
            expires_at: now.plus_seconds(rules.idle_seconds.min(most)),
            ends_at: now.plus_seconds(most),
            remembered,
            origin,
            credential_version: user.credential_version,
        }
    }

    /// Whether it is live, for the account as it is.
    #[must_use]
    pub fn is_live(&self, user: &User, now: Timestamp) -> bool {
        now < self.expires_at && now < self.ends_at && self.credential_version == user.credential_version
    }

    /// The refresh token of the session as it is.
    #[must_use]
    pub fn refresh_token(&self) -> RefreshToken {
        RefreshToken { user_id: self.user_id.clone(), session_id: self.id.clone(), generation: self.generation }
    }
}

/// The network's part of an address, which tells a person whether it was theirs and nobody where they live: three
/// octets of IPv4, the first 48 bits of IPv6.
#[must_use]
pub fn shorten_address(address: &str) -> String {
    if let Ok(v4) = address.parse::<Ipv4Addr>() {
        let [a, b, c, _] = v4.octets();
        return format!("{a}.{b}.{c}.*");
    }
    address.parse::<Ipv6Addr>().map_or_else(
        |_| String::new(),
        |v6| {
            let [a, b, c, ..] = v6.segments();
            format!("{a:x}:{b:x}:{c:x}:*")
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_shortened_to_their_network() {
        assert_eq!(shorten_address("203.0.113.7"), "203.0.113.*");
        assert_eq!(shorten_address("2001:db8:1:2:3:4:5:6"), "2001:db8:1:*");
        assert_eq!(shorten_address("somewhere"), "");
    }

    #[test]
    fn only_what_can_be_a_sessions_id_is_one() {
        assert!(SessionId::parse(&random_hex::<16>()).is_some());
        for bad in ["", "a", &"g".repeat(32), &"A".repeat(32), &"a".repeat(33)] {
            assert_eq!(SessionId::parse(bad), None, "{bad}");
        }
    }
}
