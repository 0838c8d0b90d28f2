//! The reauthentication of a page that is signed in by cookie.

use reqwest::Method;
use serde_json::json;

use crate::site::{PASSWORD, Site, read};
use crate::with_inbox::reauthentication::by;

#[tokio::test(flavor = "multi_thread")]
async fn in_cookie_mode_the_body_carries_it_and_no_cookie_does() {
    let site = Site::with_settings(&[]).await;
    let person = site.register().await;
    let own = site.base_url.clone();
    let by_cookie = |path: &str| site.request(Method::POST, path).header("x-session", "cookie").header("origin", &own);
    let body = json!({ "username": person.mobile, "password": PASSWORD });
    let answer = read(by_cookie("/users/login/").json(&body)).await;
    let signed_in = answer.json();
    let value = signed_in["reauthentication"].as_str().unwrap().to_owned();
    let cookies: Vec<_> = answer.headers.get_all("set-cookie").iter().map(|one| one.to_str().unwrap()).collect();
    assert!(!cookies.is_empty() && cookies.iter().all(|cookie| !cookie.contains(&value)), "{cookies:?}");
    let token = signed_in["token"].as_str().unwrap();
    let export = by_cookie("/users/me/export/").bearer_auth(token).json(&by(&value));
    assert_eq!(read(export).await.status, 200);
    let session = cookies.iter().find(|cookie| cookie.starts_with("refresh_token=")).unwrap();
    let session = session.split(';').next().unwrap();
    let refreshed = read(by_cookie("/users/token/refresh/").header("cookie", session)).await;
    assert_eq!(refreshed.status, 200, "{refreshed:?}");
    assert!(refreshed.json().get("reauthentication").is_none(), "{refreshed:?}");
}
