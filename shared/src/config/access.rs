//! The settings that decide who gets into an account: by a number, by guessing, on a known device.

use super::{ConfigError, Environment, settings};

/// The settings for mobile numbers, which carriers reissue.
#[derive(Clone, Copy, Debug)]
pub struct NumberConfig {
    /// `NUMBER_PROVED_DAYS`
    pub proved_days: i64,
    /// `DORMANT_DAYS`
    pub dormant_days: i64,
    /// `RECOVERY_WAIT_HOURS`
    pub recovery_wait_seconds: i64,
    /// `RECOVERY_OPEN_DAYS`
    pub recovery_open_seconds: i64,
}

impl NumberConfig {
    pub(super) fn read(environment: &Environment<'_>) -> Result<Self, ConfigError> {
        Ok(Self {
            proved_days: environment.number(&settings::NUMBER_PROVED_DAYS)?.into(),
            dormant_days: environment.number(&settings::DORMANT_DAYS)?.into(),
            recovery_wait_seconds: 3600 * i64::from(environment.number(&settings::RECOVERY_WAIT_HOURS)?),
            recovery_open_seconds: 86_400 * i64::from(environment.number(&settings::RECOVERY_OPEN_DAYS)?),
        })
    }
}

/// The settings for wrong passwords in a row.
#[derive(Clone, Copy, Debug)]
pub struct GuessingConfig {
    /// `PASSWORD_MAX_FAILURES`
    pub max_failures: u32,
    /// `PASSWORD_STREAK_DAYS`
    pub streak_seconds: i64,
    /// `REAUTHENTICATION_MAX_FAILURES`
    pub max_reauthentication_failures: u32,
}

impl GuessingConfig {
    pub(super) fn read(environment: &Environment<'_>) -> Result<Self, ConfigError> {
        Ok(Self {
            max_failures: environment.number(&settings::PASSWORD_MAX_FAILURES)?,
            streak_seconds: 86_400 * i64::from(environment.number(&settings::PASSWORD_STREAK_DAYS)?),
            max_reauthentication_failures: environment.number(&settings::REAUTHENTICATION_MAX_FAILURES)?,
        })
    }
}

/// The settings for known devices.
#[derive(Clone, Copy, Debug)]
pub struct DeviceConfig {
    /// `KNOWN_DEVICES`
    pub most: usize,
    /// `KNOWN_DEVICE_DAYS`
    pub life_seconds: i64,
}

impl DeviceConfig {
    pub(super) fn read(environment: &Environment<'_>) -> Result<Self, ConfigError> {
        Ok(Self {
            most: environment.number(&settings::KNOWN_DEVICES)? as usize,
            life_seconds: 86_400 * i64::from(environment.number(&settings::KNOWN_DEVICE_DAYS)?),
        })
    }
}
