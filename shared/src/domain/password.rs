//! Passwords as people type them, and the rules for new ones.

use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use super::characters::{is_joiner, nfkc};
use super::username::fold;
use super::{Email, Mobile, Nickname, User, Username};

/// The 10,000 commonest passwords of public breaches, and passwords that are common in China.
///
/// Each is six characters or more, in lower case, one on a line. The lines are sorted by bytes.
/// `common_passwords.LICENSE.txt` names the sources.
static COMMON_PASSWORDS: &str = include_str!("common_passwords.txt");

/// A password in the form that is hashed: NFKC, so that a password typed on two keyboards is the same password.
#[derive(Clone, Debug)]
pub struct Password(SecretString);

impl Password {
    /// Normalises a password. Every text is accepted, because people may try any.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(nfkc(text).into_owned().into())
    }

    /// Returns the bytes to hash.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.expose_secret().as_bytes()
    }
}

/// The rules for a new password.
#[derive(Clone, Copy, Debug)]
pub struct PasswordRules {
    /// The minimum number of characters: 8 (ASVS 6.2.1), or 6 where the old clients need it.
    pub min_characters: usize,
}

impl PasswordRules {
    /// The maximum number of characters (ASVS 6.2.9 asks for at least 64).
    pub const MAX_CHARACTERS: usize = 128;
}

/// The reason why a new password is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error, strum::IntoStaticStr, strum::VariantNames)]
#[strum(serialize_all = "snake_case", prefix = "password_")]
pub enum PasswordError {
    #[error("the password is too short")]
    TooShort {
        /// The configured minimum, which the error text shows.
        min_characters: usize,
    },
    /// More than [`PasswordRules::MAX_CHARACTERS`].
    #[error("the password is too long")]
    TooLong,
    /// The password is among the commonest (ASVS 6.2.4).
    #[error("the password is among the commonest")]
    TooCommon,
    /// The password was breached elsewhere.
    #[error("the password was breached")]
    Breached,
    /// The password contains the account's own number, or is its name or email (ASVS 6.2.11).
    #[error("the password is the account's own number, name or email")]
    Personal,
}

/// A password that follows the rules.
#[derive(Clone, Debug)]
pub struct NewPassword(Password);

impl NewPassword {
    /// Checks the length, and that the password is not common. Any characters are allowed (ASVS 6.2.5) and none is cut
    /// off (ASVS 6.2.8).
    pub fn parse(text: &str, rules: PasswordRules, person: &Person<'_>) -> Result<Self, PasswordError> {
        let password = Password::new(text);
        let characters = password.0.expose_secret().chars().count();
        if characters < rules.min_characters {
            return Err(PasswordError::TooShort { min_characters: rules.min_characters });
        }
        if characters > PasswordRules::MAX_CHARACTERS {
            return Err(PasswordError::TooLong);
        }
        if is_common(password.0.expose_secret()) {
            return Err(PasswordError::TooCommon);
        }
        Self(password).not_personal(person)
    }

    /// Refuses a password that contains the account's mobile number, or that is its username, nickname, email or the
    /// local part of its email.
    pub fn not_personal(self, person: &Person<'_>) -> Result<Self, PasswordError> {
        let folded = Zeroizing::new(fold(self.0.0.expose_secret()));
        let holds_mobile = person.mobile.is_some_and(|mobile| folded.contains(mobile.as_str()));
        let without_joiners: Zeroizing<String> = Zeroizing::new(folded.chars().filter(|c| !is_joiner(*c)).collect());
        let is_username = person.username.is_some_and(|name| name.key() == *without_joiners);
        let names = [
            person.nickname.map(|name| fold(name.as_str())),
            person.email.map(|email| email.as_str().to_owned()),
            person.email.map(|email| email.local_part().to_owned()),
        ];
        let is_name = names.into_iter().flatten().any(|name| name == *folded);
        if holds_mobile || is_username || is_name { Err(PasswordError::Personal) } else { Ok(self) }
    }

    /// Returns the password to hash.
    #[must_use]
    pub fn as_password(&self) -> &Password {
        &self.0
    }
}

/// The person for whom a new password is set, as far as known.
#[derive(Clone, Copy, Debug, Default)]
pub struct Person<'a> {
    pub mobile: Option<&'a Mobile>,
    pub nickname: Option<&'a Nickname>,
    pub username: Option<&'a Username>,
    pub email: Option<&'a Email>,
}

impl<'a> Person<'a> {
    /// Takes everything from an account.
    #[must_use]
    pub fn of(user: &'a User) -> Self {
        Self {
            mobile: user.mobile.as_ref(),
            nickname: Some(&user.nickname),
            username: user.username.as_ref(),
            email: user.email.as_ref(),
        }
    }
}

fn is_common(password: &str) -> bool {
    let folded = Zeroizing::new(password.to_lowercase());
    let mut rest = COMMON_PASSWORDS;
    // A binary search over the text itself, so that no list is built at start.
    while !rest.is_empty() {
        let mut middle = rest.len() / 2;
        while !rest.is_char_boundary(middle) {
            middle -= 1;
        }
        let start = rest[..middle].rfind('\n').map_or(0, |at| at + 1);
        let end = rest[start..].find('\n').map_or(rest.len(), |at| start + at);
        match rest[start..end].cmp(folded.as_str()) {
            std::cmp::Ordering::Equal => return true,
            std::cmp::Ordering::Less => rest = rest.get(end + 1..).unwrap_or(""),
            std::cmp::Ordering::Greater => rest = &rest[..start],
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: PasswordRules = PasswordRules { min_characters: 8 };

    fn parse(text: &str) -> Result<NewPassword, PasswordError> {
        NewPassword::parse(text, RULES, &Person::default())
    }

    #[test]
    fn length_is_counted_in_characters() {
        assert!(parse("密码密码密码密码").is_ok());
        assert_eq!(parse("1q!a2w$").unwrap_err(), PasswordError::TooShort { min_characters: 8 });
        assert!(parse(&"长".repeat(128)).is_ok());
        assert_eq!(parse(&"长".repeat(129)).unwrap_err(), PasswordError::TooLong);
    }

    #[test]
    fn every_listed_password_is_found_and_others_are_not() {
        let mut count = 0;
        for common in COMMON_PASSWORDS.lines() {
            assert!(is_common(common), "{common}");
            count += 1;
        }
        assert_eq!(count, 10_319);
        for uncommon in ["", "correct horse battery", "zzzzzzzzzzzzzzzzz!", "\u{1}"] {
            assert!(!is_common(uncommon), "{uncommon}");
        }
        for common in ["PassWord1", "woaini1314", "WoAiNi520", "qq123456789", "5201314520", "zhang123456"] {
            assert_eq!(parse(common).unwrap_err(), PasswordError::TooCommon, "{common}");
        }
    }

    #[test]
    fn the_accounts_own_number_name_and_email_are_refused() {
        let (mobile, email) = (Mobile::parse("13812345678").unwrap(), Email::parse("lileilei@b.cn").unwrap());
        let nickname = Nickname::parse("Han Meimei").unwrap();
        let person = Person { mobile: Some(&mobile), nickname: Some(&nickname), username: None, email: Some(&email) };
        for personal in
            ["13812345678", "x13812345678x", "LiLeiLei", "lileilei@b.cn", "han meimei", "１３８１２３４５６７８"]
        {
            let parsed = parse(personal).unwrap();
            assert_eq!(parsed.not_personal(&person).unwrap_err(), PasswordError::Personal, "{personal}");
        }
        let username = Username::parse("می\u{200C}خواهممی").unwrap();
        let person = Person { username: Some(&username), ..person };
        for personal in [username.as_str(), &username.key()] {
            let parsed = parse(personal).unwrap();
            assert_eq!(parsed.not_personal(&person).unwrap_err(), PasswordError::Personal, "{personal}");
        }
        assert!(parse("lileilei rides a bike").unwrap().not_personal(&person).is_ok());
    }

    #[test]
    fn one_password_in_two_unicode_forms_is_one() {
        assert_eq!(Password::new("ｐａｓｓ①é").as_bytes(), Password::new("pass1e\u{301}").as_bytes());
        assert_ne!(Password::new(" a").as_bytes(), Password::new("a").as_bytes());
    }
}
