//! Usernames: the names that people choose to sign in with.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::characters::{
    clusters, is_hidden, is_joiner, is_letter, is_mark, is_of_one_writing, joins_letters, nfkc, without_outer_blanks,
};

/// A username: 3–30 characters, which are letters of any script, digits, `_`, `-` or `.`.
///
/// A username never looks like a mobile number. It contains no `@`, so it never looks like an email either. The form of
/// an account name therefore tells which of the three it is, and a log-in needs one look-up.
///
/// A username read from the table was checked when it was chosen, by the rules of that time.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Username(String);

/// The reason why a username is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UsernameError {
    /// Too short, too long, or with characters that are not allowed.
    #[error("not a username")]
    Malformed,
    /// The username looks like a mobile number or an email, which are account names of their own.
    #[error("a username that looks like a mobile number or an email")]
    Reserved,
    /// The letters belong to scripts that nobody writes together, so that the username can pass for another one
    /// (`аdmin` with a Cyrillic `а`).
    #[error("a username of mixed scripts")]
    MixedScripts,
    /// The username passes for the people who run the site.
    #[error("a username that passes for staff")]
    Staff,
}

impl Username {
    const MIN_LETTERS: usize = 3;
    const MAX_CLUSTERS: usize = 30;
    /// Five code points for each cluster, as people's names need. More is decoration.
    const MAX_CODE_POINTS: usize = 5 * Self::MAX_CLUSTERS;

    /// Normalises (NFKC) and checks a username that a person chooses.
    pub fn parse(text: &str) -> Result<Self, UsernameError> {
        let name = normalize(text).ok_or(UsernameError::Malformed)?;
        if looks_like_another_name(&name) {
            return Err(UsernameError::Reserved);
        }
        let characters: Vec<_> = name.chars().collect();
        // The minimum counts letters, because a letter that shares a cluster with another (`न्दी` has two) still counts
        // as one.
        let letters = characters.iter().filter(|c| !is_mark(**c) && !is_joiner(**c)).count();
        let length_fits = letters >= Self::MIN_LETTERS
            && characters.len() <= Self::MAX_CODE_POINTS
            && clusters(&name) <= Self::MAX_CLUSTERS;
        if !length_fits || !is_well_spelt(&characters) {
            return Err(UsernameError::Malformed);
        }
        if is_of_one_writing(&name) { Ok(Self(name)) } else { Err(UsernameError::MixedScripts) }
    }

    /// Parses a username that a person signs in with.
    ///
    /// The username can have been chosen under other rules. This refuses only a text that no rules allow; a look-up
    /// does not find the others.
    pub(super) fn signed_in_by(text: &str) -> Option<Self> {
        let name = normalize(text)?;
        // The standard library and the tables that a new name is checked with know different versions of Unicode.
        let is_letter = |c: char| is_letter(c) || c.is_alphanumeric();
        let spelt = name.chars().all(|c| is_letter(c) || is_mark(c) || is_joiner(c) || "_-.".contains(c));
        let fits = (1..=Self::MAX_CODE_POINTS).contains(&name.chars().count());
        (fits && spelt && !looks_like_another_name(&name)).then_some(Self(name))
    }

    /// Returns the name as it is shown.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the name as it is compared: case-folded and without joiners. Two names with the same key are the same
    /// name.
    #[must_use]
    pub fn key(&self) -> String {
        key_of(&self.0)
    }
}

fn key_of(text: &str) -> String {
    let seen: String = text.chars().filter(|c| !is_joiner(*c)).collect();
    fold(&seen)
}

/// Returns `None` for a text that is too long to process: NFKC can make a text eighteen times as long.
fn normalize(text: &str) -> Option<String> {
    (text.len() <= 1024).then(|| nfkc(without_outer_blanks(text)).into_owned())
}

/// Returns whether a name looks like an email or a mobile number. Digits of every script count, because ١٣٨… must not
/// pass for a number in the eyes of a person.
fn looks_like_another_name(name: &str) -> bool {
    name.contains('@') || name.chars().filter(|c| c.is_numeric()).count() >= 11
}

/// Returns whether a name consists of letters, digits, `_`, `-` and `.`.
///
/// A mark must follow a letter or another mark of that letter, because it has nothing to attach to at the start of a
/// name or after a digit. A joiner must stand where its script needs one.
fn is_well_spelt(name: &[char]) -> bool {
    let mut after_letter = false;
    for (at, c) in name.iter().enumerate() {
        let fits = match *c {
            c if is_joiner(c) => joins_letters(name, at),
            c if is_hidden(c) => false,
            c if is_mark(c) => after_letter,
            c => {
                after_letter = is_letter(c);
                after_letter || c.is_numeric() || "_-.".contains(c)
            }
        };
        if !fits {
            return false;
        }
    }
    true
}

impl fmt::Debug for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Username(***)")
    }
}

/// Returns a text in the form in which texts are compared: case-folded, then NFKC.
///
/// Folding goes through lower and upper case, so that `ß`, `ẞ` and `ss` become equal, and so do `ς` and `σ`, as in
/// Unicode's full case folding.
pub(crate) fn fold(text: &str) -> String {
    let cased = text.chars().flat_map(char::to_lowercase).flat_map(char::to_uppercase).flat_map(char::to_lowercase);
    nfkc(&cased.collect::<String>()).into_owned()
}

/// The usernames that nobody may choose, because they pass for the people who run the site.
#[derive(Clone, Debug)]
pub struct ReservedUsernames(Vec<String>);

impl ReservedUsernames {
    /// The default list of reserved usernames.
    pub const DEFAULT: &str = "admin,admins,administrator,root,superuser,sysadmin,system,webmaster,postmaster,\
        hostmaster,moderator,operator,staff,official,support,customersupport,customerservice,service,helpdesk,\
        security,noreply,管理员,系统管理员,超级管理员,管理员账号,系统,系统消息,系统通知,官方,官方账号,官方客服,客服,\
        客服中心,在线客服,人工客服,客服人员,工作人员,版主,站长,運營,运营";

    /// Creates the list from names separated by commas and the brand.
    #[must_use]
    pub fn new(names: &str, brand: &str) -> Self {
        let names = names.split(',').chain([brand]).map(Self::bare);
        Self(names.filter(|name| !name.is_empty()).collect())
    }

    /// Refuses a reserved username.
    pub fn refuse(&self, username: &Username) -> Result<(), UsernameError> {
        let bare = Self::bare(username.as_str());
        if self.0.contains(&bare) { Err(UsernameError::Staff) } else { Ok(()) }
    }

    /// Returns a name's key without the characters that only separate: `Ad_min.` becomes `admin`.
    fn bare(name: &str) -> String {
        key_of(name).chars().filter(|c| is_letter(*c) || is_mark(*c) || c.is_numeric()).collect()
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
        assert_eq!(key("می\u{200C}خواهم"), key("میخواهم"));
        assert_eq!(key("നില്\u{200D}മ"), key("നില്മ"));
        assert_eq!(key("Nguye\u{302}\u{303}n"), key("nguyễn"));
        assert!(Username::parse("李雷雷").is_ok());
    }

    #[test]
    fn a_letter_that_the_standard_library_does_not_know_yet_signs_in() {
        // Seal script, which came with Unicode 18.
        let name = "\u{3D000}\u{3D001}\u{3D002}";
        assert!(Username::parse(name).is_ok());
        assert!(Username::signed_in_by(name).is_some());
    }

    #[test]
    fn a_mark_after_a_letter_is_part_of_it() {
        for good in [
            "हिन्दी",
            "สมชาย",
            "ที่รัก",
            "தமிழ்",
            "مُحَمَّد",
            "Nguye\u{302}\u{303}n",
            "বাংলাদেশ",
            "ខ្មែរ",
            "မြန်မာ",
            "שָׁלוֹם",
            "ਪੰਜਾਬੀ",
            "が\u{3099}んば",
            "〇〇七",
            "か\u{3099}く_く",
        ] {
            assert!(Username::parse(good).is_ok(), "{good}");
        }
        for bad in ["\u{301}abc", "ab1\u{301}c", "abc_\u{301}", "\u{93F}\u{93F}\u{93F}", "abc\u{20DD}", "b\u{301}c"] {
            assert_eq!(Username::parse(bad), Err(UsernameError::Malformed), "{bad:?}");
        }
        // A person sees nine characters here. Each has twelve marks.
        assert!(Username::parse(&format!("a{}", "\u{323}".repeat(12)).repeat(9)).is_ok());
        assert!(Username::parse(&format!("a{}", "\u{323}".repeat(12)).repeat(13)).is_err());
    }

    #[test]
    fn thirty_characters_are_what_a_person_counts() {
        let syllable = "न्दी";
        assert!(Username::parse(&syllable.repeat(30)).is_ok());
        assert!(Username::parse(&syllable.repeat(31)).is_err());
        assert!(Username::parse(&"が".repeat(30)).is_ok());
    }

    #[test]
    fn what_shows_nothing_is_in_no_username() {
        let hidden = [
            "\u{3164}",
            "\u{115F}",
            "\u{1160}",
            "\u{FFA0}",
            "\u{34F}",
            "\u{17B4}",
            "\u{17B5}",
            "\u{E0041}",
            "\u{FE0F}",
            "\u{E0100}",
            "\u{202E}",
            "\u{2066}",
            "\u{FEFF}",
            "\u{180E}",
            "\u{180B}",
            "\u{AD}",
            "\u{200B}",
            "\u{200C}",
            "\u{200D}",
            "\u{2060}",
            "\u{2800}",
            "\u{1D173}",
            "\u{13441}",
            "\u{16FE4}",
            "\u{FFFC}",
            "\u{61C}",
            "\u{206A}",
            "\u{2028}",
            "\u{85}",
            "\u{0}",
        ];
        for c in hidden {
            for text in [format!("zhao{c}"), format!("{c}zhao"), format!("zh{c}ao"), c.repeat(4)] {
                assert_eq!(Username::parse(&text), Err(UsernameError::Malformed), "{text:?}");
            }
        }
    }

    #[test]
    fn blanks_at_the_ends_are_cut_off_and_a_line_break_is_none() {
        assert_eq!(Username::parse(" \u{3000}lilei\u{A0}\t").unwrap().as_str(), "lilei");
        for bad in ["lilei\n", "\rlilei", "li lei", "lilei\u{2003}", "   "] {
            assert_eq!(Username::parse(bad), Err(UsernameError::Malformed), "{bad:?}");
        }
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
    fn names_that_pass_for_staff_are_reserved_however_they_are_written() {
        let reserved = ReservedUsernames::new(ReservedUsernames::DEFAULT, "My Shop");
        for name in ["admin", "ROOT", "官方客服", "ａｄｍｉｎ", "ad_min", "Admin.", "my-shop", "MYSHOP", "客服..."]
        {
            assert_eq!(reserved.refuse(&Username::parse(name).unwrap()), Err(UsernameError::Staff), "{name}");
        }
        for name in ["zhao", "rooty", "administration", "官方客服小王", "李root"] {
            assert_eq!(reserved.refuse(&Username::parse(name).unwrap()), Ok(()), "{name}");
        }
        assert_eq!(Username::parse("аdmin"), Err(UsernameError::MixedScripts));
        assert_eq!(ReservedUsernames::new("boss", "—").refuse(&Username::parse("admin").unwrap()), Ok(()));
    }

    proptest! {
        #[test]
        fn a_username_parses_to_itself(text in "\\PC{0,32}|[\\u0900-\\u097Fa\\u200c\\u200d]{3,12}|[\\u0600-\\u06ff\\u200c]{3,12}") {
            if let Ok(name) = Username::parse(&text) {
                let again = Username::parse(name.as_str()).unwrap();
                prop_assert_eq!(again.key(), name.key());
                prop_assert_eq!(Username::signed_in_by(&text).map(|name| name.key()), Some(name.key()));
                prop_assert!(!name.key().chars().any(is_hidden));
            }
        }
    }
}
