//! Requests of pages of other origins.

use reqwest::Method;
use serde_json::json;

use crate::site::{Answer, Site, new_mobile, read};

#[tokio::test(flavor = "multi_thread")]
async fn only_configured_origins_and_those_of_this_machine_may_read_answers() {
    let shop = "https://shop.example";
    let site = Site::with_cors(&[shop]).await;
    let preflight = async |origin: &str| {
        let request = site.request(Method::OPTIONS, "/users/login/").header("origin", origin);
        read(request.header("access-control-request-method", "POST")).await
    };
    for origin in [shop, "http://localhost:5173", "http://127.0.0.1:8080", "http://localhost"] {
        let allowed = preflight(origin).await;
        assert_eq!((allowed.status, allowed.header("access-control-allow-origin")), (204, Some(origin)));
        let headers = allowed.header("access-control-allow-headers").unwrap();
        for name in [
            "Authorization",
            "Content-Type",
            "Accept-Language",
            "X-CSRFToken",
            "X-Captcha-Pass",
            "X-Device",
            "X-Session",
        ] {
            assert!(headers.split(',').any(|one| one == name), "{name}: {headers}");
        }
        assert_eq!(allowed.header("access-control-allow-credentials"), None);
        let answer = read(site.request(Method::GET, "/users/me/").header("origin", origin)).await;
        assert_eq!(answer.header("access-control-expose-headers"), Some("X-Error-Code,Retry-After"));
    }
    for foreign in [
        "https://evil.example",
        "http://shop.example",
        "https://shop.example.evil.example",
        "http://localhost.evil.example",
        "http://localhost:5173.evil.example",
        "http://localhost:99999",
        "https://localhost:5173",
        "null",
    ] {
        assert_eq!(preflight(foreign).await.header("access-control-allow-origin"), None, "{foreign}");
    }
}

/// Requests a code without a body, as a script of a page of this origin does.
async fn ask(site: &Site, method: Method, origin: Option<&str>) -> Answer {
    let request = site.request(method, &format!("/users/sms/{}/", new_mobile()));
    read(match origin {
        Some(origin) => request.header("origin", origin),
        None => request,
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_post_of_a_page_of_another_origin_sends_no_message() {
    let site = Site::with_cors(&["https://shop.example"]).await;
    for foreign in [
        "https://evil.example",
        "http://shop.example",
        "https://shop.example.evil.example",
        "https://shop.example, https://evil.example",
        "http://localhost.evil.example",
        "file://",
        "null",
        "",
    ] {
        let refused = ask(&site, Method::POST, Some(foreign)).await;
        refused.refuses(403, "blind_request", &json!({ "detail": "拒绝跨站请求。" }));
    }
    assert!(site.get("/_local/inbox.json").await.json().as_array().unwrap().is_empty());
    let by_address = site.base_url.replace("localhost", "127.0.0.1");
    let known = [&site.base_url, by_address.as_str(), "https://shop.example", "http://localhost:5173"];
    for origin in known.into_iter().map(Some).chain([None]) {
        assert_eq!(ask(&site, Method::POST, origin).await.status, 200, "{origin:?}");
    }
    // A page of another origin that asks by GET cannot read the answer, and old clients ask in this way.
    assert_eq!(ask(&site, Method::GET, Some("https://evil.example")).await.status, 200);
}
