//! Every setting: its variable, what it means, what it may be, its default, and where it is set. The template's
//! parameters and the tables of the documentation are held equal to this list by tests.

/// A setting.
#[derive(Debug)]
pub struct Setting {
    pub variable: &'static str,
    /// Its meaning, for the documentation.
    pub about: &'static str,
    pub form: Form,
    /// As it would be written; empty for none.
    pub default: &'static str,
    pub place: Place,
}

/// What a setting may be, as far as it can be said in a table. `Text` is judged by whoever reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A whole number within bounds.
    Number {
        least: u32,
        most: u32,
    },
    Words(&'static [&'static str]),
    /// One limit such as `5/h`.
    Limit,
    /// Several limits, separated by commas.
    Limits,
    Text,
}

/// Where a setting is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A parameter of the template: that of `CLIENT_HOST` is `ClientHost`.
    Parameter,
    /// The variable `SETTINGS`, which holds what is seldom changed as `NAME=value` separated by spaces.
    Settings,
    /// The deployment sets it by itself.
    Deployment,
    /// Lambda sets it.
    Lambda,
}

use Form::{Limit, Limits, Text, Words};

const SWITCH: Form = Words(&["true", "false"]);
const BUDGET: Form = Form::Number { least: 0, most: 1_000_000_000 };
const MILLISECONDS: Form = Form::Number { least: 10, most: 60_000 };

const fn number(least: u32, most: u32) -> Form {
    Form::Number { least, most }
}

macro_rules! settings {
    ($($(#[doc = $about:literal])+ $name:ident: $place:ident, $form:expr, $default:literal;)+) => {
        $(
            $(#[doc = $about])+
            pub const $name: Setting = Setting {
                variable: stringify!($name),
                about: concat!($($about),+),
                form: $form,
                default: $default,
                place: Place::$place,
            };
        )+
        /// All of them, in the order of the documentation.
        pub const ALL: &[Setting] = &[$($name),+];
    };
}

settings! {
    /// The name of the table.
    TABLE_NAME: Deployment, Text, "";
    /// The secret that the keys of codes, links, refresh tokens, captcha passes and CSRF values are derived from. Several
    /// are separated by commas, newest first; each has at least 32 bytes.
    CODE_SECRET: Deployment, Text, "";
    /// The secret that seals the private keys of access tokens. It has the same form.
    KEY_SECRET: Deployment, Text, "";
    /// The `iss` of tokens: `https://…` without a slash at its end. By default the address of the API.
    ISSUER: Parameter, Text, "";
    /// The `aud` of tokens.
    AUDIENCE: Settings, Text, "latchkey";
    /// The `client_id` of tokens (RFC 9068 §2.2). By default the audience.
    CLIENT_ID: Settings, Text, "";
    /// How long an access token is good, in seconds.
    ACCESS_TOKEN_SECONDS: Settings, number(60, 86_400), "3600";
    /// How long a key signs access tokens, in days.
    KEY_ROTATION_DAYS: Settings, number(1, 3650), "30";
    /// How long a session lasts without being refreshed, in days.
    SESSION_IDLE_DAYS: Settings, number(1, 3650), "30";
    /// How long a session lasts at most, in days.
    SESSION_MAX_DAYS: Settings, number(1, 3650), "90";
    /// How long a session lasts at most, in hours, where the person did not ask to be remembered (`"remember":false`).
    SESSION_UNREMEMBERED_HOURS: Settings, number(1, 720), "12";
    /// For how many seconds the last rotated refresh token gets the same successor again, because an answer may have been
    /// lost. The pages wait 10 seconds for an answer.
    REFRESH_REPEAT_SECONDS: Settings, number(1, 300), "30";
    /// The public address of the pages, without a slash at its end. Mailed links lead there, and requests by cookie must
    /// come from its origin. By default the address of the API.
    CLIENT_HOST: Parameter, Text, "";
    /// The name that SMS, mail and pages show.
    BRAND: Parameter, Text, "Latchkey";
    /// The address of the terms that a sign-up agrees to.
    TERMS_URL: Parameter, Text, "";
    /// The version of the terms, which is kept with each consent.
    TERMS_VERSION: Parameter, Text, "1";
    /// The address of the privacy policy.
    PRIVACY_URL: Parameter, Text, "";
    /// The version of the privacy policy.
    PRIVACY_VERSION: Parameter, Text, "1";
    /// The sender of mail, verified with SES.
    MAIL_FROM: Parameter, Text, "";
    /// The sender that an SMS shows, where the carrier allows it: 1 to 11 letters, digits or hyphens.
    SMS_SENDER_ID: Parameter, Text, "";
    /// The most that one SMS may cost, in US dollars.
    SMS_MAX_PRICE_USD: Settings, Text, "0.10";
    /// Usernames that nobody may choose, separated by commas, in place of the default list (`admin`, `root`, `support`,
    /// `管理员`, `官方客服` and some forty more). The brand is always one.
    RESERVED_USERNAMES: Settings, Text, "";
    /// The least number of characters of a new password. Old clients may need 6.
    PASSWORD_MIN_LENGTH: Parameter, number(6, 64), "8";
    /// The memory of a password hash, in KiB.
    ARGON2_MEMORY_KIB: Settings, number(8, 1_048_576), "19456";
    /// The passes of a password hash over its memory.
    ARGON2_PASSES: Settings, number(1, 100), "2";
    /// A service that is asked whether a new password was breached, by the first five digits of its SHA-1:
    /// `https://api.pwnedpasswords.com/range` or a copy of that list. Without an answer the password is taken.
    BREACHED_PASSWORDS_URL: Parameter, Text, "";
    /// Whether `check_mobile`, `forget_pwd_mobile` and `send_reset_email` tell who is registered, as the old clients need.
    DISCLOSE_REGISTRATION: Parameter, SWITCH, "true";
    /// Whether a sign-up without consent to terms and privacy policy is refused.
    REQUIRE_CONSENT: Parameter, SWITCH, "false";
    /// After how many days without use an account is dormant: a code to its number alone does not open it, and the
    /// number's next owner may sign up with it. Carriers reissue numbers after 90 days.
    DORMANT_DAYS: Settings, number(90, 36_500), "180";
    /// Messages to one number or address.
    LIMIT_RECIPIENT: Settings, Limits, "5/h,10/d";
    /// Messages to one number or address that one source asks for.
    LIMIT_RECIPIENT_SOURCE: Settings, Limits, "3/h,6/d";
    /// Messages that one source asks for. Above it a captcha pass is needed, and codes to an address that is to be bound
    /// are refused.
    LIMIT_SOURCE: Settings, Limit, "60/h";
    /// Messages that one source asks for with captcha passes, or for its own accounts.
    LIMIT_SOURCE_CAPTCHA: Settings, Limit, "600/h";
    /// Failed attempts to sign in from one source.
    LIMIT_LOG_IN_SOURCE: Settings, Limit, "100/5m";
    /// Requests from one source that ask whether a number or address is registered.
    LIMIT_PROBE_SOURCE: Settings, Limit, "100/5m";
    /// Captcha tickets from one source.
    LIMIT_CAPTCHA_SOURCE: Settings, Limit, "60/5m";
    /// Changes of password, number and email by the signed-in owner of one account. Each is told by SMS and mail.
    LIMIT_CHANGES: Settings, Limits, "10/d";
    /// Exports of one account.
    LIMIT_EXPORTS: Settings, Limits, "3/d";
    /// Codes by SMS in a day (UTC), of which sign-ups and moves to new numbers may use 60 %. Above it requests get 503,
    /// and an alarm is raised.
    SMS_DAILY_BUDGET: Settings, BUDGET, "2000";
    /// Codes and links by mail in a day.
    MAIL_DAILY_BUDGET: Settings, BUDGET, "10000";
    /// Security notifications in a day, by SMS and mail.
    NOTICE_DAILY_BUDGET: Settings, BUDGET, "2000";
    /// Whether the calls that a captcha protects need a pass.
    CAPTCHA_MODE: Parameter, Words(&["off", "enforce"]), "off";
    /// The service that checks captcha tickets: `gateway` is the old protocol, `tencent_cloud` is `DescribeCaptchaResult`.
    CAPTCHA_PROVIDER: Parameter, Words(&["none", "gateway", "tencent_cloud"]), "none";
    /// The captcha's app id.
    CAPTCHA_APP_ID: Parameter, Text, "";
    /// The captcha's AppSecretKey.
    CAPTCHA_APP_SECRET: Parameter, Text, "";
    /// The address at which tickets are checked. By default the provider's own.
    CAPTCHA_URL: Settings, Text, "";
    /// The script of the widget that pages load.
    CAPTCHA_WIDGET_URL: Settings, Text, "https://turing.captcha.qcloud.com/TJCaptcha.js";
    /// The id of the credentials for Tencent Cloud's API, for `tencent_cloud`.
    TENCENT_CLOUD_SECRET_ID: Parameter, Text, "";
    /// The key of the credentials for Tencent Cloud's API.
    TENCENT_CLOUD_SECRET_KEY: Parameter, Text, "";
    /// The secret that the deployment's own CloudFront sends in `X-Origin-Secret`, one or several of at least 32
    /// bytes. Only with it `X-Forwarded-For` tells where a request came from.
    ORIGIN_SECRET: Deployment, Text, "";
    /// Whether a function opens its connection and faults in its memory at start, so that the first request is fast.
    WARM_UP: Settings, Words(&["on", "off"]), "on";
    /// How long one attempt of a DynamoDB call may take, in milliseconds. There are three attempts.
    AWS_ATTEMPT_TIMEOUT_MS: Settings, MILLISECONDS, "1000";
    /// How long connecting to DynamoDB may take, in milliseconds.
    AWS_CONNECT_TIMEOUT_MS: Settings, MILLISECONDS, "500";
    /// One address for DynamoDB, SNS and SES, for stand-ins. By default the region's own.
    AWS_ENDPOINT_URL: Deployment, Text, "";
    /// The same for DynamoDB alone.
    AWS_ENDPOINT_URL_DYNAMODB: Deployment, Text, "";
    /// The same for SNS alone.
    AWS_ENDPOINT_URL_SNS: Deployment, Text, "";
    /// The same for SES alone.
    AWS_ENDPOINT_URL_SESV2: Deployment, Text, "";
    /// The region.
    AWS_REGION: Lambda, Text, "us-east-1";
    /// The function's credentials.
    AWS_ACCESS_KEY_ID: Lambda, Text, "";
    /// The function's credentials.
    AWS_SECRET_ACCESS_KEY: Lambda, Text, "";
    /// The function's credentials.
    AWS_SESSION_TOKEN: Lambda, Text, "";
}
