//! Properties of the characters in a name, a number or a code, from Unicode and from the few lists that Unicode lacks.

use icu_properties::props::{
    Dash, DefaultIgnorableCodePoint, Emoji, EmojiModifier, ExtendedPictographic, GeneralCategory, GeneralCategoryGroup,
    JoiningType, Script,
};
use std::borrow::Cow;

use icu_normalizer::ComposingNormalizerBorrowed;
use icu_normalizer::properties::CanonicalCombiningClassMapBorrowed;
use icu_properties::{CodePointMapData, CodePointSetData};
use unicode_segmentation::UnicodeSegmentation;

/// Returns Normalization Form C (Unicode Standard Annex #15), in which letters and their marks are composed.
pub(super) fn nfc(text: &str) -> Cow<'_, str> {
    ComposingNormalizerBorrowed::new_nfc().normalize(text)
}

/// Returns Normalization Form KC, in which compatibility characters, such as full-width letters, also become plain
/// ones.
pub(super) fn nfkc(text: &str) -> Cow<'_, str> {
    ComposingNormalizerBorrowed::new_nfkc().normalize(text)
}

const ZWNJ: char = '\u{200C}';
const ZWJ: char = '\u{200D}';
/// The canonical combining class of the signs that remove a consonant's vowel (UAX #44).
const VIRAMA: u8 = 9;

/// Characters that show nothing although no Unicode property says so.
const BLANKS: [char; 9] = [
    '\u{2800}',  // BRAILLE PATTERN BLANK, a symbol
    '\u{1D159}', // MUSICAL SYMBOL NULL NOTEHEAD, a symbol
    '\u{13441}', // EGYPTIAN HIEROGLYPH FULL BLANK, a letter
    '\u{13442}', // EGYPTIAN HIEROGLYPH HALF BLANK, a letter
    '\u{16FE4}', // KHITAN SMALL SCRIPT FILLER, a mark
    '\u{FFF9}',  // INTERLINEAR ANNOTATION ANCHOR, a format character that is not ignorable; and its two companions
    '\u{FFFA}',
    '\u{FFFB}',
    '\u{FFFC}', // OBJECT REPLACEMENT CHARACTER, which most fonts leave empty
];

/// The flags that are written with tag characters. Unicode recommends no others than England, Scotland and Wales.
const TAGGED_FLAGS: [&str; 3] = ["gbeng", "gbsct", "gbwls"];

fn category(c: char) -> GeneralCategory {
    CodePointMapData::<GeneralCategory>::new().get(c)
}

fn is_in(group: GeneralCategoryGroup, c: char) -> bool {
    group.contains(category(c))
}

fn joining_type(c: char) -> JoiningType {
    CodePointMapData::<JoiningType>::new().get(c)
}

fn is_pictograph(c: char) -> bool {
    CodePointSetData::new::<ExtendedPictographic>().contains(c)
}

pub(super) fn is_joiner(c: char) -> bool {
    matches!(c, ZWNJ | ZWJ)
}

/// Returns whether a character is a letter, or a number that is written as a letter is (`〇`).
pub(super) fn is_letter(c: char) -> bool {
    is_in(GeneralCategoryGroup::Letter, c) || category(c) == GeneralCategory::LetterNumber
}

/// Returns whether a character is a mark that belongs to the letter before it, such as a vowel sign or an accent. An
/// enclosing mark is not one.
pub(super) fn is_mark(c: char) -> bool {
    matches!(category(c), GeneralCategory::NonspacingMark | GeneralCategory::SpacingMark)
}

/// Returns whether a character shows nothing: a control, a line break, a default-ignorable code point, a code point
/// that will never be a character, or one of [`BLANKS`]. A space is none of these.
pub(super) fn is_hidden(c: char) -> bool {
    let breaks = matches!(
        category(c),
        GeneralCategory::Control | GeneralCategory::LineSeparator | GeneralCategory::ParagraphSeparator
    );
    let never = u32::from(c) & 0xFFFE == 0xFFFE || ('\u{FDD0}'..='\u{FDEF}').contains(&c);
    breaks || never || BLANKS.contains(&c) || CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
}

/// Returns whether a character shows something without another one before it. Spaces, marks, format characters and
/// hidden characters do not.
pub(super) fn is_visible_base(c: char) -> bool {
    let needs_another = GeneralCategoryGroup::Separator.union(GeneralCategoryGroup::Mark);
    !is_hidden(c) && !is_in(needs_another, c) && category(c) != GeneralCategory::Format
}

/// Returns whether the script needs the joiner at `at` (RFC 5892, A.1 and A.2).
pub(super) fn joins_letters(text: &[char], at: usize) -> bool {
    let (before, after) = (&text[..at], &text[at + 1..]);
    if before.last().is_some_and(|c| CanonicalCombiningClassMapBorrowed::new().get_u8(*c) == VIRAMA) {
        return true;
    }
    let skip = |c: &&char| joining_type(**c) == JoiningType::Transparent;
    let left = before.iter().rev().find(|c| !skip(c)).map(|c| joining_type(*c));
    let right = after.iter().find(|c| !skip(c)).map(|c| joining_type(*c));
    text[at] == ZWNJ
        && matches!(left, Some(JoiningType::LeftJoining | JoiningType::DualJoining))
        && matches!(right, Some(JoiningType::RightJoining | JoiningType::DualJoining))
}

/// Returns whether the hidden character at `at` is part of an emoji: a joiner between two emoji, a selector of the text
/// or emoji form, or a tag of a flag.
pub(super) fn is_of_emoji(text: &[char], at: usize) -> bool {
    let (before, after) = (&text[..at], &text[at + 1..]);
    match text[at] {
        ZWJ => {
            let follows = before.iter().rev().find(|c| !is_modifier(**c)).is_some_and(|c| is_pictograph(*c));
            follows && after.first().is_some_and(|c| is_pictograph(*c))
        }
        '\u{FE0E}' | '\u{FE0F}' => before.last().is_some_and(|c| {
            // A digit is an emoji only in a keycap.
            CodePointSetData::new::<Emoji>().contains(*c) && (!c.is_ascii() || after.first() == Some(&'\u{20E3}'))
        }),
        '\u{E0000}'..='\u{E007F}' => is_of_tagged_flag(text, at),
        _ => false,
    }
}

fn is_modifier(c: char) -> bool {
    matches!(c, '\u{FE0E}' | '\u{FE0F}') || CodePointSetData::new::<EmojiModifier>().contains(c)
}

fn is_of_tagged_flag(text: &[char], at: usize) -> bool {
    let Some(flag) = text[..at].iter().rposition(|c| *c == '\u{1F3F4}') else { return false };
    TAGGED_FLAGS.iter().any(|name| {
        let tags = name.chars().filter_map(|c| char::from_u32(0xE0000 + u32::from(c)));
        let expected: Vec<_> = tags.chain(['\u{E007F}']).collect();
        at - flag <= expected.len() && text[flag + 1..].starts_with(&expected)
    })
}

/// Returns the number of characters that a person sees: the grapheme clusters of the composed form (UAX #29).
pub(super) fn clusters(text: &str) -> usize {
    nfc(text).graphemes(true).count()
}

/// Returns whether people write the scripts of a name together (UTS #39, highly restrictive): a single script, or Latin
/// with the scripts of Chinese, Japanese or Korean.
///
/// Characters that belong to every script, such as digits and most accents, do not count.
pub(super) fn is_of_one_writing(text: &str) -> bool {
    const WRITINGS: [&[Script]; 3] = [
        &[Script::Latin, Script::Han, Script::Hiragana, Script::Katakana],
        &[Script::Latin, Script::Han, Script::Bopomofo],
        &[Script::Latin, Script::Han, Script::Hangul],
    ];
    let scripts: Vec<_> = text
        .chars()
        .map(|c| CodePointMapData::<Script>::new().get(c))
        .filter(|script| !matches!(*script, Script::Common | Script::Inherited))
        .collect();
    let is_one = scripts.windows(2).all(|pair| pair[0] == pair[1]);
    is_one || WRITINGS.iter().any(|writing| scripts.iter().all(|script| writing.contains(script)))
}

/// Removes the blanks that keyboards add at the ends of a name or an address. A line break is not a blank.
pub(super) fn without_outer_blanks(text: &str) -> &str {
    text.trim_matches(['\u{20}', '\t', '\u{A0}', '\u{3000}'])
}

/// Removes everything between and around the digits of a pasted number or code: format characters, spaces and dashes of
/// every kind. A line break stays.
pub(super) fn without_fillers(text: &str) -> impl Iterator<Item = char> {
    text.chars().filter(|c| {
        let fills = matches!(
            category(*c),
            GeneralCategory::Format | GeneralCategory::SpaceSeparator | GeneralCategory::DashPunctuation
        );
        !(fills || *c == '\t' || CodePointSetData::new::<Dash>().contains(*c))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(text: &str) -> bool {
        let characters: Vec<_> = text.chars().collect();
        let at = characters.iter().position(|c| is_joiner(*c)).unwrap();
        joins_letters(&characters, at)
    }

    #[test]
    fn a_joiner_joins_where_its_script_needs_it() {
        for good in ["می\u{200C}خواهم", "ക്\u{200D}ഷ", "നില്\u{200D}", "क्\u{200C}ष", "ශ්\u{200D}රී", "مَ\u{200C}م"]
        {
            assert!(joined(good), "{good:?}");
        }
        for bad in ["a\u{200C}b", "a\u{200D}b", "\u{200C}م", "م\u{200C}", "م\u{200D}م", "李\u{200D}雷", "د\u{200C}م"]
        {
            assert!(!joined(bad), "{bad:?}");
        }
    }

    #[test]
    fn every_blank_of_the_list_is_one_that_no_property_covers() {
        for blank in BLANKS {
            assert!(!CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(blank), "{blank:?}");
            assert!(is_hidden(blank) && !is_visible_base(blank), "{blank:?}");
        }
    }

    #[test]
    fn people_write_some_scripts_together_and_others_not() {
        for good in ["李Lei", "漢字かなカナabc", "김Kim金", "ㄅㄆ注音abc", "аня", "हिन्दी_1", "a1", "e\u{301}x"]
        {
            assert!(is_of_one_writing(good), "{good}");
        }
        for bad in ["аdmin", "αdmin", "admin한かな", "Պetr", "ᎪᎠa", "a\u{93F}", "한ж"] {
            assert!(!is_of_one_writing(bad), "{bad}");
        }
    }

    #[test]
    fn a_person_sees_clusters() {
        for (text, expected) in [("", 0), ("e\u{301}", 1), ("👩🏻\u{200D}💻", 1), ("🇨🇳", 1), ("小红", 2), ("ệ", 1)]
        {
            assert_eq!(clusters(text), expected, "{text}");
        }
    }
}
