//! From API Gateway's event to its answer, both as JSON. Lambda and `local` both use this path.

use lambda_http::http::{HeaderName, HeaderValue};
use lambda_http::request::LambdaRequest;
use lambda_http::{Adapter, Context, LambdaEvent, Service, service_fn};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde_json::Value;

use super::Endpoint;
use crate::app::App;

/// The characters that a URI's query may not contain (RFC 3986 §3.4), although clients send them. `%` is not one of
/// them, because clients use it to encode.
pub const NOT_IN_A_QUERY: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'#')
    .add(b'`')
    .add(b'{')
    .add(b'}')
    .add(b'|')
    .add(b'\\')
    .add(b'^');
/// The maximum length of path and query, in bytes. It is more than API Gateway accepts (10,240 bytes of request line
/// and headers).
const MAX_URI_BYTES: usize = 16 * 1024;

impl Endpoint {
    /// Answers an event in payload format 2.0, through `lambda_http`'s own adapter.
    pub async fn answer_event(
        &self,
        app: &App,
        mut event: Value,
        context: Context,
    ) -> Result<Value, lambda_http::Error> {
        make_parseable(&mut event);
        let request: LambdaRequest = serde_json::from_value(event)?;
        let handler = service_fn(async |request| Ok::<_, std::convert::Infallible>(self.answer(app, request).await));
        let answer = Adapter::from(handler).call(LambdaEvent::new(request, context)).await?;
        Ok(serde_json::to_value(answer)?)
    }
}

/// Changes an event so that `lambda_http` can parse it.
///
/// `lambda_http` builds a URI from parts of the event, and panics when they do not form one. Our code reads neither
/// scheme nor host, so both are replaced by well-formed ones. The characters that a query may not contain are encoded.
fn make_parseable(event: &mut Value) {
    // An event that is not an object stays as it is, so that deserialization refuses it.
    if !event.is_object() {
        return;
    }
    if !event["headers"].is_object() {
        event["headers"] = serde_json::json!({});
    }
    if let Some(headers) = event["headers"].as_object_mut() {
        headers.retain(|name, value| {
            let replaced = ["host", "x-forwarded-proto"].contains(&name.to_ascii_lowercase().as_str());
            !replaced && HeaderName::from_bytes(name.as_bytes()).is_ok() && is_header_value(value)
        });
        headers.insert("host".to_owned(), "localhost".into());
    }
    // `lambda_http` joins the cookies into one header, and drops them all where one has a character that a header may
    // not contain.
    if let Some(cookies) = event["cookies"].as_array_mut() {
        cookies.retain(is_header_value);
    }
    let path = event["rawPath"].as_str().unwrap_or_default();
    let query = event["rawQueryString"].as_str().unwrap_or_default();
    let too_long = path.len() + query.len() > MAX_URI_BYTES;
    let no_path = too_long || !path.starts_with('/');
    let query = if too_long { String::new() } else { utf8_percent_encode(query, NOT_IN_A_QUERY).to_string() };
    event["rawQueryString"] = query.into();
    if no_path {
        event["rawPath"] = "/".into();
    }
}

fn is_header_value(value: &Value) -> bool {
    value.as_str().is_some_and(|text| HeaderValue::from_str(text).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn what_is_no_object_stays_what_it_is() {
        for event in [json!(3), json!("text"), json!([1]), json!(null), json!(true)] {
            let mut made = event.clone();
            make_parseable(&mut made);
            assert_eq!(made, event);
        }
    }

    #[test]
    fn a_header_or_cookie_that_none_can_be_is_left_out_alone() {
        let mut event = json!({
            "headers": { "a": "\u{1}", "b\u{e9}": "1", "c": null, "d": "北京", "Host": "evil.example" },
            "cookies": ["city=北京", "a=\u{0}", null, "csrf_token=1", "b=\u{7f}"],
        });
        make_parseable(&mut event);
        assert_eq!(event["headers"], json!({ "d": "北京", "host": "localhost" }));
        assert_eq!(event["cookies"], json!(["city=北京", "csrf_token=1"]));
    }

    proptest! {
        #[test]
        fn no_event_makes_the_adapter_panic(
            path in "/?\\PC{0,20}", query in "[ -~]{0,20}|\\PC{0,20}", host in "\\PC{0,12}", scheme in "[ -~]{0,8}",
            name in ".{0,8}", value in ".{0,8}",
        ) {
            let mut event = json!({
                "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": query,
                "headers": { "Host": host, "X-Forwarded-Proto": scheme, name: value }, "cookies": [value],
                "requestContext": {
                    "domainName": host, "stage": "$default", "timeEpoch": 0,
                    "http": { "method": "GET", "path": path, "protocol": "HTTP/1.1", "sourceIp": "203.0.113.7" },
                },
                "isBase64Encoded": false,
            });
            make_parseable(&mut event);
            prop_assert!(lambda_http::request::from_str(&event.to_string()).is_ok());
        }
    }
}
