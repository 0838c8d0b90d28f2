//! Reading variables: the forms they have, and what is said of one that is malformed.

use std::cell::RefCell;
use std::collections::BTreeSet;

use crate::crypto::{KeyGroup, Keyring};
use crate::domain::{Consent, Limit, Secret, Timestamp};

/// What a text has to be.
pub(super) struct TextRule {
    /// Whether a text is it.
    pub admits: fn(&str) -> bool,
    /// What is said of another.
    pub said: &'static str,
}

/// A name that people read: on one line, not too long for the subject of a mail.
pub(super) const NAME: TextRule = TextRule {
    admits: |text| {
        let fits = (1..=40).contains(&text.chars().count());
        fits && text.trim() == text && !text.chars().any(char::is_control)
    },
    said: "must be 1 to 40 characters on one line, without spaces at its ends",
};

/// A name that programs compare.
pub(super) const IDENTIFIER: TextRule = TextRule {
    admits: |text| (1..=255).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic()),
    said: "must be 1 to 255 characters of ASCII, without spaces",
};

/// A version that a consent can name.
pub(super) const VERSION: TextRule = TextRule {
    admits: |text| Consent::parse(text, text, Timestamp::from_unix_seconds(0)).is_some(),
    said: "must be 1 to 64 bytes on one line, without spaces at its ends",
};

/// A variable that is missing or malformed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{variable} {problem}")]
pub struct ConfigError {
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
    "CLIENT_ID",
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
    "REFRESH_REPEAT_SECONDS",
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
        // `parse` alone would take a plus sign, which the template does not.
        let digits = Some(value).filter(|value| value.bytes().all(|b| b.is_ascii_digit()));
        let number = digits.and_then(|value| value.parse().ok());
        number.filter(|number| bounds.contains(number)).ok_or_else(|| ConfigError {
            variable,
            problem: format!("must be a whole number from {} to {}", bounds.start(), bounds.end()),
        })
    }

    /// A short text, or its default.
    pub(super) fn text(&self, variable: &'static str, rule: &TextRule, default: &str) -> Result<String, ConfigError> {
        let text = self.optional(variable).unwrap_or_else(|| default.to_owned());
        if (rule.admits)(&text) { Ok(text) } else { Err(ConfigError { variable, problem: rule.said.to_owned() }) }
    }

    /// The most that an exact count remembers.
    const MOST_REMEMBERED: u32 = 30;

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

    /// The keys of a group, derived from the secrets in a variable.
    pub(super) fn keyring(&self, variable: &'static str, group: KeyGroup) -> Result<Keyring, ConfigError> {
        Keyring::parse(&self.required(variable)?, group)
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
