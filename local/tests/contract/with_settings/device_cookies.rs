//! The cookie that names a device: how long it lasts and what it is good for.

use reqwest::Method;
use serde_json::json;

use crate::page::{Page, set_cookies};
use crate::site::{Answer, PASSWORD, Person, Site};

/// Returns the `Set-Cookie` line of the device cookie.
fn device_line(answer: &Answer) -> String {
    set_cookies(answer).into_iter().find(|line| line.starts_with("device=")).expect("a device")
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_remembered_leaves_a_device_of_the_browser_session() {
    let site = Site::with_settings(&[]).await;
    let (person, stranger) = (site.register().await, site.register().await);
    let sign_in = async |page: &Page<'_>, person: &Person, remember: bool| {
        let body = json!({ "username": person.mobile, "password": PASSWORD, "remember": remember });
        let answer = page.send(Method::POST, "/users/login/", "", &body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        device_line(&answer)
    };
    let page = Page::new(&site);
    let line = sign_in(&page, &person, false).await;
    assert!(!line.contains("Max-Age") && line.ends_with("; Path=/; HttpOnly; SameSite=Strict"), "{line}");
    // A later sign-in with "remember" makes the cookie last. A sign-in without it neither removes the cookie nor
    // prolongs it.
    let line = sign_in(&page, &person, true).await;
    assert!(line.contains("; Max-Age=34560000"), "{line}");
    site.advance(86_400).await;
    let line = sign_in(&page, &person, false).await;
    assert!(line.contains("; Max-Age=34473600"), "{line}");
    // A sign-in to another account without "remember" leaves no lasting cookie, even where the browser had one.
    let line = sign_in(&page, &stranger, false).await;
    assert!(!line.contains("Max-Age"), "{line}");
    // The same holds for a sign-in by SMS.
    let page = Page::new(&site);
    site.post(&format!("/users/sms/{}/?purpose=login", person.mobile), &json!({})).await;
    let code = site.code_for(&person.mobile).await;
    let body = json!({ "mobile": person.mobile, "sms_code": code, "remember": false });
    let line = device_line(&page.send(Method::POST, "/users/sms_login/", "", &body).await);
    assert!(!line.contains("Max-Age"), "{line}");
}

/// Sends wrong passwords without a device cookie until the account has to wait.
async fn block(site: &Site, person: &Person) {
    let wrong = json!({ "username": person.mobile, "password": "wrong password" });
    while site.post("/users/login/", &wrong).await.status != 429 {}
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_is_not_remembered_is_known_while_its_session_may_last() {
    let site = Site::with_settings(&[]).await;
    let (person, page) = (site.register().await, Page::new(&site));
    let body = json!({ "username": person.mobile, "password": PASSWORD, "remember": false });
    let log_in = async || page.send(Method::POST, "/users/login/", "", &body).await.status;
    assert_eq!(log_in().await, 200);
    // A browser may restore its session for months, so the value itself expires as well.
    let device = page.cookie("device").unwrap();
    site.advance(11 * 3600).await;
    block(&site, &person).await;
    assert_eq!(log_in().await, 200, "strangers' guesses keep nobody out");
    page.set("device", &device);
    site.advance(3600).await;
    block(&site, &person).await;
    assert_eq!(log_in().await, 429, "it is forgotten");
}
