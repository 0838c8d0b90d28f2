//! Reads variables, checks their form, and describes malformed ones.

use std::cell::RefCell;
use std::collections::BTreeSet;

use super::settings::{self, Form, Place, Setting};
use crate::crypto::{KeyGroup, Keyring, MIN_SECRET_BYTES};
use crate::domain::{Consent, Limit, SecretString};

/// A rule for the form of a text.
pub(super) struct TextRule {
    /// Returns whether a text satisfies the rule.
    pub admits: fn(&str) -> bool,
    /// The error message for other texts.
    pub said: &'static str,
}

/// The rule for a name that people read. It fits on one line and into the subject of a mail.
pub(super) const NAME: TextRule = TextRule {
    admits: |text| {
        let fits = (1..=40).contains(&text.chars().count());
        fits && text.trim() == text && !text.chars().any(char::is_control)
    },
    said: "must be 1 to 40 characters on one line, without spaces at its ends",
};

/// The rule for a name that programs compare.
pub(super) const IDENTIFIER: TextRule = TextRule {
    admits: |text| (1..=255).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic()),
    said: "must be 1 to 255 characters of ASCII, without spaces",
};

/// The rule for a version that a consent can name.
pub(super) const VERSION: TextRule =
    TextRule { admits: Consent::is_version, said: "must be 1 to 64 bytes on one line, without spaces at its ends" };

/// The error for a variable that is missing or malformed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{variable} {problem}")]
pub struct ConfigError {
    pub variable: &'static str,
    /// The problem. It never contains the value, which may be a secret.
    pub problem: String,
}

/// The variable that holds the settings without a variable of their own, as `NAME=value` separated by spaces.
const SETTINGS: &str = "SETTINGS";

/// Returns whether `SETTINGS` may contain a setting of this name. Every other setting has a variable of its own. If
/// `SETTINGS` could contain it too, functions with and without that variable would see different values.
fn stands_in_settings(name: &str) -> bool {
    settings::ALL.iter().any(|setting| setting.variable == name && setting.place == Place::Settings)
}

/// A reader of variables. A function reads those of its process. Tests and `local` read a map. A setting without a
/// variable of its own is read from `SETTINGS`.
pub struct Environment<'a> {
    look_up: &'a dyn Fn(&str) -> Option<String>,
    /// The unchecked pairs in `SETTINGS`.
    settings: Vec<(String, String)>,
    /// The names that were read, for the test that compares them with the list of settings.
    asked: RefCell<BTreeSet<String>>,
}

impl<'a> Environment<'a> {
    /// Creates a reader from a function that looks a variable up.
    #[must_use]
    pub fn new(look_up: &'a dyn Fn(&str) -> Option<String>) -> Self {
        let text = look_up(SETTINGS).unwrap_or_default();
        let pairs = text.split_ascii_whitespace().map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        let settings = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Self { look_up, settings, asked: RefCell::default() }
    }

    /// Returns a variable. An empty one counts as absent, because a template cannot omit a variable.
    #[must_use]
    pub fn optional(&self, variable: &str) -> Option<String> {
        self.asked.borrow_mut().insert(variable.to_owned());
        let own = (self.look_up)(variable).filter(|value| !value.is_empty());
        own.or_else(|| self.settings.iter().find(|(name, _)| name == variable).map(|(_, value)| value.clone()))
    }

    /// Returns all names that were read so far.
    #[must_use]
    pub fn asked(&self) -> Vec<String> {
        self.asked.borrow().iter().cloned().collect()
    }

    /// Refuses pairs that `SETTINGS` may not contain. It does not depend on the needs, so that all functions refuse the
    /// same pairs.
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

    /// Returns a variable that must be set.
    pub fn required(&self, variable: &'static str) -> Result<String, ConfigError> {
        self.optional(variable).ok_or_else(|| not_set(variable))
    }

    fn or_default(&self, setting: &Setting) -> String {
        self.optional(setting.variable).unwrap_or_else(|| setting.default.to_owned())
    }

    /// Returns the setting's value, which must be one of its words.
    pub fn word(&self, setting: &Setting) -> Result<&'static str, ConfigError> {
        let value = self.or_default(setting);
        let Form::Words(words) = setting.form else { return Err(setting.refuse("has no words")) };
        let word = words.iter().find(|word| **word == value).copied();
        word.ok_or_else(|| setting.refuse(format!("must be one of: {}", words.join(", "))))
    }

    /// Returns the setting's value, which must be a whole number within its bounds.
    pub fn number(&self, setting: &Setting) -> Result<u32, ConfigError> {
        let value = self.or_default(setting);
        let Form::Number { least, most } = setting.form else { return Err(setting.refuse("has no bounds")) };
        // `parse` alone would accept a plus sign, and the template refuses one.
        let digits = Some(value).filter(|value| value.bytes().all(|b| b.is_ascii_digit()));
        let number = digits.and_then(|value| value.parse().ok());
        number
            .filter(|number| (least..=most).contains(number))
            .ok_or_else(|| setting.refuse(format!("must be a whole number from {least} to {most}")))
    }

    /// Returns the setting's value, which must satisfy the rule.
    pub(super) fn text(&self, setting: &Setting, rule: &TextRule) -> Result<String, ConfigError> {
        let text = self.or_default(setting);
        if (rule.admits)(&text) { Ok(text) } else { Err(setting.refuse(rule.said)) }
    }

    /// The maximum number of times that a sliding limit remembers. Each is an attribute of the limit's item.
    const MAX_REMEMBERED: u32 = 30;

    /// Returns the setting's limits. A setting of the form [`Form::Limit`] has exactly one.
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

    /// Derives the keys of a group from the secrets in a variable.
    pub(super) fn keyring(&self, variable: &'static str, group: KeyGroup) -> Result<Keyring, ConfigError> {
        Keyring::parse(&self.required(variable)?, group)
            .map_err(|problem| ConfigError { variable, problem: format!("is malformed: {problem}") })
    }

    /// Returns the secrets in a variable, separated by commas. Each must have at least 32 bytes.
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
    /// Returns the error for a value that the setting does not accept.
    pub(super) fn refuse(&self, problem: impl Into<String>) -> ConfigError {
        ConfigError { variable: self.variable, problem: problem.into() }
    }
}

pub(super) fn not_set(variable: &'static str) -> ConfigError {
    ConfigError { variable, problem: "is not set".to_owned() }
}

/// Returns the name for an error message. A name with another first word than any setting may be a secret whose name
/// was left out, so it is not shown.
fn shown_name(name: &str) -> &str {
    let first = |name: &str| name.split('_').next().unwrap_or_default().to_owned();
    let is_ours = settings::ALL.iter().any(|setting| first(setting.variable) == first(name));
    let is_name = name.len() <= 64 && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
    if is_ours && is_name { name } else { "one of its names" }
}
