//! `sms_log_in`: signing in by a code, signing up in the same step, and the consent at sign-up.

use reqwest::Method;
use serde_json::json;

use crate::site::{PASSWORD, Site, new_mobile, other_code, registration};

pub async fn code(site: &Site, mobile: &str, query: &str) -> String {
    site.advance(61).await;
    let answer = site.post(&format!("/users/sms/{mobile}/?purpose=login{query}"), &json!({})).await;
    answer.is(200, &json!({ "detail": "短信已发送!请留意您的手机短信!", "message": "OK" }));
    site.code_for(mobile).await
}

#[tokio::test(flavor = "multi_thread")]
async fn c9_signs_in_by_a_code() {
    let site = Site::with_inbox().await;
    let person = site.register().await;
    let code = code(&site, &person.mobile, "").await;
    let text = site.messages_to(&format!("+86{}", person.mobile)).await[0]["text"].as_str().unwrap().to_owned();
    assert!(text.contains("您正在登录") && text.contains("切勿告知他人"), "{text}");
    let body = |code: &str| json!({ "mobile": person.mobile, "sms_code": code });
    site.post("/users/sms_login/", &body(&other_code(&code))).await.is_refused(400, "code_wrong");
    site.post("/users/sms_login/", &body("12345")).await.is_refused(400, "code_malformed");
    let answer = site.post("/users/sms_login/", &body(&code)).await;
    let signed_in = answer.json();
    let keys: Vec<_> = signed_in.as_object().unwrap().keys().cloned().collect();
    assert_eq!(
        (answer.status, keys.join(" ")),
        (200, "avatar device expires_in id reauthentication refresh_token token username".into())
    );
    assert_eq!((&signed_in["id"], &signed_in["username"]), (&json!(person.id), &json!(person.mobile)));
    assert_eq!(site.me(signed_in["token"].as_str().unwrap()).await.status, 200);
    site.post("/users/sms_login/", &body(&code)).await.is_refused(400, "code_expired");
}

#[tokio::test(flavor = "multi_thread")]
async fn c9_tells_nobody_whether_a_number_has_an_account() {
    let site = Site::with_inbox().await;
    let (person, stranger) = (site.register().await, new_mobile());
    for mobile in [&person.mobile, &stranger] {
        let path = format!("/users/sms/{mobile}/?purpose=login");
        assert_eq!(site.post(&path, &json!({})).await.status, 200);
        assert_eq!(site.post(&path, &json!({})).await.status, 429);
    }
    assert!(site.messages_to(&format!("+86{stranger}")).await.is_empty(), "and the stranger is sent nothing");
    for guess in 0..6 {
        for mobile in [&person.mobile, &stranger] {
            let body = json!({ "mobile": mobile, "sms_code": format!("00000{guess}") });
            let expected = if guess < 5 { "code_wrong" } else { "code_expired" };
            site.post("/users/sms_login/", &body).await.is_refused(400, expected);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn c9_makes_an_account_without_a_password_in_the_same_step() {
    let site = Site::with_inbox().await;
    let mobile = new_mobile();
    let code = code(&site, &mobile, "&register=true").await;
    let body = json!({ "mobile": mobile, "sms_code": code });
    site.post("/users/sms_login/", &body).await.is_refused(400, "no_such_user");
    let mut body = body;
    (body["register"], body["nickname"]) = (true.into(), "小红".into());
    let consent = json!({ "terms": "2026-11", "privacy": "v3" });
    body["consent"] = consent.clone();
    let answer = site.post("/users/sms_login/", &body).await;
    assert_eq!(answer.status, 200, "the right code was no wrong guess: {answer:?}");
    let token = answer.json()["token"].as_str().unwrap().to_owned();
    let me = site.me(&token).await.json();
    assert_eq!((&me["nickname"], &me["has_password"]), (&json!("小红"), &json!(false)));
    let by_password = json!({ "username": mobile, "password": PASSWORD });
    assert_eq!(site.post("/users/login/", &by_password).await.header("x-error-code"), Some("bad_credentials"));

    site.advance(61).await;
    let asked = site.send_as(&token, Method::POST, "/users/me/sms/", &json!({})).await;
    assert_eq!(asked.status, 200, "{asked:?}");
    let proof = json!({ "sms_code": site.code_for(&mobile).await });
    let export = site.send_as(&token, Method::POST, "/users/me/export/", &proof).await.json();
    assert_eq!(export["account"]["consent"]["terms"], consent["terms"], "{export}");
    assert_eq!(export["account"]["consent"]["privacy"], consent["privacy"]);
    assert!(export["account"]["consent"]["at"].as_str().unwrap().ends_with('Z'));
}

#[tokio::test(flavor = "multi_thread")]
async fn c9_signs_in_who_has_an_account_and_asks_to_register() {
    let site = Site::with_inbox().await;
    let person = site.register().await;
    let code = code(&site, &person.mobile, "&register=true").await;
    let body = json!({ "mobile": person.mobile, "sms_code": code, "register": true, "nickname": "另一个" });
    let answer = site.post("/users/sms_login/", &body).await;
    assert_eq!((answer.status, &answer.json()["id"]), (200, &json!(person.id)), "{answer:?}");
    let me = site.me(answer.json()["token"].as_str().unwrap()).await.json();
    assert_eq!(me["nickname"], "小明", "who has a name keeps it");
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_to_sign_in_and_to_register_are_not_each_other() {
    let site = Site::with_inbox().await;
    let mobile = new_mobile();
    let log_in = code(&site, &mobile, "&register=true").await;
    let answer = site.post("/users/", &registration(&mobile, &log_in)).await;
    assert_eq!(answer.header("x-error-code"), Some("code_expired"));
    site.advance(61).await;
    let register = site.sms_code(&mobile).await;
    let body = json!({ "mobile": mobile, "sms_code": register, "register": true });
    let answer = site.post("/users/sms_login/", &body).await;
    assert!([Some("code_wrong"), Some("code_expired")].contains(&answer.header("x-error-code")), "{answer:?}");
}
