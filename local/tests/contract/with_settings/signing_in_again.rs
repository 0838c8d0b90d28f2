//! Signing in again in one browser ends that browser's former session and no other.

use reqwest::Method;
use serde_json::{Value, json};

use crate::page::{Page, leaves_the_cookies_alone, text};
use crate::site::{NEW_PASSWORD, PASSWORD, Person, Site, logs, new_mobile, read, registration};

async fn each_sign_in(site: &Site, person: &Person) -> [(&'static str, Value); 3] {
    let asked = site.post(&format!("/users/sms/{}/?purpose=login", person.mobile), &json!({})).await;
    assert_eq!(asked.status, 200, "{asked:?}");
    let code = site.code_for(&person.mobile).await;
    let new = new_mobile();
    let code_of_new = site.sms_code(&new).await;
    [
        ("/users/login/", json!({ "username": person.mobile, "password": PASSWORD })),
        ("/users/sms_login/", json!({ "mobile": person.mobile, "sms_code": code })),
        ("/users/", registration(&new, &code_of_new)),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_in_ends_the_session_that_the_browser_had() {
    let site = Site::with_settings(&[]).await;
    let (person, other) = (site.register().await, site.register().await);
    // The former session belongs to the same account, then to another one.
    for before in [&person, &other] {
        site.advance(61).await;
        for (path, body) in each_sign_in(&site, &person).await {
            let page = Page::new(&site);
            let former = page.sign_in(before).await;
            let former_cookie = page.cookie("refresh_token").unwrap();
            let answer = page.send(Method::POST, path, "", &body).await;
            assert!(answer.status < 300, "{path}: {answer:?}");
            site.me(&former).await.is_refused(401, "unauthorized");
            assert_eq!(site.me(text(&answer.json(), "token")).await.status, 200, "{path}");
            assert_eq!(page.refresh().await.status, 200, "{path}");
            page.set("refresh_token", &former_cookie);
            page.refresh().await.is_refused(401, "session_ended");
            assert_eq!(site.me(&before.token).await.status, 200, "{path}: other browsers stay signed in");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_in_with_a_rotated_or_replaced_cookie_ends_its_session_without_an_alarm() {
    let site = Site::with_settings(&[]).await;
    let (person, page) = (site.register().await, Page::new(&site));
    page.sign_in(&person).await;
    let rotated = page.cookie("refresh_token").unwrap();
    page.refresh().await;
    site.advance(31).await;
    let former = text(&page.refresh().await.json(), "token").to_owned();
    page.set("refresh_token", &rotated);
    let token = page.sign_in(&person).await;
    site.me(&former).await.is_refused(401, "unauthorized");
    // The answer to a change of password is lost. The person signs in with the new password.
    let replaced = page.cookie("refresh_token").unwrap();
    let body = json!({ "password": PASSWORD, "new_password": NEW_PASSWORD });
    let changed = page.send(Method::PUT, "/users/me/password/", &token, &body).await;
    page.set("refresh_token", &replaced);
    page.refresh().await.is_refused(401, "credentials_changed");
    let body = json!({ "username": person.mobile, "password": NEW_PASSWORD });
    assert_eq!(page.send(Method::POST, "/users/login/", "", &body).await.status, 200);
    site.me(text(&changed.json(), "token")).await.is_refused(401, "unauthorized");
    assert!(logs::lines_about(&person.id).iter().all(|line| !line.contains("refresh_token_reused")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_that_fails_or_comes_from_elsewhere_ends_nothing() {
    let site = Site::with_settings(&[]).await;
    let (person, page) = (site.register().await, Page::new(&site));
    let former = page.sign_in(&person).await;
    let cookie = page.cookie("refresh_token").unwrap();
    let wrong = json!({ "username": person.mobile, "password": "wrong password" });
    let refused = page.send(Method::POST, "/users/login/", "", &wrong).await;
    assert_eq!(refused.header("x-error-code"), Some("bad_credentials"));
    leaves_the_cookies_alone(&refused);
    assert_eq!(site.me(&former).await.status, 200);
    let body = json!({ "username": person.mobile, "password": PASSWORD });
    let log_in = || page.request(Method::POST, "/users/login/", &body);
    let without_header =
        site.request(Method::POST, "/users/login/").header("cookie", format!("refresh_token={cookie}"));
    for (case, request) in [
        ("no origin", log_in()),
        ("another origin", log_in().header("origin", "https://evil.example")),
        ("no header", without_header.header("origin", &site.base_url).json(&body)),
    ] {
        assert_eq!(read(request).await.status, 200, "{case}");
        assert_eq!(site.me(&former).await.status, 200, "{case}");
    }
    // A cookie that is not ours, or whose session has ended, keeps nobody from signing in.
    for made_up in ["x".to_owned(), format!("{cookie}x"), cookie.replacen('.', ".e", 1), String::new()] {
        page.set("refresh_token", &made_up);
        page.sign_in(&person).await;
        assert_eq!(site.me(&former).await.status, 200, "{made_up}");
    }
    for _ in 0..2 {
        page.set("refresh_token", &cookie);
        page.sign_in(&person).await;
        site.me(&former).await.is_refused(401, "unauthorized");
    }
    let (stranger, gone) = (site.register().await, Page::new(&site));
    let token = gone.sign_in(&stranger).await;
    let cookie = gone.cookie("refresh_token").unwrap();
    gone.send(Method::DELETE, "/users/me/", &token, &json!({ "password": PASSWORD })).await.is_done();
    gone.set("refresh_token", &cookie);
    gone.sign_in(&person).await;
    assert_eq!(gone.refresh().await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_former_session_may_be_the_one_that_makes_room() {
    let site = Site::with_settings(&[]).await;
    let (person, page) = (site.register().await, Page::new(&site));
    let count = async |token: &str| {
        let listed = site.send_as(token, Method::GET, "/users/me/sessions/", &json!({})).await;
        listed.json().as_array().unwrap().len()
    };
    // The former session is the oldest of twenty, which a further sign-in would end in any case.
    site.advance(1).await;
    page.sign_in(&person).await;
    for _ in 0..19 {
        site.advance(1).await;
        site.log_in(&person.mobile).await;
    }
    let token = page.sign_in(&person).await;
    assert_eq!(count(&token).await, 20);
    // The former session has expired, and would be removed in any case.
    site.advance(31 * 86_400).await;
    let token = page.sign_in(&person).await;
    assert_eq!(count(&token).await, 1);
}
