//! How often things may happen.

use super::{ConfigError, Environment};
use crate::domain::Limit;

/// How often things may happen. Each is written as `5/h`, several separated by commas where it says so.
#[derive(Clone, Debug)]
pub struct LimitConfig {
    /// `LIMIT_RECIPIENT`: messages to one number or address, several; `5/h,10/d`.
    pub recipient: Vec<Limit>,
    /// `LIMIT_RECIPIENT_SOURCE`: those of them that one source causes, several; `3/h,6/d`.
    pub recipient_source: Vec<Limit>,
    /// `LIMIT_SOURCE`: messages that one source causes to others; above it a captcha pass admits all but codes to
    /// an address that is to be bound; `60/h`.
    pub source: Limit,
    /// `LIMIT_SOURCE_CAPTCHA`: messages that one source causes with captcha passes, or to its own accounts; `600/h`.
    pub source_captcha: Limit,
    /// `LIMIT_LOG_IN_SOURCE`: attempts to sign in, less those that succeed, from one source; `100/5m`.
    pub log_in_source: Limit,
    /// `LIMIT_PROBE_SOURCE`: questions whether a number or address is registered, from one source; `100/5m`.
    pub probe_source: Limit,
    /// `LIMIT_CHANGES`: changes of password, number and email that the signed-in owner of one account makes, several, as
    /// each is told by SMS and mail; `10/d`.
    pub changes: Vec<Limit>,
    /// `LIMIT_CAPTCHA_SOURCE`: captcha tickets from one source; `60/5m`.
    pub captcha_source: Limit,
}

impl LimitConfig {
    pub(super) fn read(environment: &Environment<'_>) -> Result<Self, ConfigError> {
        Ok(Self {
            recipient: environment.limits("LIMIT_RECIPIENT", "5/h,10/d")?,
            recipient_source: environment.limits("LIMIT_RECIPIENT_SOURCE", "3/h,6/d")?,
            source: environment.limit("LIMIT_SOURCE", "60/h")?,
            source_captcha: environment.limit("LIMIT_SOURCE_CAPTCHA", "600/h")?,
            log_in_source: environment.limit("LIMIT_LOG_IN_SOURCE", "100/5m")?,
            probe_source: environment.limit("LIMIT_PROBE_SOURCE", "100/5m")?,
            changes: environment.limits("LIMIT_CHANGES", "10/d")?,
            captcha_source: environment.limit("LIMIT_CAPTCHA_SOURCE", "60/5m")?,
        })
    }
}
