//! API Gateway on this machine. It turns an HTTP request into an event in payload format 2.0 and calls the function
//! that the template names, as Lambda would. It turns the function's answer into an HTTP response.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, Uri, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use shared::Clock;
use shared::config::{Need, is_of_this_machine};
use shared::crypto::random_hex;
use shared::http::Endpoint;
use shared::{App, Error};

use crate::router::{DEFAULT, RouteMatch, Router};
use crate::template::{Cors, Route};

/// The largest size of the request line and the headers together, in bytes.
const MAX_HEADER_BYTES: usize = 10_240;

/// A function that is ready to answer.
#[derive(Debug)]
pub struct Function {
    pub endpoint: &'static Endpoint,
    /// The function's application, which knows only the variables that the template gives the function.
    pub app: App,
}

#[derive(Debug)]
pub struct Gateway {
    pub router: Router,
    /// The cross-origin rules for browsers.
    pub cors: Cors,
    pub clock: Clock,
    /// Whether a path that ends in a slash is a different path, which goes to `$default`.
    pub strict_slashes: bool,
}

impl Gateway {
    /// Loads the token keys into the functions that need them, as the warm-up on Lambda does. The rest of that warm-up
    /// happens here at first use.
    pub async fn warm_up(&self) -> Result<(), Error> {
        for function in self.router.functions() {
            if function.endpoint.needs.contains(&Need::TokenKeys) {
                function.app.token_keys().await?;
            }
        }
        Ok(())
    }

    pub async fn answer(
        &self,
        method: Method,
        uri: Uri,
        headers: HeaderMap,
        body: Bytes,
        from: SocketAddr,
    ) -> Response<Body> {
        let header_bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
        if header_bytes + uri.path_and_query().map_or(0, |line| line.as_str().len()) > MAX_HEADER_BYTES {
            return plain(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "Request Header Fields Too Large");
        }
        let origin = headers.get(header::ORIGIN).and_then(|value| value.to_str().ok());
        let allowed = origin.filter(|origin| self.admits(origin)).map(str::to_owned);
        if method == Method::OPTIONS && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD) {
            return self.preflight(allowed.as_deref());
        }
        let Some((route, parameters, function)) = self.route(&method, uri.path()) else {
            return plain(StatusCode::NOT_FOUND, "Not Found");
        };
        let event = self.event(&method, &uri, &headers, &body, from, route, &parameters);
        let mut response =
            match function.endpoint.answer_event(&function.app, event, lambda_http::Context::default()).await {
                Ok(answer) => response(&answer),
                Err(error) => {
                    tracing::error!(%error, "a function failed");
                    plain(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
                }
            };
        if let Some(origin) = allowed {
            set(response.headers_mut(), "access-control-allow-origin", &origin);
            set(response.headers_mut(), "access-control-expose-headers", &self.cors.expose);
        }
        response
    }

    /// Returns whether pages of this origin may call the API. The named origins may, and so may every port of this
    /// machine, so that a front end under development works on any port.
    fn admits(&self, origin: &str) -> bool {
        is_of_this_machine(origin) || self.cors.origins.iter().any(|one| one == origin)
    }

    fn preflight(&self, allowed: Option<&str>) -> Response<Body> {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        if let Some(origin) = allowed {
            let headers = response.headers_mut();
            set(headers, "access-control-allow-origin", origin);
            set(headers, "access-control-allow-methods", &self.cors.methods);
            set(headers, "access-control-allow-headers", &self.cors.headers);
            set(headers, "access-control-max-age", &self.cors.max_age_seconds.to_string());
        }
        response
    }

    /// Returns the route that matches. A literal segment wins over a parameter. A trailing slash does not matter,
    /// unless slashes are strict.
    fn route(&self, method: &Method, path: &str) -> Option<RouteMatch<'_>> {
        let without = path.strip_suffix('/').filter(|rest| !rest.is_empty() && !self.strict_slashes);
        self.router.find(method, without.unwrap_or(path))
    }

    #[expect(clippy::too_many_arguments, reason = "an event is made of all of a request")]
    fn event(
        &self,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        body: &[u8],
        from: SocketAddr,
        route: &Route,
        parameters: &BTreeMap<String, String>,
    ) -> Value {
        let query = uri.query().unwrap_or_default();
        let mut single: BTreeMap<String, String> = BTreeMap::new();
        for (key, value) in form_urlencoded::parse(query.as_bytes()) {
            single.entry(key.into_owned()).and_modify(|all| *all = format!("{all},{value}")).or_insert(value.into());
        }
        let (plain_headers, cookies) = split_headers(headers);
        let route_key = if route.path == DEFAULT { route.path.clone() } else { format!("{method} {}", route.path) };
        let request_id = random_hex::<8>();
        let now = self.clock.now();
        let host = plain_headers.get("host").and_then(Value::as_str).unwrap_or("localhost").to_owned();
        let mut event = json!({
            "version": "2.0",
            "routeKey": route_key,
            "rawPath": uri.path(),
            "rawQueryString": query,
            "requestContext": {
                "accountId": "000000000000",
                "apiId": "local",
                "domainName": host,
                "domainPrefix": "local",
                "http": {
                    "method": method.as_str(),
                    "path": uri.path(),
                    "protocol": "HTTP/1.1",
                    "sourceIp": source_address(from.ip()),
                    "userAgent": plain_headers.get("user-agent").and_then(Value::as_str).unwrap_or_default(),
                },
                "requestId": request_id,
                "routeKey": route_key,
                "stage": "$default",
                "time": now.rfc3339(),
                "timeEpoch": now.unix_seconds() * 1000,
            },
            "isBase64Encoded": false,
        });
        event["headers"] = plain_headers.into();
        if !cookies.is_empty() {
            event["cookies"] = cookies.into();
        }
        if !single.is_empty() {
            event["queryStringParameters"] = json!(single);
        }
        if !parameters.is_empty() {
            event["pathParameters"] = json!(parameters);
        }
        add_body(&mut event, headers, body);
        event
    }
}

/// Returns the address of the caller. This machine counts as one address, by IPv4 as well as by IPv6.
fn source_address(from: IpAddr) -> String {
    let from = if from == Ipv6Addr::LOCALHOST { Ipv4Addr::LOCALHOST.into() } else { from.to_canonical() };
    from.to_string()
}

/// Returns the headers with lower-case names, and the cookies separately. Repeated headers are joined by commas. An
/// event is JSON, so bytes that are not UTF-8 become U+FFFD.
fn split_headers(headers: &HeaderMap) -> (Map<String, Value>, Vec<String>) {
    let (mut plain, mut cookies) = (Map::new(), Vec::new());
    for name in headers.keys() {
        let values = headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        if name == header::COOKIE {
            let pairs: Vec<_> = values.collect();
            cookies.extend(pairs.iter().flat_map(|line| line.split(';')).map(|pair| pair.trim().to_owned()));
        } else {
            plain.insert(name.as_str().to_owned(), values.collect::<Vec<_>>().join(",").into());
        }
    }
    (plain, cookies)
}

/// Adds the body to the event. A text body is added unchanged, any other body in base64.
fn add_body(event: &mut Value, headers: &HeaderMap, body: &[u8]) {
    if body.is_empty() {
        return;
    }
    let content_type = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    let is_text = ["text/", "application/json", "application/javascript", "application/xml"]
        .iter()
        .any(|prefix| content_type.starts_with(prefix.as_bytes()));
    match std::str::from_utf8(body) {
        Ok(text) if is_text => event["body"] = text.into(),
        _ => {
            event["body"] = STANDARD.encode(body).into();
            event["isBase64Encoded"] = true.into();
        }
    }
}

fn response(answer: &Value) -> Response<Body> {
    let text = answer["body"].as_str().unwrap_or_default();
    let body = if answer["isBase64Encoded"] == true {
        STANDARD.decode(text).unwrap_or_default()
    } else {
        text.as_bytes().to_vec()
    };
    let mut response = Response::new(Body::from(body));
    let status = answer["statusCode"].as_u64().and_then(|status| u16::try_from(status).ok()).unwrap_or(500);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in answer["headers"].as_object().into_iter().flatten() {
        set(response.headers_mut(), name, value.as_str().unwrap_or_default());
    }
    for cookie in answer["cookies"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if let Ok(value) = HeaderValue::from_str(cookie) {
            response.headers_mut().append(header::SET_COOKIE, value);
        }
    }
    response
}

fn set(headers: &mut HeaderMap, name: &str, value: &str) {
    if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_str(value)) {
        headers.insert(name, value);
    }
}

/// Returns an answer as API Gateway itself gives it.
fn plain(status: StatusCode, message: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(json!({ "message": message }).to_string()));
    *response.status_mut() = status;
    set(response.headers_mut(), "content-type", "application/json");
    response
}
