//! `send_email_code` and `bind_email`, and the proof they ask for.

use reqwest::Method;
use serde_json::json;

use crate::site::{PASSWORD, Site, new_email, other_code};

#[tokio::test(flavor = "multi_thread")]
async fn b9_and_b10_bind_an_email_by_password() {
    let site = Site::with_inbox().await;
    let person = site.register().await;
    let email = new_email().replacen("li", "li.lei+", 1);
    let asked = json!({ "email": email.replacen("li.lei", "Li.Lei", 1), "password": PASSWORD });
    let answer = site.send_as(&person.token, Method::POST, "/users/me/email/", &asked).await;
    answer.is(200, &json!({ "detail": "验证码已发送到您的邮箱" }));
    let mail = site.messages_to(&email).await[0].clone();
    assert!(mail["text"].as_str().unwrap().contains("您正在绑定邮箱") && mail["html"].is_string(), "{mail}");
    assert!(mail["subject"].as_str().unwrap().contains("Latchkey"));
    let code = site.code_for(&email).await;
    let body = json!({ "email": email, "email_code": code });
    let answer = site.send_as(&person.token, Method::PUT, "/users/me/email/", &body).await;
    assert_eq!((answer.status, &answer.json()["email"]), (200, &json!(email)), "{answer:?}");

    let old = site.send_as(&person.token, Method::GET, "/users/me/", &json!({})).await;
    assert_eq!(old.status, 401, "a change of email kills every older token");
    let new = answer.json()["token"].as_str().unwrap().to_owned();
    let me = site.send_as(&new, Method::GET, "/users/me/", &json!({})).await;
    assert_eq!(me.json()["email"], email, "and the answer brings one that is good");
}

#[tokio::test(flavor = "multi_thread")]
async fn b9_takes_a_code_to_the_own_number_as_proof_once() {
    let site = Site::with_inbox().await;
    let a = new_email();
    let b = new_email();
    let person = site.register().await;
    let answer = site.send_as(&person.token, Method::POST, "/users/me/sms/", &json!({})).await;
    answer.is(200, &json!({ "detail": "短信已发送!请留意您的手机短信!" }));
    let code = site.code_for(&person.mobile).await;
    let ask = async |email: &str, code: &str| {
        let body = json!({ "email": email, "sms_code": code });
        site.send_as(&person.token, Method::POST, "/users/me/email/", &body).await
    };
    let wrong = json!({ "detail": "验证码错误，请重新确认。" });
    ask(&a, &other_code(&code)).await.refuses(400, "code_wrong", &wrong);
    assert_eq!(ask(&a, &code).await.status, 200);
    let expired = json!({ "detail": "验证码已过期，请重新获取。" });
    ask(&b, &code).await.refuses(400, "code_expired", &expired);
    assert!(site.messages_to(&b).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn b9_refuses_strangers_wrong_proof_and_malformed_addresses() {
    let site = Site::with_inbox().await;
    let a = new_email();
    let person = site.register().await;
    let body = json!({ "email": a, "password": PASSWORD });
    let refused = json!({ "detail": "请先登录。" });
    site.post("/users/me/email/", &body).await.refuses(401, "unauthorized", &refused);
    let wrong = json!({ "email": a, "password": "wrong password" });
    let answer = site.send_as(&person.token, Method::POST, "/users/me/email/", &wrong).await;
    answer.refuses(400, "proof_wrong", &json!({ "detail": "密码错误。" }));
    let none = json!({ "email": a });
    let answer = site.send_as(&person.token, Method::POST, "/users/me/email/", &none).await;
    answer.refuses(400, "field_required", &json!({ "detail": "password: 该字段是必填项。" }));
    for email in ["a", "a@b", "a@example.com\r\nBcc: b@example.com", "李@例子.中国"] {
        let body = json!({ "email": email, "password": PASSWORD });
        let answer = site.send_as(&person.token, Method::POST, "/users/me/email/", &body).await;
        answer.refuses(400, "email_malformed", &json!({ "detail": "邮箱地址格式不正确！" }));
    }
    assert!(site.messages_to(&a).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn b9_too_soon_is_429_and_spends_no_proof() {
    let site = Site::with_inbox().await;
    let a = new_email();
    let person = site.register().await;
    let body = json!({ "email": a, "password": PASSWORD });
    assert_eq!(site.send_as(&person.token, Method::POST, "/users/me/email/", &body).await.status, 200);
    site.send_as(&person.token, Method::POST, "/users/me/sms/", &json!({})).await;
    let code = site.code_for(&person.mobile).await;
    let by_code = json!({ "email": a, "sms_code": code });
    for _ in 0..7 {
        let answer = site.send_as(&person.token, Method::POST, "/users/me/email/", &by_code).await;
        answer.refuses(429, "too_many_requests", &json!({ "detail": "操作过于频繁，请稍后再试!" }));
        answer.says_when_to_retry(60);
    }
    site.advance(61).await;
    let answer = site.send_as(&person.token, Method::POST, "/users/me/email/", &by_code).await;
    assert_eq!(answer.status, 200, "a right code that bought nothing is still good: {answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn b10_tells_taken_only_after_a_right_code() {
    let site = Site::with_inbox().await;
    let (_, email) = site.register_with_email().await;
    let other = site.register().await;
    let asked = json!({ "email": email, "password": PASSWORD });
    assert_eq!(site.send_as(&other.token, Method::POST, "/users/me/email/", &asked).await.status, 200);
    let code = site.code_for(&email).await;
    let bind = async |code: &str| {
        let body = json!({ "email": email, "email_code": code });
        site.send_as(&other.token, Method::PUT, "/users/me/email/", &body).await
    };
    bind(&other_code(&code)).await.refuses(400, "code_wrong", &json!({ "detail": "验证码错误，请重新确认。" }));
    bind(&code).await.refuses(400, "email_taken", &json!({ "detail": "该邮箱已被其他账号使用。" }));
    bind("12345").await.refuses(400, "code_malformed", &json!({ "detail": "验证码为6位数字，请检查。" }));
    site.advance(600).await;
    bind(&code).await.refuses(400, "code_expired", &json!({ "detail": "验证码已过期，请重新获取。" }));
    let stranger = site.put("/users/me/email/", &json!({ "email": email, "email_code": code })).await;
    stranger.refuses(401, "unauthorized", &json!({ "detail": "请先登录。" }));
}

#[tokio::test(flavor = "multi_thread")]
async fn b10_a_code_for_one_account_or_address_is_none_for_another() {
    let site = Site::with_inbox().await;
    let a = new_email();
    let b = new_email();
    let (one, other) = (site.register().await, site.register().await);
    let asked = json!({ "email": a, "password": PASSWORD });
    assert_eq!(site.send_as(&one.token, Method::POST, "/users/me/email/", &asked).await.status, 200);
    let code = site.code_for(&a).await;
    let body = json!({ "email": a, "email_code": code });
    let stolen = site.send_as(&other.token, Method::PUT, "/users/me/email/", &body).await;
    assert_eq!(stolen.header("x-error-code"), Some("code_expired"));
    let elsewhere = json!({ "email": b, "email_code": code });
    let elsewhere = site.send_as(&one.token, Method::PUT, "/users/me/email/", &elsewhere).await;
    assert_eq!(elsewhere.header("x-error-code"), Some("code_expired"));
}

#[tokio::test(flavor = "multi_thread")]
async fn b10_a_new_email_frees_the_old_one() {
    let site = Site::with_inbox().await;
    let new = new_email();
    let (person, old) = site.register_with_email().await;
    let bind = async |token: &str, email: &str| {
        let asked = json!({ "email": email, "password": PASSWORD });
        assert_eq!(site.send_as(token, Method::POST, "/users/me/email/", &asked).await.status, 200);
        let body = json!({ "email": email, "email_code": site.code_for(email).await });
        let answer = site.send_as(token, Method::PUT, "/users/me/email/", &body).await;
        site.advance(61).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["token"].as_str().unwrap().to_owned()
    };
    let token = bind(&person.token, &new).await;
    bind(&token, &new).await;
    let next = site.register().await;
    bind(&next.token, &old).await;
    let by_old = site.post("/users/login/", &json!({ "username": old, "password": PASSWORD })).await;
    assert_eq!(by_old.json()["id"], json!(next.id), "the old address is the next owner's");
}
