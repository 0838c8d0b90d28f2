//! Every error in every error format that clients read: status, headers and body, in both languages. The snapshot is
//! the table, so a change of any text, status or header appears in it.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use lambda_http::Body;
use lambda_http::http::Method;
use shared::domain::{Language, NicknameError, PasswordError, UsernameError};
use shared::http::ErrorFormat;
use shared::{Error, FieldError, FieldFault};

fn fields(fault: FieldFault) -> Error {
    Error::Fields(vec![FieldError { field: "mobile", fault }, FieldError { field: "password", fault }])
}

/// Returns one error of each kind, and more of a kind whose answers differ.
fn errors() -> Vec<Error> {
    vec![
        Error::BodyTooLarge,
        Error::UnsupportedMediaType,
        Error::BodyEmpty,
        Error::BodyNotJson,
        Error::DuplicateKey,
        Error::BodyNotAnObject,
        fields(FieldFault::Missing),
        fields(FieldFault::Null),
        fields(FieldFault::Blank),
        fields(FieldFault::NotText),
        fields(FieldFault::NotBoolean),
        fields(FieldFault::Malformed),
        Error::NotFound,
        Error::MethodNotAllowed { allow: "GET, HEAD".into() },
        Error::PastCloudFront,
        Error::CrossSiteRequest,
        Error::CsrfRefused,
        Error::CaptchaRequired,
        Error::MobileMalformed,
        Error::EmailMalformed,
        Error::CodeMalformed,
        Error::NicknameRefused(NicknameError::TooLong),
        Error::UsernameRefused(UsernameError::Malformed),
        Error::UsernameRefused(UsernameError::Reserved),
        Error::UsernameRefused(UsernameError::MixedScripts),
        Error::UsernameRefused(UsernameError::Staff),
        Error::ConsentRequired,
        Error::ConsentOutdated { terms: Some("2".into()), privacy: Some("3".into()) },
        Error::ConsentOutdated { terms: None, privacy: Some("3".into()) },
        Error::PasswordRefused(PasswordError::TooShort { min_characters: 8 }),
        Error::PasswordRefused(PasswordError::TooLong),
        Error::PasswordRefused(PasswordError::TooCommon),
        Error::PasswordRefused(PasswordError::Breached),
        Error::PasswordRefused(PasswordError::Personal),
        Error::PasswordsDiffer,
        Error::PurposeUnknown,
        Error::ActionUnknown,
        Error::BadCredentials,
        Error::Unauthorized,
        Error::RefreshTokenInvalid,
        Error::RefreshTokenReused,
        Error::SessionEnded,
        Error::CredentialsChanged,
        Error::OriginRefused,
        Error::ProofWrong,
        Error::ReauthenticationRefused,
        Error::ConfirmCodeWrong,
        Error::ConfirmCodeExpired,
        Error::CodeExpired,
        Error::CodesBlocked,
        Error::CodeWrong,
        Error::MobileTaken,
        Error::NoMobile,
        Error::SecondProofRequired,
        Error::UsernameTaken,
        Error::EmailTaken,
        Error::EmailUnknown,
        Error::LinkInvalid,
        Error::LinkAccountGone,
        Error::AccountChanged,
        Error::NoSuchUser,
        Error::CaptchaRefused,
        Error::CaptchaNotConfigured,
        Error::TooMany { retry_after_seconds: 42 },
        Error::unavailable("reading an account", "no answer"),
        Error::internal("reading an account", "damaged"),
    ]
}

const FORMATS: [(ErrorFormat, Method); 8] = [
    (ErrorFormat::FieldLists, Method::POST),
    (ErrorFormat::JsonString, Method::POST),
    (ErrorFormat::Errno, Method::GET),
    (ErrorFormat::ErrnoSms, Method::POST),
    (ErrorFormat::ErrnoForm, Method::POST),
    (ErrorFormat::Detail, Method::POST),
    (ErrorFormat::SmsDetail, Method::GET),
    (ErrorFormat::SmsDetail, Method::POST),
];

/// Returns the status with the headers that differ between answers, and the body.
fn told(format: ErrorFormat, method: &Method, error: &Error, language: Language) -> (String, String) {
    let response = format.tell(error, language, method).into_response();
    let mut head = response.status().as_u16().to_string();
    for (name, value) in response.headers() {
        if !["cache-control", "x-content-type-options", "x-error-code"].contains(&name.as_str()) {
            write!(head, "; {name}: {}", value.to_str().unwrap()).unwrap();
        }
    }
    let Body::Text(body) = response.body() else { panic!("{error:?} is told by a text") };
    (head, body.clone())
}

#[test]
fn every_error_is_in_the_table() {
    let told: BTreeSet<_> = errors().iter().map(Error::code).collect();
    assert_eq!(told, Error::codes().collect());
}

#[test]
fn each_error_is_told_in_each_format_as_it_was() {
    let mut table = String::new();
    for (format, method) in FORMATS {
        writeln!(table, "\n{format:?}, asked by {method}").unwrap();
        for error in errors() {
            let (head, chinese) = told(format, &method, &error, Language::Zh);
            let (same_head, english) = told(format, &method, &error, Language::En);
            assert_eq!(head, same_head, "{error:?}: the language changes no status and no header");
            writeln!(table, "  {}: {head}\n    {chinese}\n    {english}", error.code()).unwrap();
        }
    }
    insta::assert_snapshot!(table);
}
