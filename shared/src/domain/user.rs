//! The account of a person.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{AccountName, Consent, Email, Mobile, Nickname, Timestamp, Username};

/// An account's id: 128 random bits in lower-case hex. It says nothing about the person or the time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UserId(String);

impl UserId {
    /// As it stands in a key, a token or an answer.
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

/// An account. Stored as it is here, under [`crate::dynamodb::keys::user`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct User {
    pub id: UserId,
    /// The name chosen, if one was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<Username>,
    /// How the person is addressed.
    pub nickname: Nickname,
    /// The number the account was made with, or changed to since; `None` when a carrier reissued it and its next owner
    /// signed up with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mobile: Option<Mobile>,
    /// The address bound to the account, if one is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<Email>,
    /// A picture's address; empty when there is none.
    #[serde(default)]
    pub avatar: String,
    /// The password's Argon2id hash (PHC string); `None` for an account that signs in by SMS alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_hash: Option<PasswordHashText>,
    /// Counts changes of password, mobile and email, and sign-outs everywhere. Sessions, tokens and links name it and
    /// die when it moves on.
    pub credential_version: u64,
    /// An operator has locked the account: it signs in nowhere.
    #[serde(default)]
    pub disabled: bool,
    /// What the person agreed to when signing up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consent: Option<Consent>,
    /// When the account was made.
    pub created_at: Timestamp,
    /// When the number was bound, if it is not the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mobile_changed_at: Option<Timestamp>,
    /// When the email was bound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email_changed_at: Option<Timestamp>,
    /// When it was last signed in to or a session of it refreshed, to the day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<Timestamp>,
    /// Attempts at the password since the last right one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_failures: Option<u32>,
    /// The last of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_tried_at: Option<Timestamp>,
}

/// The attributes that conditions and updates name.
impl User {
    pub const USERNAME: &'static str = "username";
    pub const NICKNAME: &'static str = "nickname";
    pub const MOBILE: &'static str = "mobile";
    pub const EMAIL: &'static str = "email";
    pub const PASSWORD_HASH: &'static str = "password_hash";
    pub const CREDENTIAL_VERSION: &'static str = "credential_version";
    pub const DISABLED: &'static str = "disabled";
    pub const MOBILE_CHANGED_AT: &'static str = "mobile_changed_at";
    pub const EMAIL_CHANGED_AT: &'static str = "email_changed_at";
    pub const LAST_USED_AT: &'static str = "last_used_at";
    pub const PASSWORD_FAILURES: &'static str = "password_failures";
    pub const PASSWORD_TRIED_AT: &'static str = "password_tried_at";
}

impl User {
    /// What the old clients call `username`: the one chosen, else the mobile number, else their word for none.
    #[must_use]
    pub fn display_name(&self) -> &str {
        let mobile = self.mobile.as_ref().map_or("暂无", Mobile::as_str);
        self.username.as_ref().map_or(mobile, Username::as_str)
    }

    /// Whether the account goes by this name, as names are compared.
    #[must_use]
    pub fn bears(&self, name: &AccountName) -> bool {
        match name {
            AccountName::Mobile(mobile) => self.mobile.as_ref() == Some(mobile),
            AccountName::Email(email) => self.email.as_ref() == Some(email),
            AccountName::Username(username) => self.username.as_ref().is_some_and(|own| own.key() == username.key()),
        }
    }

    /// Whether it was not used for so many days: its number may be someone else's by now. An account of which no use was
    /// noted yet is not: it takes one sign-in to be.
    #[must_use]
    pub fn is_dormant(&self, days: i64, now: Timestamp) -> bool {
        self.last_used_at.is_some_and(|at| at.plus_seconds(days * 86_400) <= now)
    }
}

/// A PHC string; `Debug` hides it.
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
            nickname: Nickname::parse("Li Lei").unwrap(),
            mobile: Mobile::parse("13812345678").ok(),
            email: Email::parse("li@example.com").ok(),
            avatar: String::new(),
            password_hash: Some(PasswordHashText(String::new())),
            credential_version: 1,
            disabled: false,
            consent: None,
            created_at: Timestamp::from_unix_seconds(0),
            mobile_changed_at: at,
            email_changed_at: at,
            last_used_at: at,
            password_failures: Some(0),
            password_tried_at: at,
        };
        let mut stored = serde_json::to_value(user).unwrap();
        let stored = stored.as_object_mut().unwrap();
        for attribute in [
            User::USERNAME,
            User::NICKNAME,
            User::MOBILE,
            User::EMAIL,
            User::PASSWORD_HASH,
            User::CREDENTIAL_VERSION,
            User::DISABLED,
            User::MOBILE_CHANGED_AT,
            User::EMAIL_CHANGED_AT,
            User::LAST_USED_AT,
            User::PASSWORD_FAILURES,
            User::PASSWORD_TRIED_AT,
        ] {
            assert!(stored.remove(attribute).is_some(), "{attribute}");
        }
        let never_named: Vec<_> = stored.keys().collect();
        assert_eq!(never_named, ["avatar", "created_at", "id"]);
    }

    #[test]
    fn an_account_bears_its_own_names_however_they_are_written() {
        let named = AccountName::classify;
        let user = User {
            id: UserId::generate(),
            username: Username::parse("LiLei").ok(),
            nickname: Nickname::parse("Li Lei").unwrap(),
            mobile: Mobile::parse("13812345678").ok(),
            email: Email::parse("li@example.com").ok(),
            avatar: String::new(),
            password_hash: None,
            credential_version: 1,
            disabled: false,
            consent: None,
            created_at: Timestamp::from_unix_seconds(0),
            mobile_changed_at: None,
            email_changed_at: None,
            last_used_at: None,
            password_failures: None,
            password_tried_at: None,
        };
        for own in ["13812345678", "Li@Example.com", "lilei", "ＬＩＬＥＩ"] {
            assert!(user.bears(&named(own).unwrap()), "{own}");
        }
        for foreign in ["13812345679", "lei@example.com", "lilei2"] {
            assert!(!user.bears(&named(foreign).unwrap()), "{foreign}");
        }
        let nameless = User { username: None, mobile: None, email: None, ..user };
        for name in ["13812345678", "li@example.com", "lilei"] {
            assert!(!nameless.bears(&named(name).unwrap()), "{name}");
        }
    }
}
