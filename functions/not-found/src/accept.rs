//! Content negotiation: whether a client prefers a page or JSON (RFC 9110 §12.5.1).

/// Returns whether `Accept` prefers a page to JSON. At equal quality the more exact range wins, because older browsers
/// send `text/html, */*`. If both are equal, as in `*/*`, the answer is JSON: programs say no more than that.
pub(crate) fn prefers_html(accept: &str) -> bool {
    let (html, json) = (preference(accept, "text", "html"), preference(accept, "application", "json"));
    html.thousandths > 0 && html > json
}

/// How much a media type is wanted. The derived ordering compares the fields in this order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Preference {
    /// The quality value times 1000, from 0 to 1000.
    thousandths: u16,
    /// 0 for no range, 1 for `*/*`, 2 for `text/*`, 3 for the type itself.
    exactness: u8,
}

/// Returns the quality of the most exact range that includes a type. Parameters of a range are ignored, because our two
/// types have no variants.
fn preference(accept: &str, main: &str, sub: &str) -> Preference {
    let ranges = accept.split(',').filter_map(|range| {
        let mut parts = range.split(';').map(str::trim);
        let (one, other) = parts.next()?.split_once('/')?;
        let is = |text: &str, name: &str| text.trim().eq_ignore_ascii_case(name);
        let exactness = match () {
            () if is(one, main) && is(other, sub) => 3,
            () if is(one, main) && is(other, "*") => 2,
            () if is(one, "*") && is(other, "*") => 1,
            () => return None,
        };
        let weight = parts.filter_map(|part| part.split_once('=')).find(|(name, _)| is(name, "q"));
        Some(Preference { thousandths: weight.map_or(1000, |(_, value)| thousandths(value)), exactness })
    });
    // Of two identical ranges the higher quality counts.
    ranges.max_by_key(|range| (range.exactness, range.thousandths)).unwrap_or_default()
}

/// Parses a quality value. A malformed one counts as 0.
fn thousandths(text: &str) -> u16 {
    let (whole, fraction) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
    let is_digits = fraction.len() <= 3 && fraction.bytes().all(|byte| byte.is_ascii_digit());
    let fraction = format!("{fraction:0<3}").parse().unwrap_or(0);
    match whole {
        "0" if is_digits => fraction,
        "1" if is_digits && fraction == 0 => 1000,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn browsers_read_pages() {
        for accept in [
            "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
            "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7",
            "text/html, application/xhtml+xml, image/jxr, */*",
            "text/html",
            "Text/HTML ; Q=0.2 , application/json;q=0.1",
            "text/*",
            "text/html;q=0.001",
            "text/html;level=1, application/json;q=0.9",
            "application/json;q=0, */*",
            "text/*;q=0.5, application/*;q=0.4",
            "text/html, */*; q=0.01",
        ] {
            assert!(prefers_html(accept), "{accept}");
        }
    }

    #[test]
    fn programs_read_json() {
        for accept in [
            "",
            "*/*",
            "application/json",
            "application/json, text/plain, */*",
            "application/json, text/javascript, */*; q=0.01",
            "text/html, application/json",
            "application/json;q=0.9, text/html;q=0.8, */*;q=0.1",
            "text/html;q=0.5, application/json;q=0.501",
            "text/*, application/json",
            // A more exact range counts, even if a wider one has a higher quality.
            "text/html;q=0.1, text/*, application/json;q=0.2",
            "text/html;q=0",
            "text/html;q=0, */*",
            "text/html;q=2",
            "text/html;q=",
            "text/html;q=0.0001",
            "text/html;q=-1",
            "image/avif,image/webp,*/*;q=0.8",
            "text/css,*/*;q=0.1",
            "text/plain",
            "html",
            "*",
            "texthtml, ;q=1, /, ;;",
        ] {
            assert!(!prefers_html(accept), "{accept}");
        }
    }

    proptest! {
        #[test]
        fn no_header_is_a_panic(accept in "(text/html|[*]/[*]|q=[0-9.]{0,6}|[,;=/ ]|\\PC){0,12}") {
            let _ = prefers_html(&accept);
        }
    }
}
