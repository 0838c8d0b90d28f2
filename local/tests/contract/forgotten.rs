//! A1–A4: a new password by SMS, in the second system's dialect.

use reqwest::Method;
use serde_json::{Value, json};

use crate::site::{NEW_PASSWORD, PASSWORD, Site, new_mobile, other_code, read};

fn envelope(errno: &str, errmsg: &str) -> Value {
    json!({ "errno": errno, "errmsg": errmsg })
}

#[tokio::test(flavor = "multi_thread")]
async fn a1_is_a_page_and_a_signed_cookie() {
    let site = Site::any().await;
    let answer = site.get("/forget_pwd/").await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert!(answer.text.contains(r#"<base href="/">"#));
    let cookie = answer.header("set-cookie").unwrap();
    assert!(cookie.starts_with("csrf_token=") && cookie.contains("; Path=/; SameSite=Lax"), "{cookie}");
    assert!(!cookie.contains("HttpOnly"), "the old script reads it");
    assert_eq!(cookie.contains("Secure"), site.base_url.starts_with("https://"));
    assert!(answer.header("content-security-policy").unwrap().contains("frame-ancestors 'none'"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a2_counts_the_accounts_of_a_number() {
    let Some(site) = Site::with_inbox().await else {
        return;
    };
    let (person, free) = (site.register().await, new_mobile());
    for (mobile, count) in [(&person.mobile, 1), (&free, 0)] {
        let answer = site.get(&format!("/forget_pwd/mobiles/{mobile}/")).await;
        answer.is(200, &json!({ "errno": "0", "errmsg": "", "data": { "mobile": mobile, "count": count } }));
    }
    let malformed = site.get("/forget_pwd/mobiles/1380000000/").await;
    malformed.refuses(404, "not_found", &envelope("4501", "未找到。"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a2_tells_nothing_when_registration_is_not_disclosed() {
    let Some(site) = Site::with_settings(&[("DISCLOSE_REGISTRATION", "false")]).await else {
        return;
    };
    let mobile = new_mobile();
    let answer = site.get(&format!("/forget_pwd/mobiles/{mobile}/")).await;
    answer.is(200, &json!({ "errno": "0", "errmsg": "", "data": { "mobile": mobile, "count": 1 } }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a3_sends_to_accounts_and_answers_others_alike() {
    let Some(site) = Site::with_inbox().await else {
        return;
    };
    let (person, stranger) = (site.register().await, new_mobile());
    for mobile in [&person.mobile, &stranger] {
        let ask = async || site.post("/forget_pwd/sms_code/", &json!({ "mobile": mobile })).await;
        ask().await.is(200, &envelope("0", "短信验证码发送成功"));
        let again = ask().await;
        again.refuses(200, "too_many_requests", &envelope("4003", "发送短信频繁"));
        again.says_when_to_retry(60);
    }
    let text = site.messages_to(&format!("+86{}", person.mobile)).await[0]["text"].clone();
    assert!(text.as_str().unwrap().contains("您正在重置密码"), "{text}");
    assert!(site.messages_to(&format!("+86{stranger}")).await.is_empty());
    // A guess tells no difference either: both have a code, which nobody has been sent for the stranger's number.
    let csrf = site.csrf().await;
    let own = other_code(&site.code_for(&person.mobile).await);
    for (mobile, code) in [(&person.mobile, own.as_str()), (&stranger, "123456")] {
        let guess = json!({ "mobile": mobile, "sms_code": code, "new_password": NEW_PASSWORD });
        for _ in 0..5 {
            site.forget_pwd(&csrf, &guess).await.refuses_in_text(403, "code_wrong", "验证码错误!!!!");
        }
        site.forget_pwd(&csrf, &guess).await.refuses(200, "code_expired", &envelope("4103", "验证码过期"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a3_refuses_each_thing_in_its_words() {
    let site = Site::any().await;
    let path = "/forget_pwd/sms_code/";
    let raw = async |body: &'static str| {
        read(site.request(Method::POST, path).header("content-type", "application/json").body(body)).await
    };
    raw("").await.refuses(200, "body_empty", &envelope("4103", "参数为空,请重新输入"));
    raw("mobile=1").await.refuses(200, "body_not_json", &envelope("4501", "未知错误"));
    raw("{}").await.refuses(200, "field_required", &envelope("4103", "参数错误"));
    raw(r#"{"mobile":""}"#).await.refuses(200, "field_required", &envelope("4103", "参数错误"));
    raw(r#"{"mobile":"1380000000"}"#).await.refuses(200, "mobile_malformed", &envelope("4103", "手机号错误"));
    raw(r#"{"mobile":13800000000}"#).await.refuses(
        400,
        "field_type",
        &envelope("4501", "mobile: 请输入合法的字符串。"),
    );
    let duplicate = raw(r#"{"mobile":"13800000000","mobile":"13800000001"}"#).await;
    duplicate.refuses(400, "duplicate_key", &envelope("4501", "JSON 中有重复的字段。"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a4_sets_a_password() {
    let Some(site) = Site::with_inbox().await else {
        return;
    };
    let person = site.register().await;
    site.post("/forget_pwd/sms_code/", &json!({ "mobile": person.mobile })).await;
    let code = site.code_for(&person.mobile).await;
    let body = json!({ "mobile": person.mobile, "sms_code": code, "new_password": NEW_PASSWORD });
    let csrf = site.csrf().await;
    site.forget_pwd(&csrf, &body).await.is(200, &envelope("0", "恭喜你修改成功"));
    site.forget_pwd(&csrf, &body).await.refuses(200, "code_expired", &envelope("4103", "验证码过期"));
    let log_in = async |password: &str| {
        site.post("/users/login/", &json!({ "username": person.mobile, "password": password })).await.status
    };
    assert_eq!((log_in(PASSWORD).await, log_in(NEW_PASSWORD).await), (400, 200));
    let old = site.send_as(&person.token, Method::GET, "/users/me/", &json!({})).await;
    assert_eq!(old.status, 401, "a token from before is dead");
}

#[tokio::test(flavor = "multi_thread")]
async fn a4_refuses_each_thing_in_its_words() {
    let Some(site) = Site::with_inbox().await else {
        return;
    };
    let (person, csrf) = (site.register().await, site.csrf().await);
    let good = json!({ "mobile": person.mobile, "sms_code": "123456", "new_password": NEW_PASSWORD });
    let changed = |field: &str, value: &str| {
        let mut body = good.clone();
        body[field] = value.into();
        body
    };
    let refused = async |body: Value| site.forget_pwd(&csrf, &body).await;
    for field in ["mobile", "sms_code", "new_password"] {
        refused(changed(field, "")).await.refuses_in_text(403, "field_required", "参数为空,请检查");
    }
    refused(json!({})).await.refuses_in_text(403, "field_required", "参数为空,请检查");
    refused(changed("mobile", "1380000000")).await.refuses_in_text(403, "mobile_malformed", "手机号码格式输入错误");
    for (password, code) in
        [("short", "password_too_short"), ("password1", "password_too_common"), (&person.mobile, "password_personal")]
    {
        refused(changed("new_password", password)).await.refuses_in_text(403, code, "新密码格式不正确");
    }
    refused(changed("sms_code", "12345")).await.refuses_in_text(403, "code_malformed", "验证码错误,请重新输入");
    refused(good.clone()).await.refuses(200, "code_expired", &envelope("4103", "验证码过期"));
    site.post("/forget_pwd/sms_code/", &json!({ "mobile": person.mobile })).await;
    let wrong = other_code(&site.code_for(&person.mobile).await);
    refused(changed("sms_code", &wrong)).await.refuses_in_text(403, "code_wrong", "验证码错误!!!!");
    let raw = async |body: &'static str| {
        let request = site.request(Method::POST, "/forget_pwd/").header("cookie", format!("csrf_token={csrf}"));
        read(request.header("x-csrftoken", &csrf).header("content-type", "application/json").body(body)).await
    };
    raw("").await.refuses(200, "body_empty", &envelope("4103", "参数错误,请检查"));
    raw("{").await.refuses(200, "body_not_json", &envelope("4501", "未知错误"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a4_needs_a_csrf_value_that_is_equal_and_of_our_signing() {
    let site = Site::any().await;
    let (one, other) = (site.csrf().await, site.csrf().await);
    let body = json!({ "mobile": new_mobile(), "sms_code": "123456", "new_password": NEW_PASSWORD });
    let text = "CSRF 验证失败，请刷新页面后重试。";
    for (cookie, header) in [
        (None, None),
        (Some(one.as_str()), None),
        (None, Some(one.as_str())),
        (Some(&one), Some(other.as_str())),
        (Some("made-up"), Some("made-up")),
        (Some(""), Some("")),
    ] {
        let mut request = site.request(Method::POST, "/forget_pwd/").json(&body);
        if let Some(cookie) = cookie {
            request = request.header("cookie", format!("theme=dark; csrf_token={cookie}"));
        }
        if let Some(header) = header {
            request = request.header("x-csrftoken", header);
        }
        read(request).await.refuses_in_text(403, "csrf_refused", text);
    }
    let answer = site.forget_pwd(&one, &body).await;
    assert_eq!(answer.header("x-error-code"), Some("code_expired"), "the same with both passes: {answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a4_a_csrf_value_is_good_for_a_day() {
    let Some(site) = Site::with_inbox().await else {
        return;
    };
    let csrf = site.csrf().await;
    site.advance(86_400).await;
    let answer = site.forget_pwd(&csrf, &json!({})).await;
    assert_eq!(answer.header("x-error-code"), Some("csrf_refused"));
}
