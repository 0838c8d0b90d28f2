//! What a person types to say who they are, and the usernames among it.

use std::fmt;

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

use super::{Email, Mobile};

/// A username: 3–30 characters, letters of any script, digits, `_`, `-`, `.`; never what looks like a mobile number.
///
/// An `@` is no letter, so no username looks like an email either. With that, the form of an account name says which
/// of the three it is, and a log-in is one look-up.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Username(String);

/// Why a text is not a username.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UsernameProblem {
    /// Too short, too long, or with other characters.
    #[error("not a username")]
    Malformed,
    /// It looks like a mobile number or an email, which are names of their own.
    #[error("a username that looks like a mobile number or an email")]
    Reserved,
}

impl Username {
    /// Normalises (NFKC) and checks a username.
    pub fn parse(text: &str) -> Result<Self, UsernameProblem> {
        if text.len() > 400 {
            return Err(UsernameProblem::Malformed);
        }
        let name: String = text.nfkc().collect();
        // Digits of any script count: ١٣٨… must not pass for a number in the eyes of a person.
        let looks_like_mobile = name.chars().filter(|c| c.is_numeric()).count() >= 11;
        if looks_like_mobile || name.contains('@') {
            return Err(UsernameProblem::Reserved);
        }
        let length_fits = (3..=30).contains(&name.chars().count());
        let letters_fit = name.chars().all(|c| c.is_alphanumeric() || "_-.".contains(c));
        (length_fits && letters_fit).then_some(Self(name)).ok_or(UsernameProblem::Malformed)
    }

    /// The name as it is shown.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as it is compared: case folded. Two names with one key are one name.
    #[must_use]
    pub fn key(&self) -> String {
        fold(&self.0)
    }
}

impl TryFrom<String> for Username {
    type Error = UsernameProblem;

    fn try_from(text: String) -> Result<Self, UsernameProblem> {
        Self::parse(&text)
    }
}

impl fmt::Debug for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Username(***)")
    }
}

/// Text as it is compared: through lower and upper case, so that `ß`, `ẞ` and `ss`, `ς` and `σ` are one, as Unicode's full
/// case folding has it, and NFKC.
pub(crate) fn fold(text: &str) -> String {
    let cased = text.chars().flat_map(char::to_lowercase).flat_map(char::to_uppercase).flat_map(char::to_lowercase);
    cased.nfkc().collect()
}

/// A mobile number, an email or a username, told apart by form alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountName {
    /// `13812345678`
    Mobile(Mobile),
    /// `li@example.com`
    Email(Email),
    /// `lilei`
    Username(Username),
}

impl AccountName {
    /// What may be shown.
    #[must_use]
    pub fn masked(&self) -> String {
        match self {
            Self::Mobile(mobile) => mobile.masked(),
            Self::Email(email) => email.masked(),
            Self::Username(username) => format!("{}***", username.as_str().chars().next().unwrap_or_default()),
        }
    }

    /// `None` when the text can be no account's name; a log-in then fails like one for an unknown account.
    #[must_use]
    pub fn classify(text: &str) -> Option<Self> {
        if let Ok(mobile) = Mobile::parse(text) {
            return Some(Self::Mobile(mobile));
        }
        if let Ok(email) = Email::parse(text) {
            return Some(Self::Email(email));
        }
        Username::parse(text).ok().map(Self::Username)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn usernames_of_any_script_fold_to_one_key() {
        let key = |text| Username::parse(text).unwrap().key();
        assert_eq!(key("LiLei"), key("lilei"));
        assert_eq!(key("ｌｉｌｅｉ"), key("lilei"));
        assert_eq!(key("Straße"), key("STRASSE"));
        assert_eq!(key("STRAẞE"), key("strasse"));
        assert_eq!(key("ΟΔΟΣ"), key("οδος"));
        assert!(Username::parse("李雷雷").is_ok());
    }

    #[test]
    fn a_username_is_never_a_mobile_number_or_an_email() {
        for bad in
            ["13812345678", "１３８１２３４５６７８", "١٣٨١٢٣٤٥٦٧٨", "a@b.cn", "ab", "a b c", "abc\n", &"a".repeat(31)]
        {
            assert!(Username::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_account_name_is_classified_by_its_form() {
        assert!(matches!(AccountName::classify("13812345678"), Some(AccountName::Mobile(_))));
        assert!(matches!(AccountName::classify("Li@Example.com"), Some(AccountName::Email(_))));
        assert!(matches!(AccountName::classify("lilei"), Some(AccountName::Username(_))));
        assert_eq!(AccountName::classify("١٣٨١٢٣٤٥٦٧٨"), None);
        assert_eq!(AccountName::classify(""), None);
    }

    proptest! {
        #[test]
        fn a_username_parses_to_itself(text in "\\PC{0,32}") {
            if let Ok(name) = Username::parse(&text) {
                let again = Username::parse(name.as_str()).unwrap();
                prop_assert_eq!(again.key(), name.key());
            }
        }
    }
}
