//! `send_reset_email`, `check_reset_token` and `reset_password`: a new password by a mailed link.

use reqwest::Method;
use serde_json::{Value, json};

use crate::site::{Answer, NEW_PASSWORD, PASSWORD, Site, new_email};

const INVALID: &str = "重置密码的邮件已过期或者邮件地址有误！";

async fn reset(site: &Site, token: &str, password: &str, repeated: &str) -> Answer {
    let body = json!({ "access_token": token, "password": password, "password2": repeated });
    site.put("/users/find/password/", &body).await
}

async fn ask(site: &Site, email: &str) -> String {
    let answer = site.post("/users/find/password/email/", &json!({ "email": email })).await;
    answer.is(200, &json!("邮件已经发送，请留意您的邮箱"));
    site.link_for(email).await
}

#[tokio::test(flavor = "multi_thread")]
async fn b6_mails_a_link_by_get_and_by_post() {
    let site = Site::with_inbox().await;
    let (_, email) = site.register_with_email().await;
    let sent = json!("邮件已经发送，请留意您的邮箱");
    site.get(&format!("/users/find/password/?email={email}")).await.is(200, &sent);
    let mail = site.messages_to(&email).await[0].clone();
    let link = format!("{}/reset_password?access_token=", site.base_url);
    assert!(mail["text"].as_str().unwrap().contains(&link) && mail["html"].as_str().unwrap().contains(&link), "{mail}");
    let soon = site.get(&format!("/users/find/password/?email={email}")).await;
    soon.refuses(429, "too_many_requests", &json!("对不起, 发送邮件过于频繁!"));
    soon.says_when_to_retry(60);
    site.advance(61).await;
    let in_capitals = site.get(&format!("/users/find/password/?email={}", email.to_uppercase())).await;
    in_capitals.is(200, &sent);
    assert!(!site.link_for(&email).await.is_empty(), "the mail goes to the stored address");
}

#[tokio::test(flavor = "multi_thread")]
async fn b7_and_b8_set_a_password_once() {
    let site = Site::with_inbox().await;
    let (person, email) = site.register_with_email().await;
    let token = ask(&site, &email).await;
    let check = async || site.post("/users/find/password/", &json!({ "access_token": token })).await;
    check().await.is(200, &json!({ "email": email }));
    check().await.is(200, &json!({ "email": email }));
    reset(&site, &token, NEW_PASSWORD, NEW_PASSWORD).await.is(200, &json!("重置密码成功！"));
    check().await.refuses(400, "link_invalid", &json!(INVALID));
    reset(&site, &token, NEW_PASSWORD, NEW_PASSWORD).await.refuses(400, "link_invalid", &json!(INVALID));

    let log_in = async |password: &str| {
        site.post("/users/login/", &json!({ "username": email, "password": password })).await.status
    };
    assert_eq!((log_in(PASSWORD).await, log_in(NEW_PASSWORD).await), (400, 200));
    let old = site.send_as(&person.token, Method::GET, "/users/me/", &json!({})).await;
    assert_eq!(old.status, 401, "a token from before the reset is dead");
}

#[tokio::test(flavor = "multi_thread")]
async fn b8_refuses_each_thing_in_its_words() {
    let site = Site::with_inbox().await;
    let (person, email) = site.register_with_email().await;
    let token = ask(&site, &email).await;
    let length: Value = json!("密码长度有误！");
    reset(&site, &token, "short", "short").await.refuses(400, "password_too_short", &length);
    let long = "长".repeat(129);
    reset(&site, &token, &long, &long).await.refuses(400, "password_too_long", &length);
    let differ = reset(&site, &token, NEW_PASSWORD, PASSWORD).await;
    differ.refuses(400, "passwords_differ", &json!("密码和确认密码不一致！"));
    let common = reset(&site, &token, "password1", "password1").await;
    common.refuses(400, "password_too_common", &json!("这个密码太常见，容易被猜到。"));
    for personal in [&person.mobile, &email] {
        let answer = reset(&site, &token, personal, personal).await;
        answer.refuses(400, "password_personal", &json!("密码不能是您的手机号、名字或邮箱。"));
    }
    for forged in ["x", "x.y.z", &token[..token.len() - 2], person.token.as_str()] {
        reset(&site, forged, NEW_PASSWORD, NEW_PASSWORD).await.refuses(400, "link_invalid", &json!(INVALID));
        let answer = site.post("/users/find/password/", &json!({ "access_token": forged })).await;
        answer.refuses(400, "link_invalid", &json!(INVALID));
    }
    reset(&site, &token, NEW_PASSWORD, NEW_PASSWORD).await.is(200, &json!("重置密码成功！"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_lives_ten_minutes_and_dies_with_a_change_of_email_or_password() {
    let site = Site::with_inbox().await;
    let (mut person, email) = site.register_with_email().await;
    let expired = ask(&site, &email).await;
    site.advance(600).await;
    reset(&site, &expired, NEW_PASSWORD, NEW_PASSWORD).await.refuses(400, "link_invalid", &json!(INVALID));

    let before_email = ask(&site, &email).await;
    let next = new_email();
    let asked = json!({ "email": next, "password": PASSWORD });
    assert_eq!(site.send_as(&person.token, Method::POST, "/users/me/email/", &asked).await.status, 200);
    let body = json!({ "email": next, "email_code": site.code_for(&next).await });
    let answer = site.send_as(&person.token, Method::PUT, "/users/me/email/", &body).await;
    person.token = answer.json()["token"].as_str().unwrap().to_owned();
    reset(&site, &before_email, NEW_PASSWORD, NEW_PASSWORD).await.refuses(400, "link_invalid", &json!(INVALID));
    site.advance(61).await;

    let before_password = ask(&site, &next).await;
    site.post("/forget_pwd/sms_code/", &json!({ "mobile": person.mobile })).await;
    let code = site.code_for(&person.mobile).await;
    let body = json!({ "mobile": person.mobile, "sms_code": code, "new_password": NEW_PASSWORD });
    assert_eq!(site.forget_pwd(&site.csrf().await, &body).await.json()["errno"], "0");
    reset(&site, &before_password, PASSWORD, PASSWORD).await.refuses(400, "link_invalid", &json!(INVALID));
}
