//! Encoded words: non-ASCII text in a mail header (RFC 2047). SES encodes the subject itself, but not the sender's
//! name.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// How many bytes one encoded word holds. It has at most 75 characters (RFC 2047 §2), and 12 of them surround the text.
/// Base64 makes four characters of three bytes, so 45 bytes make 60 characters.
const MAX_BYTES: usize = 45;

/// Returns a text as encoded words, separated by spaces, which a reader drops. No word ends within a character (§5).
pub(crate) fn encoded_words(text: &str) -> String {
    let (mut words, mut rest) = (Vec::new(), text);
    while !rest.is_empty() {
        let (word, after) = rest.split_at(rest.floor_char_boundary(MAX_BYTES));
        words.push(format!("=?UTF-8?B?{}?=", STANDARD.encode(word)));
        rest = after;
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Decodes as RFC 2047 §6.2 says. Each word is decoded by itself, so each must consist of whole characters.
    fn decoded(header: &str) -> String {
        let words = header.split(' ').filter(|word| !word.is_empty()).map(|word| {
            assert!(word.len() <= 75 && word.is_ascii(), "{word}");
            let encoded = word.strip_prefix("=?UTF-8?B?").and_then(|rest| rest.strip_suffix("?=")).unwrap();
            String::from_utf8(STANDARD.decode(encoded).unwrap()).unwrap()
        });
        words.collect()
    }

    #[test]
    fn any_name_comes_back_from_words_of_75_characters_at_most() {
        for name in ["Latchkey", "My Shop", "é", "例子商城", "<a@b>, \"c\"", "=?UTF-8?B?YQ==?="] {
            assert_eq!(decoded(&encoded_words(name)), name);
            assert_eq!(encoded_words(name).split(' ').count(), 1, "{name}");
        }
        for character in ["a", "é", "例", "😀"] {
            for count in 0..=64 {
                for before in ["", "a", "é"] {
                    let name = format!("{before}{}", character.repeat(count));
                    assert_eq!(decoded(&encoded_words(&name)), name);
                }
            }
        }
        assert_eq!(encoded_words(&"例".repeat(15)).len(), 72);
        assert_eq!(encoded_words(&"例".repeat(16)).split(' ').count(), 2);
    }
}
