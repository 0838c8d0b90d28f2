//! Accounts.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{AccountName, Consent, DeviceUse, Email, Language, Mobile, Nickname, Timestamp, Username};

/// An account's id: 128 random bits in lower-case hex. It tells nothing about the person or the time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UserId(String);

impl UserId {
    /// Returns the id as it appears in keys, tokens and answers.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for UserId {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An account, stored in this form under [`crate::dynamodb::keys::user`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct User {
    pub id: UserId,
    /// The username, if the person chose one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<Username>,
    /// The username that the account had before. It stays reserved for the account for some time: see
    /// [`User::name_in_reserve`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reserved_username: Option<Username>,
    /// The moment from which others can claim the reserved username.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username_reserved_until: Option<Timestamp>,
    /// The name that the person is addressed by. It need not be unique.
    pub nickname: Nickname,
    /// The number with which the account was created, or to which it was changed since.
    ///
    /// `None` when a carrier reissued the number and its next owner signed up with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mobile: Option<Mobile>,
    /// The email bound to the account, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<Email>,
    /// The address of a picture. Empty when there is none.
    #[serde(default)]
    pub avatar: String,
    /// The language of the sign-up, in which security notifications are written. Later requests do not change it,
    /// because a thief can send any `Accept-Language`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
    /// The Argon2id hash of the password (a PHC string). `None` for an account that signs in by SMS alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_hash: Option<PasswordHashText>,
    /// A counter that every change of password, mobile or email and every sign-out everywhere increments.
    ///
    /// Sessions, tokens and links contain this version and become invalid when it changes.
    pub credential_version: u64,
    /// When that was. Codes and links that were asked for earlier are not sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credentials_changed_at: Option<Timestamp>,
    /// Whether an operator locked the account. A locked account cannot sign in.
    #[serde(default)]
    pub disabled: bool,
    /// The terms and privacy policy that the person agreed to at sign-up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consent: Option<Consent>,
    pub created_at: Timestamp,
    /// When the number was bound, if it is not the account's first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mobile_changed_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email_changed_at: Option<Timestamp>,
    /// When a person last signed in, or when a session was last refreshed. Refreshes are recorded to the day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<Timestamp>,
    /// The address that the last code to bind an email was sent to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending_email: Option<Email>,
    /// The number that the last code to change the number was sent to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending_mobile: Option<Mobile>,
    /// When a code last proved that the number is the person's. `None` in an account from before this was recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mobile_proved_at: Option<Timestamp>,
    /// The known devices, by their ids. A change of the credential version forgets them.
    #[serde(default)]
    pub devices: BTreeMap<String, DeviceUse>,
    /// When so many wrong passwords in a row were tried at one of the account's names that unknown devices are refused
    /// there. `None` after the password was changed since.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guessed_at: Option<Timestamp>,
    /// When the person was last told of that by SMS, which costs money.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guessing_texted_at: Option<Timestamp>,
    /// The recovery that an operator has begun.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recovery: Option<Recovery>,
}

/// A recovery of an account by whoever has its number, for a person who has nothing but the number. For some days a
/// code to the number opens the account without a second proof.
///
/// The owner is told before. A change of the credential version ends the recovery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recovery {
    pub asked_at: Timestamp,
    /// The moment from which a code alone opens the account.
    pub opens_at: Timestamp,
    /// The moment from which it does so no longer.
    pub ends_at: Timestamp,
    /// The account's credential version at that time.
    pub credential_version: u64,
}

/// The names of the attributes that conditions and updates use.
impl User {
    pub const USERNAME: &'static str = "username";
    pub const RESERVED_USERNAME: &'static str = "reserved_username";
    pub const USERNAME_RESERVED_UNTIL: &'static str = "username_reserved_until";
    pub const NICKNAME: &'static str = "nickname";
    pub const MOBILE: &'static str = "mobile";
    pub const EMAIL: &'static str = "email";
    pub const PASSWORD_HASH: &'static str = "password_hash";
    pub const CREDENTIAL_VERSION: &'static str = "credential_version";
    pub const CREDENTIALS_CHANGED_AT: &'static str = "credentials_changed_at";
    pub const DISABLED: &'static str = "disabled";
    pub const MOBILE_CHANGED_AT: &'static str = "mobile_changed_at";
    pub const EMAIL_CHANGED_AT: &'static str = "email_changed_at";
    pub const LAST_USED_AT: &'static str = "last_used_at";
    pub const PENDING_EMAIL: &'static str = "pending_email";
    pub const PENDING_MOBILE: &'static str = "pending_mobile";
    pub const MOBILE_PROVED_AT: &'static str = "mobile_proved_at";
    pub const DEVICES: &'static str = "devices";
    pub const GUESSED_AT: &'static str = "guessed_at";
    pub const GUESSING_TEXTED_AT: &'static str = "guessing_texted_at";
    pub const RECOVERY: &'static str = "recovery";
}

impl User {
    /// Returns the text that the old clients call `username`: the username, else the mobile number, else their word for
    /// "none".
    #[must_use]
    pub fn display_name(&self) -> &str {
        let mobile = self.mobile.as_ref().map_or("暂无", Mobile::as_str);
        self.username.as_ref().map_or(mobile, Username::as_str)
    }

    /// Returns whether a name belongs to the account, compared as account names are compared.
    #[must_use]
    pub fn bears(&self, name: &AccountName) -> bool {
        match name {
            AccountName::Mobile(mobile) => self.mobile.as_ref() == Some(mobile),
            AccountName::Email(email) => self.email.as_ref() == Some(email),
            AccountName::Username(username) => self.username.as_ref().is_some_and(|own| own.key() == username.key()),
        }
    }

    /// Returns the former username that is still reserved for the account. Nobody signs in by it, and nobody else can
    /// claim it.
    #[must_use]
    pub fn name_in_reserve(&self, now: Timestamp) -> Option<&Username> {
        self.reserved_username.as_ref().filter(|_| self.username_reserved_until.is_some_and(|until| now < until))
    }

    /// Returns when the number was last known to be the person's: when a code proved it, or else when it was bound.
    #[must_use]
    pub fn number_proved_at(&self) -> Timestamp {
        let bound_at = self.mobile_changed_at.map_or(self.created_at, |changed| changed.max(self.created_at));
        self.mobile_proved_at.unwrap_or(bound_at)
    }

    /// Returns whether the number was last proved this many days ago or longer, so that a carrier may have reissued it.
    #[must_use]
    pub fn is_number_unproved(&self, days: i64, now: Timestamp) -> bool {
        self.number_proved_at().plus_seconds(days * 86_400) <= now
    }

    /// Returns whether the number's next owner may take it: for this many days it was not proved, and the account was
    /// not used.
    ///
    /// An account without a recorded use counts as used. Its next sign-in records one.
    #[must_use]
    pub fn may_lose_number(&self, days: i64, now: Timestamp) -> bool {
        let is_unused = self.last_used_at.is_some_and(|at| at.plus_seconds(days * 86_400) <= now);
        is_unused && self.is_number_unproved(days, now)
    }

    /// Returns the recovery that is pending or open, unless the credentials have changed since it was begun.
    #[must_use]
    pub fn current_recovery(&self, now: Timestamp) -> Option<&Recovery> {
        let is_current =
            |recovery: &&Recovery| recovery.credential_version == self.credential_version && now < recovery.ends_at;
        self.recovery.as_ref().filter(is_current)
    }
}

/// The text of a password hash (a PHC string). `Debug` hides it.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PasswordHashText(pub(crate) String);

impl PasswordHashText {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHashText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHashText(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_attributes_that_are_named_are_those_that_are_stored() {
        let at = Some(Timestamp::from_unix_seconds(0));
        let user = User {
            id: UserId::generate(),
            username: Username::parse("LiLei").ok(),
            reserved_username: Username::parse("Lei").ok(),
            username_reserved_until: at,
            nickname: Nickname::parse("Li Lei").unwrap(),
            mobile: Mobile::parse("13812345678").ok(),
            email: Email::parse("li@example.com").ok(),
            avatar: String::new(),
            language: Some(Language::En),
            password_hash: Some(PasswordHashText(String::new())),
            credential_version: 1,
            credentials_changed_at: at,
            disabled: false,
            consent: None,
            created_at: Timestamp::from_unix_seconds(0),
            mobile_changed_at: at,
            email_changed_at: at,
            last_used_at: at,
            pending_email: Email::parse("lei@example.com").ok(),
            pending_mobile: Mobile::parse("13812345679").ok(),
            mobile_proved_at: at,
            devices: BTreeMap::new(),
            guessed_at: at,
            guessing_texted_at: at,
            recovery: Some(Recovery {
                asked_at: Timestamp::from_unix_seconds(0),
                opens_at: Timestamp::from_unix_seconds(0),
                ends_at: Timestamp::from_unix_seconds(0),
                credential_version: 1,
            }),
        };
        let mut stored = serde_json::to_value(user).unwrap();
        let stored = stored.as_object_mut().unwrap();
        for attribute in [
            User::USERNAME,
            User::RESERVED_USERNAME,
            User::USERNAME_RESERVED_UNTIL,
            User::NICKNAME,
            User::MOBILE,
            User::EMAIL,
            User::PASSWORD_HASH,
            User::CREDENTIAL_VERSION,
            User::CREDENTIALS_CHANGED_AT,
            User::DISABLED,
            User::MOBILE_CHANGED_AT,
            User::EMAIL_CHANGED_AT,
            User::LAST_USED_AT,
            User::PENDING_EMAIL,
            User::PENDING_MOBILE,
            User::MOBILE_PROVED_AT,
            User::DEVICES,
            User::GUESSED_AT,
            User::GUESSING_TEXTED_AT,
            User::RECOVERY,
        ] {
            assert!(stored.remove(attribute).is_some(), "{attribute}");
        }
        let never_named: Vec<_> = stored.keys().collect();
        assert_eq!(never_named, ["avatar", "created_at", "id", "language"]);
    }

    #[test]
    fn an_account_bears_its_own_names_however_they_are_written() {
        let named = AccountName::classify;
        let user = User {
            id: UserId::generate(),
            username: Username::parse("LiLei").ok(),
            reserved_username: Username::parse("HanMeimei").ok(),
            username_reserved_until: Some(Timestamp::from_unix_seconds(9)),
            nickname: Nickname::parse("Li Lei").unwrap(),
            mobile: Mobile::parse("13812345678").ok(),
            email: Email::parse("li@example.com").ok(),
            avatar: String::new(),
            language: None,
            password_hash: None,
            credential_version: 1,
            credentials_changed_at: None,
            disabled: false,
            consent: None,
            created_at: Timestamp::from_unix_seconds(0),
            mobile_changed_at: None,
            email_changed_at: None,
            last_used_at: None,
            pending_email: None,
            pending_mobile: None,
            mobile_proved_at: None,
            devices: BTreeMap::new(),
            guessed_at: None,
            guessing_texted_at: None,
            recovery: None,
        };
        for own in ["13812345678", "Li@Example.com", "lilei", "ＬＩＬＥＩ"] {
            assert!(user.bears(&named(own).unwrap()), "{own}");
        }
        for foreign in ["13812345679", "lei@example.com", "lilei2", "hanmeimei"] {
            assert!(!user.bears(&named(foreign).unwrap()), "{foreign}");
        }
        let nameless = User { username: None, mobile: None, email: None, ..user };
        for name in ["13812345678", "li@example.com", "lilei"] {
            assert!(!nameless.bears(&named(name).unwrap()), "{name}");
        }
        let reserved = |seconds| nameless.name_in_reserve(Timestamp::from_unix_seconds(seconds)).map(Username::as_str);
        assert_eq!((reserved(8), reserved(9)), (Some("HanMeimei"), None));
    }
}
