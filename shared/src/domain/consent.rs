//! What a person agreed to.

use serde::{Deserialize, Serialize};

use super::Timestamp;

/// Which versions of the terms and the privacy policy a person agreed to, and when (PIPL articles 13–17, GDPR
/// article 7: consent must be shown).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    /// The version of the terms, as the page that asked names it.
    pub terms: String,
    /// The version of the privacy policy.
    pub privacy: String,
    pub at: Timestamp,
}

/// The longest name of a version, in bytes.
const MAX_VERSION_LENGTH: usize = 64;

impl Consent {
    /// Consent to these versions; `None` when one is blank or no name of a version.
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
