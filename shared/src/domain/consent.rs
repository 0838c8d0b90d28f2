//! Consent to the terms and the privacy policy.

use serde::{Deserialize, Serialize};

use super::Timestamp;

/// The versions of the terms and the privacy policy that a person agreed to, and the time (PIPL articles 13–17; GDPR
/// article 7: consent must be demonstrable).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    /// The version of the terms, as named by the page that asked.
    pub terms: String,
    pub privacy: String,
    pub at: Timestamp,
}

/// The maximum length of a version's name, in bytes.
const MAX_VERSION_LENGTH: usize = 64;

impl Consent {
    /// Records consent to these versions. Returns `None` when either text is not a version's name: empty, too long,
    /// with white space around it or with a control character.
    #[must_use]
    pub fn parse(terms: &str, privacy: &str, at: Timestamp) -> Option<Self> {
        let named = |text: &str| {
            let fits = (1..=MAX_VERSION_LENGTH).contains(&text.len());
            fits && text.trim() == text && !text.chars().any(char::is_control)
        };
        (named(terms) && named(privacy)).then(|| Self { terms: terms.to_owned(), privacy: privacy.to_owned(), at })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn consent_names_both_versions() {
        let at = Timestamp::from_unix_seconds(1);
        assert!(Consent::parse("2026-11", "v2", at).is_some());
        for (terms, privacy) in [("", "1"), ("1", ""), (" 1", "1"), ("1", "1\n"), (&"1".repeat(65), "1")] {
            assert_eq!(Consent::parse(terms, privacy, at), None, "{terms:?} {privacy:?}");
        }
    }
}
