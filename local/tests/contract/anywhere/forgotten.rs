//! The forget_pwd page, `forget_pwd_sms_code` and `forget_pwd`: refusals that come before the code is checked.

use reqwest::Method;
use serde_json::{Value, json};

use crate::site::{NEW_PASSWORD, Site, new_mobile, read};

pub fn envelope(errno: &str, errmsg: &str) -> Value {
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
