//! The error formats: the ways in which answers report errors. The old clients expect several. Each endpoint names its
//! error format, and the functions here turn an error into a status and a body in that format.

use lambda_http::Body;
use lambda_http::http::Method;
use serde_json::{Map, Value, json};

use super::reply::Reply;
use super::texts;
use crate::domain::{Language, PasswordError};
use crate::error::Error;

/// The way in which an endpoint reports errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorFormat {
    /// `{"non_field_errors":["…"]}` and `{"field":["…"]}` (`log_in`, `register`).
    FieldLists,
    /// A bare JSON string (`send_reset_email`, `check_reset_token`, `reset_password`).
    JsonString,
    /// `{"errno","errmsg","code"}`, in most cases with status 200 (`forget_pwd_mobile`).
    Errno,
    /// Like [`Errno`](Self::Errno), but [`Error::TooMany`] is a 200 (`forget_pwd_sms_code`).
    ErrnoSms,
    /// Like [`Errno`](Self::Errno), but most errors in the form are a 403 with plain text (`forget_pwd`).
    ErrnoForm,
    /// `{"detail","code"}` (all other endpoints).
    Detail,
    /// Like [`Detail`](Self::Detail), but [`Error::TooMany`] is a 200 if the request is a GET, because the old client
    /// shows only the text of a 200 (`send_sms_code`).
    SmsDetail,
}

impl ErrorFormat {
    /// Returns the answer to a request that was refused.
    #[must_use]
    pub fn tell(self, error: &Error, language: Language, method: &Method) -> Reply {
        let reply = match self {
            Self::FieldLists => field_lists(error, language),
            Self::JsonString => json_string(error, language),
            Self::Errno => errno(error, language),
            Self::ErrnoSms => errno_sms(error, language),
            Self::ErrnoForm => errno_form(error, language),
            Self::Detail => detail(error, status(error), language),
            Self::SmsDetail => sms_detail(error, language, method),
        };
        let reply = reply.with_header("x-error-code", error.code());
        match error {
            Error::TooMany { retry_after_seconds } | Error::BudgetSpent { retry_after_seconds } => {
                reply.with_header("retry-after", &retry_after_seconds.to_string())
            }
            Error::Unavailable { .. } | Error::CaptchaNotConfigured => reply.with_header("retry-after", "5"),
            Error::MethodNotAllowed { allow } => reply.with_header("allow", allow),
            Error::Unauthorized => reply.with_header("www-authenticate", "Bearer"),
            _ => reply,
        }
    }
}

/// Returns the status of an error, unless an error format sets its own.
fn status(error: &Error) -> u16 {
    match error {
        Error::BodyTooLarge => 413,
        Error::UnsupportedMediaType => 415,
        Error::NotFound => 404,
        Error::MethodNotAllowed { .. } => 405,
        Error::CrossSiteRequest
        | Error::PastCloudFront
        | Error::CsrfRefused
        | Error::CaptchaRequired
        | Error::OriginRefused
        | Error::CodesBlocked
        | Error::SecondProofRequired => 403,
        Error::Unauthorized
        | Error::RefreshTokenInvalid
        | Error::RefreshTokenReused
        | Error::SessionEnded
        | Error::CredentialsChanged => 401,
        Error::AccountChanged => 409,
        Error::TooMany { .. } => 429,
        Error::Internal { .. } => 500,
        Error::CaptchaNotConfigured | Error::Unavailable { .. } | Error::BudgetSpent { .. } => 503,
        _ => 400,
    }
}

fn json(status: u16, body: &Value) -> Reply {
    Reply::new(status, "application/json; charset=utf-8", Body::Text(body.to_string()))
}

fn field_lists(error: &Error, language: Language) -> Reply {
    let mut body = Map::new();
    match error {
        Error::Fields(problems) => {
            for problem in problems {
                body.insert(problem.field.to_owned(), json!([texts::field(problem.fault, language)]));
            }
        }
        Error::PasswordRefused(_) => drop(body.insert("password".to_owned(), json!([texts::of(error, language)]))),
        Error::NicknameRefused(_) => drop(body.insert("nickname".to_owned(), json!([texts::of(error, language)]))),
        Error::ConsentRequired | Error::ConsentOutdated { .. } => {
            body.insert("consent".to_owned(), json!([texts::of(error, language)]));
        }
        _ => drop(body.insert("non_field_errors".to_owned(), json!([general(error, language)]))),
    }
    body.insert("code".to_owned(), error.code().into());
    add_versions(&mut body, error);
    json(status(error), &Value::Object(body))
}

/// Adds the current versions of the terms and the privacy policy, so that a client can show them and ask for consent
/// again.
fn add_versions(body: &mut Map<String, Value>, error: &Error) {
    if let Error::ConsentOutdated { terms, privacy } = error {
        for (name, version) in [("terms", terms), ("privacy", privacy)] {
            body.extend(version.iter().map(|version| (name.to_owned(), version.as_str().into())));
        }
    }
}

/// Returns the text of an error that belongs to no single field. `register` has some texts of its own.
fn general(error: &Error, language: Language) -> String {
    let (zh, en) = match error {
        Error::CodeExpired => ("短信验证码已过期!", "The code has expired. Please ask for a new one."),
        Error::CodeWrong | Error::CodeMalformed => ("短信验证码错误!请重新确认!", "Wrong code. Please check it."),
        Error::MobileTaken => ("用户注册失败！", "Registration failed: this number has an account."),
        _ => return texts::of(error, language),
    };
    language.pick(zh, en).to_owned()
}

fn json_string(error: &Error, language: Language) -> Reply {
    let text = match error {
        Error::PasswordRefused(PasswordError::TooShort { .. } | PasswordError::TooLong) => {
            language.pick("密码长度有误！", "The password is too short or too long.").to_owned()
        }
        Error::TooMany { .. } => {
            language.pick("对不起, 发送邮件过于频繁!", "Sorry, mail was sent a moment ago.").to_owned()
        }
        _ => texts::of(error, language),
    };
    json(status(error), &text.into())
}

fn detail(error: &Error, status: u16, language: Language) -> Reply {
    let detail: Value = match error {
        // The old client of `verify_captcha` reads a number.
        Error::CaptchaRefused => 0.into(),
        // Only `secure_account` reports this error in this format. The common text is about a link to set a password.
        Error::LinkInvalid => language.pick("链接已失效或已使用。", "This link has expired or was used.").into(),
        _ => texts::of(error, language).into(),
    };
    let mut body = Map::from_iter([("detail".to_owned(), detail), ("code".to_owned(), error.code().into())]);
    add_versions(&mut body, error);
    json(status, &Value::Object(body))
}

fn sms_detail(error: &Error, language: Language, method: &Method) -> Reply {
    match error {
        Error::TooMany { .. } => {
            let status = if *method == Method::GET { 200 } else { 429 };
            let text = language.pick("对不起, 发送短信过于频繁!", "Sorry, a message was sent a moment ago.");
            json(status, &json!({ "detail": text, "code": error.code() }))
        }
        _ => detail(error, status(error), language),
    }
}

fn envelope(status: u16, errno: &str, text: &str, error: &Error) -> Reply {
    json(status, &json!({ "errno": errno, "errmsg": text, "code": error.code() }))
}

/// Returns the answer to an error for which the contract has no text: the common status, and the envelope of an unknown
/// error.
fn unknown(error: &Error, language: Language) -> Reply {
    match error {
        Error::BodyNotJson => envelope(200, "4501", language.pick("未知错误", "Unknown error."), error),
        Error::CaptchaRequired | Error::CsrfRefused | Error::CodesBlocked | Error::SecondProofRequired => {
            Reply::text(403, &texts::of(error, language))
        }
        _ => envelope(status(error), "4501", &texts::of(error, language), error),
    }
}

fn errno(error: &Error, language: Language) -> Reply {
    let (errno, zh, en) = match error {
        Error::BodyEmpty => ("4103", "参数为空,请重新输入", "Nothing was sent. Please try again."),
        Error::Fields(_) if error.code() == "field_required" => ("4103", "参数错误", "A parameter is missing."),
        Error::MobileMalformed => ("4103", "手机号错误", "This is not a valid mobile number."),
        _ => return unknown(error, language),
    };
    envelope(200, errno, language.pick(zh, en), error)
}

fn errno_sms(error: &Error, language: Language) -> Reply {
    match error {
        Error::TooMany { .. } => {
            envelope(200, "4003", language.pick("发送短信频繁", "Messages are sent too often."), error)
        }
        _ => errno(error, language),
    }
}

fn errno_form(error: &Error, language: Language) -> Reply {
    let form = |zh, en| Reply::text(403, language.pick(zh, en));
    let (errno, zh, en) = match error {
        Error::BodyEmpty => ("4103", "参数错误,请检查", "A parameter is wrong. Please check."),
        Error::CodeExpired => ("4103", "验证码过期", "The code has expired."),
        Error::NoSuchUser => ("4103", "不存在当前用户", "No such user."),
        Error::Fields(_) if error.code() == "field_required" => {
            return form("参数为空,请检查", "A parameter is missing. Please check.");
        }
        Error::MobileMalformed => {
            return form("手机号码格式输入错误", "This is not a valid mobile number.");
        }
        Error::PasswordRefused(_) => {
            return form("新密码格式不正确", "The new password is not acceptable.");
        }
        Error::CodeMalformed => {
            return form("验证码错误,请重新输入", "A code is six digits. Please try again.");
        }
        Error::CodeWrong => return form("验证码错误!!!!", "Wrong code!"),
        _ => return unknown(error, language),
    };
    envelope(200, errno, language.pick(zh, en), error)
}
