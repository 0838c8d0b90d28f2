//! The reasons why a request cannot be granted, in one list that does not depend on HTTP or on the AWS SDK.
//!
//! `http::ErrorFormat` turns each into a status and a text for the client. The internal text (`Display` and the source)
//! goes only to the log.

use strum::VariantNames;

use crate::domain::{NicknameError, PasswordError, UsernameError};

/// The reason why a request is not granted.
#[derive(Debug, thiserror::Error, strum::IntoStaticStr, strum::VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum Error {
    // Errors in the form of the request.
    /// The body is longer than 64 KiB.
    #[error("the body is too large")]
    BodyTooLarge,
    /// The `Content-Type` header names something other than JSON.
    #[error("the content type is not JSON")]
    UnsupportedMediaType,
    #[error("the body is empty")]
    BodyEmpty,
    /// The body is not JSON, or is nested too deeply.
    #[error("the body is not JSON")]
    BodyNotJson,
    /// An object in the body has a key twice. Two parsers could understand it differently.
    #[error("the body has a duplicate key")]
    DuplicateKey,
    #[error("the body is not an object")]
    BodyNotAnObject,
    #[error("fields are missing or of the wrong type")]
    Fields(Vec<FieldError>),

    // Errors in the target or the origin of the request.
    /// No such route, or a path that cannot name anything, for example because of a malformed mobile number in it.
    #[error("no such resource")]
    NotFound,
    /// The path has routes, but only for other methods.
    #[error("method not allowed")]
    MethodNotAllowed {
        /// The methods of these routes, separated by commas.
        allow: String,
    },
    /// The request bypassed the deployment's own CloudFront.
    #[error("the request did not come through CloudFront")]
    #[strum(serialize = "past_cloudfront")]
    PastCloudFront,
    /// A page of another site made a browser send the request.
    #[error("the request was not sent by a script that may read the answer")]
    #[strum(serialize = "blind_request")]
    CrossSiteRequest,
    /// The CSRF header is missing, differs from the cookie, or does not carry our signature.
    #[error("the CSRF value is refused")]
    CsrfRefused,
    /// A captcha pass is required, and the request has no valid one.
    #[error("a captcha pass is required")]
    CaptchaRequired,

    // Errors in the values of fields.
    #[error("not a mobile number")]
    MobileMalformed,
    #[error("not an email address")]
    EmailMalformed,
    #[error("not a code")]
    CodeMalformed,
    #[error(transparent)]
    NicknameRefused(#[from] NicknameError),
    /// The text is not a username, or the username is reserved.
    #[error(transparent)]
    UsernameRefused(#[from] UsernameError),
    /// The sign-up lacks consent to the terms and the privacy policy.
    #[error("consent is required")]
    ConsentRequired,
    /// The sign-up has consent to other versions than the current ones. The consent is evidence, so it is never
    /// replaced by one to the current versions.
    #[error("consent to other versions")]
    ConsentOutdated {
        /// The current version of the terms, where one is configured.
        terms: Option<String>,
        /// The current version of the privacy policy, where one is configured.
        privacy: Option<String>,
    },
    /// The text is not acceptable as a new password.
    #[error(transparent)]
    PasswordRefused(#[from] PasswordError),
    /// The password and its repetition differ.
    #[error("the passwords differ")]
    PasswordsDiffer,
    /// Codes have no such purpose.
    #[error("unknown purpose")]
    PurposeUnknown,
    /// Captcha passes have no such action.
    #[error("unknown action")]
    ActionUnknown,

    // Errors that depend on the state of an account, a token, a code or a limit.
    /// There is no such account, the password is wrong, or the account is disabled. The client does not learn which.
    #[error("wrong credentials")]
    BadCredentials,
    /// The request has no valid access token.
    #[error("not signed in")]
    Unauthorized,
    /// The text is not a refresh token that we issued.
    #[error("not a refresh token")]
    RefreshTokenInvalid,
    /// A rotated refresh token was used again. Its session was ended.
    #[error("a rotated refresh token was used again")]
    #[strum(serialize = "refresh_token_spent")]
    RefreshTokenReused,
    /// The session was ended or has expired.
    #[error("the session is over")]
    SessionEnded,
    /// The refresh token is from before the last change of password. The session was not ended.
    #[error("the refresh token is from before a change of password")]
    CredentialsChanged,
    /// The request carries the session cookie but does not come from our own pages.
    #[error("the origin is refused")]
    OriginRefused,
    /// The password for a reauthentication or as a second proof is wrong.
    #[error("the proof is wrong")]
    ProofWrong,
    /// The reauthentication belongs to another session, has expired or was not issued by us, and the request has no
    /// other credential.
    #[error("the reauthentication is refused")]
    ReauthenticationRefused,
    /// The request carries two codes. The one that confirms the owner of the account is wrong.
    #[error("the confirming code is wrong")]
    ConfirmCodeWrong,
    /// The request carries two codes. The one that confirms the owner of the account has expired.
    #[error("the confirming code has expired")]
    ConfirmCodeExpired,
    /// The code has expired, was used or was never sent, or too many wrong codes were tried against it.
    #[error("the code has expired")]
    CodeExpired,
    /// A hundred codes in a row were wrong. No more codes are compared until the account is recovered in another way,
    /// or a week has passed since the last one.
    #[error("too many codes in a row were wrong")]
    CodesBlocked,
    #[error("the code is wrong")]
    CodeWrong,
    /// The number belongs to an account.
    #[error("the mobile number is taken")]
    MobileTaken,
    /// The account has no number to which a code could be sent.
    #[error("the account has no number")]
    NoMobile,
    /// The number was not proved for a long time, so that it may belong to another person now. The account's password,
    /// or a code mailed to its address, is needed too.
    #[error("a second proof is required")]
    SecondProofRequired,
    #[error("the username is taken")]
    UsernameTaken,
    #[error("the email is taken")]
    EmailTaken,
    #[error("the email is unknown")]
    EmailUnknown,
    /// The mailed link has expired, was used, or was not issued by us.
    #[error("the link is invalid")]
    LinkInvalid,
    /// The mailed link is valid, but its account no longer has an email.
    #[error("the link's account has no email")]
    LinkAccountGone,
    /// Another request changed the account between this request's read and its write. Nothing was written.
    #[error("the account changed meanwhile")]
    AccountChanged,
    /// The account does not exist.
    #[error("no such user")]
    NoSuchUser,
    /// The captcha service did not accept the ticket.
    #[error("the captcha was not passed")]
    CaptchaRefused,
    #[error("no captcha is configured")]
    CaptchaNotConfigured,
    /// The request came too soon after another, or a limit is reached.
    #[error("too many requests")]
    #[strum(serialize = "too_many_requests")]
    TooMany {
        /// The number of seconds after which the client may try again, at least 1.
        retry_after_seconds: u64,
    },

    // Errors that are not the client's fault.
    /// The storage or a provider is down or gives an invalid answer. A later attempt may succeed.
    #[error("unavailable while {doing}")]
    Unavailable {
        /// The operation that failed.
        doing: &'static str,
        /// The underlying error, for the log.
        #[source]
        source: Cause,
    },
    /// No more messages of this kind are sent today.
    #[error("the day's budget of messages is spent")]
    #[strum(serialize = "unavailable")]
    BudgetSpent {
        /// The number of seconds until the next day, in UTC.
        retry_after_seconds: u64,
    },
    /// There is a bug, a wrong configuration or damaged data. A later attempt fails in the same way.
    #[error("failed while {doing}")]
    Internal {
        /// The operation that failed.
        doing: &'static str,
        /// The underlying error, for the log.
        #[source]
        source: Cause,
    },
}

/// The underlying error of a failure on our side.
type Cause = Box<dyn std::error::Error + Send + Sync>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    pub field: &'static str,
    pub fault: FieldFault,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldFault {
    Missing,
    Null,
    /// The field is the empty text.
    Blank,
    NotText,
    NotBoolean,
    /// The text does not have the field's form.
    Malformed,
}

impl Error {
    /// Creates the error for a failure that may pass.
    pub fn unavailable(doing: &'static str, source: impl Into<Cause>) -> Self {
        Self::Unavailable { doing, source: source.into() }
    }

    /// Creates the error for a failure that does not pass.
    pub fn internal(doing: &'static str, source: impl Into<Cause>) -> Self {
        Self::Internal { doing, source: source.into() }
    }

    /// Creates the error for a field whose text does not have the field's form.
    #[must_use]
    pub fn malformed(field: &'static str) -> Self {
        Self::Fields(vec![FieldError { field, fault: FieldFault::Malformed }])
    }

    /// Returns the stable code of the error, for the header `X-Error-Code`. It is the same in every language and error
    /// format. It is the name of the variant, unless it depends on the variant's fields.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Fields(problems) => match problems.first().map(|problem| problem.fault) {
                Some(FieldFault::NotText | FieldFault::NotBoolean | FieldFault::Malformed) => FIELD_TYPE,
                _ => FIELD_REQUIRED,
            },
            Self::PasswordRefused(problem) => problem.into(),
            Self::UsernameRefused(UsernameError::Malformed) => USERNAME_MALFORMED,
            Self::UsernameRefused(UsernameError::Reserved | UsernameError::MixedScripts | UsernameError::Staff) => {
                USERNAME_RESERVED
            }
            other => other.into(),
        }
    }

    /// Logs an error that the answer does not depend on. One that is internal has its code in the line, as in the line
    /// of a request, so that it raises the alarm.
    pub fn log_ignored(&self, message: &'static str) {
        let cause = error_chain(self);
        match self {
            Self::Internal { .. } => tracing::error!(code = self.code(), cause, message),
            _ => tracing::warn!(cause, message),
        }
    }

    /// Returns every error code.
    pub fn codes() -> impl Iterator<Item = &'static str> {
        let depends = ["fields", "password_refused", "username_refused"];
        let own_names = Self::VARIANTS.iter().filter(move |name| !depends.contains(name));
        let others = [FIELD_TYPE, FIELD_REQUIRED, USERNAME_MALFORMED, USERNAME_RESERVED];
        own_names.chain(PasswordError::VARIANTS).copied().chain(others)
    }
}

const FIELD_TYPE: &str = "field_type";
const FIELD_REQUIRED: &str = "field_required";
const USERNAME_MALFORMED: &str = "username_malformed";
const USERNAME_RESERVED: &str = "username_reserved";

/// Returns an error and its causes in one text, for the log. The SDK's errors name operations and statuses, but no
/// contents of items.
#[must_use]
pub fn error_chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}
