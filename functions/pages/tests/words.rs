//! Checks that the pages have a text for every error that they can meet.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use std::collections::BTreeMap;

const WORDS: &str = include_str!("../assets/errors.js");

/// Errors that no page of ours can cause: only a client with a bug sends such a request.
const NOT_FOR_PAGES: [&str; 8] = [
    "action_unknown",
    "body_empty",
    "body_not_an_object",
    "body_not_json",
    "duplicate_key",
    "method_not_allowed",
    "purpose_unknown",
    "unsupported_media_type",
];

/// Returns the Chinese and the English text of each error code.
fn words() -> BTreeMap<&'static str, (&'static str, &'static str)> {
    let entries = WORDS.split("],\n").filter_map(|entry| entry.rsplit_once(": ["));
    let texts = entries.map(|(before, texts)| {
        let code = before.rsplit(' ').next().unwrap();
        let texts: Vec<_> = texts.split('"').skip(1).step_by(2).collect();
        let [chinese, english] = texts[..] else { panic!("{code}: {texts:?}") };
        (code, (chinese, english))
    });
    texts.collect()
}

#[test]
fn a_page_has_words_for_every_code_that_it_can_meet() {
    let (codes, words): (Vec<_>, _) = (shared::Error::codes().collect(), words());
    assert!(codes.len() > 50 && codes.contains(&"too_many_requests"), "{codes:?}");
    for code in &codes {
        let is_known = words.contains_key(code);
        assert_ne!(is_known, NOT_FOR_PAGES.contains(code), "{code} has words in errors.js, or is listed here");
    }
    assert!(NOT_FOR_PAGES.iter().all(|code| codes.contains(code)), "one of them is no code any more");
}

#[test]
fn words_are_in_both_languages_and_end_as_sentences() {
    for (code, (chinese, english)) in words() {
        assert!(chinese.ends_with('。') && !chinese.is_ascii(), "{code}: {chinese}");
        assert!(english.ends_with('.') && english.is_ascii(), "{code}: {english}");
    }
}
