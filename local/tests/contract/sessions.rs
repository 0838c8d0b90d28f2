//! C1–C4: sessions that last, and end.

use reqwest::Method;
use serde_json::{Value, json};

use crate::site::{Answer, NEW_PASSWORD, PASSWORD, Site, read};

fn text<'a>(answer: &'a Value, name: &str) -> &'a str {
    answer[name].as_str().unwrap_or_else(|| panic!("no {name} in {answer}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn b1_and_b3_answer_a_refresh_token_too() {
    let Some(site) = Site::with_inbox().await else { return };
    let person = site.register().await;
    let answer = site.log_in(&person.mobile).await;
    assert_eq!(answer["expires_in"], 3600);
    assert_ne!(answer["refresh_token"], person.refresh_token.as_str(), "each sign-in has a session of its own");
}

#[tokio::test(flavor = "multi_thread")]
async fn c1_a_refresh_token_is_exchanged_for_its_child() {
    let Some(site) = Site::with_inbox().await else { return };
    let person = site.register().await;
    let answer = site.refresh(&person.refresh_token).await;
    let body = answer.json();
    let keys: Vec<_> = body.as_object().unwrap().keys().cloned().collect();
    assert_eq!((answer.status, keys), (200, vec!["expires_in".into(), "refresh_token".into(), "token".into()]));
    assert_eq!(body["expires_in"], 3600);
    assert_eq!(site.me(text(&body, "token")).await.status, 200);
    let next = site.refresh(text(&body, "refresh_token")).await;
    assert_eq!(next.status, 200, "{next:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn c1_a_lost_answer_is_given_again_for_ten_seconds() {
    let Some(site) = Site::with_inbox().await else { return };
    let person = site.register().await;
    let first = site.refresh(&person.refresh_token).await.json();
    site.advance(5).await;
    let again = site.refresh(&person.refresh_token).await;
    assert_eq!((again.status, again.json()), (200, first.clone()), "the very same");
    let on = site.refresh(text(&first, "refresh_token")).await;
    assert_eq!(on.status, 200, "and its child goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn c1_an_older_spent_token_ends_its_session() {
    let Some(site) = Site::with_inbox().await else { return };
    let person = site.register().await;
    let other = site.log_in(&person.mobile).await;
    let first = site.refresh(&person.refresh_token).await.json();
    let second = site.refresh(text(&first, "refresh_token")).await.json();
    site.refresh(&person.refresh_token).await.is_refused(401, "refresh_token_spent");
    site.refresh(text(&second, "refresh_token")).await.is_refused(401, "session_ended");
    site.me(text(&second, "token")).await.is_refused(401, "unauthorized");
    assert_eq!(site.me(text(&other, "token")).await.status, 200, "the other session goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn c1_the_last_spent_token_ends_its_session_once_ten_seconds_have_passed() {
    let Some(site) = Site::with_inbox().await else { return };
    let person = site.register().await;
    let first = site.refresh(&person.refresh_token).await.json();
    site.advance(11).await;
    site.refresh(&person.refresh_token).await.is_refused(401, "refresh_token_spent");
    site.refresh(text(&first, "refresh_token")).await.is_refused(401, "session_ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn c1_a_forged_token_changes_nothing() {
    let Some(site) = Site::with_inbox().await else { return };
    let person = site.register().await;
    let token = &person.refresh_token;
    let flipped = |index: usize| {
        let mut bytes = token.clone().into_bytes();
        bytes[index] = if bytes[index] == b'A' { b'B' } else { b'A' };
        String::from_utf8(bytes).unwrap()
    };
    let middle = token.find('.').unwrap() + 20;
    for forged in [flipped(middle), flipped(token.len() - 10), person.token.clone(), "x".into(), "a.b.c".into()] {
        site.refresh(&forged).await.is_refused(401, "refresh_token_invalid");
    }
    site.post("/users/token/refresh/", &json!({})).await.is_refused(400, "field_required");
    assert_eq!(site.me(&person.token).await.status, 200);
    assert_eq!(site.refresh(token).await.status, 200, "and the right one is as good as before");
}

#[tokio::test(flavor = "multi_thread")]
async fn c1_a_session_slides_for_thirty_days_and_ends_after_ninety() {
    const DAY: u32 = 86_400;
    let Some(site) = Site::with_settings(&[]).await else { return };
    let (idle, used) = (site.register().await, site.register().await);
    let mut token = used.refresh_token.clone();
    for _ in 0..3 {
        site.advance(29 * DAY).await;
        let answer = site.refresh(&token).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        token = text(&answer.json(), "refresh_token").to_owned();
    }
    site.refresh(&idle.refresh_token).await.is_refused(401, "session_ended");
    site.advance(3 * DAY).await;
    site.refresh(&token).await.is_refused(401, "session_ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_ask_to_be_remembered_is_signed_in_for_twelve_hours() {
    let Some(site) = Site::with_inbox().await else { return };
    let person = site.register().await;
    let body = json!({ "username": person.mobile, "password": PASSWORD, "remember": false });
    let mut token = text(&site.post("/users/login/", &body).await.json(), "refresh_token").to_owned();
    for _ in 0..2 {
        site.advance(5 * 3600).await;
        let answer = site.refresh(&token).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        token = text(&answer.json(), "refresh_token").to_owned();
    }
    site.advance(2 * 3600).await;
    site.refresh(&token).await.is_refused(401, "session_ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn c2_signs_one_device_out() {
    let Some(site) = Site::with_inbox().await else { return };
    let person = site.register().await;
    let other = site.log_in(&person.mobile).await;
    let body = json!({ "refresh_token": person.refresh_token });
    site.post("/users/logout/", &body).await.is_done();
    site.me(&person.token).await.is_refused(401, "unauthorized");
    site.refresh(&person.refresh_token).await.is_refused(401, "session_ended");
    site.post("/users/logout/", &body).await.is_done();
    assert_eq!(site.me(text(&other, "token")).await.status, 200);
    site.post("/users/logout/", &json!({ "refresh_token": "x" })).await.is_refused(401, "refresh_token_invalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn c2_signs_all_devices_out() {
    let Some(site) = Site::with_inbox().await else { return };
    let person = site.register().await;
    let other = site.log_in(&person.mobile).await;
    site.post("/users/logout/", &json!({ "all": true })).await.is_refused(401, "unauthorized");
    site.send_as(&person.token, Method::POST, "/users/logout/", &json!({ "all": true })).await.is_done();
    for (token, refresh) in
        [(person.token.as_str(), person.refresh_token.as_str()), (text(&other, "token"), text(&other, "refresh_token"))]
    {
        site.me(token).await.is_refused(401, "unauthorized");
        site.refresh(refresh).await.is_refused(401, "session_ended");
    }
    site.log_in(&person.mobile).await;
}

async fn list(site: &Site, token: &str) -> Vec<Value> {
    let answer = read(site.request(Method::GET, "/users/me/sessions/").bearer_auth(token)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json().as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn c3_lists_the_devices_in_plain_words() {
    let Some(site) = Site::with_inbox().await else { return };
    let person = site.register().await;
    let agent = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19.0 Mobile/15E148 Safari/604.1";
    let body = json!({ "username": person.mobile, "password": PASSWORD });
    let phone = read(site.request(Method::POST, "/users/login/").header("user-agent", agent).json(&body)).await.json();
    site.advance(60).await;
    let phone = site.refresh(text(&phone, "refresh_token")).await.json();
    let listed = list(&site, text(&phone, "token")).await;
    assert_eq!(listed.len(), 2);
    let (newest, oldest) = (&listed[0], &listed[1]);
    let keys: Vec<_> = newest.as_object().unwrap().keys().cloned().collect();
    assert_eq!(keys, ["address", "created_at", "current", "device", "id", "last_used_at"]);
    assert_eq!((&newest["device"], &newest["current"]), (&json!("Safari · iPhone"), &json!(true)));
    assert_eq!((&oldest["device"], &oldest["current"]), (&json!("未知设备"), &json!(false)));
    assert_eq!(newest["address"], "127.0.0.*");
    assert!(text(newest, "last_used_at") > text(newest, "created_at"), "{newest}");
    read(site.request(Method::GET, "/users/me/sessions/")).await.is_refused(401, "unauthorized");
}

#[tokio::test(flavor = "multi_thread")]
async fn c3_twenty_are_live_and_the_oldest_ends() {
    let Some(site) = Site::with_inbox().await else { return };
    let person = site.register().await;
    let mut newest = Value::Null;
    for _ in 0..20 {
        site.advance(1).await;
        newest = site.log_in(&person.mobile).await;
    }
    assert_eq!(list(&site, text(&newest, "token")).await.len(), 20);
    site.me(&person.token).await.is_refused(401, "unauthorized");
    site.refresh(&person.refresh_token).await.is_refused(401, "session_ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn c4_ends_one_session_and_no_stranger_s() {
    let Some(site) = Site::with_inbox().await else { return };
    let (person, stranger) = (site.register().await, site.register().await);
    let other = site.log_in(&person.mobile).await;
    let listed = list(&site, &person.token).await;
    let id = listed.iter().find(|session| session["current"] == false).map(|session| text(session, "id")).unwrap();
    let path = format!("/users/me/sessions/{id}/");
    let end =
        async |token: &str, path: &str| -> Answer { read(site.request(Method::DELETE, path).bearer_auth(token)).await };
    end(&stranger.token, &path).await.is_refused(404, "not_found");
    assert_eq!(site.me(text(&other, "token")).await.status, 200);
    end(&person.token, &path).await.is_done();
    site.me(text(&other, "token")).await.is_refused(401, "unauthorized");
    site.refresh(text(&other, "refresh_token")).await.is_refused(401, "session_ended");
    end(&person.token, &path).await.is_refused(404, "not_found");
    end(&person.token, "/users/me/sessions/x/").await.is_refused(404, "not_found");
    end("x", &path).await.is_refused(401, "unauthorized");
}

fn session_cookie(answer: &Answer) -> String {
    let mut cookies = answer.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap().to_owned());
    cookies.rfind(|cookie| cookie.starts_with("refresh_token=")).expect("a cookie of the session")
}

/// A request as our own pages send it.
fn by_cookie(site: &Site, path: &str, cookie: &str, origin: &str) -> reqwest::RequestBuilder {
    let request = site.request(Method::POST, path).header("x-session", "cookie").header("origin", origin);
    if cookie.is_empty() { request } else { request.header("cookie", cookie) }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_s_refresh_token_is_in_a_cookie_and_nowhere_else() {
    let Some(site) = Site::with_settings(&[]).await else { return };
    let person = site.register().await;
    let own = site.base_url.clone();
    let body = json!({ "username": person.mobile, "password": PASSWORD });
    let answer = read(by_cookie(&site, "/users/login/", "", &own).json(&body)).await;
    assert!(answer.json().get("refresh_token").is_none(), "{answer:?}");
    let set = session_cookie(&answer);
    for part in ["; HttpOnly", "; SameSite=Strict", "; Path=/", "; Max-Age=2592000"] {
        assert!(set.contains(part), "{set}");
    }
    assert!(!set.contains("Secure"), "Safari keeps no such cookie of http://localhost: {set}");
    let cookie = set.split(';').next().unwrap();
    // Another origin, none at all, or no cookie: nothing happens.
    for origin in ["https://evil.example", "null", ""] {
        let answer = read(by_cookie(&site, "/users/token/refresh/", cookie, origin)).await;
        answer.is_refused(403, "origin_refused");
        read(by_cookie(&site, "/users/logout/", cookie, origin)).await.is_refused(403, "origin_refused");
    }
    read(by_cookie(&site, "/users/token/refresh/", "", &own)).await.is_refused(401, "refresh_token_invalid");
    let without = site.request(Method::POST, "/users/token/refresh/").header("cookie", cookie).json(&json!({}));
    read(without).await.is_refused(400, "field_required");

    let refreshed = read(by_cookie(&site, "/users/token/refresh/", cookie, &own)).await;
    assert!(refreshed.status == 200 && refreshed.json().get("refresh_token").is_none(), "{refreshed:?}");
    let next = session_cookie(&refreshed);
    let next = next.split(';').next().unwrap();
    assert_ne!(next, cookie);
    let out = read(by_cookie(&site, "/users/logout/", next, &own)).await;
    out.is_done();
    assert!(session_cookie(&out).contains("Max-Age=0"), "{out:?}");
    site.me(text(&refreshed.json(), "token")).await.is_refused(401, "unauthorized");
    // Who does not ask to be remembered has a cookie that ends with the browser.
    let body = json!({ "username": person.mobile, "password": PASSWORD, "remember": false });
    let answer = read(by_cookie(&site, "/users/login/", "", &own).json(&body)).await;
    assert!(!session_cookie(&answer).contains("Max-Age"), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_password_ends_every_session() {
    let Some(site) = Site::with_inbox().await else { return };
    let person = site.register().await;
    site.post("/forget_pwd/sms_code/", &json!({ "mobile": person.mobile })).await;
    let (code, csrf) = (site.code_for(&person.mobile).await, site.csrf().await);
    let body = json!({ "mobile": person.mobile, "sms_code": code, "new_password": NEW_PASSWORD });
    assert_eq!(site.forget_pwd(&csrf, &body).await.json()["errno"], "0");
    site.me(&person.token).await.is_refused(401, "unauthorized");
    site.refresh(&person.refresh_token).await.is_refused(401, "session_ended");
    let told = site.messages_to(&format!("+86{}", person.mobile)).await;
    assert!(text(&told[0], "text").contains("登录密码已修改"), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_opened_as_localhost_and_as_127_0_0_1_are_both_our_own() {
    let Some(site) = Site::with_settings(&[]).await else { return };
    let person = site.register().await;
    let port = site.base_url.rsplit(':').next().unwrap();
    let body = json!({ "username": person.mobile, "password": PASSWORD });
    for name in ["localhost", "127.0.0.1"] {
        let own = format!("http://{name}:{port}");
        let signed_in = read(by_cookie(&site, "/users/login/", "", &own).json(&body)).await;
        let cookie = session_cookie(&signed_in);
        let refreshed = read(by_cookie(&site, "/users/token/refresh/", cookie.split(';').next().unwrap(), &own)).await;
        assert_eq!(refreshed.status, 200, "{own}: {refreshed:?}");
        let other_port = format!("http://{name}:1");
        let refused = read(by_cookie(&site, "/users/token/refresh/", "refresh_token=x", &other_port)).await;
        refused.is_refused(403, "origin_refused");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_pages_are_served_by_https_their_cookies_are_for_https_and_one_host_alone() {
    let own = "https://id.example";
    let Some(site) = Site::with_settings(&[("CLIENT_HOST", own)]).await else { return };
    let person = site.register().await;
    let body = json!({ "username": person.mobile, "password": PASSWORD });
    let signed_in = read(by_cookie(&site, "/users/login/", "", own).json(&body)).await;
    let cookies: Vec<_> = signed_in.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap()).collect();
    assert_eq!(cookies.len(), 2, "{cookies:?}");
    for cookie in &cookies {
        assert!(
            cookie.starts_with("__Host-") && cookie.contains("; Secure") && cookie.contains("; Path=/"),
            "{cookie}"
        );
    }
    let session = cookies.iter().find(|cookie| cookie.starts_with("__Host-refresh_token=")).unwrap();
    let session = session.split(';').next().unwrap();
    assert_eq!(read(by_cookie(&site, "/users/token/refresh/", session, own)).await.status, 200);
    let refused = read(by_cookie(&site, "/users/token/refresh/", session, &site.base_url)).await;
    refused.is_refused(403, "origin_refused");
}
