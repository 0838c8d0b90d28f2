//! Mainland Chinese mobile numbers.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A mobile number: eleven ASCII digits, `1[3-9]` first, nothing before or after.
///
/// `Debug` shows it masked, because logs and errors must not hold a whole number.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Mobile(String);

/// The text is not a mobile number.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a mobile number")]
pub struct NotAMobile;

impl Mobile {
    /// Accepts exactly the documented form; full-width digits and white space are refused.
    pub fn parse(text: &str) -> Result<Self, NotAMobile> {
        let bytes = text.as_bytes();
        let well_formed = bytes.len() == 11
            && bytes[0] == b'1'
            && (b'3'..=b'9').contains(&bytes[1])
            && bytes.iter().all(u8::is_ascii_digit);
        well_formed.then(|| Self(text.to_owned())).ok_or(NotAMobile)
    }

    /// The eleven digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As messages are addressed: `+86` and the number (E.164).
    #[must_use]
    pub fn e164(&self) -> String {
        format!("+86{}", self.0)
    }

    /// What may be shown: `138****5678`.
    #[must_use]
    pub fn masked(&self) -> String {
        format!("{}****{}", &self.0[..3], &self.0[7..])
    }
}

impl TryFrom<String> for Mobile {
    type Error = NotAMobile;

    fn try_from(text: String) -> Result<Self, NotAMobile> {
        Self::parse(&text)
    }
}

impl fmt::Debug for Mobile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_the_documented_form_is_a_mobile_number() {
        for good in ["13800000000", "19912345678", "15000000001"] {
            assert!(Mobile::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "1380000000",
            "138000000000",
            "12800000000",
            "23800000000",
            " 13800000000",
            "13800000000\n",
            "+8613800000000",
            "１３８００００００００",
            "1380000000a",
            "13８00000000",
        ] {
            assert!(Mobile::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn debug_never_shows_a_whole_number() {
        let mobile = Mobile::parse("13812345678").unwrap();
        assert_eq!(format!("{mobile:?}"), "138****5678");
    }

    proptest! {
        #[test]
        fn parsing_never_panics_and_keeps_the_text(text in "\\PC{0,14}") {
            if let Ok(mobile) = Mobile::parse(&text) {
                prop_assert_eq!(mobile.as_str(), text);
            }
        }

        #[test]
        fn every_number_of_the_form_is_accepted(text in "1[3-9][0-9]{9}") {
            prop_assert!(Mobile::parse(&text).is_ok());
        }
    }
}
