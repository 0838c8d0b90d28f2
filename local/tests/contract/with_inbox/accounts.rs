//! `log_in`, `register`, `check_mobile` and `me`.

use reqwest::Method;
use serde_json::json;

use crate::site::{PASSWORD, Site, new_mobile, other_code, read, registration};

#[tokio::test(flavor = "multi_thread")]
async fn b5_a_free_number_is_free_and_a_taken_one_is_not() {
    let site = Site::with_inbox().await;
    site.get(&format!("/users/mobile/{}/", new_mobile())).await.is(200, &json!({ "detail": "ok" }));
    let person = site.register().await;
    let taken = json!({ "detail": "当前手机号码已经被注册" });
    site.get(&format!("/users/mobile/{}/", person.mobile)).await.refuses(400, "mobile_taken", &taken);
}

#[tokio::test(flavor = "multi_thread")]
async fn b3_a_right_code_makes_an_account() {
    let site = Site::with_inbox().await;
    let mobile = new_mobile();
    let code = site.sms_code(&mobile).await;
    let answer = site.post("/users/", &registration(&mobile, &code)).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let body = answer.json();
    assert_eq!((&body["username"], &body["nickname"]), (&json!(mobile), &json!("小明")));
    assert!(body["id"].is_string() && body["token"].is_string());
    for secret in ["password", "sms_code", "mobile"] {
        assert!(body.get(secret).is_none(), "{secret} is echoed");
    }
    assert!(!answer.text.contains(PASSWORD) && !answer.text.contains(&code));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

#[tokio::test(flavor = "multi_thread")]
async fn b3_refuses_each_thing_in_its_words() {
    let site = Site::with_inbox().await;
    let mobile = new_mobile();
    let general = |text: &str| json!({ "non_field_errors": [text] });
    let change = |field: &str, value: serde_json::Value| {
        let mut body = registration(&mobile, "123456");
        body[field] = value;
        body
    };
    let malformed = general("手机号码格式不正确！");
    for bad in ["1380000000", "１３８００００００００", "13800000000\n", "+8613800000000"] {
        site.post("/users/", &change("mobile", json!(bad))).await.refuses(400, "mobile_malformed", &malformed);
    }
    let expired = general("短信验证码已过期!");
    site.post("/users/", &change("sms_code", json!("123456"))).await.refuses(400, "code_expired", &expired);
    let wrong = general("短信验证码错误!请重新确认!");
    site.post("/users/", &change("sms_code", json!("12345"))).await.refuses(400, "code_malformed", &wrong);
    let code = site.sms_code(&mobile).await;
    let guess = change("sms_code", json!(other_code(&code)));
    site.post("/users/", &guess).await.refuses(400, "code_wrong", &wrong);
    for (password, code, text) in [
        ("short", "password_too_short", "密码至少8个字符。"),
        (&"长".repeat(129), "password_too_long", "密码最多128个字符。"),
        ("password1", "password_too_common", "这个密码太常见，容易被猜到。"),
        (&mobile, "password_personal", "密码不能是您的手机号、名字或邮箱。"),
    ] {
        let body = json!({ "password": [text] });
        site.post("/users/", &change("password", json!(password))).await.refuses(400, code, &body);
    }
    for (nickname, text) in [("   ", "昵称不能为空。"), (&"明".repeat(21), "昵称最多20个字符。")] {
        let body = json!({ "nickname": [text] });
        site.post("/users/", &change("nickname", json!(nickname))).await.refuses(400, "nickname_refused", &body);
    }
    let required = "该字段是必填项。";
    let all = json!({ "nickname": [required], "mobile": [required], "sms_code": [required], "password": [required] });
    site.post("/users/", &json!({})).await.refuses(400, "field_required", &all);
}

#[tokio::test(flavor = "multi_thread")]
async fn b3_a_number_registers_once() {
    let site = Site::with_inbox().await;
    let person = site.register().await;
    let code = site.sms_code(&person.mobile).await;
    let answer = site.post("/users/", &registration(&person.mobile, &code)).await;
    answer.refuses(400, "mobile_taken", &json!({ "non_field_errors": ["用户注册失败！"] }));
}

#[tokio::test(flavor = "multi_thread")]
async fn b1_signs_in_by_number_and_by_email_in_any_case() {
    let site = Site::with_inbox().await;
    let (person, email) = site.register_with_email().await;
    for name in [person.mobile.clone(), email.clone(), email.to_uppercase()] {
        let answer = site.post("/users/login/", &json!({ "username": name, "password": PASSWORD })).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let body = answer.json();
        assert_eq!((&body["id"], &body["username"]), (&json!(person.id), &json!(person.mobile)));
        assert_eq!(body["avatar"], "");
        let token = body["token"].as_str().unwrap();
        let me = read(site.request(Method::GET, "/users/me/").header("authorization", format!("JWT {token}"))).await;
        assert_eq!(me.status, 200, "the older scheme word works: {me:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn b1_refuses_unknown_wrong_and_malformed_alike() {
    let site = Site::with_inbox().await;
    let person = site.register().await;
    let refused = json!({ "non_field_errors": ["用户名或密码错误"] });
    for (name, password) in [
        (person.mobile.as_str(), "wrong password"),
        (new_mobile().as_str(), PASSWORD),
        ("nobody@example.com", PASSWORD),
        ("nobody", PASSWORD),
        ("１３８００００００００", PASSWORD),
        ("\u{0}", "\u{0}"),
    ] {
        let answer = site.post("/users/login/", &json!({ "username": name, "password": password })).await;
        answer.refuses(400, "bad_credentials", &refused);
    }
    let required = json!({ "username": ["该字段是必填项。"], "password": ["该字段是必填项。"] });
    site.post("/users/login/", &json!({})).await.refuses(400, "field_required", &required);
    let blank = site.post("/users/login/", &json!({ "username": "", "password": null })).await;
    let body = json!({ "username": ["该字段不能为空。"], "password": ["该字段不能为 null。"] });
    blank.refuses(400, "field_required", &body);
}

#[tokio::test(flavor = "multi_thread")]
async fn b11_tells_who_is_signed_in() {
    let site = Site::with_inbox().await;
    let (person, email) = site.register_with_email().await;
    let answer = site.send_as(&person.token, Method::GET, "/users/me/", &json!({})).await;
    let masked = format!("{}****{}", &person.mobile[..3], &person.mobile[7..]);
    let proved_at = answer.json()["mobile_proved_at"].clone();
    assert!(proved_at.as_str().is_some_and(|at| at.ends_with('Z')), "{answer:?}");
    answer.is(
        200,
        &json!({
            "id": person.id, "username": null, "nickname": "小明", "mobile": masked, "email": email, "avatar": "",
            "has_password": true, "mobile_proved_at": proved_at, "guessed_at": null, "pending_recovery": null,
        }),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_expires_by_the_programs_clock() {
    let site = Site::with_inbox().await;
    let person = site.register().await;
    site.advance(3500).await;
    assert_eq!(site.send_as(&person.token, Method::GET, "/users/me/", &json!({})).await.status, 200);
    site.advance(100).await;
    assert_eq!(site.send_as(&person.token, Method::GET, "/users/me/", &json!({})).await.status, 401);
}
