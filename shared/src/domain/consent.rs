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
    /// Returns whether both versions are named.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        Self::is_version(&self.terms) && Self::is_version(&self.privacy)
    }

    /// Returns whether a text is a version's name: not empty, not too long, without white space around it and without
    /// control characters.
    #[must_use]
    pub fn is_version(text: &str) -> bool {
        let fits = (1..=MAX_VERSION_LENGTH).contains(&text.len());
        fits && text.trim() == text && !text.chars().any(char::is_control)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_complete_consent_names_both_versions() {
        let is_complete = |terms: &str, privacy: &str| {
            let at = Timestamp::from_unix_seconds(1);
            Consent { terms: terms.to_owned(), privacy: privacy.to_owned(), at }.is_complete()
        };
        assert!(is_complete("2026-11", "v2"));
        for (terms, privacy) in [("", "1"), ("1", ""), (" 1", "1"), ("1", "1\n"), (&"1".repeat(65), "1")] {
            assert!(!is_complete(terms, privacy), "{terms:?} {privacy:?}");
        }
    }
}
