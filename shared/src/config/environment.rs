//! Reading variables: the forms they have, and what is said of one that is malformed.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::domain::{Consent, Keyring, Limit, Secret, Timestamp};

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
    /// The variable's name.
    pub variable: &'static str,
    /// What is wrong; never its value, which may be a secret.
    pub problem: String,
}

/// Holds settings that have no variable of their own, as `NAME=value` separated by spaces.
const SETTINGS: &str = "SETTINGS";

/// Reads variables: those of the process in a function, a map in tests and in `local`. A setting that has no variable
/// of its own is looked for in `SETTINGS`.
pub struct Environment<'a> {
    look_up: &'a dyn Fn(&str) -> Option<String>,
    settings: BTreeMap<String, String>,
    /// The names in `SETTINGS` that stand there twice.
    twice: Vec<String>,
    /// The names that were asked for, and whether each may stand in `SETTINGS`.
    asked: RefCell<BTreeMap<String, bool>>,
}

impl<'a> Environment<'a> {
    /// Over any source of variables.
    #[must_use]
    pub fn new(look_up: &'a dyn Fn(&str) -> Option<String>) -> Self {
        let text = look_up(SETTINGS).unwrap_or_default();
        let pairs = text.split_ascii_whitespace().map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        let (mut settings, mut twice) = (BTreeMap::new(), Vec::new());
        for (name, value) in pairs {
            if settings.insert(name.to_owned(), value.to_owned()).is_some() {
                twice.push(name.to_owned());
            }
        }
        Self { look_up, settings, twice, asked: RefCell::default() }
    }

    /// A variable; an empty one counts as absent, because a template cannot leave one out.
    #[must_use]
    pub fn optional(&self, variable: &str) -> Option<String> {
        self.asked.borrow_mut().insert(variable.to_owned(), true);
        self.own(variable).or_else(|| self.settings.get(variable).filter(|value| !value.is_empty()).cloned())
    }

    /// A variable that may not stand in `SETTINGS`: whoever may read the deployment's parameters would read it there.
    #[must_use]
    pub fn secret(&self, variable: &str) -> Option<String> {
        self.asked.borrow_mut().insert(variable.to_owned(), false);
        self.own(variable)
    }

    fn own(&self, variable: &str) -> Option<String> {
        (self.look_up)(variable).filter(|value| !value.is_empty())
    }

    /// Every name that was asked for so far.
    #[must_use]
    pub fn asked(&self) -> Vec<String> {
        self.asked.borrow().keys().cloned().collect()
    }

    /// Refuses what stands in `SETTINGS` and means nothing there: a name that nobody asked for, a secret, a value that has
    /// a variable of its own too. To be called when everything was read.
    pub(super) fn check_settings(&self) -> Result<(), ConfigError> {
        let asked = self.asked.borrow();
        for (name, value) in &self.settings {
            let problem = match asked.get(name) {
                None => "is no setting",
                Some(false) => "may not stand there",
                Some(true) if value.is_empty() => "has no value",
                Some(true) if self.twice.contains(name) => "stands there twice",
                Some(true) if self.own(name).is_some() => "has a variable (and a parameter) of its own",
                Some(true) => continue,
            };
            // A name that nobody knows may be a secret that lost its own.
            let shown = if asked.contains_key(name) { name.as_str() } else { shown_name(name) };
            return Err(ConfigError { variable: SETTINGS, problem: format!("is malformed: {shown} {problem}") });
        }
        Ok(())
    }

    /// A variable that must be there.
    pub fn required(&self, variable: &'static str) -> Result<String, ConfigError> {
        self.optional(variable).ok_or_else(|| not_set(variable))
    }

    /// A secret that must be there.
    pub fn required_secret(&self, variable: &'static str) -> Result<String, ConfigError> {
        self.secret(variable).ok_or_else(|| not_set(variable))
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
        self.secret(variable)
            .map(|text| Keyring::parse(&text))
            .transpose()
            .map_err(|problem| ConfigError { variable, problem: format!("is malformed: {problem}") })
    }

    /// Secrets of 32 characters at least, separated by commas.
    pub(super) fn secrets(&self, variable: &'static str) -> Result<Vec<Secret>, ConfigError> {
        let text = self.secret(variable).unwrap_or_default();
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

/// A name that looks like one, else no text at all.
fn shown_name(name: &str) -> &str {
    let is_name = name.len() <= 64 && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
    if is_name { name } else { "one of its names" }
}
