//! The expected answer to each endpoint's event, and its effects.

use serde_json::Value;

/// The expected answer to an event.
pub struct Row {
    pub function: &'static str,
    pub status: u16,
    pub body: Body,
    pub leaves: Leaves,
}

/// The expected body, in the terms of the event file: before the comparison, the values that a test put into the event
/// are replaced by the file's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// The whole body, with lists in any order. `…` stands for any text that is not empty, and for any number above
    /// zero.
    Json(&'static str),
    /// A page that contains these words.
    Page(&'static str),
    Nothing,
}

use Body::{Json, Nothing, Page};

/// The things that the person can still do afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leaves {
    /// Use the access token of the event's session.
    pub token: bool,
    /// Use the access token of the other session.
    pub other_token: bool,
    /// Sign in by number and password.
    pub password: bool,
}

const ALL: Leaves = Leaves { token: true, other_token: true, password: true };
const NO_TOKEN: Leaves = Leaves { token: false, other_token: false, password: true };
const NOTHING: Leaves = Leaves { token: false, other_token: false, password: false };

const fn row(function: &'static str, status: u16, body: Body, leaves: Leaves) -> Row {
    Row { function, status, body, leaves }
}

pub const TABLE: &[Row] = &[
    row(
        "log-in",
        200,
        Json(
            r#"{"token":"…","refresh_token":"…","expires_in":3600,"reauthentication":"…","device":"…","id":"…","username":"13800000000",
                "avatar":""}"#,
        ),
        ALL,
    ),
    row("verify-captcha", 200, Json(r#"{"detail":1,"captcha_pass":"…"}"#), ALL),
    row(
        "register",
        201,
        Json(
            r#"{"id":"…","username":"13800000000","nickname":"小明","token":"…","refresh_token":"…","expires_in":3600,
                "reauthentication":"…","device":"…"}"#,
        ),
        ALL,
    ),
    row("send-sms-code", 200, Json(r#"{"detail":"短信已发送!请留意您的手机短信!","message":"OK"}"#), ALL),
    row("check-mobile", 200, Json(r#"{"detail":"ok"}"#), ALL),
    row("send-reset-email", 200, Json(r#""邮件已经发送，请留意您的邮箱""#), ALL),
    row("check-reset-token", 200, Json(r#"{"email":"xiaoming@example.com"}"#), ALL),
    // This sets the password that the person already had.
    row("reset-password", 200, Json(r#""重置密码成功！""#), NO_TOKEN),
    row("secure-account", 200, Json(r#"{"detail":"所有设备已退出登录，原密码已停用。请设置新密码。"}"#), NOTHING),
    row("send-email-code", 200, Json(r#"{"detail":"验证码已发送到您的邮箱"}"#), ALL),
    // The sessions continue with other tokens.
    row("bind-email", 200, Json(r#"{"email":"xiaoming@example.com","token":"…","expires_in":3600}"#), NO_TOKEN),
    row(
        "me",
        200,
        Json(
            r#"{"id":"…","username":null,"nickname":"小明","mobile":"…","email":"xiaoming@example.com","avatar":"",
                "has_password":true,"mobile_proved_at":"…","guessed_at":null,"pending_recovery":null}"#,
        ),
        ALL,
    ),
    row("send-proof-code", 200, Json(r#"{"detail":"短信已发送!请留意您的手机短信!"}"#), ALL),
    row("reauthenticate", 200, Json(r#"{"reauthentication":"…","expires_in":300}"#), ALL),
    row("refresh-token", 200, Json(r#"{"token":"…","refresh_token":"…","expires_in":3600}"#), ALL),
    row("log-out", 204, Nothing, Leaves { token: false, ..ALL }),
    row(
        "list-sessions",
        200,
        Json(
            r#"[{"id":"…","created_at":"…","last_used_at":"…","device":"iPhone","address":"203.0.113.*","current":true},
                {"id":"…","created_at":"…","last_used_at":"…","device":"未知设备","address":"127.0.0.*","current":false}]"#,
        ),
        ALL,
    ),
    row("end-session", 204, Nothing, Leaves { other_token: false, ..ALL }),
    row(
        "change-profile",
        200,
        Json(
            r#"{"id":"…","username":"xiaoming","nickname":"小明","mobile":"…","email":"xiaoming@example.com","avatar":"",
                "has_password":true,"mobile_proved_at":"…","guessed_at":null,"pending_recovery":null}"#,
        ),
        ALL,
    ),
    row("change-password", 200, Json(r#"{"token":"…","refresh_token":"…","expires_in":3600}"#), NOTHING),
    // The person signs in afterwards with another number.
    row(
        "change-mobile",
        200,
        Json(
            r#"{"id":"…","username":null,"nickname":"小明","mobile":"…","email":"xiaoming@example.com","avatar":"",
                "has_password":true,"mobile_proved_at":"…","guessed_at":null,"pending_recovery":null,
                "token":"…","expires_in":3600}"#,
        ),
        NOTHING,
    ),
    row("delete-account", 204, Nothing, NOTHING),
    row(
        "sms-log-in",
        200,
        Json(
            r#"{"token":"…","refresh_token":"…","expires_in":3600,"reauthentication":"…","device":"…","id":"…","username":"13900003333",
                "avatar":""}"#,
        ),
        ALL,
    ),
    row(
        "well-known",
        200,
        Json(
            r#"{"keys":[{"alg":"RS256","e":"AQAB","kid":"…","kty":"RSA","n":"…","use":"sig"},
                {"alg":"RS256","e":"AQAB","kid":"…","kty":"RSA","n":"…","use":"sig"}]}"#,
        ),
        ALL,
    ),
    row(
        "export",
        200,
        Json(
            r#"{"exported_at":"…",
                "account":{"id":"…","username":null,"reserved_username":null,"username_reserved_until":null,
                    "nickname":"小明","mobile":"13800000000","email":"xiaoming@example.com",
                    "avatar":"","language":"zh","has_password":true,"credential_version":2,"credentials_changed_at":"…",
                    "created_at":"…","last_used_at":"…",
                    "mobile_changed_at":null,"email_changed_at":"…","consent":null,"pending_email":null,"pending_mobile":null,
                    "mobile_proved_at":"…","guessed_at":null,
                    "guessing_texted_at":null,"known_devices":["…"],"recovery":null},
                "sessions":[
                    {"id":"…","created_at":"…","last_used_at":"…","expires_at":"…","device":"iPhone",
                        "address":"203.0.113.*","remembered":true},
                    {"id":"…","created_at":"…","last_used_at":"…","expires_at":"…","device":"","address":"127.0.0.*",
                        "remembered":true}],
                "codes":[],
                "counters":[
                    {"what":"changes","count":1,"times":["…"],"expires_at":"…"},
                    {"what":"new_emails","count":1,"times":["…"],"expires_at":"…"},
                    {"what":"wrong_codes_to_new_addresses","count":0,"times":[],"expires_at":"…"},
                    {"what":"wrong_passwords_at_mobile","count":0,"times":[],"expires_at":"…"},
                    {"what":"messages_to_mobile","count":1,"times":["…"],"expires_at":"…"},
                    {"what":"new_emails_at_mobile","count":1,"times":["…"],"expires_at":"…"},
                    {"what":"changes_at_mobile","count":1,"times":["…"],"expires_at":"…"},
                    {"what":"messages_to_email","count":1,"times":["…"],"expires_at":"…"}]}"#,
        ),
        ALL,
    ),
    row("pages", 200, Page("<title>找回密码 · Latchkey</title>"), ALL),
    row("forget-pwd-mobile", 200, Json(r#"{"errno":"0","errmsg":"","data":{"mobile":"13800000000","count":1}}"#), ALL),
    row("forget-pwd-sms-code", 200, Json(r#"{"errno":"0","errmsg":"短信验证码发送成功"}"#), ALL),
    // This sets the password that the person already had.
    row("forget-pwd", 200, Json(r#"{"errno":"0","errmsg":"恭喜你修改成功"}"#), NO_TOKEN),
    row("not-found", 404, Json(r#"{"code":"not_found","detail":"未找到。"}"#), ALL),
];

impl Body {
    pub fn is(self, text: &str, headers: &Value) -> bool {
        let content_type = headers["content-type"].as_str().unwrap_or_default();
        match self {
            Json(expected) => {
                let expected = serde_json::from_str(expected).unwrap();
                content_type == "application/json; charset=utf-8"
                    && serde_json::from_str(text).is_ok_and(|value| is_like(&expected, &value))
            }
            Page(words) => content_type == "text/html; charset=utf-8" && text.contains(words),
            Nothing => text.is_empty(),
        }
    }
}

fn is_like(expected: &Value, value: &Value) -> bool {
    match (expected, value) {
        (Value::String(any), Value::String(text)) if any == "…" => !text.is_empty(),
        (Value::String(any), Value::Object(fields)) if any == "…" => !fields.is_empty(),
        (Value::String(any), Value::Number(number)) if any == "…" => number.as_i64().is_some_and(|number| number > 0),
        (Value::Object(expected), Value::Object(fields)) => {
            expected.len() == fields.len()
                && expected.iter().all(|(name, one)| fields.get(name).is_some_and(|field| is_like(one, field)))
        }
        (Value::Array(expected), Value::Array(values)) => {
            expected.len() == values.len()
                && expected.iter().all(|one| values.iter().any(|value| is_like(one, value)))
                && values.iter().all(|value| expected.iter().any(|one| is_like(one, value)))
        }
        _ => expected == value,
    }
}
