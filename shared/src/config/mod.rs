//! The settings, and the only reader of the environment.
//!
//! A setting that is missing or malformed stops the function from starting, and the message names the variable.

mod address;
mod environment;
mod limits;
mod need;

use std::time::Duration;

pub use environment::{ConfigError, Environment, IN_SETTINGS};
pub use limits::LimitConfig;
pub use need::{Keys, Need};

use subtle::ConstantTimeEq;

use environment::{IDENTIFIER, NAME, VERSION};

use crate::crypto::{HashCost, RotationRules};
use crate::domain::{Email, PasswordRules, ReservedUsernames, Secret, SessionRules};

/// Everything that is configured.
#[derive(Clone, Debug)]
pub struct Config {
    pub storage: StorageConfig,
    pub tokens: TokenConfig,
    /// Sessions: `SESSION_IDLE_DAYS`, without being refreshed, 30; `SESSION_MAX_DAYS`, at most, 90;
    /// `SESSION_UNREMEMBERED_HOURS`, at most when the person did not ask to be remembered, 12; `REFRESH_REPEAT_SECONDS`, in
    /// which the last rotated refresh token gets the same successor again, 30. Our pages wait 10 seconds for an answer.
    pub sessions: SessionRules,
    /// `DORMANT_DAYS`: an account that was not used for so long is not opened by a code to its number alone, and the
    /// number's next owner may sign up with it; 180, never under 90, after which carriers reissue numbers.
    pub dormant_days: i64,
    /// `RESERVED_USERNAMES`: usernames that nobody may choose, separated by commas, in place of the default list; the brand
    /// is always one.
    pub reserved_usernames: ReservedUsernames,
    pub passwords: PasswordConfig,
    pub captcha: CaptchaConfig,
    pub answers: AnswerConfig,
    pub pages: PageConfig,
    pub limits: LimitConfig,
    pub messages: MessageConfig,
    /// `CODE_SECRET` and `KEY_SECRET`: one secret each or several, separated by commas, newest first, at least 32
    /// characters each. Only the keys that the function needs are derived, and the secrets are not kept.
    pub keys: Keys,
    /// `ORIGIN_SECRET`: the same form. The deployment's own CloudFront sends it in `X-Origin-Secret`; without one no header
    /// says from where a request came.
    origin_secrets: Vec<Secret>,
}

/// How the table is reached.
#[derive(Clone, Debug)]
pub struct StorageConfig {
    /// `TABLE_NAME`: required by the functions that use storage.
    pub table_name: Option<String>,
    /// `AWS_ENDPOINT_URL_DYNAMODB`, else `AWS_ENDPOINT_URL`: for a local engine; by default the region's own.
    pub endpoint_url: Option<String>,
    /// How AWS is called.
    pub aws: AwsConfig,
}

/// How AWS is called.
#[derive(Clone, Debug)]
pub struct AwsConfig {
    /// `AWS_REGION`: set by Lambda; `us-east-1` when absent.
    pub region: String,
    /// `AWS_ACCESS_KEY_ID`: set by Lambda.
    pub access_key_id: Option<Secret>,
    /// `AWS_SECRET_ACCESS_KEY`: set by Lambda.
    pub secret_access_key: Option<Secret>,
    /// `AWS_SESSION_TOKEN`: set by Lambda.
    pub session_token: Option<Secret>,
    /// `AWS_ATTEMPT_TIMEOUT_MS`: how long one attempt of a call may take; 1000. There are three attempts.
    pub attempt_timeout: Duration,
    /// `AWS_CONNECT_TIMEOUT_MS`: how long connecting may take; 500.
    pub connect_timeout: Duration,
    /// `WARM_UP`: `off` leaves out what is done at start so that the first request is fast; `on`.
    pub warm_up: bool,
}

/// How access tokens are made.
#[derive(Clone, Debug)]
pub struct TokenConfig {
    /// `ISSUER`: the `iss` of tokens; by default `https://` and the API's own domain name.
    pub issuer: Option<String>,
    /// `AUDIENCE`: the `aud` of tokens; `latchkey`.
    pub audience: String,
    /// `CLIENT_ID`: the `client_id` of tokens (RFC 9068 §2.2); the audience.
    pub client_id: String,
    /// `ACCESS_TOKEN_SECONDS`: how long a token is good; 3600.
    pub life_seconds: i64,
    /// `KEY_ROTATION_DAYS`: how long a key signs; 30. Read by `rotate-keys` alone.
    pub rotation_days: i64,
}

impl TokenConfig {
    /// What the rotation of keys depends on.
    #[must_use]
    pub fn rotation_rules(&self) -> RotationRules {
        RotationRules { period_seconds: self.rotation_days * 86_400, token_life_seconds: self.life_seconds }
    }
}

/// How passwords are judged and hashed.
#[derive(Clone, Debug)]
pub struct PasswordConfig {
    /// `PASSWORD_MIN_LENGTH`: in characters, 6 to 64; 8.
    pub rules: PasswordRules,
    /// `BREACHED_PASSWORDS_URL`: who is asked whether a new password was breached, by the first digits of its hash; nobody.
    pub breached_url: Option<String>,
    /// `ARGON2_MEMORY_KIB` and `ARGON2_PASSES`: 19456 and 2.
    pub hash_cost: HashCost,
}

/// Whether a captcha is asked for, and who checks it.
#[derive(Clone, Debug)]
pub struct CaptchaConfig {
    /// `CAPTCHA_MODE`: `enforce` makes B1, B3, B4, B6, B8, A3 and A4 ask for a pass; `off`.
    pub enforce: bool,
    /// `CAPTCHA_PROVIDER`: `none`, `gateway` or `tencent_cloud`; `none`. Read by `verify-captcha` alone.
    pub provider: Option<CaptchaProvider>,
}

/// Who checks a captcha's ticket.
#[derive(Clone, Debug)]
pub struct CaptchaProvider {
    /// `CAPTCHA_APP_ID`
    pub app_id: String,
    /// `CAPTCHA_APP_SECRET`
    pub app_secret: Secret,
    /// `CAPTCHA_URL`: by default the provider's own.
    pub url: String,
    /// What signs the call, where the provider wants it signed.
    pub signer: Option<TencentCloudSigner>,
}

/// The credentials of Tencent Cloud's API.
#[derive(Clone, Debug)]
pub struct TencentCloudSigner {
    /// `TENCENT_CLOUD_SECRET_ID`
    pub secret_id: String,
    /// `TENCENT_CLOUD_SECRET_KEY`
    pub secret_key: Secret,
}

/// What messages say and how they leave. Read by `deliver` alone.
#[derive(Clone, Debug)]
pub struct MessageConfig {
    /// `BRAND`: the name that SMS, mail and pages show; `Latchkey`.
    pub brand: String,
    /// `MAIL_FROM`: the sender of mail, verified with SES.
    pub mail_from: Option<String>,
    /// `SMS_SENDER_ID`: shown as the sender where the carrier allows it; none.
    pub sms_sender_id: Option<String>,
    /// `SMS_MAX_PRICE_USD`: what one SMS may cost at most; `0.10`.
    pub sms_max_price_usd: String,
    /// How many may be sent in a day.
    pub budgets: BudgetConfig,
    /// `AWS_ENDPOINT_URL_SNS`, else `AWS_ENDPOINT_URL`: for a local stand-in.
    pub sns_endpoint_url: Option<String>,
    /// `AWS_ENDPOINT_URL_SESV2`, else `AWS_ENDPOINT_URL`: for a local stand-in.
    pub ses_endpoint_url: Option<String>,
}

/// How many messages may be sent in a day (UTC), all recipients together.
#[derive(Clone, Copy, Debug)]
pub struct BudgetConfig {
    /// `SMS_DAILY_BUDGET`: codes by SMS, of which sign-ups and moves to new numbers may be 60 %; 2000.
    pub sms: u32,
    /// `MAIL_DAILY_BUDGET`: codes and links by mail; 10000.
    pub mail: u32,
    /// `NOTICE_DAILY_BUDGET`: word of changes, by SMS and mail; 2000.
    pub notifications: u32,
}

/// What pages show. Read by `pages` alone.
#[derive(Clone, Debug)]
pub struct PageConfig {
    /// `TERMS_URL`: the address of the terms; none.
    pub terms_url: Option<String>,
    /// `PRIVACY_URL`: the address of the privacy policy; none.
    pub privacy_url: Option<String>,
    /// `TERMS_VERSION`: the version of the terms that a person agrees to; `1`.
    pub terms_version: String,
    /// `PRIVACY_VERSION`: the version of the privacy policy; `1`.
    pub privacy_version: String,
    /// `CAPTCHA_APP_ID`: the app id the widget is shown with.
    pub captcha_app_id: Option<String>,
    /// `CAPTCHA_WIDGET_URL`: the script of the widget, by default Tencent's.
    pub captcha_widget_url: String,
}

impl PageConfig {
    fn read(environment: &Environment<'_>) -> Result<Self, ConfigError> {
        let version = |variable| environment.text(variable, &VERSION, "1");
        let widget = environment.url("CAPTCHA_WIDGET_URL")?;
        Ok(Self {
            terms_url: environment.url("TERMS_URL")?,
            privacy_url: environment.url("PRIVACY_URL")?,
            terms_version: version("TERMS_VERSION")?,
            privacy_version: version("PRIVACY_VERSION")?,
            captcha_app_id: environment.optional("CAPTCHA_APP_ID"),
            captcha_widget_url: widget.unwrap_or_else(|| "https://turing.captcha.qcloud.com/TJCaptcha.js".to_owned()),
        })
    }
}

/// What answers tell and where they lead.
#[derive(Clone, Debug)]
pub struct AnswerConfig {
    /// `DISCLOSE_REGISTRATION`: whether B5, A2 and B6 tell who is registered, as the old clients need; `true`.
    pub disclose_registration: bool,
    /// `REQUIRE_CONSENT`: whether a sign-up without consent to terms and privacy policy is refused; `false`.
    pub require_consent: bool,
    /// `CLIENT_HOST`: the public address of the pages, `https://…`, without a slash at its end; `http://` is for this
    /// machine alone. When absent, the API's own domain name as each request tells it. `deliver`, which has no request,
    /// must be given one.
    pub client_host: Option<String>,
    /// Other origins of the pages. Set by the local system alone, which has several addresses.
    pub own_origins: Vec<String>,
}

impl AnswerConfig {
    /// Whether the pages are served by `https`: everywhere but on this machine.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.client_host.as_deref().is_none_or(|host| host.starts_with("https://"))
    }

    /// Whether a request's `Origin` is that of our own pages (RFC 6454 §6.2). `domain_name` is the one at which API
    /// Gateway took the request; it is asked only where no address is configured.
    ///
    /// On this machine `localhost` and `127.0.0.1` are one, with the same port: people type either.
    #[must_use]
    pub fn is_own_origin(&self, origin: &str, domain_name: &str) -> bool {
        let Some(host) = &self.client_host else { return origin.strip_prefix("https://") == Some(domain_name) };
        let is =
            |own: &str| origin == own || loopback_port(own).is_some_and(|port| loopback_port(origin) == Some(port));
        is(origin_of(host)) || self.own_origins.iter().any(|own| is(own))
    }
}

/// An address without its path.
#[must_use]
pub fn origin_of(url: &str) -> &str {
    let after_scheme = url.find("://").map_or(0, |index| index + 3);
    url[after_scheme..].find('/').map_or(url, |end| &url[..after_scheme + end])
}

/// The port of an `http://` origin of this machine, as it is written.
fn loopback_port(origin: &str) -> Option<&str> {
    let rest = origin.strip_prefix("http://")?;
    let names = ["localhost", "127.0.0.1", "[::1]"];
    names.iter().find_map(|name| rest.strip_prefix(name)).filter(|rest| rest.is_empty() || rest.starts_with(':'))
}

/// `AWS_LAMBDA_LOG_LEVEL`, which Lambda sets from the function's logging configuration; `INFO`. Read apart from the
/// rest: that another setting is malformed must be logged too.
#[must_use]
pub fn log_level() -> tracing::Level {
    let level = std::env::var("AWS_LAMBDA_LOG_LEVEL").ok().and_then(|level| level.parse().ok());
    // At DEBUG and TRACE other crates write whole requests.
    level.unwrap_or(tracing::Level::INFO).min(tracing::Level::INFO)
}

impl Config {
    /// Reads the process's environment.
    pub fn from_process(needs: &[Need]) -> Result<Self, ConfigError> {
        Self::read(&Environment::new(&|name| std::env::var(name).ok()), needs)
    }

    /// Reads an environment and checks that what is needed is there.
    pub fn read(environment: &Environment<'_>, needs: &[Need]) -> Result<Self, ConfigError> {
        const SWITCH: [(&str, bool); 2] = [("true", true), ("false", false)];
        environment.check_settings()?;
        let messages = MessageConfig::read(environment)?;
        let audience = environment.text("AUDIENCE", &IDENTIFIER, "latchkey")?;
        let config = Self {
            storage: StorageConfig {
                table_name: environment.optional("TABLE_NAME"),
                endpoint_url: environment.endpoint("AWS_ENDPOINT_URL_DYNAMODB")?,
                aws: AwsConfig::read(environment)?,
            },
            tokens: TokenConfig {
                issuer: environment.base_url("ISSUER")?,
                client_id: environment.text("CLIENT_ID", &IDENTIFIER, &audience)?,
                audience,
                life_seconds: environment.number("ACCESS_TOKEN_SECONDS", 60..=86_400, 3600)?.into(),
                rotation_days: environment.number("KEY_ROTATION_DAYS", 1..=3650, 30)?.into(),
            },
            sessions: SessionRules {
                idle_seconds: 86_400 * i64::from(environment.number("SESSION_IDLE_DAYS", 1..=3650, 30)?),
                max_seconds: 86_400 * i64::from(environment.number("SESSION_MAX_DAYS", 1..=3650, 90)?),
                unremembered_seconds: 3600
                    * i64::from(environment.number("SESSION_UNREMEMBERED_HOURS", 1..=720, 12)?),
                repeat_seconds: environment.number("REFRESH_REPEAT_SECONDS", 1..=300, 30)?.into(),
            },
            dormant_days: environment.number("DORMANT_DAYS", 90..=36_500, 180)?.into(),
            passwords: PasswordConfig {
                rules: PasswordRules { min_characters: environment.number("PASSWORD_MIN_LENGTH", 6..=64, 8)? as usize },
                breached_url: environment.url("BREACHED_PASSWORDS_URL")?,
                hash_cost: HashCost {
                    memory_kib: environment.number("ARGON2_MEMORY_KIB", 8..=1_048_576, HashCost::OWASP.memory_kib)?,
                    passes: environment.number("ARGON2_PASSES", 1..=100, HashCost::OWASP.passes)?,
                },
            },
            captcha: CaptchaConfig {
                enforce: environment.word("CAPTCHA_MODE", &[("enforce", true), ("off", false)], false)?,
                provider: CaptchaProvider::read(environment)?,
            },
            reserved_usernames: read_reserved_usernames(environment, &messages.brand),
            messages,
            pages: PageConfig::read(environment)?,
            limits: LimitConfig::read(environment)?,
            answers: AnswerConfig {
                disclose_registration: environment.word("DISCLOSE_REGISTRATION", &SWITCH, true)?,
                require_consent: environment.word("REQUIRE_CONSENT", &SWITCH, false)?,
                client_host: environment.base_url("CLIENT_HOST")?,
                own_origins: Vec::new(),
            },
            keys: Keys::read(environment, needs)?,
            origin_secrets: environment.secrets("ORIGIN_SECRET")?,
        };
        for variable in needs.iter().filter_map(|need| need.variable()) {
            environment.required(variable)?;
        }
        Ok(config)
    }

    /// The name of every variable that is ever read.
    #[must_use]
    pub fn variables() -> Vec<String> {
        let environment = Environment::new(&|_| None);
        // Without any variable everything is at its default, which is well-formed.
        let _ = Self::read(&environment, &[]);
        let secrets = [Need::CODES, Need::SEALED_KEYS].into_iter().filter_map(Need::variable);
        environment.asked().into_iter().chain(secrets.map(str::to_owned)).collect()
    }

    /// Whether the deployment has a CloudFront of its own in front.
    #[must_use]
    pub fn has_cloudfront(&self) -> bool {
        !self.origin_secrets.is_empty()
    }

    /// Whether a request came through it: it sends one of the secrets, or, while they are replaced, several. Compared in
    /// constant time.
    #[must_use]
    pub fn is_own_cloudfront(&self, proof: &str) -> bool {
        let sent: Vec<_> = proof.split(',').map(str::trim).collect();
        let is_sent =
            |secret: &Secret| sent.iter().any(|sent| secret.expose().as_bytes().ct_eq(sent.as_bytes()).into());
        self.origin_secrets.iter().any(is_sent)
    }
}

fn read_reserved_usernames(environment: &Environment<'_>, brand: &str) -> ReservedUsernames {
    let names = environment.optional("RESERVED_USERNAMES");
    ReservedUsernames::new(names.as_deref().unwrap_or(ReservedUsernames::DEFAULT), brand)
}

impl CaptchaProvider {
    const GATEWAY_URL: &str = "https://ssl.captcha.qq.com/ticket/verify";
    const TENCENT_CLOUD_URL: &str = "https://captcha.tencentcloudapi.com";

    fn read(environment: &Environment<'_>) -> Result<Option<Self>, ConfigError> {
        let words = [("none", None), ("gateway", Some(false)), ("tencent_cloud", Some(true))];
        let provider = environment.word("CAPTCHA_PROVIDER", &words, None)?;
        // Read in any case: a malformed setting is named whether it is used or not.
        let (app_id, app_secret) = (environment.optional("CAPTCHA_APP_ID"), environment.optional("CAPTCHA_APP_SECRET"));
        let secret_id = environment.optional("TENCENT_CLOUD_SECRET_ID");
        let secret_key = environment.optional("TENCENT_CLOUD_SECRET_KEY");
        let url = environment.url("CAPTCHA_URL")?;
        let Some(signed) = provider else { return Ok(None) };
        let needed = |variable, value: Option<String>| value.ok_or_else(|| environment::not_set(variable));
        let signer = if signed {
            Some(TencentCloudSigner {
                secret_id: needed("TENCENT_CLOUD_SECRET_ID", secret_id)?,
                secret_key: Secret::new(needed("TENCENT_CLOUD_SECRET_KEY", secret_key)?),
            })
        } else {
            None
        };
        let app_id = needed("CAPTCHA_APP_ID", app_id)?;
        if signed && app_id.parse::<u64>().is_err() {
            let problem = "must be a number for tencent_cloud".to_owned();
            return Err(ConfigError { variable: "CAPTCHA_APP_ID", problem });
        }
        let default_url = if signed { Self::TENCENT_CLOUD_URL } else { Self::GATEWAY_URL };
        Ok(Some(Self {
            app_id,
            app_secret: Secret::new(needed("CAPTCHA_APP_SECRET", app_secret)?),
            url: url.unwrap_or_else(|| default_url.to_owned()),
            signer,
        }))
    }
}

impl MessageConfig {
    fn read(environment: &Environment<'_>) -> Result<Self, ConfigError> {
        let max_price = environment.optional("SMS_MAX_PRICE_USD").unwrap_or_else(|| "0.10".to_owned());
        let is_plain = max_price.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        if !is_plain || !max_price.parse::<f64>().is_ok_and(|price| price > 0.0 && price <= 10.0) {
            let problem = "must be a price in US dollars, above 0 and at most 10".to_owned();
            return Err(ConfigError { variable: "SMS_MAX_PRICE_USD", problem });
        }
        let mail_from = environment.optional("MAIL_FROM");
        // SES gets it as it stands.
        let is_address = |from: &str| from.bytes().all(|b| b.is_ascii_graphic()) && Email::parse(from).is_ok();
        if mail_from.as_deref().is_some_and(|from| !is_address(from)) {
            return Err(ConfigError { variable: "MAIL_FROM", problem: "must be an email address".to_owned() });
        }
        let sms_sender_id = environment.optional("SMS_SENDER_ID");
        if !sms_sender_id.as_deref().is_none_or(is_sender_id) {
            let problem = "must be 1 to 11 letters, digits or hyphens of ASCII, one letter at least".to_owned();
            return Err(ConfigError { variable: "SMS_SENDER_ID", problem });
        }
        Ok(Self {
            brand: environment.text("BRAND", &NAME, "Latchkey")?,
            mail_from,
            sms_sender_id,
            sms_max_price_usd: max_price,
            budgets: BudgetConfig {
                sms: environment.number("SMS_DAILY_BUDGET", 0..=1_000_000_000, 2000)?,
                mail: environment.number("MAIL_DAILY_BUDGET", 0..=1_000_000_000, 10_000)?,
                notifications: environment.number("NOTICE_DAILY_BUDGET", 0..=1_000_000_000, 2000)?,
            },
            sns_endpoint_url: environment.endpoint("AWS_ENDPOINT_URL_SNS")?,
            ses_endpoint_url: environment.endpoint("AWS_ENDPOINT_URL_SESV2")?,
        })
    }
}

/// What SNS takes for the sender of an SMS.
fn is_sender_id(text: &str) -> bool {
    let fits = text.len() <= 11 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    fits && text.bytes().any(|b| b.is_ascii_alphabetic())
}

impl AwsConfig {
    /// Reads how AWS is called.
    pub fn read(environment: &Environment<'_>) -> Result<Self, ConfigError> {
        let milliseconds = |variable, default| {
            environment.number(variable, 10..=60_000, default).map(|number| Duration::from_millis(number.into()))
        };
        Ok(Self {
            region: environment.optional("AWS_REGION").unwrap_or_else(|| "us-east-1".to_owned()),
            access_key_id: environment.optional("AWS_ACCESS_KEY_ID").map(Secret::new),
            secret_access_key: environment.optional("AWS_SECRET_ACCESS_KEY").map(Secret::new),
            session_token: environment.optional("AWS_SESSION_TOKEN").map(Secret::new),
            attempt_timeout: milliseconds("AWS_ATTEMPT_TIMEOUT_MS", 1000)?,
            connect_timeout: milliseconds("AWS_CONNECT_TIMEOUT_MS", 500)?,
            warm_up: environment.word("WARM_UP", &[("on", true), ("off", false)], true)?,
        })
    }
}

#[cfg(test)]
mod tests;
