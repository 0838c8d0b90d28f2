//! The media type of a body (RFC 9110 §8.3), and the charsets whose bytes can be read as UTF-8.

/// Returns whether a body with this `Content-Type` is JSON that can be read as UTF-8.
///
/// JSON is UTF-8 (RFC 8259 §8.1) and its media type has no `charset`, but libraries send one. A charset in which the
/// bytes mean another text is refused, because that other text would be stored.
pub(super) fn is_json(content_type: &str, body: &[u8]) -> bool {
    let mut parts = split_unquoted(content_type);
    let is_json = parts.next().is_some_and(|media_type| media_type.trim().eq_ignore_ascii_case("application/json"));
    is_json && parts.filter_map(charset).all(|charset| reads_as_utf8(&charset, body))
}

/// Returns whether this is a `Content-Type` of a form. A page of another site can send one without permission.
pub(super) fn is_form(content_type: &str) -> bool {
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    ["application/x-www-form-urlencoded", "multipart/form-data", "text/plain"]
        .iter()
        .any(|form| media_type.eq_ignore_ascii_case(form))
}

/// Splits a text at semicolons, but not within a quoted string.
fn split_unquoted(text: &str) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(move |c| {
        let is_escaped = std::mem::take(&mut escaped);
        match c {
            '\\' if quoted => escaped = !is_escaped,
            '"' if !is_escaped => quoted = !quoted,
            _ => {}
        }
        c == ';' && !quoted
    })
}

/// Returns the name of the charset, where a parameter is one.
fn charset(parameter: &str) -> Option<String> {
    let (name, value) = parameter.split_once('=')?;
    let value = value.trim().trim_matches(['"', '\'']);
    // In a quoted string, a backslash means that the next character stands for itself.
    name.trim().eq_ignore_ascii_case("charset").then(|| value.replace('\\', ""))
}

fn reads_as_utf8(charset: &str, body: &[u8]) -> bool {
    // The year of an edition does not matter: `ISO_8859-1:1987`.
    let name = charset.split(':').next().unwrap_or_default();
    // Names are compared by letters and digits alone (UTS 22 §1.4): `utf8`, `UTF-8` and `utf_8` are equal.
    let name: String = name
        .chars()
        .filter(|c| !c.is_ascii_punctuation() && !c.is_ascii_whitespace())
        .map(|c| c.to_ascii_lowercase())
        .collect();
    match name.as_str() {
        // The aliases of UTF-8 and of ASCII in IANA's registry and in WHATWG's Encoding.
        "" | "utf8" | "csutf8" | "unicode11utf8" | "unicode20utf8" | "xunicode20utf8" | "ascii" | "usascii"
        | "csascii" | "us" | "iso646us" | "iso646irv" | "isoir6" | "ansix341968" | "ansix341986" | "ibm367"
        | "cp367" => true,
        name => is_single_byte(name) && body.is_ascii(),
    }
}

/// Returns whether each character of this charset is one byte, and the bytes up to 0x7F are those of ASCII.
fn is_single_byte(name: &str) -> bool {
    const NAMES: &[&str] = &[
        "arabic",
        "armscii8",
        "asmo708",
        "cyrillic",
        "ecma114",
        "ecma118",
        "elot928",
        "greek",
        "greek8",
        "hebrew",
        "koi",
        "koi8",
        "koi8r",
        "koi8ru",
        "koi8t",
        "koi8u",
        "logical",
        "mac",
        "maccyrillic",
        "macintosh",
        "macroman",
        "suneugreek",
        "tis620",
        "visual",
        "xmaccyrillic",
        "xmacroman",
        "xmacukrainian",
    ];
    const PAGES: &[u16] = &[
        437, 720, 737, 775, 819, 850, 852, 855, 857, 858, 860, 861, 862, 863, 864, 865, 866, 869, 874, 1250, 1251,
        1252, 1253, 1254, 1255, 1256, 1257, 1258,
    ];
    const REGISTERED: &[u16] = &[100, 101, 109, 110, 126, 127, 138, 144, 148, 157, 166, 179, 199, 203, 226];
    // The prefix of each family, and the numbers that belong to it.
    let families: [(&str, &dyn Fn(u16) -> bool); 9] = [
        ("iso8859", &|part| (1..=16).contains(&part)),
        ("latin", &|number| (1..=10).contains(&number)),
        ("l", &|number| (1..=10).contains(&number)),
        ("isoir", &|number| REGISTERED.contains(&number)),
        ("windows", &|page| PAGES.contains(&page)),
        ("xcp", &|page| PAGES.contains(&page)),
        ("cp", &|page| PAGES.contains(&page)),
        ("ibm", &|page| PAGES.contains(&page)),
        ("dos", &|page| PAGES.contains(&page)),
    ];
    // Names that start with `cs` are the registry's names for programs. `-e` and `-i` tell the order in which Hebrew
    // and Arabic are written.
    let name = name.strip_prefix("cs").unwrap_or(name);
    let name = name.strip_prefix("isolatin").filter(|rest| !rest.is_empty()).map_or(name, |_| &name[3..]);
    let name = name.strip_prefix("latin").filter(|rest| NAMES.contains(rest)).unwrap_or(name);
    let numbered = if name.starts_with("iso8859") { name.trim_end_matches(['e', 'i']) } else { name };
    let is_numbered = |(prefix, is_member): &(&str, &dyn Fn(u16) -> bool)| {
        numbered.strip_prefix(prefix).and_then(|number| number.parse().ok()).is_some_and(is_member)
    };
    NAMES.contains(&name) || families.iter().any(is_numbered)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn utf_8_and_ascii_are_read_under_each_of_their_names() {
        for content_type in [
            "application/json",
            "Application/JSON ; Charset=UTF-8",
            "application/json;charset=utf8",
            "application/json; charset=\"utf-8\"",
            "application/json; charset='utf-8'",
            "application/json; charset=\"\\u\\tf-8\"",
            "application/json; charset=",
            "application/json;",
            "application/json; boundary=\";charset=gbk\"; charset=utf_8",
            "application/json; profile=\"a\\\";charset=gbk\"",
            "application/json; charset=us-ascii",
            "application/json; charset=ASCII",
            "application/json; charset=ISO646-US",
            "application/json; charset=ISO_646.irv:1991",
            "application/json; charset=ANSI_X3.4-1968",
            "application/json; odata=verbose; charset=csUTF8",
        ] {
            assert!(is_json(content_type, "{\"a\":\"北京\"}".as_bytes()), "{content_type}");
        }
    }

    #[test]
    fn another_single_byte_charset_is_read_while_the_body_is_ascii() {
        for charset in [
            "ISO-8859-1",
            "iso8859_1",
            "iso-8859-15",
            "ISO_8859-1:1987",
            "iso-8859-8-i",
            "latin1",
            "latin-1",
            "l1",
            "csISOLatin1",
            "csISOLatinGreek",
            "csISO88596E",
            "windows-1252",
            "CP1252",
            "x-cp1251",
            "windows-874",
            "TIS-620",
            "koi8-r",
            "csKOI8R",
            "macintosh",
            "x-mac-cyrillic",
            "IBM850",
            "cp437",
            "iso-ir-100",
            "\"windows-1251\"",
            "greek",
        ] {
            let content_type = format!("application/json; charset={charset}");
            assert!(is_json(&content_type, b"{\"a\":\"\\u5317\"}"), "{charset}");
            assert!(!is_json(&content_type, "{\"a\":\"é\"}".as_bytes()), "{charset}");
            assert!(!is_json(&content_type, b"{\"a\":\"\xe9\"}"), "{charset}");
        }
    }

    #[test]
    fn a_form_is_told_by_its_media_type() {
        for form in
            ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", " Text/Plain ;charset=UTF-8"]
        {
            assert!(is_form(form), "{form}");
        }
        for other in ["", "application/json", "text/plainer", "application/json; a=text/plain"] {
            assert!(!is_form(other), "{other}");
        }
    }

    #[test]
    fn any_other_charset_or_media_type_is_refused() {
        for charset in [
            "gbk",
            "GB2312",
            "gb18030",
            "big5",
            "shift_jis",
            "euc-jp",
            "euc-kr",
            "iso-2022-jp",
            "utf-16",
            "UTF-16LE",
            "utf16be",
            "utf-32",
            "ucs-2",
            "utf-7",
            "ibm037",
            "cp037",
            "cp932",
            "cp936",
            "windows-31j",
            "windows-65001",
            "iso-8859",
            "iso-8859-0",
            "iso-8859-17",
            "latin0",
            "latin11",
            "nonsense",
            "utf-8, gbk",
            "utf-8; charset=gbk",
            "gbk; charset=utf-8",
            "\"gbk\"",
            "北京",
        ] {
            assert!(!is_json(&format!("application/json; charset={charset}"), b"{}"), "{charset}");
        }
        for content_type in
            ["", ";", "text/plain", "text/json", "application/json5", "application/jsonx; charset=utf-8"]
        {
            assert!(!is_json(content_type, b"{}"), "{content_type}");
        }
    }

    proptest! {
        #[test]
        fn no_content_type_is_a_panic(content_type in "(application/json)?[ -~é;\"=\\\\]{0,30}") {
            let _ = is_json(&content_type, b"{}");
        }
    }
}
