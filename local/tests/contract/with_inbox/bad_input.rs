//! Malformed requests that also need a token or a CSRF value.

use reqwest::Method;

use crate::site::{Site, read};

#[tokio::test(flavor = "multi_thread")]
async fn malformed_bodies_are_refused_where_a_token_or_a_csrf_value_comes_first() {
    let site = Site::with_inbox().await;
    let (person, csrf) = (site.register().await, site.csrf().await);
    for (method, path, not_json) in [
        (Method::POST, "/forget_pwd/", 200),
        (Method::POST, "/users/me/email/", 400),
        (Method::PUT, "/users/me/email/", 400),
    ] {
        for (content_type, body, status, code) in [
            ("application/json", "{", not_json, "body_not_json"),
            ("application/json", "", not_json, "body_empty"),
            ("application/json", "[]", 400, "body_not_an_object"),
            ("application/json", r#"{"email":"a","email":"b"}"#, 400, "duplicate_key"),
            ("text/plain", "{}", 415, "unsupported_media_type"),
        ] {
            let request = site.request(method.clone(), path).bearer_auth(&person.token).body(body);
            let request = request.header("cookie", format!("csrf_token={csrf}")).header("x-csrftoken", &csrf);
            let answer = read(request.header("content-type", content_type)).await;
            assert_eq!((answer.status, answer.header("x-error-code")), (status, Some(code)), "{path} {body:?}");
        }
    }
}
