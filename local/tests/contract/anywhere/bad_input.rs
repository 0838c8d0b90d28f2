//! Malformed requests get a clear 4xx in the contract's format, and never a 5xx.

use reqwest::Method;
use serde_json::json;

use crate::site::{Answer, Site, new_mobile, read};

/// Every call whose body is parsed before the caller is authenticated. `forget_pwd` checks its CSRF value first,
/// `send_email_code` and `bind_email` the access token.
const CALLS: &[(&str, &str)] = &[
    ("POST", "/users/login/"),
    ("POST", "/users/"),
    ("POST", "/users/find/password/email/"),
    ("POST", "/users/find/password/"),
    ("PUT", "/users/find/password/"),
    ("POST", "/forget_pwd/sms_code/"),
];

async fn send(site: &Site, (method, path): (&str, &str), content_type: Option<&str>, body: Vec<u8>) -> Answer {
    let mut request = site.request(method.parse().unwrap(), path).body(body);
    if let Some(content_type) = content_type {
        request = request.header("content-type", content_type);
    }
    read(request).await
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_bodies_are_refused_by_every_call() {
    let site = Site::any().await;
    let json = Some("application/json");
    let deep = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000)).into_bytes();
    for call in CALLS {
        // The operations under `/forget_pwd` answer a body that is not JSON with a 200 and an envelope.
        let not_json = if call.1.starts_with("/forget_pwd/") { 200 } else { 400 };
        for (content_type, body, status, code) in [
            (json, b"{".to_vec(), not_json, "body_not_json"),
            (json, b"\xff\xfe{}".to_vec(), not_json, "body_not_json"),
            (json, b"{\"mobile\":\"\xff\"}".to_vec(), not_json, "body_not_json"),
            (json, deep.clone(), not_json, "body_not_json"),
            (json, Vec::new(), not_json, "body_empty"),
            (json, b" \n".to_vec(), not_json, "body_empty"),
            (json, b"{\"a\":1,\"a\":2}".to_vec(), 400, "duplicate_key"),
            (json, b"[]".to_vec(), 400, "body_not_an_object"),
            (json, b"null".to_vec(), 400, "body_not_an_object"),
            (json, vec![b' '; 64 * 1024 + 1], 413, "body_too_large"),
            (json, vec![b'1'; 1024 * 1024], 413, "body_too_large"),
            (Some("text/plain"), b"{}".to_vec(), 415, "unsupported_media_type"),
            (Some("application/x-www-form-urlencoded"), b"a=1".to_vec(), 415, "unsupported_media_type"),
            (Some("multipart/form-data; boundary=x"), b"--x--".to_vec(), 415, "unsupported_media_type"),
            (None, b"{}".to_vec(), 415, "unsupported_media_type"),
            (Some("application/json; charset=gbk"), b"{}".to_vec(), 415, "unsupported_media_type"),
            (Some("application/json; charset=utf-16"), b"{}".to_vec(), 415, "unsupported_media_type"),
            (Some("application/json; charset=latin1"), b"{\"a\":\"\xe9\"}".to_vec(), 415, "unsupported_media_type"),
            (Some("application/json; charset=latin1"), b"{".to_vec(), not_json, "body_not_json"),
            (json, b"\xef\xbb\xbf".to_vec(), not_json, "body_empty"),
        ] {
            let answer = send(&site, *call, content_type, body.clone()).await;
            let shown = String::from_utf8_lossy(&body[..body.len().min(20)]).into_owned();
            assert_eq!((answer.status, answer.header("x-error-code")), (status, Some(code)), "{call:?} {shown:?}");
            assert_eq!(answer.header("content-type"), Some("application/json; charset=utf-8"));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_of_the_wrong_type_is_named() {
    let site = Site::any().await;
    let answer = site.post("/users/login/", &json!({ "username": ["a"], "password": 1 })).await;
    let text = ["请输入合法的字符串。"];
    answer.refuses(400, "field_type", &json!({ "username": text, "password": text }));
    let log_in = json!({ "username": "a", "password": "b", "remember": "yes" });
    let answer = site.post("/users/login/", &log_in).await;
    answer.refuses(400, "field_type", &json!({ "remember": ["请输入 true 或 false。"] }));
    let answer = site.post("/users/find/password/", &json!({ "access_token": {} })).await;
    answer.refuses(400, "field_type", &json!("access_token: 请输入合法的字符串。"));
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_and_queries_that_make_no_uri_are_no_5xx() {
    let site = Site::any().await;
    for (path, name, value) in [
        ("/users/me/", "x-forwarded-proto", "a b"),
        ("/users/me/", "x-forwarded-host", "<>"),
        ("/users/me/?a=<b>", "accept", "*/*"),
        ("/users/me/?a=%zz&%00&\u{1f511}", "accept-language", "\"en"),
        ("/users/me/", "authorization", "Bearer \u{e9}"),
        ("/users/me/", "cookie", ";;=;csrf_token"),
    ] {
        let answer = read(site.request(Method::GET, path).header(name, value)).await;
        assert_eq!((answer.status, answer.header("x-error-code")), (401, Some("unauthorized")), "{path} {name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_fields_are_ignored_and_so_is_a_charset_that_fits_the_body() {
    let site = Site::any().await;
    for content_type in [
        "application/json",
        "application/json; charset=utf-8",
        "Application/JSON",
        "application/json; charset=\"UTF8\"",
        "application/json; charset=us-ascii",
        "application/json;charset=ISO-8859-1",
    ] {
        for mark in ["", "\u{feff}"] {
            // A new name each time, because attempts at one name are limited.
            let body = json!({ "username": new_mobile(), "password": "x", "extra": { "deep": [1] } });
            let body = format!("{mark}{body}");
            let answer = send(&site, CALLS[0], Some(content_type), body.into_bytes()).await;
            assert_eq!(answer.header("x-error-code"), Some("bad_credentials"), "{content_type}: {answer:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_that_is_no_text_hides_no_other_and_no_other_part() {
    let site = Site::any().await;
    let csrf = site.csrf().await;
    let body = json!({ "mobile": new_mobile(), "sms_code": "000000", "new_password": "correct horse battery" });
    for odd in [&b"city=\xe5\x8c\x97\xe4\xba\xac"[..], b"city=caf\xe9", b"\xff\xfe", b"city=\t", b"=;;"] {
        let ours = format!("csrf_token={csrf}").into_bytes();
        for cookies in [[odd, &ours[..]], [&ours[..], odd]] {
            let request = site.request(Method::POST, "/forget_pwd/").header("cookie", cookies.join(&b"; "[..]));
            let request = request.header("user-agent", b"\xe6\xb5\x8f\xe8\xa7\x88".as_slice());
            let request = request.header("referer", b"https://\xff".as_slice()).header("x-csrftoken", &csrf);
            let answer = read(request.json(&body)).await;
            assert_ne!(answer.status, 403, "{cookies:?}: {answer:?}");
        }
    }
    for name in ["authorization", "x-captcha-pass", "origin", "x-session", "sec-fetch-mode", "x-forwarded-for"] {
        let request = site.request(Method::GET, "/users/me/").header(name, b"\xe5\x8c\x97\xff".as_slice());
        let answer = read(request.header("accept-language", "en")).await;
        answer.refuses(401, "unauthorized", &json!({ "detail": "Please sign in." }));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_path_works_with_and_without_the_slash() {
    let site = Site::any().await;
    let mobile = new_mobile();
    for path in ["/users/me", "/users/captcha", "/forget_pwd", "/users/find/password"]
        .map(str::to_owned)
        .into_iter()
        .chain([format!("/users/mobile/{mobile}"), format!("/forget_pwd/mobiles/{mobile}")])
    {
        let (without, with) = (site.get(&path).await, site.get(&format!("{path}/")).await);
        assert_eq!(
            (without.status, without.header("x-error-code")),
            (with.status, with.header("x-error-code")),
            "{path}"
        );
        assert_ne!(without.status, 404, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_paths_are_404_and_wrong_methods_405() {
    let site = Site::any().await;
    let not_found = json!({ "detail": "未找到。" });
    for path in ["/favicon.ico", "/users/nobody/x", "/users/sms/", "/users//login/", "/USERS/login/"] {
        site.get(path).await.refuses(404, "not_found", &not_found);
    }
    let wrong = json!({ "detail": "不支持该请求方法。" });
    for (method, path, allow) in [
        (Method::GET, "/users/login/", "POST"),
        (Method::DELETE, "/users/", "GET, HEAD, POST"),
        (Method::PATCH, "/users/find/password", "GET, POST, PUT"),
        (Method::PUT, "/forget_pwd/", "GET, HEAD, POST"),
        (Method::POST, "/.well-known/jwks.json", "GET, HEAD"),
    ] {
        let answer = read(site.request(method, path)).await;
        answer.refuses(405, "method_not_allowed", &wrong);
        assert_eq!(answer.header("allow"), Some(allow), "{path}");
    }
}
