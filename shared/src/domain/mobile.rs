//! Mainland Chinese mobile numbers.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::characters::without_fillers;

/// The number of characters in the longest number that is accepted: `00860` and eleven digits.
const MAX_PASTED: usize = 16;

/// A mobile number: eleven ASCII digits that start with `1[3-9]`, and nothing before or after them.
///
/// `Debug` masks it, because logs and errors must not contain a whole number.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Mobile(String);

/// The error for a text that is not a mobile number.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a mobile number")]
pub struct MobileError;

impl Mobile {
    /// Parses exactly the documented form. Full-width digits and white space are refused.
    pub fn parse(text: &str) -> Result<Self, MobileError> {
        let bytes = text.as_bytes();
        let well_formed = bytes.len() == 11
            && bytes[0] == b'1'
            && (b'3'..=b'9').contains(&bytes[1])
            && bytes.iter().all(u8::is_ascii_digit);
        well_formed.then(|| Self(text.to_owned())).ok_or(MobileError)
    }

    /// Parses a number as people paste it.
    ///
    /// Format characters, spaces and dashes of every kind are dropped. The country code and a trunk zero are dropped
    /// where eleven digits remain.
    pub fn parse_pasted(text: &str) -> Result<Self, MobileError> {
        let number: String = without_fillers(text).take(MAX_PASTED + 1).collect();
        let national = ["+86", "0086", "86", ""].iter().filter_map(|prefix| number.strip_prefix(prefix));
        let mut numbers = national.flat_map(|rest| [Some(rest), rest.strip_prefix('0')]).flatten();
        numbers.find_map(|number| Self::parse(number).ok()).ok_or(MobileError)
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the number as messages are addressed: `+86` and the number (E.164).
    #[must_use]
    pub fn e164(&self) -> String {
        format!("+86{}", self.0)
    }

    /// Returns the masked form, which may be shown and logged: `138****5678`.
    #[must_use]
    pub fn masked(&self) -> String {
        format!("{}****{}", &self.0[..3], &self.0[7..])
    }
}

impl TryFrom<String> for Mobile {
    type Error = MobileError;

    fn try_from(text: String) -> Result<Self, MobileError> {
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
    fn a_pasted_number_loses_what_is_not_its_own() {
        for good in [
            "13800001234",
            "\u{2066}13800001234\u{2069}",
            "\u{202D}+86 138 0000 1234\u{202C}",
            "8613800001234",
            "+86-138-0000-1234",
            "0086 138\u{2011}0000\u{2013}1234",
            "+86 0138 0000 1234",
            "013800001234",
            "138\u{A0}0000\u{3000}1234\t",
            "138\u{2212}0000\u{FF0D}1234\u{FEFF}",
            "\u{200B}1380\u{AD}0001234",
        ] {
            assert_eq!(Mobile::parse_pasted(good).map(|mobile| mobile.0), Ok("13800001234".to_owned()), "{good:?}");
        }
        for bad in [
            "",
            "+13800001234",
            "868613800001234",
            "0013800001234",
            "+860013800001234",
            "13800001234\n",
            "１３８００００１２３４",
            "+85213800001234",
            "138.0000.1234",
            "1380000123",
            "8613800001234x",
            "13800001234 13800001234",
            &"8".repeat(10_000),
        ] {
            assert!(Mobile::parse_pasted(bad).is_err(), "{bad:?}");
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
        fn a_number_is_found_among_what_pasting_adds(
            number in "1[3-9][0-9]{9}",
            prefix in "(\\+86|0086|86)?0?",
            fillers in proptest::collection::vec("[ \\p{Zs}\\p{Cf}\\p{Pd}]{0,2}", 17),
        ) {
            let digits = format!("{prefix}{number}");
            let spread: String = digits.chars().zip(&fillers).flat_map(|(c, filler)| [filler.clone(), c.into()]).collect();
            prop_assert_eq!(Mobile::parse_pasted(&spread).map(|mobile| mobile.0), Ok(number));
        }

        #[test]
        fn an_exact_number_is_a_pasted_one(text in "\\PC{0,14}|[0-9]{11}") {
            if let Ok(mobile) = Mobile::parse(&text) {
                prop_assert_eq!(Mobile::parse_pasted(&text), Ok(mobile));
            }
        }

        #[test]
        fn every_number_of_the_form_is_accepted(text in "1[3-9][0-9]{9}") {
            prop_assert!(Mobile::parse(&text).is_ok());
        }
    }
}
