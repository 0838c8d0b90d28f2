//! Requests as handlers see them.

use std::borrow::Cow;

use lambda_http::http::{HeaderMap, Method, header};
use lambda_http::request::RequestContext;
use lambda_http::{Body, RequestExt};

use super::json::Fields;
use super::media_type;
use crate::app::{App, Caller, Who};
use crate::config::origin_of;
use crate::domain::{Language, Mobile, SessionId, shorten_address};
use crate::error::Error;

/// The maximum length of a body, in bytes.
const MAX_BODY_BYTES: usize = 64 * 1024;
/// The mark that some editors and libraries on Windows write before UTF-8.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// A request that came through API Gateway (payload format 2.0).
pub struct Request {
    inner: lambda_http::Request,
    context: Option<lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpRequestContext>,
    who: Who,
}

impl std::fmt::Debug for Request {
    /// Shows nothing of the body, the headers or the path, because these contain passwords, tokens and mobile numbers.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Request({}, {})", self.route(), self.id())
    }
}

impl From<lambda_http::Request> for Request {
    fn from(inner: lambda_http::Request) -> Self {
        let context = match inner.request_context_ref() {
            Some(RequestContext::ApiGatewayV2(context)) => Some(context.clone()),
            _ => None,
        };
        Self { inner, context, who: Who::default() }
    }
}

impl Request {
    #[must_use]
    pub fn method(&self) -> &Method {
        self.inner.method()
    }

    /// Returns the path as it was sent.
    #[must_use]
    pub fn path(&self) -> &str {
        self.inner.raw_http_path()
    }

    /// Returns the query as it was sent, without the question mark.
    #[must_use]
    pub fn raw_query(&self) -> &str {
        self.inner.uri().query().unwrap_or_default()
    }

    /// Returns the route that matched (`POST /users/login`). Logs contain it instead of the path, because paths contain
    /// mobile numbers.
    #[must_use]
    pub fn route(&self) -> &str {
        self.context.as_ref().and_then(|context| context.route_key.as_deref()).unwrap_or("-")
    }

    /// Returns the id that API Gateway gave the request.
    #[must_use]
    pub fn id(&self) -> &str {
        self.context.as_ref().and_then(|context| context.request_id.as_deref()).unwrap_or("-")
    }

    /// Returns the account that the request is about, once a use case has noted it.
    #[must_use]
    pub fn who(&self) -> &str {
        self.who.get().unwrap_or("-")
    }

    /// Returns the network address that the request comes from.
    ///
    /// This is the address that API Gateway saw. Where the secret header shows that the request came through the
    /// deployment's own CloudFront, it is the address that CloudFront saw (ASVS 4.1.3).
    #[must_use]
    pub fn source(&self, app: &App) -> &str {
        let seen = self.context.as_ref().and_then(|context| context.http.source_ip.as_deref()).unwrap_or("-");
        if self.came_through_cloudfront(app) { self.viewer(seen).unwrap_or(seen) } else { seen }
    }

    /// Returns where the request comes from, for its line in the log: the network address, or only its network once the
    /// request has deleted the account.
    pub(super) fn logged_source(&self, app: &App) -> Cow<'_, str> {
        let source = self.source(app);
        if self.who.is_deleted() { shorten_address(source).into() } else { source.into() }
    }

    fn came_through_cloudfront(&self, app: &App) -> bool {
        app.config.is_own_cloudfront(self.header("x-origin-secret").unwrap_or(""))
    }

    /// Refuses a request that bypasses the deployment's own CloudFront, where it has one, and so bypasses its firewall.
    pub fn refuse_past_cloudfront(&self, app: &App) -> Result<(), Error> {
        let past = app.config.has_cloudfront() && !self.came_through_cloudfront(app);
        if past { Err(Error::PastCloudFront) } else { Ok(()) }
    }

    /// Returns the last address in `X-Forwarded-For` that differs from the one that API Gateway saw.
    ///
    /// CloudFront appends the viewer's address to the header that the viewer sent, and API Gateway appends
    /// CloudFront's.
    fn viewer(&self, seen: &str) -> Option<&str> {
        // Reads each address by itself. The viewer made up the addresses to the left of its own, and they may not be
        // text.
        let forwarded = self.inner.headers().get_all("x-forwarded-for").iter().next_back()?.as_bytes();
        let addresses = forwarded.rsplit(|byte| *byte == b',').map(|address| text(address).map_or("", str::trim));
        let viewer = addresses.into_iter().find(|address| *address != seen)?;
        viewer.parse::<std::net::IpAddr>().ok().map(|_| viewer)
    }

    /// Returns the language of the answer.
    #[must_use]
    pub fn language(&self) -> Language {
        Language::from_accept_language(self.header("accept-language").unwrap_or(""))
    }

    #[must_use]
    pub fn caller(&self, app: &App) -> Caller {
        Caller {
            address: self.source(app).to_owned(),
            language: self.language(),
            issuer: app.config.tokens.issuer.clone().unwrap_or_else(|| format!("https://{}", self.domain_name())),
            user_agent: self.header("user-agent").unwrap_or_default().chars().take(512).collect(),
            devices: self.devices(app).map(|(_, device)| device).collect(),
            cookie_session: self.session_of_cookie(app),
            request_id: self.id().to_owned(),
            who: self.who.clone(),
        }
    }

    /// Returns the domain name at which API Gateway took the request: its own, or one that the deployment mapped to it.
    /// It does not come from a header, so no client chooses it.
    pub(crate) fn domain_name(&self) -> &str {
        let context = self.context.as_ref();
        context.and_then(|context| context.domain_name.as_deref()).unwrap_or("localhost")
    }

    /// Returns a header's value, when it is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        header_text(self.inner.headers(), name)
    }

    /// Returns the values of all headers with this name, when they are text.
    pub(super) fn headers_of<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.inner.headers().get_all(name).iter().filter_map(|value| text(value.as_bytes()))
    }

    /// Returns the value of the first cookie with this name.
    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies().find_map(|(key, value)| (key == name).then_some(value))
    }

    /// Returns the names and values of all cookies.
    pub(super) fn cookies(&self) -> impl Iterator<Item = (&str, &str)> {
        // Reads each pair by itself. Any script of the domain can set a cookie beside ours that is not text.
        let lines = self.inner.headers().get_all(header::COOKIE).iter().map(|line| line.as_bytes());
        lines.flat_map(|line| line.split(|byte| *byte == b';')).filter_map(|pair| text(pair)?.trim().split_once('='))
    }

    /// Returns the first value of a query parameter.
    #[must_use]
    pub fn query(&self, name: &str) -> Option<String> {
        let parameters = self.inner.query_string_parameters_ref()?;
        parameters.all(name).and_then(|values| values.first().map(|value| (*value).to_owned()))
    }

    /// Returns the access token from `Authorization: Bearer …`, or from `JWT …` as the old clients send it.
    #[must_use]
    pub fn bearer(&self) -> Option<&str> {
        let (scheme, token) = self.header("authorization")?.split_once(' ')?;
        let known = scheme.eq_ignore_ascii_case("bearer") || scheme.eq_ignore_ascii_case("jwt");
        known.then(|| token.trim())
    }

    /// Returns the captcha pass, if one was sent.
    #[must_use]
    pub fn captcha_pass(&self) -> Option<&str> {
        self.header("x-captcha-pass")
    }

    /// Returns the mobile number in the path. A malformed number names no resource, so the answer is 404.
    pub fn mobile_in_path(&self) -> Result<Mobile, Error> {
        let parameters = self.inner.path_parameters_ref();
        let text = parameters.and_then(|parameters| parameters.first("mobile")).unwrap_or("");
        Mobile::parse(text).map_err(|_| Error::NotFound)
    }

    /// Returns the session id in the path. A malformed id names no resource, so the answer is 404.
    pub fn session_in_path(&self) -> Result<SessionId, Error> {
        let parameters = self.inner.path_parameters_ref();
        let text = parameters.and_then(|parameters| parameters.first("id")).unwrap_or("");
        SessionId::parse(text).ok_or(Error::NotFound)
    }

    /// Parses the JSON object in the body.
    pub fn json(&self) -> Result<Fields, Error> {
        let body: &[u8] = match self.inner.body() {
            Body::Text(text) => text.as_bytes(),
            Body::Binary(bytes) => bytes,
            _ => &[],
        };
        if body.len() > MAX_BODY_BYTES {
            return Err(Error::BodyTooLarge);
        }
        // RFC 8259 §8.1 allows a parser to ignore the mark.
        let body = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body);
        if body.trim_ascii().is_empty() {
            return Err(Error::BodyEmpty);
        }
        // A page of another site can send a form or plain text without permission, but not JSON.
        if !media_type::is_json(self.header("content-type").unwrap_or(""), body) {
            return Err(Error::UnsupportedMediaType);
        }
        Fields::parse(body)
    }

    /// Refuses a cross-site request: one that a page of another site can make a browser send without being able to read
    /// the answer, by an image, a link, a form or a prefetch (Fetch Metadata, W3C). Requests by scripts and by old
    /// clients pass.
    pub fn refuse_cross_site(&self) -> Result<(), Error> {
        let is = |name: &str, values: &[&str]| {
            let value = self.header(name).unwrap_or("");
            value.split([',', ';']).any(|part| values.iter().any(|one| part.trim().eq_ignore_ascii_case(one)))
        };
        let is_cross_site = is("sec-fetch-mode", &["no-cors", "navigate"])
            || is("sec-purpose", &["prefetch"])
            || is("purpose", &["prefetch"])
            || is("x-moz", &["prefetch"]);
        if is_cross_site { Err(Error::CrossSiteRequest) } else { Ok(()) }
    }

    /// Refuses a POST whose `Origin` is neither ours nor allowed by CORS. Browsers without Fetch Metadata send the
    /// header too. A request without it passes: it comes from an app, an old browser or a proxy.
    pub fn refuse_foreign_origin(&self, app: &App) -> Result<(), Error> {
        let Some(origin) = self.header("origin").filter(|_| self.method() == Method::POST) else { return Ok(()) };
        let answers = &app.config.answers;
        // The API's own addresses, which a deployment may have beside that of the pages.
        let is_issuer = app.config.tokens.issuer.as_deref().is_some_and(|issuer| origin_of(issuer) == origin);
        let is_api = origin.strip_prefix("https://") == Some(self.domain_name());
        let is_known = answers.is_own_origin(origin, self.domain_name()) || is_issuer || is_api;
        if is_known || answers.is_cors_origin(origin) { Ok(()) } else { Err(Error::CrossSiteRequest) }
    }

    /// Refuses a POST with the media type of a form, even one without a body.
    pub fn refuse_form(&self) -> Result<(), Error> {
        let is_form = media_type::is_form(self.header("content-type").unwrap_or(""));
        if is_form && self.method() == Method::POST { Err(Error::UnsupportedMediaType) } else { Ok(()) }
    }
}

fn header_text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| text(value.as_bytes()))
}

/// Returns the bytes of a header as text. Contrary to RFC 9110 §5.5, clients send more than ASCII, and mean UTF-8.
fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::Clock;
    use crate::config::{Config, Environment};
    use serde_json::{Value, json};

    fn request(change: impl Fn(&mut Value)) -> Request {
        let mut event = json!({
            "version": "2.0", "routeKey": "POST /users/login", "rawPath": "/users/login/", "rawQueryString": "",
            "headers": { "content-type": "application/json", "host": "id.example" },
            "requestContext": {
                "domainName": "abc.execute-api.example", "requestId": "r-1", "routeKey": "POST /users/login",
                "stage": "$default", "timeEpoch": 0,
                "http": { "method": "POST", "path": "/users/login/", "protocol": "HTTP/1.1", "sourceIp": "203.0.113.7" },
            },
            "isBase64Encoded": false,
        });
        change(&mut event);
        lambda_http::request::from_str(&event.to_string()).unwrap().into()
    }

    fn app() -> App {
        App::new(Config::read(&Environment::new(&|_| None), &[]).unwrap(), Clock::default(), &[]).unwrap()
    }

    #[test]
    fn a_body_in_base64_is_a_body() {
        let request = request(|event| {
            event["body"] = "eyJtb2JpbGUiOiIxIn0=".into();
            event["isBase64Encoded"] = true.into();
        });
        assert_eq!(request.json().unwrap().texts(["mobile"]).unwrap(), ["1"]);
    }

    #[test]
    fn who_asks_is_what_api_gateway_saw_and_never_a_header() {
        let request = request(|event| {
            event["headers"]["x-forwarded-for"] = "198.51.100.1".into();
            event["headers"]["host"] = "evil.example".into();
            event["headers"]["x-forwarded-host"] = "evil.example".into();
        });
        let caller = request.caller(&app());
        assert_eq!(caller.address, "203.0.113.7");
        assert_eq!(caller.issuer, "https://abc.execute-api.example");
        assert_eq!((request.id(), request.route()), ("r-1", "POST /users/login"));
    }

    #[test]
    fn a_post_comes_from_an_address_of_ours_or_from_an_origin_that_is_allowed() {
        let variables = |name: &str| match name {
            "CLIENT_HOST" => Some("https://id.example/accounts".to_owned()),
            "ISSUER" => Some("https://public.example".to_owned()),
            "CORS_ORIGINS" => Some("https://shop.example,http://app.example:8080".to_owned()),
            _ => None,
        };
        let config = Config::read(&Environment::new(&variables), &[]).unwrap();
        let app = App::new(config, Clock::default(), &[]).unwrap();
        let from = |method: &str, origin: &str| {
            let request = request(|event| {
                event["headers"]["origin"] = origin.into();
                event["requestContext"]["http"]["method"] = method.into();
            });
            request.refuse_foreign_origin(&app).is_ok()
        };
        for known in [
            "https://id.example",
            "https://public.example",
            "https://abc.execute-api.example",
            "https://shop.example",
            "http://app.example:8080",
        ] {
            assert!(from("POST", known), "{known}");
        }
        for foreign in [
            "null",
            "",
            "https://evil.example",
            "http://id.example",
            "https://id.example/accounts",
            "https://shop.example:8443",
            "http://app.example",
            "http://abc.execute-api.example",
            "http://localhost:3000",
            "https://shop.example,https://evil.example",
        ] {
            assert!(!from("POST", foreign), "{foreign}");
            assert!(from("GET", foreign), "{foreign}");
        }
        assert!(request(|_| {}).refuse_foreign_origin(&app).is_ok(), "an app sends none");
    }

    #[test]
    fn behind_cloudfront_who_asks_is_what_cloudfront_saw_and_only_with_the_secret() {
        let secret = "s".repeat(32);
        let both = format!("{},{}", "n".repeat(32), secret);
        let config = Config::read(&Environment::new(&|name| (name == "ORIGIN_SECRET").then(|| both.clone())), &[]);
        let app = App::new(config.unwrap(), Clock::default(), &[]).unwrap();
        let address = |secret: &str, forwarded: &str| {
            let request = request(|event| {
                event["headers"]["x-origin-secret"] = secret.into();
                event["headers"]["x-forwarded-for"] = forwarded.into();
            });
            request.source(&app).to_owned()
        };
        // API Gateway saw 203.0.113.7, which is CloudFront's address. The addresses to the left are made up by the
        // viewer.
        for forwarded in ["198.51.100.1", "198.51.100.1, 203.0.113.7", "6.6.6.6, 198.51.100.1,203.0.113.7"] {
            assert_eq!(address(&secret, forwarded), "198.51.100.1", "{forwarded}");
            assert_eq!(address(&"n".repeat(32), forwarded), "198.51.100.1", "{forwarded}");
            assert_eq!(address(&both, forwarded), "198.51.100.1", "{forwarded}");
            for wrong in ["", "s", ",", &secret[1..], "*"] {
                assert_eq!(address(wrong, forwarded), "203.0.113.7", "{wrong}");
            }
        }
        assert_eq!(address(&secret, "2001:db8::1"), "2001:db8::1");
        for malformed in ["", "evil", "203.0.113.7", "198.51.100.1, evil"] {
            assert_eq!(address(&secret, malformed), "203.0.113.7", "{malformed}");
        }
    }

    #[test]
    fn cookies_are_read_by_their_whole_name() {
        let request =
            request(|event| event["cookies"] = json!(["xcsrf_token=no", "csrf_token=yes=1", "csrf_token=late"]));
        assert_eq!(request.cookie("csrf_token"), Some("yes=1"));
        assert_eq!(request.cookie("csrf"), None);
    }

    #[test]
    fn a_part_of_a_header_that_is_no_text_hides_no_other() {
        for odd in ["city=北京", "city=caf\u{fffd}", "=", "\u{1f511}", "a=\t", "北=1"] {
            for cookies in [json!([odd, "csrf_token=1"]), json!(["csrf_token=1", odd])] {
                let request = request(|event| event["cookies"] = cookies.clone());
                assert_eq!(request.cookie("csrf_token"), Some("1"), "{cookies}");
            }
        }
        let bytes = |name: &'static str, value: &[u8]| {
            let mut request = request(|_| ());
            request.inner.headers_mut().insert(name, lambda_http::http::HeaderValue::from_bytes(value).unwrap());
            request
        };
        let request = bytes("cookie", b"city=\xb1\xb1; csrf_token=1;caf\xe9");
        assert_eq!((request.cookie("csrf_token"), request.cookie("city")), (Some("1"), None));
        let viewer = bytes("x-forwarded-for", b"\xb1\xb1, 198.51.100.1");
        assert_eq!(viewer.viewer("203.0.113.7"), Some("198.51.100.1"));
        assert_eq!(bytes("user-agent", "浏览器/1".as_bytes()).header("user-agent"), Some("浏览器/1"));
        assert_eq!(bytes("user-agent", b"\xff").header("user-agent"), None);
    }

    #[test]
    fn a_byte_order_mark_before_a_body_is_ignored() {
        for (body, fault) in [
            ("\u{feff}{\"a\":\"1\"}", None),
            ("\u{feff}", Some("body_empty")),
            ("\u{feff} \n", Some("body_empty")),
            ("\u{feff}\u{feff}{}", Some("body_not_json")),
            (" \u{feff}{}", Some("body_not_json")),
        ] {
            let request = request(|event| event["body"] = body.into());
            assert_eq!(request.json().err().map(|error| error.code()), fault, "{body:?}");
        }
    }

    #[test]
    fn both_words_of_the_authorization_header_work_and_no_other() {
        for (header, token) in [
            ("Bearer t", Some("t")),
            ("bearer t", Some("t")),
            ("JWT t", Some("t")),
            ("Basic t", None),
            ("Bearer", None),
        ] {
            let request = request(|event| event["headers"]["authorization"] = header.into());
            assert_eq!(request.bearer(), token, "{header}");
        }
    }

    #[test]
    fn a_request_without_anything_is_refused_and_not_a_panic() {
        let request = request(|event| {
            event["headers"] = json!({});
            event["requestContext"]["http"]["sourceIp"] = Value::Null;
        });
        assert!(matches!(request.json(), Err(Error::BodyEmpty)));
        assert!(matches!(request.mobile_in_path(), Err(Error::NotFound)));
        assert_eq!((request.cookie("a"), request.query("a"), request.bearer()), (None, None, None));
        assert_eq!(request.caller(&app()).address, "-");
    }
}
