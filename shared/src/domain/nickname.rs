//! Nicknames: how a person is addressed; not unique, not secret.

use serde::{Deserialize, Serialize};

use super::Mobile;

/// 1–20 characters, any script, no control characters, not only white space.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Nickname(String);

/// Why a nickname is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NicknameProblem {
    /// Nothing but white space.
    #[error("the nickname is blank")]
    Blank,
    /// More than 20 characters.
    #[error("the nickname is too long")]
    TooLong,
    /// A control or an invisible formatting character.
    #[error("the nickname has a control character")]
    ControlCharacter,
}

impl Nickname {
    const MAX_CHARACTERS: usize = 20;

    /// Trims white space at both ends and checks.
    pub fn parse(text: &str) -> Result<Self, NicknameProblem> {
        let name = text.trim();
        if name.is_empty() {
            return Err(NicknameProblem::Blank);
        }
        if name.chars().count() > Self::MAX_CHARACTERS {
            return Err(NicknameProblem::TooLong);
        }
        // Bidirectional overrides and zero-width characters let a name pass for another's on a page.
        let hidden = |c: char| {
            c.is_control()
                || matches!(c, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}')
        };
        if name.chars().any(hidden) {
            return Err(NicknameProblem::ControlCharacter);
        }
        Ok(Self(name.to_owned()))
    }

    /// What someone is called who chose nothing: by the last digits of their number.
    #[must_use]
    pub fn from_digits(mobile: &Mobile) -> Self {
        Self(format!("用户{}", &mobile.as_str()[7..]))
    }

    /// The nickname.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Nickname {
    type Error = NicknameProblem;

    fn try_from(text: String) -> Result<Self, NicknameProblem> {
        Self::parse(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_to_twenty_visible_characters_are_a_nickname() {
        assert_eq!(Nickname::parse(" 小明 ").unwrap().as_str(), "小明");
        assert!(Nickname::parse(&"明".repeat(20)).is_ok());
        assert_eq!(Nickname::parse(&"明".repeat(21)), Err(NicknameProblem::TooLong));
        assert_eq!(Nickname::parse("  "), Err(NicknameProblem::Blank));
        assert_eq!(Nickname::parse("a\0b"), Err(NicknameProblem::ControlCharacter));
        assert_eq!(Nickname::parse("a\u{202E}b"), Err(NicknameProblem::ControlCharacter));
    }
}
