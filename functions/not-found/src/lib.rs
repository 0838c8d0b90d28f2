//! `$default`: answers requests that match no route.
//!
//! A path that has a route, except for a slash at its end, is redirected to that route (308). A path that has routes
//! only for other methods gets a 405, and any other path a 404. The body of a 405 or 404 is a page for a client that
//! prefers HTML: a browser in which a person typed an address or followed a link. For other clients it is JSON.

mod accept;
mod routes;
mod slash;

pub use routes::ROUTES;
use shared::http::{Endpoint, ErrorFormat, Reply, Request};
use shared::{App, Error};

pub const ENDPOINT: Endpoint = Endpoint {
    name: "not-found",
    error_format: ErrorFormat::Detail,
    needs: &[],
    handle: |app, request| Box::pin(not_found(app, request)),
};

async fn not_found(app: &App, request: &Request) -> Result<Reply, Error> {
    let (method, path) = (request.method().as_str(), request.path());
    if let Some(location) = slash::location(method, path, request.raw_query()) {
        return Ok(Reply::permanent_redirect(&location));
    }
    let methods = methods_of(path);
    // If a route with this method matches and the request still comes here, the path is malformed.
    let is_wrong_method = !methods.is_empty() && !methods.contains(&method);
    let error = if is_wrong_method { Error::MethodNotAllowed { allow: methods.join(", ") } } else { Error::NotFound };
    // A 405 shows the same page as a 404, because the difference does not matter to a person. Programs see it in the
    // status and the headers.
    Ok(if accept::prefers_html(request.header("accept").unwrap_or_default()) {
        pages::unknown_address(app, request).refusing(error)
    } else {
        Reply::refusal(error).with_header("vary", "Accept, Accept-Language")
    })
}

fn methods_of(path: &str) -> Vec<&'static str> {
    let path = path.strip_suffix('/').filter(|rest| !rest.is_empty()).unwrap_or(path);
    ROUTES.iter().filter(|(_, route)| matches(route, path)).map(|(method, _)| *method).collect()
}

fn matches(route: &str, path: &str) -> bool {
    let same = |(one, other): (&str, &str)| one == other || (one.starts_with('{') && !other.is_empty());
    route.split('/').count() == path.split('/').count() && route.split('/').zip(path.split('/')).all(same)
}

#[cfg(test)]
mod tests {
    use lambda_http::{Body, Response};
    use serde_json::{Value, json};

    use super::{ENDPOINT, methods_of};

    /// Returns the answer to the function's event with another method, path and query.
    async fn answer(method: &str, path: &str, query: &str) -> Response<Body> {
        let mut event: Value = serde_json::from_str(include_str!("../../../events/not-found.json")).unwrap();
        event["requestContext"]["http"]["method"] = method.into();
        event["rawPath"] = path.into();
        event["rawQueryString"] = query.into();
        shared::testing::answer(&ENDPOINT, &event.to_string()).await
    }

    #[tokio::test]
    async fn its_event_asks_for_a_path_that_is_not_there() {
        let reply = shared::testing::answer(&ENDPOINT, include_str!("../../../events/not-found.json")).await;
        assert_eq!(reply.status(), 404);
        assert_eq!(reply.headers()["x-error-code"], "not_found");
    }

    #[tokio::test]
    async fn a_slash_at_the_end_is_redirected_with_method_and_query_and_kept_nowhere() {
        let reply = answer("POST", "/users/sms/13800000000/", "purpose=login").await;
        assert_eq!((reply.status().as_u16(), reply.body()), (308, &Body::Empty));
        assert_eq!(reply.headers()["location"], "/users/sms/13800000000?purpose=login");
        assert_eq!(reply.headers()["cache-control"], "no-store");
        assert!(!reply.headers().contains_key("x-error-code"));
    }

    #[tokio::test]
    async fn a_wrong_method_is_405_with_and_without_the_slash_and_head_is_one() {
        for (method, path, allow) in [
            ("GET", "/users/login/", "POST"),
            ("GET", "/users/login", "POST"),
            ("POST", "/login/", "GET, HEAD"),
            ("HEAD", "/users/me/", "DELETE, GET, PATCH"),
            ("HEAD", "/users/captcha", "GET"),
            ("PUT", "/users/sms/13800000000/", "GET, POST"),
        ] {
            let reply = answer(method, path, "").await;
            assert_eq!((reply.status().as_u16(), &reply.headers()["allow"]), (405, &allow.parse().unwrap()), "{path}");
            assert!(!reply.headers().contains_key("location"), "{path}");
        }
    }

    #[tokio::test]
    async fn a_path_that_cannot_be_redirected_safely_is_404() {
        for path in ["//evil.example/users/", "/users//", "/users/sms/%2F%2Fevil/", "/users/sms/%2e%2e/", "/\\evil/"] {
            let reply = answer("GET", path, "").await;
            assert_eq!((reply.status().as_u16(), reply.headers().get("location")), (404, None), "{path}");
            assert_eq!(reply.headers()["x-error-code"], "not_found");
        }
    }

    /// Returns the answer to the function's event with these headers, and its text.
    async fn read(headers: Value) -> (Response<Body>, String) {
        let mut event: Value = serde_json::from_str(include_str!("../../../events/not-found.json")).unwrap();
        event["headers"] = headers;
        let reply = shared::testing::answer(&ENDPOINT, &event.to_string()).await;
        let text = match reply.body() {
            Body::Text(text) => text.clone(),
            Body::Binary(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            _ => String::new(),
        };
        (reply, text)
    }

    #[tokio::test]
    async fn a_browser_reads_a_page_in_its_language_and_a_program_json() {
        let (reply, html) = read(json!({ "accept": "text/html,*/*;q=0.8", "accept-language": "en" })).await;
        assert_eq!((reply.status().as_u16(), &reply.headers()["x-error-code"]), (404, &"not_found".parse().unwrap()));
        assert_eq!(reply.headers()["content-type"], "text/html; charset=utf-8");
        assert!(html.contains("Page not found") && html.contains("href=\"/\""), "{html}");
        let (_, html) = read(json!({ "accept": "text/html" })).await;
        assert!(html.contains("找不到页面"), "{html}");
        for accept in ["*/*", "application/json", ""] {
            let (reply, text) = read(json!({ "accept": accept })).await;
            assert_eq!(reply.headers()["content-type"], "application/json; charset=utf-8", "{accept}");
            assert_eq!(text, "{\"code\":\"not_found\",\"detail\":\"未找到。\"}");
            assert_eq!(reply.headers()["vary"], "Accept, Accept-Language");
        }
    }

    #[test]
    fn a_known_path_lists_its_methods_with_and_without_the_slash() {
        assert_eq!(methods_of("/users/find/password/"), ["GET", "POST", "PUT"]);
        assert_eq!(methods_of("/users"), ["GET", "HEAD", "POST"]);
        assert_eq!(methods_of("/"), ["GET", "HEAD"]);
        assert_eq!(methods_of("/users/sms/13800000000"), ["GET", "POST"]);
        for unknown in ["", "/users/sms/", "/users/sms//", "/users/x/y/z", "/users//"] {
            assert!(methods_of(unknown).is_empty(), "{unknown}");
        }
    }
}
