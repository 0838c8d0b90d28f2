//! The list of all settings. Tests check that the template's parameters and the tables of the documentation agree with
//! it.

#[derive(Debug)]
pub struct Setting {
    pub variable: &'static str,
    /// The meaning, for the documentation. It comes from the doc comment of the constant.
    pub about: &'static str,
    pub form: Form,
    /// The default in the form in which a value is written. Empty if there is none.
    pub default: &'static str,
    pub place: Place,
}

/// The values that a setting accepts, as far as a table can show them. The code that reads a `Text` checks it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A whole number. Both bounds are allowed.
    Number {
        least: u32,
        most: u32,
    },
    Words(&'static [&'static str]),
    /// One limit such as `5/h`.
    Limit,
    /// One or more limits, separated by commas.
    Limits,
    Text,
}

/// The place where a setting is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A parameter of the template. The parameter of `CLIENT_HOST` is `ClientHost`.
    Parameter,
    /// The variable `SETTINGS`. It holds settings that are seldom changed, as `NAME=value` separated by spaces.
    Settings,
    /// The template sets it without a parameter.
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
        /// All settings, in the order of the documentation.
        pub const ALL: &[Setting] = &[$($name),+];
    };
}

settings! {
    /// The name of the DynamoDB table.
    TABLE_NAME: Deployment, Text, "";
    /// The secret from which the keys of one-time codes are derived. Several are separated by commas, newest first;
    /// each has at least 32 bytes.
    CODE_SECRET: Deployment, Text, "";
    /// The secret from which the keys of mailed links are derived. It has the same form.
    LINK_SECRET: Deployment, Text, "";
    /// The secret from which the keys of refresh tokens and reauthentications are derived. It has the same form.
    SESSION_SECRET: Deployment, Text, "";
    /// The secret from which the keys of captcha passes, CSRF values, known devices and hashed addresses are derived. It
    /// has the same form.
    VISITOR_SECRET: Deployment, Text, "";
    /// The secret that encrypts the stored private keys of access tokens. It has the same form as `CODE_SECRET`.
    KEY_SECRET: Deployment, Text, "";
    /// The `iss` of access tokens: an `https://` address without a slash at the end. By default it is the address of
    /// the API.
    ISSUER: Parameter, Text, "";
    /// The `aud` of access tokens.
    AUDIENCE: Settings, Text, "latchkey";
    /// The `client_id` of access tokens (RFC 9068 §2.2). By default it is the audience.
    CLIENT_ID: Settings, Text, "";
    /// The lifetime of an access token, in seconds.
    ACCESS_TOKEN_SECONDS: Settings, number(60, 86_400), "3600";
    /// The number of days for which one key signs access tokens.
    KEY_ROTATION_DAYS: Settings, number(1, 3650), "30";
    /// The number of days after which a session ends if it is not refreshed.
    SESSION_IDLE_DAYS: Settings, number(1, 3650), "30";
    /// The maximum lifetime of a session, in days.
    SESSION_MAX_DAYS: Settings, number(1, 3650), "90";
    /// The maximum lifetime of a session, in hours, if the person did not ask to be remembered (`"remember":false`).
    SESSION_UNREMEMBERED_HOURS: Settings, number(1, 720), "12";
    /// The number of seconds for which the last rotated refresh token gets the same successor again, in case the answer
    /// was lost. It should be longer than 10 seconds, because the pages wait that long for an answer.
    REFRESH_REPEAT_SECONDS: Settings, number(1, 300), "30";
    /// The public address of the pages, without a slash at the end. Mailed links lead there, and requests that carry
    /// the session cookie must come from its origin. By default it is the address of the API.
    CLIENT_HOST: Parameter, Text, "";
    /// The origins whose pages may call the API from a browser, separated by commas, such as
    /// `https://shop.example.com`. In the local system, `--cors` names them.
    CORS_ORIGINS: Parameter, Text, "";
    /// The name shown in SMS, mail and pages.
    BRAND: Parameter, Text, "Latchkey";
    /// The address of the terms that a person accepts at sign-up.
    TERMS_URL: Parameter, Text, "";
    /// The version of the terms. Where it is set, as by the template, a consent to another version is refused. Otherwise
    /// a consent may name any version, and the pages send `1`.
    TERMS_VERSION: Parameter, Text, "1";
    /// The address of the privacy policy.
    PRIVACY_URL: Parameter, Text, "";
    /// The version of the privacy policy. Where it is set, as by the template, a consent to another version is refused.
    /// Otherwise a consent may name any version, and the pages send `1`.
    PRIVACY_VERSION: Parameter, Text, "1";
    /// The sender address of mail. It must be verified with SES.
    MAIL_FROM: Parameter, Text, "";
    /// The sender shown in an SMS, where the carrier allows one: 1 to 11 letters, digits or hyphens, with at least one
    /// letter.
    SMS_SENDER_ID: Parameter, Text, "";
    /// The maximum price of one SMS, in US dollars: above 0 and at most 10.
    SMS_MAX_PRICE_USD: Settings, Text, "0.10";
    /// The number of days for which `deliver` tries to send a security notification. An address gets the "this wasn't me"
    /// link only if it was bound before that and before the three days for which the link is valid.
    NOTIFICATION_DAYS: Settings, number(1, 14), "3";
    /// Usernames that nobody may choose, separated by commas. They replace the default list of about forty, such as
    /// `admin`, `root`, `support`, `管理员` and `官方客服`. The brand is always reserved.
    RESERVED_USERNAMES: Settings, Text, "";
    /// The minimum number of characters of a new password. Old clients may need 6.
    PASSWORD_MIN_LENGTH: Parameter, number(6, 64), "8";
    /// The memory that Argon2 uses for one password hash, in KiB.
    ARGON2_MEMORY_KIB: Settings, number(8, 1_048_576), "19456";
    /// The number of passes that Argon2 makes over that memory.
    ARGON2_PASSES: Settings, number(1, 100), "2";
    /// The address of a service that knows breached passwords: `https://api.pwnedpasswords.com/range` or a copy of it.
    /// It is sent the first five hex digits of a new password's SHA-1 hash. If it does not answer, the password is
    /// accepted.
    BREACHED_PASSWORDS_URL: Parameter, Text, "";
    /// Whether `check_mobile`, `forget_pwd_mobile` and `send_reset_email` disclose who is registered. The old clients
    /// need that.
    DISCLOSE_REGISTRATION: Parameter, SWITCH, "true";
    /// Whether a sign-up must include consent to the terms and the privacy policy.
    REQUIRE_CONSENT: Parameter, SWITCH, "false";
    /// The number of days after which a code to a number is not enough to sign in on an unknown device, unless the
    /// number was proved by a code since. Carriers reissue numbers after 90 days.
    NUMBER_PROVED_DAYS: Settings, number(1, 36_500), "90";
    /// The number of days after which a number's next owner may sign up with it: its account was not used for so long,
    /// and its number was not proved for so long.
    DORMANT_DAYS: Settings, number(90, 36_500), "180";
    /// The number of hours after an operator's `admin recover` after which a code to the number alone opens the account.
    /// The owner is told before, and can stop it.
    RECOVERY_WAIT_HOURS: Settings, number(1, 720), "24";
    /// The number of days for which it does so.
    RECOVERY_OPEN_DAYS: Settings, number(1, 30), "7";
    /// The number of wrong passwords in a row at one account name, from unknown devices, after which no more are
    /// compared there. NIST SP 800-63B §3.2.2 allows 100 for an account, which has three names.
    PASSWORD_MAX_FAILURES: Settings, number(5, 100), "33";
    /// The number of days after the last counted attempt after which wrong passwords are forgotten.
    PASSWORD_STREAK_DAYS: Settings, number(1, 366), "30";
    /// The number of wrong passwords in a row by which a signed-in person fails to reauthenticate, after which the
    /// session ends.
    REAUTHENTICATION_MAX_FAILURES: Settings, number(1, 100), "10";
    /// The number of devices on which an account is known. Of more, those are forgotten first that never came back, and
    /// then the least recently used.
    KNOWN_DEVICES: Settings, number(1, 50), "20";
    /// The number of days after a sign-in for which a device is known, if the person asked to be remembered. Browsers
    /// keep a cookie for 400 days at most.
    KNOWN_DEVICE_DAYS: Settings, number(1, 36_500), "3650";
    /// The number of days for which a username that its owner changed stays reserved for them. Nobody else can take it
    /// in this time.
    NAME_RESERVED_DAYS: Settings, number(0, 36_500), "30";
    /// Messages to one mobile number or email address.
    LIMIT_RECIPIENT: Settings, Limits, "5/h,10/d";
    /// Messages to one mobile number or email address that one source requests. A source is the network address that a
    /// request comes from, or a prefix of it.
    LIMIT_RECIPIENT_SOURCE: Settings, Limits, "3/h,6/d";
    /// Messages that one source requests. Above this limit a request needs a captcha pass, and requests for a code to
    /// bind an email address are refused.
    LIMIT_SOURCE: Settings, Limit, "60/h";
    /// Messages that one source requests with captcha passes, or to the number or address of the account that requests
    /// them.
    LIMIT_SOURCE_CAPTCHA: Settings, Limit, "600/h";
    /// Messages that one source requests to people without an account: to sign up, or to a new number or email of an
    /// account. A /48 of IPv6 has twice as many. The default is a twelfth of what `STRANGERS_PERCENT` leaves them in a
    /// day, 100 by SMS. A function refuses to start if it is over a tenth.
    LIMIT_STRANGERS_SOURCE: Settings, Text, "";
    /// Failed attempts to sign in by password from one source.
    LIMIT_LOG_IN_SOURCE: Settings, Limit, "100/5m";
    /// Passwords that are hashed for one account, the correct ones too. A known device has as many of its own.
    LIMIT_HASHES: Settings, Limit, "60/5m";
    /// Requests from one source that can reveal whether a number or address is registered.
    LIMIT_PROBE_SOURCE: Settings, Limit, "100/5m";
    /// Captcha tickets from one source.
    LIMIT_CAPTCHA_SOURCE: Settings, Limit, "60/5m";
    /// Changes of password, number and email by the signed-in owner of one account. Each change sends security
    /// notifications by SMS and mail. As many resets are told at a number and email; more are done and not told.
    LIMIT_CHANGES: Settings, Limits, "10/d";
    /// Codes that one account asks for to new numbers, and as many to new emails.
    LIMIT_NEW_ADDRESSES: Settings, Limits, "5/h,10/d";
    /// Exports of one account.
    LIMIT_EXPORTS: Settings, Limits, "3/d";
    /// Changes of one account's username, the first one included.
    LIMIT_RENAMES: Settings, Limits, "3/30d";
    /// Attempts to change one account's username, with the password or a code. An attempt counts even if the username
    /// is taken, so that nobody learns by this which usernames exist.
    LIMIT_RENAME_TRIES: Settings, Limits, "10/d";
    /// Security notifications to one account that a session goes on from another device. Above this limit the session
    /// goes on without one.
    LIMIT_DEVICE_NOTICES: Settings, Limits, "3/d";
    /// Codes by SMS in a day (UTC). When the budget is spent, requests get a 503 and an alarm is raised.
    SMS_DAILY_BUDGET: Settings, BUDGET, "2000";
    /// Codes and links by mail in a day (UTC).
    MAIL_DAILY_BUDGET: Settings, BUDGET, "10000";
    /// Security notifications by SMS and mail in a day (UTC).
    NOTICE_DAILY_BUDGET: Settings, BUDGET, "2000";
    /// The share of the budgets of SMS and of mail that messages to people without an account may use, in per cent:
    /// sign-ups, and codes to new numbers and emails.
    STRANGERS_PERCENT: Settings, number(0, 100), "60";
    /// Whether the requests that a captcha protects always need a captcha pass.
    CAPTCHA_MODE: Parameter, Words(&["off", "enforce"]), "off";
    /// The service that checks captcha tickets. `gateway` is Tencent's older protocol `ticket/verify`. `tencent_cloud`
    /// is Tencent Cloud's API `DescribeCaptchaResult`.
    CAPTCHA_PROVIDER: Parameter, Words(&["none", "gateway", "tencent_cloud"]), "none";
    /// The app id of the captcha. For `tencent_cloud` it must be a number.
    CAPTCHA_APP_ID: Parameter, Text, "";
    /// The `AppSecretKey` of the captcha.
    CAPTCHA_APP_SECRET: Parameter, Text, "";
    /// The address of the service that checks tickets. By default it is the provider's own.
    CAPTCHA_URL: Settings, Text, "";
    /// The address of the captcha widget's script, which the pages load.
    CAPTCHA_WIDGET_URL: Settings, Text, "https://turing.captcha.qcloud.com/TJCaptcha.js";
    /// The id of the credentials for Tencent Cloud's API. `tencent_cloud` needs it.
    TENCENT_CLOUD_SECRET_ID: Parameter, Text, "";
    /// The key of the credentials for Tencent Cloud's API. `tencent_cloud` needs it.
    TENCENT_CLOUD_SECRET_KEY: Parameter, Text, "";
    /// The secret that the deployment's own CloudFront sends in `X-Origin-Secret`. It may be several secrets, separated
    /// by commas. Each has at least 32 bytes. `X-Forwarded-For` is trusted only in requests that carry one.
    ORIGIN_SECRET: Deployment, Text, "";
    /// Whether a function opens its connection to DynamoDB and touches its memory at start, so that the first request
    /// is fast.
    WARM_UP: Settings, Words(&["on", "off"]), "on";
    /// The timeout of one attempt at a DynamoDB call, in milliseconds. A call makes up to three attempts and takes at
    /// most three times as long.
    AWS_ATTEMPT_TIMEOUT_MS: Settings, MILLISECONDS, "1000";
    /// The timeout for connecting to DynamoDB, in milliseconds.
    AWS_CONNECT_TIMEOUT_MS: Settings, MILLISECONDS, "500";
    /// One address for DynamoDB, SNS and SES, used for substitutes in tests. By default they are the region's own.
    AWS_ENDPOINT_URL: Deployment, Text, "";
    /// The address for DynamoDB alone.
    AWS_ENDPOINT_URL_DYNAMODB: Deployment, Text, "";
    /// The address for SNS alone.
    AWS_ENDPOINT_URL_SNS: Deployment, Text, "";
    /// The address for SES alone.
    AWS_ENDPOINT_URL_SESV2: Deployment, Text, "";
    /// The AWS region.
    AWS_REGION: Lambda, Text, "us-east-1";
    /// Part of the function's AWS credentials.
    AWS_ACCESS_KEY_ID: Lambda, Text, "";
    /// Part of the function's AWS credentials.
    AWS_SECRET_ACCESS_KEY: Lambda, Text, "";
    /// Part of the function's AWS credentials.
    AWS_SESSION_TOKEN: Lambda, Text, "";
}
