//! Account names: the text by which a person identifies their account.

use super::{Email, Mobile, Username};

/// A mobile number, an email or a username. The form alone tells which.
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
    /// Returns the masked form, which may be shown and logged.
    #[must_use]
    pub fn masked(&self) -> String {
        match self {
            Self::Mobile(mobile) => mobile.masked(),
            Self::Email(email) => email.masked(),
            Self::Username(username) => format!("{}***", username.as_str().chars().next().unwrap_or_default()),
        }
    }

    /// Tells which form of account name a text has.
    ///
    /// Returns `None` when it has none of them. A log-in then fails as for an unknown account.
    #[must_use]
    pub fn classify(text: &str) -> Option<Self> {
        if let Ok(mobile) = Mobile::parse(text) {
            return Some(Self::Mobile(mobile));
        }
        if let Ok(email) = Email::parse(text) {
            return Some(Self::Email(email));
        }
        Username::signed_in_by(text).map(Self::Username)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_name_is_classified_by_its_form() {
        assert!(matches!(AccountName::classify("13812345678"), Some(AccountName::Mobile(_))));
        assert!(matches!(AccountName::classify("Li@Example.com"), Some(AccountName::Email(_))));
        assert!(matches!(AccountName::classify("lilei"), Some(AccountName::Username(_))));
        assert_eq!(AccountName::classify("١٣٨١٢٣٤٥٦٧٨"), None);
        assert_eq!(AccountName::classify(""), None);
        assert_eq!(AccountName::classify(" \u{3000}"), None);
    }

    #[test]
    fn blanks_at_the_ends_belong_to_no_name_and_make_no_number() {
        assert_eq!(AccountName::classify(" lilei\u{A0}"), AccountName::classify("lilei"));
        assert_eq!(AccountName::classify("\tli@example.com\u{3000}"), AccountName::classify("li@example.com"));
        for inexact in ["13812345678 ", " 13812345678", "13812345678\n", "lilei\n", "li@example.com\n"] {
            assert_eq!(AccountName::classify(inexact), None, "{inexact:?}");
        }
    }

    #[test]
    fn a_name_of_other_rules_can_still_sign_in() {
        for chosen_before in ["root", "аdmin", "zhao\u{3164}", "ab"] {
            let name = AccountName::classify(chosen_before);
            assert!(matches!(name, Some(AccountName::Username(_))), "{chosen_before:?}");
        }
    }
}
