//! Reading variables: the forms they have, and what is said of one that is malformed.

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

/// Reads variables. The environment in a function, a map in tests and in `local`.
pub struct Environment<'a> {
    look_up: &'a dyn Fn(&str) -> Option<String>,
}

impl<'a> Environment<'a> {
    /// Over any source of variables.
    #[must_use]
    pub fn new(look_up: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self { look_up }
    }

    /// A variable; an empty one counts as absent, because a template cannot leave one out.
    #[must_use]
    pub fn optional(&self, variable: &str) -> Option<String> {
        (self.look_up)(variable).filter(|value| !value.is_empty())
    }

    /// A variable that must be there.
    pub fn required(&self, variable: &'static str) -> Result<String, ConfigError> {
        self.optional(variable).ok_or_else(|| ConfigError { variable, problem: "is not set".to_owned() })
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

    pub(super) fn client_host(&self) -> Result<String, ConfigError> {
        let variable = "CLIENT_HOST";
        let host = self.optional(variable).unwrap_or_else(|| "https://localhost".to_owned());
        let well_formed = is_safe_url(&host) && !host.ends_with('/') && !host.contains(['?', '#']);
        well_formed.then_some(host).ok_or_else(|| ConfigError {
            variable,
            problem: "must start with https:// (http:// for this machine alone) and not end with a slash".to_owned(),
        })
    }
}

/// Whether a text is an `https://` address, or an `http://` one of this machine: nothing of ours crosses a network in
/// clear.
fn is_safe_url(text: &str) -> bool {
    let loopback = ["http://127.0.0.1", "http://localhost"]
        .iter()
        .any(|prefix| text.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/'])));
    let has_host = text.strip_prefix("https://").is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'));
    (has_host || loopback) && text.bytes().all(|b| b.is_ascii_graphic() && !b"\"'<>".contains(&b))
}
