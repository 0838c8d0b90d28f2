//! The two languages of answers and messages.

use serde::{Deserialize, Serialize};

/// The language of an answer or a message: Chinese unless English is preferred.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    #[default]
    Zh,
    En,
}

impl Language {
    /// Returns English when the most-preferred tag of `Accept-Language` (RFC 9110 §12.5.4) has the primary subtag `en`,
    /// else Chinese.
    #[must_use]
    pub fn from_accept_language(header: &str) -> Self {
        let mut best: Option<(&str, f32)> = None;
        for range in header.split(',') {
            let mut parts = range.split(';').map(str::trim);
            let tag = parts.next().unwrap_or("");
            let quality = parts
                .find_map(|part| part.strip_prefix("q="))
                .map_or(1.0, |text| text.parse::<f32>().unwrap_or(0.0).clamp(0.0, 1.0));
            // Of tags with the same quality, the first wins. A quality of 0 means "not this one".
            if !tag.is_empty() && quality > best.map_or(0.0, |(_, q)| q) {
                best = Some((tag, quality));
            }
        }
        let primary = best.and_then(|(tag, _)| tag.split('-').next()).unwrap_or("");
        if primary.eq_ignore_ascii_case("en") { Self::En } else { Self::Zh }
    }

    /// Returns the text in this language.
    #[must_use]
    pub const fn pick<'a>(self, zh: &'a str, en: &'a str) -> &'a str {
        match self {
            Self::Zh => zh,
            Self::En => en,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Language;

    #[test]
    fn english_only_when_it_is_preferred_most() {
        for (header, language) in [
            ("", Language::Zh),
            ("en", Language::En),
            ("en-GB,zh;q=0.8", Language::En),
            ("zh-CN,zh;q=0.9,en;q=0.8", Language::Zh),
            ("zh;q=0.5, EN-us;q=0.7", Language::En),
            ("en;q=0, zh", Language::Zh),
            ("enx", Language::Zh),
            ("fr, en", Language::Zh),
            (";;,,q=1", Language::Zh),
        ] {
            assert_eq!(Language::from_accept_language(header), language, "{header}");
        }
    }
}
