//! The settings, and the only reader of the environment.
//!
//! A function does not start if a setting that it needs is missing, or if a setting is malformed. The message names the
//! variable.

mod access;
mod address;
mod consent;
mod environment;
mod limits;
mod need;
pub mod settings;

use std::time::Duration;

pub use access::{DeviceConfig, GuessingConfig, NumberConfig};
pub use address::{is_of_this_machine, is_origin};
pub use consent::ConsentConfig;
pub use environment::{ConfigError, Environment};
pub(crate) use limits::WIDER_STRANGERS;
pub use limits::{LimitConfig, RateLimit};
pub use need::{Keys, Need};

use subtle::ConstantTimeEq;

use environment::{IDENTIFIER, NAME};

use crate::crypto::{HashCost, RotationRules};
use crate::domain::{Email, ExposeSecret, PasswordRules, ReservedUsernames, SecretString, SessionRules};

/// The configuration of a function.
#[derive(Clone, Debug)]
pub struct Config {
    pub storage: StorageConfig,
    pub tokens: TokenConfig,
    /// `SESSION_IDLE_DAYS`, `SESSION_MAX_DAYS`, `SESSION_UNREMEMBERED_HOURS` and `REFRESH_REPEAT_SECONDS`
    pub sessions: SessionRules,
    pub numbers: NumberConfig,
    pub guessing: GuessingConfig,
    pub devices: DeviceConfig,
    /// `NAME_RESERVED_DAYS`
    pub name_reserved_days: i64,
    /// `RESERVED_USERNAMES`
    pub reserved_usernames: ReservedUsernames,
    pub passwords: PasswordConfig,
    pub captcha: CaptchaConfig,
    pub answers: AnswerConfig,
    pub consent: ConsentConfig,
    pub pages: PageConfig,
    pub limits: LimitConfig,
    pub messages: MessageConfig,
    /// `CODE_SECRET`, `LINK_SECRET`, `SESSION_SECRET`, `VISITOR_SECRET` and `KEY_SECRET`
    pub keys: Keys,
    /// `ORIGIN_SECRET`. The deployment's own CloudFront sends one of these secrets in `X-Origin-Secret`. Without one,
    /// no header is trusted to say where a request comes from.
    origin_secrets: Vec<SecretString>,
}

/// The settings of the table.
#[derive(Clone, Debug)]
pub struct StorageConfig {
    /// `TABLE_NAME`
    pub table_name: Option<String>,
    /// `AWS_ENDPOINT_URL_DYNAMODB`, else `AWS_ENDPOINT_URL`
    pub endpoint_url: Option<String>,
    pub aws: AwsConfig,
}

/// The settings for calls to AWS.
#[derive(Clone, Debug)]
pub struct AwsConfig {
    /// `AWS_REGION`
    pub region: String,
    /// `AWS_ACCESS_KEY_ID`
    pub access_key_id: Option<SecretString>,
    /// `AWS_SECRET_ACCESS_KEY`
    pub secret_access_key: Option<SecretString>,
    /// `AWS_SESSION_TOKEN`
    pub session_token: Option<SecretString>,
    /// `AWS_ATTEMPT_TIMEOUT_MS`
    pub attempt_timeout: Duration,
    /// `AWS_CONNECT_TIMEOUT_MS`
    pub connect_timeout: Duration,
    /// `WARM_UP`
    pub warm_up: bool,
}

/// The settings of access tokens.
#[derive(Clone, Debug)]
pub struct TokenConfig {
    /// `ISSUER`
    pub issuer: Option<String>,
    /// `AUDIENCE`
    pub audience: String,
    /// `CLIENT_ID`
    pub client_id: String,
    /// `ACCESS_TOKEN_SECONDS`
    pub life_seconds: i64,
    /// `KEY_ROTATION_DAYS`
    pub rotation_days: i64,
}

impl TokenConfig {
    /// Returns the rules for the rotation of keys.
    #[must_use]
    pub fn rotation_rules(&self) -> RotationRules {
        RotationRules { period_seconds: self.rotation_days * 86_400, token_life_seconds: self.life_seconds }
    }
}

/// The settings for new passwords and password hashes.
#[derive(Clone, Debug)]
pub struct PasswordConfig {
    /// `PASSWORD_MIN_LENGTH`
    pub rules: PasswordRules,
    /// `BREACHED_PASSWORDS_URL`
    pub breached_url: Option<String>,
    /// `ARGON2_MEMORY_KIB` and `ARGON2_PASSES`
    pub hash_cost: HashCost,
}

/// The settings of the captcha.
#[derive(Clone, Debug)]
pub struct CaptchaConfig {
    /// `CAPTCHA_MODE`
    pub enforce: bool,
    /// `CAPTCHA_PROVIDER`
    pub provider: Option<CaptchaProvider>,
}

/// The service that checks captcha tickets.
#[derive(Clone, Debug)]
pub struct CaptchaProvider {
    /// `CAPTCHA_APP_ID`
    pub app_id: String,
    /// `CAPTCHA_APP_SECRET`
    pub app_secret: SecretString,
    /// `CAPTCHA_URL`
    pub url: String,
    /// The credentials that sign the call. `None` if the service takes unsigned calls.
    pub signer: Option<TencentCloudSigner>,
}

/// The credentials of Tencent Cloud's API.
#[derive(Clone, Debug)]
pub struct TencentCloudSigner {
    /// `TENCENT_CLOUD_SECRET_ID`
    pub secret_id: String,
    /// `TENCENT_CLOUD_SECRET_KEY`
    pub secret_key: SecretString,
}

/// The content of messages and how they are sent.
#[derive(Clone, Debug)]
pub struct MessageConfig {
    /// `BRAND`
    pub brand: String,
    /// `MAIL_FROM`
    pub mail_from: Option<String>,
    /// `SMS_SENDER_ID`
    pub sms_sender_id: Option<String>,
    /// `SMS_MAX_PRICE_USD`
    pub sms_max_price_usd: String,
    /// `NOTIFICATION_DAYS`, in seconds
    pub notification_seconds: i64,
    pub budgets: BudgetConfig,
    /// `AWS_ENDPOINT_URL_SNS`, else `AWS_ENDPOINT_URL`
    pub sns_endpoint_url: Option<String>,
    /// `AWS_ENDPOINT_URL_SESV2`, else `AWS_ENDPOINT_URL`
    pub ses_endpoint_url: Option<String>,
}

/// The maximum number of messages in a day (UTC), to all recipients together.
#[derive(Clone, Copy, Debug)]
pub struct BudgetConfig {
    /// `SMS_DAILY_BUDGET`
    pub sms: u32,
    /// `MAIL_DAILY_BUDGET`
    pub mail: u32,
    /// `NOTICE_DAILY_BUDGET`
    pub notifications: u32,
    /// `STRANGERS_PERCENT`
    pub strangers_percent: u32,
}

impl BudgetConfig {
    /// Returns the part of a budget that messages to people without an account may use.
    #[must_use]
    pub fn strangers_share(&self, budget: u32) -> u32 {
        let share = u64::from(budget) * u64::from(self.strangers_percent) / 100;
        u32::try_from(share).unwrap_or(budget)
    }
}

/// The settings that pages show.
#[derive(Clone, Debug)]
pub struct PageConfig {
    /// `TERMS_URL`
    pub terms_url: Option<String>,
    /// `PRIVACY_URL`
    pub privacy_url: Option<String>,
    /// `CAPTCHA_APP_ID`
    pub captcha_app_id: Option<String>,
    /// `CAPTCHA_WIDGET_URL`
    pub captcha_widget_url: String,
}

impl PageConfig {
    fn read(environment: &Environment<'_>) -> Result<Self, ConfigError> {
        let widget = environment.url("CAPTCHA_WIDGET_URL")?;
        Ok(Self {
            terms_url: environment.url("TERMS_URL")?,
            privacy_url: environment.url("PRIVACY_URL")?,
            captcha_app_id: environment.optional("CAPTCHA_APP_ID"),
            captcha_widget_url: widget.unwrap_or_else(|| settings::CAPTCHA_WIDGET_URL.default.to_owned()),
        })
    }
}

/// The settings that decide the content of answers.
#[derive(Clone, Debug)]
pub struct AnswerConfig {
    /// `DISCLOSE_REGISTRATION`
    pub disclose_registration: bool,
    /// `CLIENT_HOST`
    pub client_host: Option<String>,
    /// Further origins of the pages. Only the local system sets them, because it has several addresses.
    pub own_origins: Vec<String>,
    /// `CORS_ORIGINS`
    pub cors_origins: Vec<String>,
    /// Whether pages of every port of this machine may call the API. Only the local system sets it.
    pub admits_this_machine: bool,
}

impl AnswerConfig {
    /// Returns whether the pages are served by `https`. They are, except on the local machine.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.client_host.as_deref().is_none_or(|host| host.starts_with("https://"))
    }

    /// Returns whether a request's `Origin` is that of our own pages (RFC 6454 §6.2). `domain_name` is the domain at
    /// which API Gateway received the request. It is used only if no address is configured.
    ///
    /// The names of the local machine, such as `localhost` and `127.0.0.1`, count as equal if the port is the same,
    /// because people type either.
    #[must_use]
    pub fn is_own_origin(&self, origin: &str, domain_name: &str) -> bool {
        let Some(host) = &self.client_host else { return origin.strip_prefix("https://") == Some(domain_name) };
        let is =
            |own: &str| origin == own || loopback_port(own).is_some_and(|port| loopback_port(origin) == Some(port));
        is(origin_of(host)) || self.own_origins.iter().any(|own| is(own))
    }

    /// Returns whether a request's `Origin` is one whose pages may call the API by CORS. API Gateway allows the same.
    #[must_use]
    pub fn is_cors_origin(&self, origin: &str) -> bool {
        let is_named = self.cors_origins.iter().any(|one| one == origin);
        is_named || (self.admits_this_machine && is_of_this_machine(origin))
    }
}

/// Returns an address without its path.
#[must_use]
pub fn origin_of(url: &str) -> &str {
    let after_scheme = url.find("://").map_or(0, |index| index + 3);
    url[after_scheme..].find('/').map_or(url, |end| &url[..after_scheme + end])
}

/// Returns the port of an `http://` origin on the local machine, with its colon, or an empty text if it has none.
fn loopback_port(origin: &str) -> Option<&str> {
    let rest = origin.strip_prefix("http://")?;
    address::LOOPBACK_NAMES
        .iter()
        .find_map(|name| rest.strip_prefix(name))
        .filter(|rest| rest.is_empty() || rest.starts_with(':'))
}

/// Returns the log level of `AWS_LAMBDA_LOG_LEVEL`, which Lambda sets from the function's logging configuration. The
/// default is `INFO`.
///
/// It is read apart from the other settings, because the log must work even if one of them is malformed.
#[must_use]
pub fn log_level() -> tracing::Level {
    let level = std::env::var("AWS_LAMBDA_LOG_LEVEL").ok().and_then(|level| level.parse().ok());
    // At DEBUG and TRACE, other crates log whole requests.
    level.unwrap_or(tracing::Level::INFO).min(tracing::Level::INFO)
}

impl Config {
    /// Reads the configuration from the environment of the process.
    pub fn from_process(needs: &[Need]) -> Result<Self, ConfigError> {
        Self::read(&Environment::new(&|name| std::env::var(name).ok()), needs)
    }

    /// Reads the configuration from an environment, and checks that it meets the needs.
    pub fn read(environment: &Environment<'_>, needs: &[Need]) -> Result<Self, ConfigError> {
        environment.check_settings()?;
        let messages = MessageConfig::read(environment)?;
        let audience = environment.text(&settings::AUDIENCE, &IDENTIFIER)?;
        let config = Self {
            storage: StorageConfig {
                table_name: environment.optional("TABLE_NAME"),
                endpoint_url: environment.endpoint("AWS_ENDPOINT_URL_DYNAMODB")?,
                aws: AwsConfig::read(environment)?,
            },
            tokens: TokenConfig {
                issuer: environment.base_url("ISSUER")?,
                client_id: match environment.optional("CLIENT_ID") {
                    Some(_) => environment.text(&settings::CLIENT_ID, &IDENTIFIER)?,
                    None => audience.clone(),
                },
                audience,
                life_seconds: environment.number(&settings::ACCESS_TOKEN_SECONDS)?.into(),
                rotation_days: environment.number(&settings::KEY_ROTATION_DAYS)?.into(),
            },
            sessions: SessionRules {
                idle_seconds: 86_400 * i64::from(environment.number(&settings::SESSION_IDLE_DAYS)?),
                max_seconds: 86_400 * i64::from(environment.number(&settings::SESSION_MAX_DAYS)?),
                unremembered_seconds: 3600 * i64::from(environment.number(&settings::SESSION_UNREMEMBERED_HOURS)?),
                repeat_seconds: environment.number(&settings::REFRESH_REPEAT_SECONDS)?.into(),
            },
            numbers: NumberConfig::read(environment)?,
            guessing: GuessingConfig::read(environment)?,
            devices: DeviceConfig::read(environment)?,
            name_reserved_days: environment.number(&settings::NAME_RESERVED_DAYS)?.into(),
            passwords: PasswordConfig {
                rules: PasswordRules { min_characters: environment.number(&settings::PASSWORD_MIN_LENGTH)? as usize },
                breached_url: environment.url("BREACHED_PASSWORDS_URL")?,
                hash_cost: HashCost {
                    memory_kib: environment.number(&settings::ARGON2_MEMORY_KIB)?,
                    passes: environment.number(&settings::ARGON2_PASSES)?,
                },
            },
            captcha: CaptchaConfig {
                enforce: environment.word(&settings::CAPTCHA_MODE)? == "enforce",
                provider: CaptchaProvider::read(environment)?,
            },
            reserved_usernames: read_reserved_usernames(environment, &messages.brand),
            limits: LimitConfig::read(environment, &messages.budgets)?,
            messages,
            consent: ConsentConfig::read(environment)?,
            pages: PageConfig::read(environment)?,
            answers: AnswerConfig {
                disclose_registration: environment.word(&settings::DISCLOSE_REGISTRATION)? == "true",
                client_host: environment.base_url("CLIENT_HOST")?,
                own_origins: Vec::new(),
                cors_origins: environment.origins("CORS_ORIGINS")?,
                admits_this_machine: false,
            },
            keys: Keys::read(environment, needs)?,
            origin_secrets: environment.secrets("ORIGIN_SECRET")?,
        };
        for variable in needs.iter().filter_map(|need| need.variable()) {
            environment.required(variable)?;
        }
        Ok(config)
    }

    /// Returns whether the deployment has its own CloudFront.
    #[must_use]
    pub fn has_cloudfront(&self) -> bool {
        !self.origin_secrets.is_empty()
    }

    /// Returns whether a request came through the deployment's own CloudFront. `sent` is the secret that the request
    /// carries, or several, separated by commas, while the secrets are being replaced. They are compared in constant
    /// time.
    #[must_use]
    pub fn is_own_cloudfront(&self, sent: &str) -> bool {
        let sent: Vec<_> = sent.split(',').map(str::trim).collect();
        let is_sent = |secret: &SecretString| {
            sent.iter().any(|sent| secret.expose_secret().as_bytes().ct_eq(sent.as_bytes()).into())
        };
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
        let provider = environment.word(&settings::CAPTCHA_PROVIDER)?;
        // These are read even if no provider is chosen, so that a malformed setting is always reported.
        let (app_id, app_secret) = (environment.optional("CAPTCHA_APP_ID"), environment.optional("CAPTCHA_APP_SECRET"));
        let secret_id = environment.optional("TENCENT_CLOUD_SECRET_ID");
        let secret_key = environment.optional("TENCENT_CLOUD_SECRET_KEY");
        let url = environment.url("CAPTCHA_URL")?;
        if provider == "none" {
            return Ok(None);
        }
        let signed = provider == "tencent_cloud";
        let needed = |variable, value: Option<String>| value.ok_or_else(|| environment::not_set(variable));
        let signer = if signed {
            Some(TencentCloudSigner {
                secret_id: needed("TENCENT_CLOUD_SECRET_ID", secret_id)?,
                secret_key: SecretString::from(needed("TENCENT_CLOUD_SECRET_KEY", secret_key)?),
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
            app_secret: SecretString::from(needed("CAPTCHA_APP_SECRET", app_secret)?),
            url: url.unwrap_or_else(|| default_url.to_owned()),
            signer,
        }))
    }
}

impl MessageConfig {
    fn read(environment: &Environment<'_>) -> Result<Self, ConfigError> {
        let max_price =
            environment.optional("SMS_MAX_PRICE_USD").unwrap_or_else(|| settings::SMS_MAX_PRICE_USD.default.to_owned());
        let is_plain = max_price.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        if !is_plain || !max_price.parse::<f64>().is_ok_and(|price| price > 0.0 && price <= 10.0) {
            let problem = "must be a price in US dollars, above 0 and at most 10".to_owned();
            return Err(ConfigError { variable: "SMS_MAX_PRICE_USD", problem });
        }
        let mail_from = environment.optional("MAIL_FROM");
        // SES gets the address unchanged.
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
            brand: environment.text(&settings::BRAND, &NAME)?,
            mail_from,
            sms_sender_id,
            sms_max_price_usd: max_price,
            notification_seconds: 86_400 * i64::from(environment.number(&settings::NOTIFICATION_DAYS)?),
            budgets: BudgetConfig {
                sms: environment.number(&settings::SMS_DAILY_BUDGET)?,
                mail: environment.number(&settings::MAIL_DAILY_BUDGET)?,
                notifications: environment.number(&settings::NOTICE_DAILY_BUDGET)?,
                strangers_percent: environment.number(&settings::STRANGERS_PERCENT)?,
            },
            sns_endpoint_url: environment.endpoint("AWS_ENDPOINT_URL_SNS")?,
            ses_endpoint_url: environment.endpoint("AWS_ENDPOINT_URL_SESV2")?,
        })
    }
}

/// Returns whether SNS accepts a text as the sender of an SMS.
fn is_sender_id(text: &str) -> bool {
    let fits = text.len() <= 11 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    fits && text.bytes().any(|b| b.is_ascii_alphabetic())
}

impl AwsConfig {
    pub fn read(environment: &Environment<'_>) -> Result<Self, ConfigError> {
        let milliseconds = |setting| environment.number(setting).map(|number| Duration::from_millis(number.into()));
        Ok(Self {
            region: environment.optional("AWS_REGION").unwrap_or_else(|| settings::AWS_REGION.default.to_owned()),
            access_key_id: environment.optional("AWS_ACCESS_KEY_ID").map(SecretString::from),
            secret_access_key: environment.optional("AWS_SECRET_ACCESS_KEY").map(SecretString::from),
            session_token: environment.optional("AWS_SESSION_TOKEN").map(SecretString::from),
            attempt_timeout: milliseconds(&settings::AWS_ATTEMPT_TIMEOUT_MS)?,
            connect_timeout: milliseconds(&settings::AWS_CONNECT_TIMEOUT_MS)?,
            warm_up: environment.word(&settings::WARM_UP)? == "on",
        })
    }
}

#[cfg(test)]
mod tests;
