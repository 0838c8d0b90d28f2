//! `forget_pwd_mobile`, `forget_pwd_sms_code` and `forget_pwd`: a new password by SMS, in the error format of
//! `/forget_pwd`.

use reqwest::Method;
use serde_json::{Value, json};

use crate::anywhere::forgotten::envelope;
use crate::site::{NEW_PASSWORD, PASSWORD, Site, new_mobile, other_code, read};

#[tokio::test(flavor = "multi_thread")]
async fn a2_counts_the_accounts_of_a_number() {
    let site = Site::with_inbox().await;
    let (person, free) = (site.register().await, new_mobile());
    for (mobile, count) in [(&person.mobile, 1), (&free, 0)] {
        let answer = site.get(&format!("/forget_pwd/mobiles/{mobile}/")).await;
        answer.is(200, &json!({ "errno": "0", "errmsg": "", "data": { "mobile": mobile, "count": count } }));
    }
    let malformed = site.get("/forget_pwd/mobiles/1380000000/").await;
    malformed.refuses(404, "not_found", &envelope("4501", "未找到。"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a3_sends_to_accounts_and_answers_others_alike() {
    let site = Site::with_inbox().await;
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
    // Guesses do not tell the two numbers apart either. Both have a code, although the code for the unregistered number
    // was sent to nobody.
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
async fn a4_sets_a_password() {
    let site = Site::with_inbox().await;
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
    let site = Site::with_inbox().await;
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
async fn a4_a_csrf_value_is_good_for_a_day() {
    let site = Site::with_inbox().await;
    let csrf = site.csrf().await;
    site.advance(86_400).await;
    let answer = site.forget_pwd(&csrf, &json!({})).await;
    assert_eq!(answer.header("x-error-code"), Some("csrf_refused"));
}
