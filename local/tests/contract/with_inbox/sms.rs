//! `send_sms_code`: the life of a code, and the limit on guesses.

use reqwest::Method;
use serde_json::json;

use crate::site::{Site, new_mobile, other_code, read, registration};

#[tokio::test(flavor = "multi_thread")]
async fn b4_sends_a_code_by_get_and_by_post() {
    let site = Site::with_inbox().await;
    let sent = json!({ "detail": "短信已发送!请留意您的手机短信!", "message": "OK" });
    let (one, other) = (new_mobile(), new_mobile());
    site.get(&format!("/users/sms/{one}/")).await.is(200, &sent);
    site.post(&format!("/users/sms/{other}/"), &json!({})).await.is(200, &sent);
    for mobile in [one, other] {
        let messages = site.messages_to(&format!("+86{mobile}")).await;
        let text = messages[0]["text"].as_str().unwrap();
        assert_eq!(messages.len(), 1);
        assert!(
            text.contains("您正在注册") && text.contains("10分钟内有效") && text.contains("切勿告知他人"),
            "{text}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn b4_too_soon_is_200_by_get_and_429_by_post() {
    let site = Site::with_inbox().await;
    let mobile = new_mobile();
    let path = format!("/users/sms/{mobile}/");
    site.sms_code(&mobile).await;
    let refused = json!({ "detail": "对不起, 发送短信过于频繁!" });
    let by_get = site.get(&path).await;
    by_get.refuses(200, "too_many_requests", &refused);
    by_get.says_when_to_retry(60);
    let by_post = site.post(&path, &json!({})).await;
    by_post.refuses(429, "too_many_requests", &refused);
    by_post.says_when_to_retry(60);
    assert_eq!(site.messages_to(&format!("+86{mobile}")).await.len(), 1);
    site.advance(61).await;
    assert_eq!(site.get(&path).await.header("x-error-code"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn b4_one_interval_holds_whatever_the_purpose() {
    let site = Site::with_inbox().await;
    let person = site.register().await;
    site.sms_code(&person.mobile).await;
    let login = format!("/users/sms/{}/?purpose=login", person.mobile);
    assert_eq!(site.post(&login, &json!({})).await.status, 429);
    let forgotten = site.post("/forget_pwd/sms_code/", &json!({ "mobile": person.mobile })).await;
    assert_eq!(forgotten.json()["errno"], "4003");
    assert_eq!(site.send_as(&person.token, Method::POST, "/users/me/sms/", &json!({})).await.status, 429);
}

#[tokio::test(flavor = "multi_thread")]
async fn b4_a_sign_in_code_goes_to_accounts_only_unless_one_is_to_be_made() {
    let site = Site::with_inbox().await;
    let (person, stranger, newcomer) = (site.register().await, new_mobile(), new_mobile());
    let ask = async |mobile: &str, more: &str| {
        let answer = site.post(&format!("/users/sms/{mobile}/?purpose=login{more}"), &json!({})).await;
        answer.is(200, &json!({ "detail": "短信已发送!请留意您的手机短信!", "message": "OK" }));
        site.messages_to(&format!("+86{mobile}")).await
    };
    let text = ask(&person.mobile, "").await[0]["text"].clone();
    assert!(text.as_str().unwrap().contains("您正在登录"), "{text}");
    assert!(ask(&stranger, "").await.is_empty());
    assert_eq!(ask(&newcomer, "&register=true").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn b4_a_code_for_a_new_number_names_its_action() {
    let site = Site::with_inbox().await;
    let (person, new) = (site.register().await, new_mobile());
    let path = format!("/users/sms/{new}/?purpose=mobile");
    assert_eq!(site.send_as(&person.token, Method::POST, &path, &json!({})).await.status, 200);
    let messages = site.messages_to(&format!("+86{new}")).await;
    let text = messages[0]["text"].as_str().unwrap();
    assert!(text.contains("您正在更换绑定手机号") && text.contains("切勿告知他人"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_works_once_for_its_purpose_and_its_number() {
    let site = Site::with_inbox().await;
    let (person, mobile) = (site.register().await, new_mobile());
    let code = site.sms_code(&mobile).await;
    let expired = json!({ "non_field_errors": ["短信验证码已过期!"] });
    site.post("/users/", &registration(&new_mobile(), &code)).await.refuses(400, "code_expired", &expired);
    assert_eq!(site.post("/users/", &registration(&mobile, &code)).await.status, 201);
    site.post("/users/", &registration(&mobile, &code)).await.refuses(400, "code_expired", &expired);

    site.sms_code(&person.mobile).await;
    let registration_code = site.code_for(&person.mobile).await;
    let body = json!({ "mobile": person.mobile, "sms_code": registration_code, "new_password": "a new passphrase" });
    let answer = site.forget_pwd(&site.csrf().await, &body).await;
    answer.refuses(200, "code_expired", &json!({ "errno": "4103", "errmsg": "验证码过期" }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_lives_ten_minutes() {
    let site = Site::with_inbox().await;
    let (early, late) = (new_mobile(), new_mobile());
    let (early_code, late_code) = (site.sms_code(&early).await, site.sms_code(&late).await);
    site.advance(590).await;
    assert_eq!(site.post("/users/", &registration(&early, &early_code)).await.status, 201);
    site.advance(11).await;
    let answer = site.post("/users/", &registration(&late, &late_code)).await;
    answer.refuses(400, "code_expired", &json!({ "non_field_errors": ["短信验证码已过期!"] }));
}

#[tokio::test(flavor = "multi_thread")]
async fn asking_again_sends_the_same_code_while_five_minutes_of_its_life_remain() {
    let site = Site::with_inbox().await;
    let mobile = new_mobile();
    let first = site.sms_code(&mobile).await;
    site.advance(290).await;
    assert_eq!(site.sms_code(&mobile).await, first);
    let text = site.messages_to(&format!("+86{mobile}")).await[0]["text"].clone();
    assert!(text.as_str().unwrap().contains("5分钟内有效"), "what is left of its life is told: {text}");
    site.advance(61).await;
    let second = site.sms_code(&mobile).await;
    assert_ne!(second, first, "a new one, but for one time in a million");
    site.advance(400).await;
    assert_eq!(site.post("/users/", &registration(&mobile, &second)).await.status, 201, "it lives from its sending");
}

#[tokio::test(flavor = "multi_thread")]
async fn five_wrong_guesses_end_a_code_and_resending_buys_none() {
    let site = Site::with_inbox().await;
    let mobile = new_mobile();
    let code = site.sms_code(&mobile).await;
    let guess = async |code: &str| site.post("/users/", &registration(&mobile, code)).await;
    for _ in 0..3 {
        assert_eq!(guess(&other_code(&code)).await.header("x-error-code"), Some("code_wrong"));
    }
    // The old code has less than five minutes left, so a new code is sent. The three guesses carry over to it.
    site.advance(301).await;
    let code = site.sms_code(&mobile).await;
    for _ in 0..2 {
        assert_eq!(guess(&other_code(&code)).await.header("x-error-code"), Some("code_wrong"));
    }
    assert_eq!(guess(&code).await.header("x-error-code"), Some("code_expired"), "the right one comes too late");
    site.advance(61).await;
    let asked = site.post(&format!("/users/sms/{mobile}/"), &json!({})).await;
    assert_eq!(asked.status, 429, "asking again buys no guess");
    asked.says_when_to_retry(600);
    site.advance(600).await;
    let code = site.sms_code(&mobile).await;
    assert_eq!(guess(&code).await.status, 201, "and nobody is locked out for longer than a code lives");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_code_is_no_guess() {
    let site = Site::with_inbox().await;
    let mobile = new_mobile();
    let code = site.sms_code(&mobile).await;
    for _ in 0..6 {
        let answer = site.post("/users/", &registration(&mobile, "12345x")).await;
        assert_eq!(answer.header("x-error-code"), Some("code_malformed"));
    }
    assert_eq!(site.post("/users/", &registration(&mobile, &code)).await.status, 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn b4_by_get_takes_what_an_old_clients_script_sends() {
    let site = Site::with_inbox().await;
    let path = format!("/users/sms/{}/", new_mobile());
    let by_script = read(site.request(Method::GET, &path).header("sec-fetch-mode", "cors")).await;
    assert_eq!((by_script.status, by_script.header("x-error-code")), (200, None));
}
