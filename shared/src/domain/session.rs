//! Sessions. A person has one for each device that they are signed in on.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

use super::id::is_id;
use super::{RefreshToken, Timestamp, User, UserId};

/// The maximum number of live sessions of an account. The sign-in that would exceed it ends the oldest.
pub const MAX_SESSIONS: usize = 20;

/// A session's id: 128 random bits in lower-case hex.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionId(String);

impl SessionId {
    pub(crate) const fn of_hex(text: String) -> Self {
        Self(text)
    }

    /// Parses an id from a path. Returns `None` when the text does not have the form of an id.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        is_id(text).then(|| Self(text.to_owned()))
    }

    /// Returns the id as it appears in keys, tokens and answers.
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

/// The lifetimes of sessions, in seconds.
#[derive(Clone, Copy, Debug)]
pub struct SessionRules {
    pub idle_seconds: i64,
    pub max_seconds: i64,
    /// The maximum lifetime when the person did not ask to be remembered.
    pub unremembered_seconds: i64,
    /// The repeat window: for this long after a rotation, the rotated refresh token gets its successor once more.
    pub repeat_seconds: i64,
}

/// The part of a client's device and address that is kept with a session.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientInfo {
    /// Browser and system. Empty when unknown.
    pub device: String,
    /// The network part of the address: see [`shorten_address`].
    pub address: String,
}

/// A session, stored in this form under [`crate::dynamodb::keys::session`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Session {
    pub id: SessionId,
    pub user_id: UserId,
    /// The number of refresh tokens issued since the first. A refresh or a change of password increments it.
    pub generation: u64,
    /// When the current refresh token was issued.
    pub rotated_at: Timestamp,
    /// The generation whose refresh token the last change of password replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced_generation: Option<u64>,
    /// When that refresh token was issued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced_rotated_at: Option<Timestamp>,
    pub created_at: Timestamp,
    /// The time of the last refresh or change of password, or else of the sign-in.
    pub last_used_at: Timestamp,
    /// The session ends at this moment unless it is refreshed before.
    pub expires_at: Timestamp,
    /// The session ends at this moment even if it is refreshed.
    pub ends_at: Timestamp,
    /// Whether the person asked to be remembered on this device.
    pub remembered: bool,
    #[serde(flatten)]
    pub client: ClientInfo,
    /// The account's credential version. The session ends when the account's version changes and this copy does not.
    pub credential_version: u64,
}

/// The names of the attributes that conditions and updates use.
impl Session {
    pub const GENERATION: &'static str = "generation";
    pub const ROTATED_AT: &'static str = "rotated_at";
    pub const REPLACED_GENERATION: &'static str = "replaced_generation";
    pub const REPLACED_ROTATED_AT: &'static str = "replaced_rotated_at";
    pub const LAST_USED_AT: &'static str = "last_used_at";
    pub const EXPIRES_AT: &'static str = "expires_at";
    pub const ENDS_AT: &'static str = "ends_at";
    pub const DEVICE: &'static str = "device";
    pub const ADDRESS: &'static str = "address";
    pub const CREDENTIAL_VERSION: &'static str = "credential_version";
}

impl Session {
    /// Creates a session for a sign-in. Each sign-in gets a new one (ASVS 7.2.4).
    #[must_use]
    pub fn open(
        id: SessionId,
        user: &User,
        rules: SessionRules,
        remembered: bool,
        client: ClientInfo,
        now: Timestamp,
    ) -> Self {
        let most = if remembered { rules.max_seconds } else { rules.unremembered_seconds.min(rules.max_seconds) };
        Self {
            id,
            user_id: user.id.clone(),
            generation: 0,
            rotated_at: now,
            replaced_generation: None,
            replaced_rotated_at: None,
            created_at: now,
            last_used_at: now,
            expires_at: now.plus_seconds(rules.idle_seconds.min(most)),
            ends_at: now.plus_seconds(most),
            remembered,
            client,
            credential_version: user.credential_version,
        }
    }

    /// Returns whether the session is live, given the account's current state.
    #[must_use]
    pub fn is_live(&self, user: &User, now: Timestamp) -> bool {
        now < self.expires_at && now < self.ends_at && self.credential_version == user.credential_version
    }

    /// Returns the session as it is after a change of password: with a new refresh token (ASVS 7.2.4).
    #[must_use]
    pub fn renewed(&self, now: Timestamp) -> Self {
        Self {
            credential_version: self.credential_version + 1,
            generation: self.generation + 1,
            replaced_generation: Some(self.generation),
            replaced_rotated_at: Some(self.rotated_at),
            rotated_at: now,
            last_used_at: now,
            ..self.clone()
        }
    }

    /// Decides how to treat a refresh token of this session, by its generation. The first rule that fits decides:
    ///
    /// 1. The current generation is exchanged for its successor.
    /// 2. A later generation was never issued by this session.
    /// 3. The generation that the last change of password replaced was never exchanged, so its holder missed the answer
    ///    to that change. It is refused without an alarm, however late it comes.
    /// 4. The generation that was exchanged for that one is treated in the same way within the repeat window of its own
    ///    exchange. Its holder missed the answer to that exchange and the answer to the change.
    /// 5. The generation before the current one gets the same successor again within the repeat window, because its
    ///    holder missed the answer. Rule 3 goes first, so a token from before a change of password never gets a
    ///    successor.
    /// 6. Any other generation was exchanged, and either its successor was received and used or the repeat window is
    ///    over. Two parties hold tokens of this session, and nothing tells which of them is the owner (RFC 9700
    ///    §4.14.2).
    #[must_use]
    pub fn standing(&self, generation: u64, repeat_seconds: i64, now: Timestamp) -> Standing {
        let is_before = |later: u64| generation.checked_add(1) == Some(later);
        let may_repeat = |rotated_at: Timestamp| now <= rotated_at.plus_seconds(repeat_seconds);
        let is_replaced = self.replaced_generation == Some(generation)
            || self.replaced_generation.is_some_and(is_before) && self.replaced_rotated_at.is_some_and(may_repeat);
        match () {
            () if generation == self.generation => Standing::Current,
            () if generation > self.generation => Standing::Unknown,
            () if is_replaced => Standing::Replaced,
            () if is_before(self.generation) && may_repeat(self.rotated_at) => Standing::Repeated,
            () => Standing::Reused,
        }
    }

    /// Returns the session's current refresh token.
    #[must_use]
    pub fn refresh_token(&self) -> RefreshToken {
        RefreshToken { user_id: self.user_id.clone(), session_id: self.id.clone(), generation: self.generation }
    }
}

/// The treatment of a refresh token: see [`Session::standing`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The token is exchanged for its successor.
    Current,
    /// The token was exchanged a moment ago, and gets the same successor again.
    Repeated,
    /// The token is from before the last change of password.
    Replaced,
    /// The token was exchanged, and is presented once more.
    Reused,
    /// The session never issued the token.
    Unknown,
}

/// Returns the network part of an address: three octets of IPv4, or the first 48 bits of IPv6.
///
/// People recognise their own network by it, but it does not tell where they live.
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
    fn the_attributes_that_are_named_are_those_that_are_stored() {
        let mut stored = serde_json::to_value(session().renewed(ISSUED)).unwrap();
        let stored = stored.as_object_mut().unwrap();
        for attribute in [
            Session::GENERATION,
            Session::ROTATED_AT,
            Session::REPLACED_GENERATION,
            Session::REPLACED_ROTATED_AT,
            Session::LAST_USED_AT,
            Session::EXPIRES_AT,
            Session::ENDS_AT,
            Session::DEVICE,
            Session::ADDRESS,
            Session::CREDENTIAL_VERSION,
        ] {
            assert!(stored.remove(attribute).is_some(), "{attribute}");
        }
        let never_named: Vec<_> = stored.keys().collect();
        assert_eq!(never_named, ["created_at", "id", "remembered", "user_id"]);
    }

    #[test]
    fn addresses_are_shortened_to_their_network() {
        assert_eq!(shorten_address("203.0.113.7"), "203.0.113.*");
        assert_eq!(shorten_address("2001:db8:1:2:3:4:5:6"), "2001:db8:1:*");
        assert_eq!(shorten_address("somewhere"), "");
    }

    const ISSUED: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

    /// Returns a session whose sixth refresh token was issued at [`ISSUED`].
    fn session() -> Session {
        let never = Timestamp::from_unix_seconds(i64::from(u32::MAX));
        Session {
            id: SessionId("0123456789abcdef".repeat(2)),
            user_id: UserId::generate(),
            generation: 5,
            rotated_at: ISSUED,
            replaced_generation: None,
            replaced_rotated_at: None,
            created_at: ISSUED,
            last_used_at: ISSUED,
            expires_at: never,
            ends_at: never,
            remembered: true,
            client: ClientInfo::default(),
            credential_version: 1,
        }
    }

    fn standings(session: &Session, seconds: i64) -> [Standing; 8] {
        let now = ISSUED.plus_seconds(seconds);
        std::array::from_fn(|generation| session.standing(generation as u64, 30, now))
    }

    #[test]
    fn the_last_rotated_token_is_repeated_within_its_window_and_any_other_is_reused() {
        use Standing::{Current, Repeated, Reused, Unknown};
        let within = [Reused, Reused, Reused, Reused, Repeated, Current, Unknown, Unknown];
        let after = [Reused, Reused, Reused, Reused, Reused, Current, Unknown, Unknown];
        assert_eq!(standings(&session(), 0), within);
        assert_eq!(standings(&session(), 30), within);
        assert_eq!(standings(&session(), 31), after);
    }

    #[test]
    fn no_token_from_before_a_change_of_password_is_answered_and_the_last_one_is_no_reuse() {
        use Standing::{Current, Repeated, Replaced, Reused, Unknown};
        let changed = session().renewed(ISSUED.plus_seconds(20));
        assert_eq!((changed.generation, changed.credential_version), (6, 2));
        // The generation before the replaced one is refused in the same way while the answer to its own exchange may
        // have been lost.
        let within = [Reused, Reused, Reused, Reused, Replaced, Replaced, Current, Unknown];
        assert_eq!(standings(&changed, 20), within);
        assert_eq!(standings(&changed, 30), within);
        let after = [Reused, Reused, Reused, Reused, Reused, Replaced, Current, Unknown];
        assert_eq!(standings(&changed, 31), after);
        // The new token is rotated like any other, and the replaced token is still refused as replaced.
        let rotated = Session { generation: 7, rotated_at: ISSUED.plus_seconds(100), ..changed };
        let repeated = [Reused, Reused, Reused, Reused, Reused, Replaced, Repeated, Current];
        assert_eq!(standings(&rotated, 130), repeated);
        let reused = [Reused, Reused, Reused, Reused, Reused, Replaced, Reused, Current];
        assert_eq!(standings(&rotated, 131), reused);
        // Only the last change counts. A token from before an earlier one comes from a copy.
        let again = rotated.renewed(ISSUED.plus_seconds(200));
        let twice = [Reused, Reused, Reused, Reused, Reused, Reused, Reused, Replaced];
        assert_eq!(standings(&again, 200), twice);
    }

    #[test]
    fn only_what_can_be_a_sessions_id_is_one() {
        assert!(SessionId::parse(&"0123456789abcdef".repeat(2)).is_some());
        for bad in ["", "a", &"g".repeat(32), &"A".repeat(32), &"a".repeat(33)] {
            assert_eq!(SessionId::parse(bad), None, "{bad}");
        }
    }
}
