//! The shape of ids.

/// Returns whether a text is 32 lower-case hex digits (128 bits), the form of every id that a caller may send.
#[must_use]
pub fn is_id(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
