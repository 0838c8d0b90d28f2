//! What can be the case when a request cannot be granted: one list, free of HTTP and of the AWS SDK.
//!
//! `http::ErrorFormat` turns each into a status and a text. Internal text (`Display` and the source) goes only to the log.

use strum::VariantNames;

use crate::domain::{NicknameError, PasswordError, UsernameError};

/// Why a request is not granted.
#[derive(Debug, thiserror::Error, strum::IntoStaticStr, strum::VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum Error {
    // The request's form.
    /// The body is longer than 64 KiB.
    #[error("the body is too large")]
    BodyTooLarge,
    /// The body is said to be something other than JSON.
    #[error("the content type is not JSON")]
    UnsupportedMediaType,
    /// There is no body.
    #[error("the body is empty")]
    BodyEmpty,
    /// The body is not JSON, or is nested too deeply.
    #[error("the body is not JSON")]
    BodyNotJson,
    /// The body has a key twice, so that two readers could understand it differently.
    #[error("the body has a duplicate key")]
    DuplicateKey,
    /// The body is JSON, but not an object.
    #[error("the body is not an object")]
    BodyNotAnObject,
    /// Fields are missing or of the wrong type.
    #[error("fields are missing or of the wrong type")]
    Fields(Vec<FieldError>),

    // Where it goes and where it comes from.
    /// No such route, or a path that names nothing (a malformed mobile number in it).
    #[error("no such resource")]
    NotFound,
    /// The route exists with other methods.
    #[error("method not allowed")]
    MethodNotAllowed {
        /// The methods it exists with, separated by commas.
        allow: String,
    },
    /// It went past the deployment's own CloudFront.
    #[error("the request did not come through CloudFront")]
    #[strum(serialize = "past_cloudfront")]
    PastCloudFront,
    /// A page of another site made a browser send this.
    #[error("the request was not sent by a script that may read the answer")]
    #[strum(serialize = "blind_request")]
    CrossSiteRequest,
    /// The CSRF header is missing, unequal to the cookie, or not of our signing.
    #[error("the CSRF value is refused")]
    CsrfRefused,
    /// A captcha pass is needed and none that is good was sent.
    #[error("a captcha pass is required")]
    CaptchaRequired,

    // What it says.
    /// Not a mobile number.
    #[error("not a mobile number")]
    MobileMalformed,
    /// Not an email address.
    #[error("not an email address")]
    EmailMalformed,
    #[error("not a code")]
    CodeMalformed,
    #[error(transparent)]
    NicknameRefused(#[from] NicknameError),
    /// Not a username, or one that is kept back.
    #[error(transparent)]
    UsernameRefused(#[from] UsernameError),
    /// The sign-up comes without consent to terms and privacy policy.
    #[error("consent is required")]
    ConsentRequired,
    /// Not acceptable as a new password.
    #[error(transparent)]
    PasswordRefused(#[from] PasswordError),
    /// The password and its repetition differ.
    #[error("the passwords differ")]
    PasswordsDiffer,
    /// No such purpose of a code.
    #[error("unknown purpose")]
    PurposeUnknown,
    /// No such captcha action.
    #[error("unknown action")]
    ActionUnknown,

    // What it wants.
    /// No account, a wrong password, or a disabled account: which is not told.
    #[error("wrong credentials")]
    BadCredentials,
    /// No access token that is good.
    #[error("not signed in")]
    Unauthorized,
    /// Not a refresh token of ours.
    #[error("not a refresh token")]
    RefreshTokenInvalid,
    /// A refresh token that was used before. Its session was ended.
    #[error("a rotated refresh token was used again")]
    #[strum(serialize = "refresh_token_spent")]
    RefreshTokenReused,
    /// The session is over: it was ended, or lasted long enough.
    #[error("the session is over")]
    SessionEnded,
    /// A refresh token from before the last change of password. Nothing was ended.
    #[error("the refresh token is from before a change of password")]
    CredentialsChanged,
    /// A request by cookie that comes from elsewhere than our own pages.
    #[error("the origin is refused")]
    OriginRefused,
    /// The password that should prove who asks is wrong.
    #[error("the proof is wrong")]
    ProofWrong,
    /// The reauthentication is not of this session, has died or is not ours, and nothing else proves who asks.
    #[error("the reauthentication is refused")]
    ReauthenticationRefused,
    /// The code that proves, beside another code, whose the account is, is wrong.
    #[error("the confirming code is wrong")]
    ConfirmCodeWrong,
    /// The code that proves, beside another code, whose the account is, has expired.
    #[error("the confirming code has expired")]
    ConfirmCodeExpired,
    /// The code has expired, was used, was guessed at too often, or never was.
    #[error("the code has expired")]
    CodeExpired,
    /// A hundred codes in a row were wrong: no more are compared until the account is recovered otherwise.
    #[error("too many codes in a row were wrong")]
    CodesBlocked,
    #[error("the code is wrong")]
    CodeWrong,
    /// The number belongs to an account.
    #[error("the mobile number is taken")]
    MobileTaken,
    /// The account has no number a code could go to.
    #[error("the account has no number")]
    NoMobile,
    /// The account was long unused, and its number may be someone else's by now: its password, or a code mailed to it, is
    /// needed too.
    #[error("a second proof is required")]
    SecondProofRequired,
    /// The username belongs to another account.
    #[error("the username is taken")]
    UsernameTaken,
    /// The address belongs to another account.
    #[error("the email is taken")]
    EmailTaken,
    /// The address belongs to no account.
    #[error("the email is unknown")]
    EmailUnknown,
    /// The mailed link has expired, was used, or is not ours.
    #[error("the link is invalid")]
    LinkInvalid,
    /// The mailed link is good but its account has no email any more.
    #[error("the link's account has no email")]
    LinkAccountGone,
    /// The account was changed by another request between reading and writing. Nothing was done.
    #[error("the account changed meanwhile")]
    AccountChanged,
    /// The account is gone.
    #[error("no such user")]
    NoSuchUser,
    /// The captcha gateway did not accept the ticket.
    #[error("the captcha was not passed")]
    CaptchaRefused,
    /// No captcha is configured.
    #[error("no captcha is configured")]
    CaptchaNotConfigured,
    /// Too soon, or too often.
    #[error("too many requests")]
    #[strum(serialize = "too_many_requests")]
    TooMany {
        /// Seconds after which it is worth trying again; at least 1.
        retry_after_seconds: u64,
    },

    // Not the client's fault.
    /// Storage or a provider is down, or answers nonsense. It passes, so a later attempt may succeed.
    #[error("unavailable while {doing}")]
    Unavailable {
        /// What was being done.
        doing: &'static str,
        /// Why it failed, for the log.
        #[source]
        source: Cause,
    },
    /// A bug, a wrong configuration or damaged data. A later attempt fails as this one did.
    #[error("failed while {doing}")]
    Internal {
        /// What was being done.
        doing: &'static str,
        /// Why it failed, for the log.
        #[source]
        source: Cause,
    },
}

/// Why something of ours failed.
type Cause = Box<dyn std::error::Error + Send + Sync>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    pub field: &'static str,
    /// What is wrong with it.
    pub fault: FieldFault,
}

/// What is wrong with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldFault {
    Missing,
    /// There, but `null`.
    Null,
    /// There, but the empty text.
    Blank,
    NotText,
    /// Neither true nor false.
    NotBoolean,
    /// Not of the form the field has.
    Malformed,
}

impl Error {
    /// Something that should work did not.
    pub fn unavailable(doing: &'static str, source: impl Into<Cause>) -> Self {
        Self::Unavailable { doing, source: source.into() }
    }

    /// Something failed that no later attempt mends.
    pub fn internal(doing: &'static str, source: impl Into<Cause>) -> Self {
        Self::Internal { doing, source: source.into() }
    }

    /// A field that is not of its form.
    #[must_use]
    pub fn malformed(field: &'static str) -> Self {
        Self::Fields(vec![FieldError { field, fault: FieldFault::Malformed }])
    }

    /// The stable word for it: the header `X-Error-Code`, the same in every language and error format. It is the case's own
    /// name, unless it depends on what the case holds.
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

    /// Every code there is.
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

/// An error and its causes in one text, for the log. The SDK's errors name operations and statuses, not items.
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
