//! Redirects for paths that end in a slash. Clients send that slash, and the template's routes do not have it. A
//! gateway that takes the two forms for different paths sends the one with the slash here, and the answer redirects to
//! the other.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode, utf8_percent_encode};
use shared::http::NOT_IN_A_QUERY;

use crate::ROUTES;

/// All characters except the unreserved ones (RFC 3986 §2.3), so that a value cannot end its segment.
const NOT_IN_A_SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// The longest `Location` header. API Gateway accepts 10,240 bytes of headers in all.
const MAX_LOCATION_BYTES: usize = 8 * 1024;

/// Returns the redirect target of a path that ends in a slash: the path of the route with this method, and the query.
/// `None` if the path has no slash at its end or there is no such route.
///
/// The target is built from the route, never cut from the path as sent: `//evil.example/` must not become a host.
pub(crate) fn location(method: &str, path: &str, query: &str) -> Option<String> {
    let path = path.strip_suffix('/')?;
    let routes = ROUTES.iter().filter(|(one, _)| *one == method);
    let built = routes.filter_map(|(_, route)| Some((route.matches('{').count(), fill(route, path)?)));
    // A literal segment takes precedence over a parameter, as at the gateway.
    let (_, mut location) = built.min_by_key(|(parameters, _)| *parameters)?;
    if !query.is_empty() {
        location.push('?');
        location.extend(utf8_percent_encode(query, NOT_IN_A_QUERY));
    }
    (location.len() <= MAX_LOCATION_BYTES).then_some(location)
}

/// Returns the route with the path's values for its parameters. `None` if the path does not match.
fn fill(route: &str, path: &str) -> Option<String> {
    if route.matches('/').count() != path.matches('/').count() {
        return None;
    }
    let mut filled = String::new();
    for (part, segment) in route.strip_prefix('/')?.split('/').zip(path.strip_prefix('/')?.split('/')) {
        filled.push('/');
        if part.starts_with('{') {
            let value: Vec<u8> = percent_decode_str(segment).collect();
            if !is_one_segment(&value) {
                return None;
            }
            filled.extend(percent_encode(&value, NOT_IN_A_SEGMENT));
        } else if part == segment && !part.is_empty() {
            filled.push_str(part);
        } else {
            return None;
        }
    }
    Some(filled)
}

/// Returns whether a decoded value can stand between two slashes. No parameter of ours contains `?` or `#`. In a path
/// that API Gateway has decoded, these characters leave open where it ends.
fn is_one_segment(value: &[u8]) -> bool {
    !matches!(value, b"" | b"." | b"..") && !value.iter().any(|byte| b"/?#".contains(byte))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_route_is_reached_from_its_form_with_the_slash() {
        for (method, route) in ROUTES.iter().filter(|(_, route)| *route != "/") {
            let segments = route.split('/').map(|part| if part.starts_with('{') { "a-1_~.css" } else { part });
            let path = segments.collect::<Vec<_>>().join("/");
            assert_eq!(location(method, &format!("{path}/"), "").as_deref(), Some(path.as_str()), "{method}");
            assert_eq!(location(method, &path, ""), None, "{path} needs no redirect");
        }
    }

    proptest! {
        #[test]
        fn a_location_is_a_route_s_path_in_plain_ascii(
            path in "/\\PC{0,12}/", value in "(/|%|[.]|2e|2f|5c|0d|0a|25|\\\\|\\PC){0,6}", query in "\\PC{0,12}"
        ) {
            for path in [path.clone(), format!("/users/mobile/{value}/"), format!("/assets/{value}/{value}/")] {
                let Some(location) = location("GET", &path, &query) else { continue };
                prop_assert!(location.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\' && byte != b'#'));
                let to = location.split('?').next().unwrap_or_default();
                prop_assert!(to.split('/').skip(1).all(|segment| !["", ".", ".."].contains(&segment)), "{}", to);
                prop_assert!(ROUTES.iter().any(|(method, route)| *method == "GET" && crate::matches(route, to)));
            }
        }
    }

    #[test]
    fn the_query_is_kept() {
        let to = |query| location("GET", "/users/captcha/", query).unwrap();
        assert_eq!(to("ticket=a%2Fb&randstr=@x"), "/users/captcha?ticket=a%2Fb&randstr=@x");
        assert_eq!(to("a=/?b"), "/users/captcha?a=/?b");
        assert_eq!(to(""), "/users/captcha");
    }

    #[test]
    fn only_the_method_of_a_route_is_redirected() {
        for method in ["GET", "HEAD", "OPTIONS", "post", ""] {
            assert_eq!(location(method, "/users/login/", ""), None, "{method}");
        }
        assert_eq!(location("HEAD", "/users/captcha/", ""), None);
        assert_eq!(location("HEAD", "/login/", "").as_deref(), Some("/login"));
    }

    #[test]
    fn no_path_leads_to_another_host_or_out_of_its_route() {
        for path in [
            "",
            "/",
            "//",
            "///",
            "//evil.example/",
            "//evil.example/users/",
            "//evil.example//users/login/",
            "/\\evil.example/",
            "/\\evil.example/users/",
            "\\\\evil.example/users/",
            "https://evil.example/users/",
            "users/",
            "/%2e%2e/",
            "/%2f%2fevil.example/",
            "/users//",
            "/users/login//",
            "/users/login///",
            "/users/sms/",
            "/users/sms//",
            "/users/sms/13800000000//",
            "/users/./",
            "/users/sms/./",
            "/users/sms/../",
            "/users/sms/%2e/",
            "/users/sms/%2E%2e/",
            "/users/sms/.%2e/",
            "/users/sms/%2F%2Fevil/",
            "/users/sms/%2f/",
            "/users/sms/1%2f..%2flogin/",
            "/users/sms/1%3Fpurpose=login/",
            "/users/sms/1%23/",
            "/assets/../style.css/",
            "/assets//style.css/",
            "/%75sers/",
        ] {
            for method in ["GET", "POST", "DELETE"] {
                assert_eq!(location(method, path, "x=1"), None, "{method} {path}");
            }
        }
    }

    #[test]
    fn what_stands_in_a_segment_or_a_query_cannot_end_it() {
        let path = |sent: &str| location("GET", &format!("/users/mobile/{sent}/"), "").unwrap();
        assert_eq!(path("%0d%0aSet-Cookie:%20a=b"), "/users/mobile/%0D%0ASet-Cookie%3A%20a%3Db");
        assert_eq!(path("\r\nX: y"), "/users/mobile/%0D%0AX%3A%20y");
        assert_eq!(path("\\evil"), "/users/mobile/%5Cevil");
        assert_eq!(path("%5c%5cevil"), "/users/mobile/%5C%5Cevil");
        assert_eq!(path("@evil.example:80"), "/users/mobile/%40evil.example%3A80");
        assert_eq!(path("..;"), "/users/mobile/..%3B");
        // Decoded once and encoded once, so a doubly encoded value stays doubly encoded.
        assert_eq!(path("%252e%252e"), "/users/mobile/%252e%252e");
        assert_eq!(path("%252f"), "/users/mobile/%252f");
        assert_eq!(path("%zz%"), "/users/mobile/%25zz%25");
        assert_eq!(path("１３８"), "/users/mobile/%EF%BC%91%EF%BC%93%EF%BC%98");
        assert_eq!(path("%ff"), "/users/mobile/%FF", "also where it is no UTF-8");
        let query = |sent: &str| location("GET", "/users/", sent).unwrap();
        assert_eq!(query("a=\r\nSet-Cookie: b"), "/users?a=%0D%0ASet-Cookie:%20b");
        assert_eq!(query("a=%0d%0ab"), "/users?a=%0d%0ab");
        assert_eq!(query("a=\u{e9}\u{7f}\0#//evil\\"), "/users?a=%C3%A9%7F%00%23//evil%5C");
    }

    #[test]
    fn what_is_too_long_for_a_header_is_not_found() {
        let long = "1".repeat(MAX_LOCATION_BYTES);
        assert_eq!(location("GET", &format!("/users/mobile/{long}/"), ""), None);
        assert_eq!(location("GET", "/users/captcha/", &long), None);
        // Each takes three bytes when encoded.
        assert_eq!(location("GET", "/users/captcha/", &"\u{7f}".repeat(MAX_LOCATION_BYTES / 3)), None);
        assert!(location("GET", "/users/captcha/", &long[20..]).is_some());
    }
}
