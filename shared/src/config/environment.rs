//! Reading variables: the forms they have, and what is said of one that is malformed.

use std::cell::RefCell;
use std::collections::BTreeSet;

use crate::domain::{Keyring, Limit, Secret};

/// A variable that is missing or malformed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{variable} {problem}")]
pub struct ConfigError {
    /// The variable's name.
    pub variable: &'static str,
    /// What is wrong; never its value, which may be a secret.
    pub problem: String,
}

/// Holds settings that have no variable of their own, as `NAME=value` separated by spaces.
const SETTINGS: &str = "SETTINGS";

/// The settings that stand there. All others have a variable, and in the template a parameter: were they taken here too, a
/// function that has the variable would see another value than one that has not.
pub const IN_SETTINGS: &[&str] = &[
    "ACCESS_TOKEN_SECONDS",
    "ARGON2_MEMORY_KIB",
    "ARGON2_PASSES",
    "AUDIENCE",
    "AWS_ATTEMPT_TIMEOUT_MS",
    "AWS_CONNECT_TIMEOUT_MS",
    "CAPTCHA_URL",
    "CAPTCHA_WIDGET_URL",
    "DORMANT_DAYS",
    "KEY_ROTATION_DAYS",
    "LIMIT_CAPTCHA_SOURCE",
    "LIMIT_CHANGES",
    "LIMIT_LOG_IN_SOURCE",
    "LIMIT_PROBE_SOURCE",
    "LIMIT_RECIPIENT",
    "LIMIT_RECIPIENT_SOURCE",
    "LIMIT_SOURCE",
    "LIMIT_SOURCE_CAPTCHA",
    "MAIL_DAILY_BUDGET",
    "NOTICE_DAILY_BUDGET",
    "RESERVED_USERNAMES",
    "SESSION_IDLE_DAYS",
    "SESSION_MAX_DAYS",
    "SESSION_UNREMEMBERED_HOURS",
    "SMS_DAILY_BUDGET",
    "SMS_MAX_PRICE_USD",
    "WARM_UP",
];

/// Reads variables: those of the process in a function, a map in tests and in `local`. A setting that has no variable
/// of its own is looked for in `SETTINGS`.
pub struct Environment<'a> {
    look_up: &'a dyn Fn(&str) -> Option<String>,
    /// The pairs of `SETTINGS`, as they stand there.
    settings: Vec<(String, String)>,
    /// The names that were asked for.
    asked: RefCell<BTreeSet<String>>,
}

impl<'a> Environment<'a> {
    /// Over any source of variables.
    #[must_use]
    pub fn new(look_up: &'a dyn Fn(&str) -> Option<String>) -> Self {
        let text = look_up(SETTINGS).unwrap_or_default();
        let pairs = text.split_ascii_whitespace().map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        let settings = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Self { look_up, settings, asked: RefCell::default() }
    }

    /// A variable; an empty one counts as absent, because a template cannot leave one out.
    #[must_use]
    pub fn optional(&self, variable: &str) -> Option<String> {
        self.asked.borrow_mut().insert(variable.to_owned());
        let own = (self.look_up)(variable).filter(|value| !value.is_empty());
        own.or_else(|| self.settings.iter().find(|(name, _)| name == variable).map(|(_, value)| value.clone()))
    }

    /// Every name that was asked for so far.
    #[must_use]
    pub fn asked(&self) -> Vec<String> {
        self.asked.borrow().iter().cloned().collect()
    }

    /// Refuses what stands in `SETTINGS` and may not: every function refuses the same, whatever it needs itself.
    pub(super) fn check_settings(&self) -> Result<(), ConfigError> {
        for (index, (name, value)) in self.settings.iter().enumerate() {
            let is_repeated = self.settings[..index].iter().any(|(earlier, _)| earlier == name);
            let is_set_apart = || (self.look_up)(name).is_some_and(|own| !own.is_empty());
            let problem = match () {
                () if !IN_SETTINGS.contains(&name.as_str()) => "may not stand there",
                () if value.is_empty() => "has no value",
                () if is_repeated => "stands there twice",
                () if is_set_apart() => "has a variable of its own too",
                () => continue,
            };
            let problem = format!("is malformed: {} {problem}", shown_name(name));
            return Err(ConfigError { variable: SETTINGS, problem });
        }
        Ok(())
    }

    /// A variable that must be there.
    pub fn required(&self, variable: &'static str) -> Result<String, ConfigError> {
        self.optional(variable).ok_or_else(|| not_set(variable))
    }

    /// One of several words.
    pub fn word<T: Copy>(
        &self,
        variable: &'static str,
        words: &[(&'static str, T)],
        default: T,
    ) -> Result<T, ConfigError> {
        let Some(value) = self.optional(variable) else {
            return Ok(default);
        };
        words.iter().find(|(word, _)| *word == value).map(|(_, meaning)| *meaning).ok_or_else(|| ConfigError {
            variable,
            problem: format!("must be one of: {}", words.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", ")),
        })
    }

    /// A whole number within bounds.
    pub fn number(
        &self,
        variable: &'static str,
        bounds: std::ops::RangeInclusive<u32>,
        default: u32,
    ) -> Result<u32, ConfigError> {
        let Some(value) = self.optional(variable) else {
            return Ok(default);
        };
        value.parse().ok().filter(|number| bounds.contains(number)).ok_or_else(|| ConfigError {
            variable,
            problem: format!("must be a whole number from {} to {}", bounds.start(), bounds.end()),
        })
    }

    /// An address that nothing crosses a network in clear to.
    pub fn url(&self, variable: &'static str) -> Result<Option<String>, ConfigError> {
        let Some(url) = self.optional(variable) else { return Ok(None) };
        let problem = || "must be an https:// address (http:// for this machine alone)".to_owned();
        if is_safe_url(&url) { Ok(Some(url)) } else { Err(ConfigError { variable, problem: problem() }) }
    }

    /// The most that an exact count remembers.
    const MOST_REMEMBERED: u32 = 30;

    /// A limit.
    pub(super) fn limit(&self, variable: &'static str, default: &str) -> Result<Limit, ConfigError> {
        let text = self.optional(variable).unwrap_or_else(|| default.to_owned());
        Limit::parse(&text).map_err(|problem| ConfigError { variable, problem: format!("is {problem}") })
    }

    /// Limits that are counted exactly.
    pub(super) fn limits(&self, variable: &'static str, default: &str) -> Result<Vec<Limit>, ConfigError> {
        let text = self.optional(variable).unwrap_or_else(|| default.to_owned());
        let limits: Result<Vec<_>, _> = text.split(',').map(Limit::parse).collect();
        let limits = limits.map_err(|problem| ConfigError { variable, problem: format!("is {problem}") })?;
        let countable = limits.iter().all(|limit| limit.most <= Self::MOST_REMEMBERED);
        let problem = || format!("may be {} at most, counted exactly", Self::MOST_REMEMBERED);
        if countable { Ok(limits) } else { Err(ConfigError { variable, problem: problem() }) }
    }

    pub(super) fn keyring(&self, variable: &'static str) -> Result<Option<Keyring>, ConfigError> {
        self.optional(variable)
            .map(|text| Keyring::parse(&text))
            .transpose()
            .map_err(|problem| ConfigError { variable, problem: format!("is malformed: {problem}") })
    }

    /// Secrets of 32 characters at least, separated by commas.
    pub(super) fn secrets(&self, variable: &'static str) -> Result<Vec<Secret>, ConfigError> {
        let text = self.optional(variable).unwrap_or_default();
        let secrets: Vec<_> = text.split(',').map(str::trim).filter(|secret| !secret.is_empty()).collect();
        if secrets.iter().any(|secret| secret.chars().count() < 32) {
            return Err(ConfigError { variable, problem: "needs at least 32 characters each".to_owned() });
        }
        Ok(secrets.into_iter().map(|secret| Secret::new(secret.to_owned())).collect())
    }

    /// The public address of the pages.
    pub(super) fn client_host(&self) -> Result<Option<String>, ConfigError> {
        let variable = "CLIENT_HOST";
        let Some(host) = self.optional(variable) else { return Ok(None) };
        let well_formed = is_safe_url(&host) && !host.ends_with('/') && !host.contains(['?', '#']);
        well_formed.then_some(Some(host)).ok_or_else(|| ConfigError {
            variable,
            problem: "must start with https:// (http:// for this machine alone) and not end with a slash".to_owned(),
        })
    }
}

pub(super) fn not_set(variable: &'static str) -> ConfigError {
    ConfigError { variable, problem: "is not set".to_owned() }
}

/// A name that begins as one of ours does. What begins otherwise may be a secret that lost its name.
fn shown_name(name: &str) -> &str {
    let first = |name: &str| name.split('_').next().unwrap_or_default().to_owned();
    let known =
        ["TABLE", "CODE", "KEY", "ISSUER", "CLIENT", "BRAND", "TERMS", "PRIVACY", "MAIL", "PASSWORD", "CAPTCHA"];
    let is_ours = known.contains(&first(name).as_str()) || IN_SETTINGS.iter().any(|ours| first(ours) == first(name));
    let is_name = name.len() <= 64 && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
    if is_ours && is_name { name } else { "one of its names" }
}

/// Whether a text is an `https://` address, or an `http://` one of this machine, or of the one that a container runs on:
/// nothing of ours crosses a network in clear.
fn is_safe_url(text: &str) -> bool {
    let loopback = ["http://127.0.0.1", "http://localhost", "http://host.docker.internal"]
        .iter()
        .any(|prefix| text.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/'])));
    let has_host = text.strip_prefix("https://").is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'));
    (has_host || loopback) && text.bytes().all(|b| b.is_ascii_graphic() && !b"\"'<>".contains(&b))
}
