//! Requests of pages of other origins.

use reqwest::Method;

use crate::site::{Site, read};

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
