//! Nicknames: the names that people are addressed by. They are neither unique nor secret.

use serde::{Deserialize, Serialize};

use super::Mobile;
use super::characters::{clusters, is_hidden, is_joiner, is_of_emoji, is_visible_base, joins_letters, nfc};

/// A nickname: 1–20 characters as a person counts them, of any script, emoji included, without invisible characters.
///
/// A nickname read from the table was checked when it was chosen, by the rules of that time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Nickname(String);

/// The reason why a nickname is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NicknameError {
    /// No visible character.
    #[error("the nickname is blank")]
    Blank,
    /// More than 20 characters.
    #[error("the nickname is too long")]
    TooLong,
    /// A control character or an invisible character.
    #[error("the nickname has a control or an invisible character")]
    Hidden,
}

impl Nickname {
    const MAX_CLUSTERS: usize = 20;
    /// Five code points for each cluster on average, because any number of marks on one letter is still one cluster.
    const MAX_CODE_POINTS: usize = 5 * Self::MAX_CLUSTERS;

    /// Trims white space at both ends and checks the rest.
    pub fn parse(text: &str) -> Result<Self, NicknameError> {
        let name = text.trim();
        if name.is_empty() {
            return Err(NicknameError::Blank);
        }
        // The cheap count of code points comes first, so that clusters are counted in short texts only.
        if nfc(name).chars().count() > Self::MAX_CODE_POINTS || clusters(name) > Self::MAX_CLUSTERS {
            return Err(NicknameError::TooLong);
        }
        let characters: Vec<_> = name.chars().collect();
        // Invisible characters let a name pass for another's on a page, and bidirectional overrides reverse the text
        // around it.
        let is_stray = |(at, c): (usize, &char)| {
            let is_needed = || is_of_emoji(&characters, at) || is_joiner(*c) && joins_letters(&characters, at);
            is_hidden(*c) && !is_needed()
        };
        if characters.iter().enumerate().any(is_stray) {
            return Err(NicknameError::Hidden);
        }
        if !characters.iter().any(|c| is_visible_base(*c)) {
            return Err(NicknameError::Blank);
        }
        Ok(Self(name.to_owned()))
    }

    /// Returns the nickname of a person who chose none, made from the last digits of their number.
    #[must_use]
    pub fn from_digits(mobile: &Mobile) -> Self {
        Self(format!("用户{}", &mobile.as_str()[7..]))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_to_twenty_visible_characters_are_a_nickname() {
        assert_eq!(Nickname::parse(" 小明 ").unwrap().as_str(), "小明");
        assert!(Nickname::parse(&"明".repeat(20)).is_ok());
        assert_eq!(Nickname::parse(&"明".repeat(21)), Err(NicknameError::TooLong));
        assert_eq!(Nickname::parse("  "), Err(NicknameError::Blank));
        assert_eq!(Nickname::parse("a\0b"), Err(NicknameError::Hidden));
        assert_eq!(Nickname::parse("a\u{202E}b"), Err(NicknameError::Hidden));
    }

    #[test]
    fn joined_emoji_and_the_scripts_that_need_joiners_are_names() {
        for good in [
            "小红👩🏻\u{200D}💻",
            "👨\u{200D}👩\u{200D}👧\u{200D}👦",
            "🏳\u{FE0F}\u{200D}🌈",
            "🏴\u{200D}☠\u{FE0F}",
            "❤\u{FE0F}",
            "1\u{FE0F}\u{20E3}",
            "🏃🏽\u{200D}♀\u{FE0F}\u{200D}➡\u{FE0F}",
            "🇨🇳",
            "🏴\u{E0067}\u{E0062}\u{E0065}\u{E006E}\u{E0067}\u{E007F}",
            "می\u{200C}خواهم",
            "ශ්\u{200D}රී",
            "नमस्ते",
            "مُحَمَّد",
            "小 明",
            "O’Neil",
            "…",
            "😀",
        ] {
            assert_eq!(Nickname::parse(good).unwrap().as_str(), good);
        }
        assert!(Nickname::parse(&"👩🏻\u{200D}💻".repeat(20)).is_ok());
        assert_eq!(Nickname::parse(&"👩🏻\u{200D}💻".repeat(21)), Err(NicknameError::TooLong));
        assert!(Nickname::parse(&"e\u{302}\u{301}".repeat(20)).is_ok());
        assert_eq!(Nickname::parse(&format!("a{}", "\u{323}".repeat(101))), Err(NicknameError::TooLong));
    }

    #[test]
    fn what_shows_nothing_is_no_name_and_part_of_none() {
        for hidden in [
            "\u{2800}",
            "\u{3164}",
            "\u{115F}",
            "\u{1160}",
            "\u{FFA0}",
            "\u{34F}",
            "\u{17B4}",
            "\u{E0041}",
            "\u{FE0F}",
            "\u{E0100}",
            "\u{2066}",
            "\u{2069}",
            "\u{FEFF}",
            "\u{180E}",
            "\u{AD}",
            "\u{200B}",
            "\u{200C}",
            "\u{200D}",
            "\u{200E}",
            "\u{61C}",
            "\u{2064}",
            "\u{FFFB}",
            "\u{1D159}",
            "\u{E007F}",
        ] {
            for text in [
                hidden.to_owned(),
                hidden.repeat(3),
                format!("小明{hidden}"),
                format!("{hidden}小明"),
                format!("a{hidden}b"),
            ] {
                assert!(Nickname::parse(&text).is_err(), "{text:?}");
            }
        }
        for blank in ["\u{301}", "\u{20DD}", "\u{903}", "\u{3000}", "\u{2003}\u{A0}", "\u{1680}", "\u{301} \u{302}"] {
            assert_eq!(Nickname::parse(blank), Err(NicknameError::Blank), "{blank:?}");
        }
        for stray in [
            "👩\u{200D}",
            "\u{200D}💻",
            "👩\u{200D}a",
            "a\u{200D}💻",
            "1\u{FE0F}",
            "🏴\u{E0067}\u{E0062}",
            "👩\u{200D}\u{200D}💻",
        ] {
            assert_eq!(Nickname::parse(stray), Err(NicknameError::Hidden), "{stray:?}");
        }
    }
}
