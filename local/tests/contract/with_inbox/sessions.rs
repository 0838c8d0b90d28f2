//! `refresh_token`, `log_out`, `list_sessions` and `end_session`: how sessions last and end.

use reqwest::Method;
use serde_json::{Value, json};

use crate::page::text;
use crate::site::{Answer, NEW_PASSWORD, PASSWORD, Site, read};

#[tokio::test(flavor = "multi_thread")]
async fn b1_and_b3_answer_a_refresh_token_too() {
    let site = Site::with_inbox().await;
    let person = site.register().await;
    let answer = site.log_in(&person.mobile).await;
    assert_eq!(answer["expires_in"], 3600);
    assert_ne!(answer["refresh_token"], person.refresh_token.as_str(), "each sign-in has a session of its own");
}

#[tokio::test(flavor = "multi_thread")]
async fn c1_a_refresh_token_is_exchanged_for_its_successor() {
    let site = Site::with_inbox().await;
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
async fn c1_a_lost_answer_is_given_again_for_thirty_seconds() {
    let site = Site::with_inbox().await;
    let person = site.register().await;
    let first = site.refresh(&person.refresh_token).await.json();
    for _ in 0..2 {
        site.advance(14).await;
        let again = site.refresh(&person.refresh_token).await;
        assert_eq!((again.status, again.json()), (200, first.clone()), "the very same");
    }
    let on = site.refresh(text(&first, "refresh_token")).await;
    assert_eq!(on.status, 200, "and its successor goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn c1_an_older_spent_token_ends_its_session() {
    let site = Site::with_inbox().await;
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
async fn c1_the_last_rotated_token_ends_its_session_once_its_window_has_passed() {
    let site = Site::with_inbox().await;
    let person = site.register().await;
    let first = site.refresh(&person.refresh_token).await.json();
    site.advance(31).await;
    site.refresh(&person.refresh_token).await.is_refused(401, "refresh_token_spent");
    site.refresh(text(&first, "refresh_token")).await.is_refused(401, "session_ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn c1_a_forged_token_changes_nothing() {
    let site = Site::with_inbox().await;
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
async fn who_does_not_ask_to_be_remembered_is_signed_in_for_twelve_hours() {
    let site = Site::with_inbox().await;
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
    let site = Site::with_inbox().await;
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
    let site = Site::with_inbox().await;
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
    let site = Site::with_inbox().await;
    let person = site.register().await;
    let agent = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19.0 Mobile/15E148 Safari/604.1";
    let body = json!({ "username": person.mobile, "password": PASSWORD });
    let phone = read(site.request(Method::POST, "/users/login/").header("user-agent", agent).json(&body)).await.json();
    site.advance(60).await;
    let body = json!({ "refresh_token": phone["refresh_token"] });
    let refresh = site.request(Method::POST, "/users/token/refresh/").header("user-agent", agent);
    let phone = read(refresh.json(&body)).await.json();
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
    let site = Site::with_inbox().await;
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
    let site = Site::with_inbox().await;
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

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_password_ends_every_session() {
    let site = Site::with_inbox().await;
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
