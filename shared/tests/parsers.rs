//! Checks that parsers accept exactly the language that they are documented to accept, and never panic (ASVS 2.2.1).
//! Each property states the language a second time, in another way than the parser does.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use proptest::prelude::*;
use shared::crypto::{CaptchaAction, CaptchaPass, CsrfValue, KeyGroup, Keyring, KnownDevice, ResetLink};
use shared::domain::{
    AccountName, ChallengeId, Code, Consent, Email, Language, Limit, Mobile, NewPassword, Nickname, PasswordRules,
    Person, RefreshToken, SessionId, Timestamp, Username,
};
use unicode_segmentation::UnicodeSegmentation;

const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

/// Generates texts of any characters, control characters included, and texts that are nearly right.
fn text(nearly: &'static str) -> impl Strategy<Value = String> {
    let any_text = proptest::collection::vec(any::<char>(), 0..40).prop_map(String::from_iter);
    let nearly = proptest::string::string_regex(nearly).unwrap();
    let spoiled = (nearly, 0usize..64, any::<char>()).prop_map(|(text, at, c)| {
        let mut characters: Vec<_> = text.chars().collect();
        characters.insert(at % (characters.len() + 1), c);
        String::from_iter(characters)
    });
    let nearly_again = proptest::string::string_regex(match_all()).unwrap();
    prop_oneof![any_text, spoiled, nearly_again]
}

/// Matches short runs of the characters in numbers, names and codes.
const fn match_all() -> &'static str {
    "[0-9０-９a-fA-F@._+\\-/: \n]{0,34}"
}

fn keyring(group: KeyGroup) -> Keyring {
    Keyring::parse(&"k".repeat(32), group).unwrap()
}

proptest! {
    #[test]
    fn a_code_is_six_ascii_digits(text in text("[0-9]{6}")) {
        let expected = text.chars().count() == 6 && text.chars().all(|c| "0123456789".contains(c));
        prop_assert_eq!(Code::parse(&text).is_ok(), expected);
    }

    #[test]
    fn a_mobile_number_is_eleven_ascii_digits(text in text("1[3-9][0-9]{9}")) {
        let mut characters = text.chars();
        let expected = text.chars().count() == 11
            && characters.next() == Some('1')
            && characters.next().is_some_and(|c| "3456789".contains(c))
            && characters.all(|c| "0123456789".contains(c));
        prop_assert_eq!(Mobile::parse(&text).is_ok(), expected);
    }

    #[test]
    fn a_handle_and_a_session_are_thirty_two_lower_case_hex_digits(text in text("[0-9a-f]{32}")) {
        let expected = text.chars().count() == 32 && text.chars().all(|c| "0123456789abcdef".contains(c));
        prop_assert_eq!(ChallengeId::parse(&text).is_some(), expected);
        prop_assert_eq!(SessionId::parse(&text).is_some(), expected);
        prop_assert_eq!(ChallengeId::requested(&text).is_some(), expected || text == "new");
    }

    #[test]
    fn a_nickname_is_one_to_twenty_visible_characters(text in text("\\PC{1,20}|[a😀👩\u{200d}\u{fe0f}\u{1f3fb}]{1,9}")) {
        let trimmed = text.trim();
        match Nickname::parse(&text) {
            Ok(name) => {
                prop_assert_eq!(name.as_str(), trimmed);
                // Controls, fillers and direction marks, which a name may not contain.
                let hidden = |c: char| {
                    c.is_control()
                        || matches!(
                            c,
                            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{200b}'
                                | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
                                | '\u{2800}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{e0100}'..='\u{e0fff}'
                        )
                };
                prop_assert!(!trimmed.chars().any(hidden));
                prop_assert!((1..=20).contains(&trimmed.graphemes(true).count()));
            }
            // Up to twenty plain letters and digits are always a name.
            Err(_) => {
                let is_plain = trimmed.bytes().all(|b| b.is_ascii_alphanumeric());
                prop_assert!(!is_plain || !(1..=20).contains(&trimmed.len()));
            }
        }
    }

    #[test]
    fn a_new_password_is_measured_in_characters(text in text("\\PC{6,130}"), least in 6usize..=64) {
        let length = icu_normalizer::ComposingNormalizerBorrowed::new_nfkc().normalize(&text).chars().count();
        match NewPassword::parse(&text, PasswordRules { min_characters: least }, &Person::default()) {
            Ok(_) => prop_assert!((least..=128).contains(&length)),
            Err(shared::domain::PasswordError::TooShort { .. }) => prop_assert!(length < least),
            Err(shared::domain::PasswordError::TooLong) => prop_assert!(length > 128),
            // The list has only the commonest passwords, and all of them are short.
            Err(_) => prop_assert!((least..=40).contains(&length)),
        }
    }

    #[test]
    fn an_account_name_is_of_one_form(text in text("[a-z0-9_.@-]{3,30}")) {
        match AccountName::classify(&text) {
            Some(AccountName::Mobile(mobile)) => prop_assert_eq!(mobile.as_str(), text),
            Some(AccountName::Email(_)) => prop_assert!(Username::parse(&text).is_err() && Mobile::parse(&text).is_err()),
            Some(AccountName::Username(_)) => prop_assert!(!text.contains('@') && Mobile::parse(&text).is_err()),
            None => prop_assert!(Username::parse(&text).is_err() && Mobile::parse(&text).is_err()),
        }
    }

    #[test]
    fn a_blank_at_an_end_changes_no_name(text in "[a-z0-9_.@-]{3,30}|李雷雷|li@例子.cn", blanks in "[ \t\u{a0}\u{3000}]{0,3}") {
        let padded = format!("{blanks}{text}{blanks}");
        let is_number = Mobile::parse(&text).is_ok();
        let expected = AccountName::classify(&text).filter(|_| !is_number || blanks.is_empty());
        prop_assert_eq!(AccountName::classify(&padded), expected);
    }

    #[test]
    fn a_code_is_found_among_what_pasting_adds(code in "[0-9]{6}", fillers in proptest::collection::vec("[\\p{Zs}\\p{Cf}\\p{Pd}]{0,2}", 6)) {
        let spread: String = code.chars().zip(&fillers).flat_map(|(c, filler)| [filler.clone(), c.into()]).collect();
        let read = Code::parse_pasted(&spread).map(|code| code.expose().to_owned());
        prop_assert_eq!(read, Ok(code));
    }

    #[test]
    fn a_domain_has_one_spelling(domain in "[a-z例子üß]{1,9}\\.(cn|中国)") {
        if let Ok(email) = Email::parse(&format!("li@{domain}")) {
            prop_assert!(email.as_str().is_ascii());
            prop_assert_eq!(Email::parse(&format!("LI@{}", domain.replace('.', "。"))), Ok(email));
        }
    }

    #[test]
    fn no_username_passes_for_a_number_or_an_address(text in text("[1１①][0-9０-９]{10}")) {
        if let Ok(name) = Username::parse(&text) {
            for form in [text.as_str(), name.as_str(), &name.key()] {
                prop_assert!(Mobile::parse(form).is_err() && !form.contains('@'), "{form:?}");
            }
        }
    }

    #[test]
    fn any_header_has_a_language(text in text("(en|zh|fr)(-[A-Z]{2})?(;q=0\\.[0-9])?")) {
        let language = Language::from_accept_language(&text);
        prop_assert!(language == Language::Zh || text.to_ascii_lowercase().contains("en"));
    }

    #[test]
    fn consent_names_two_versions(terms in text("[0-9.]{1,64}"), privacy in text("v[0-9]{1,3}")) {
        let named = |text: &str| {
            let ends = [text.chars().next(), text.chars().last()];
            !text.is_empty()
                && text.len() <= 64
                && !text.chars().any(char::is_control)
                && ends.into_iter().flatten().all(|c| !c.is_whitespace())
        };
        let is_complete = named(&terms) && named(&privacy);
        prop_assert_eq!(Consent { terms, privacy, at: NOW }.is_complete(), is_complete);
    }

    #[test]
    fn a_limit_is_positive_and_within_a_year(text in text("[0-9]{1,4}/[0-9]{0,3}[smhd]")) {
        if let Ok(limit) = Limit::parse(&text) {
            prop_assert!(limit.most > 0 && (1..=366 * 86_400).contains(&limit.window_seconds));
            let (number, end) = limit.window(NOW);
            prop_assert!(end > NOW && end <= NOW.plus_seconds(limit.window_seconds), "{number}");
        }
    }

    #[test]
    fn nothing_made_up_passes_for_a_value_of_ours(text in text("[0-9a-f]{8}\\.[A-Za-z0-9_-]{4,40}\\.[A-Za-z0-9_-]{43}")) {
        let (links, sessions, visitors) =
            (keyring(KeyGroup::Links), keyring(KeyGroup::Sessions), keyring(KeyGroup::Visitors));
        prop_assert!(RefreshToken::verify(&text, &sessions).is_none());
        prop_assert!(ResetLink::verify(&text, &links, NOW).is_none());
        prop_assert!(KnownDevice::open(&text, &sessions, NOW).is_none());
        prop_assert!(!CsrfValue::accepts(&text, &text, &visitors, NOW));
        prop_assert!(CaptchaPass::verify(&text, "203.0.113.7", CaptchaAction::Login, &visitors, NOW).is_none());
    }

    #[test]
    fn a_keyring_needs_thirty_two_characters_of_each_secret(secrets in proptest::collection::vec("[!-+\\--~]{0,40}", 1..4)) {
        let text = secrets.join(",");
        let expected = secrets.iter().all(|secret| secret.chars().count() >= 32);
        prop_assert_eq!(Keyring::parse(&text, KeyGroup::Codes).is_ok(), expected);
    }
}
