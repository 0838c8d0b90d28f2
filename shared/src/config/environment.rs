//! Reading variables: the forms they have, and what is said of one that is malformed.

use std::cell::RefCell;
use std::collections::BTreeSet;

use super::settings::{self, Form, Place, Setting};
use crate::crypto::{KeyGroup, Keyring, MIN_SECRET_BYTES};
use crate::domain::{Consent, Limit, SecretString, Timestamp};

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

/// Whether a name is that of a setting that stands there. Every other has a variable, and in the template a parameter: were
/// it read here too, a function that has the variable would see another value than one that has not.
fn stands_in_settings(name: &str) -> bool {
    settings::ALL.iter().any(|setting| setting.variable == name && setting.place == Place::Settings)
}

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
                () if !stands_in_settings(name) => "may not stand there",
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

    /// The value of a setting, or its default.
    fn or_default(&self, setting: &Setting) -> String {
        self.optional(setting.variable).unwrap_or_else(|| setting.default.to_owned())
    }

    /// One of the setting's words.
    pub fn word(&self, setting: &Setting) -> Result<&'static str, ConfigError> {
        let value = self.or_default(setting);
        let Form::Words(words) = setting.form else { return Err(setting.refuse("has no words")) };
        let word = words.iter().find(|word| **word == value).copied();
        word.ok_or_else(|| setting.refuse(format!("must be one of: {}", words.join(", "))))
    }

    /// A whole number within the setting's bounds.
    pub fn number(&self, setting: &Setting) -> Result<u32, ConfigError> {
        let value = self.or_default(setting);
        let Form::Number { least, most } = setting.form else { return Err(setting.refuse("has no bounds")) };
        // `parse` alone would take a plus sign, which the template does not.
        let digits = Some(value).filter(|value| value.bytes().all(|b| b.is_ascii_digit()));
        let number = digits.and_then(|value| value.parse().ok());
        number
            .filter(|number| (least..=most).contains(number))
            .ok_or_else(|| setting.refuse(format!("must be a whole number from {least} to {most}")))
    }

    /// A short text.
    pub(super) fn text(&self, setting: &Setting, rule: &TextRule) -> Result<String, ConfigError> {
        let text = self.or_default(setting);
        if (rule.admits)(&text) { Ok(text) } else { Err(setting.refuse(rule.said)) }
    }

    /// The maximum number of times that a sliding limit remembers.
    const MAX_REMEMBERED: u32 = 30;

    /// Limits; a setting of the form [`Form::Limit`] has one.
    pub(super) fn limits(&self, setting: &Setting) -> Result<Vec<Limit>, ConfigError> {
        let text = self.or_default(setting);
        if setting.form == Form::Limit {
            return Limit::parse(&text).map(|limit| vec![limit]).map_err(|error| setting.refuse(format!("is {error}")));
        }
        let limits: Result<Vec<_>, _> = text.split(',').map(Limit::parse).collect();
        let limits = limits.map_err(|error| setting.refuse(format!("is {error}")))?;
        let countable = limits.iter().all(|limit| limit.most <= Self::MAX_REMEMBERED);
        let said = || setting.refuse(format!("may be {} at most, counted exactly", Self::MAX_REMEMBERED));
        if countable { Ok(limits) } else { Err(said()) }
    }

    /// The keys of a group, derived from the secrets in a variable.
    pub(super) fn keyring(&self, variable: &'static str, group: KeyGroup) -> Result<Keyring, ConfigError> {
        Keyring::parse(&self.required(variable)?, group)
            .map_err(|problem| ConfigError { variable, problem: format!("is malformed: {problem}") })
    }

    /// Secrets of 32 characters at least, separated by commas.
    pub(super) fn secrets(&self, variable: &'static str) -> Result<Vec<SecretString>, ConfigError> {
        let text = self.optional(variable).unwrap_or_default();
        let secrets: Vec<_> = text.split(',').map(str::trim).filter(|secret| !secret.is_empty()).collect();
        if secrets.iter().any(|secret| secret.len() < MIN_SECRET_BYTES) {
            return Err(ConfigError { variable, problem: format!("needs at least {MIN_SECRET_BYTES} bytes each") });
        }
        Ok(secrets.into_iter().map(|secret| SecretString::from(secret.to_owned())).collect())
    }
}

impl Setting {
    /// The error for a value that is not one of the setting's.
    pub(super) fn refuse(&self, problem: impl Into<String>) -> ConfigError {
        ConfigError { variable: self.variable, problem: problem.into() }
    }
}

pub(super) fn not_set(variable: &'static str) -> ConfigError {
    ConfigError { variable, problem: "is not set".to_owned() }
}

/// A name that begins as one of ours does. What begins otherwise may be a secret that lost its name.
fn shown_name(name: &str) -> &str {
    let first = |name: &str| name.split('_').next().unwrap_or_default().to_owned();
    let is_ours = settings::ALL.iter().any(|setting| first(setting.variable) == first(name));
    let is_name = name.len() <= 64 && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
    if is_ours && is_name { name } else { "one of its names" }
}
