//! The configured rate limits.

use super::settings::{self, Setting};
use super::{ConfigError, Environment};
use crate::domain::Limit;

/// A kind of rate limit. Its setting defines how often, and the use case chooses the key that it counts under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RateLimit {
    /// Messages to one mobile number or email address.
    Recipient,
    /// Messages to one mobile number or email address that one source requests.
    RecipientSource,
    /// Messages that one source requests.
    Source,
    /// Messages that one source requests with captcha passes, or for its own accounts.
    SourceCaptcha,
    /// Failed attempts to sign in from one source.
    LogInSource,
    /// Passwords that are hashed for one account. A known device counts apart.
    Hashes,
    /// Requests from one source that can reveal who is registered.
    ProbeSource,
    /// Captcha tickets from one source.
    CaptchaSource,
    /// Changes of credentials by the signed-in owner of one account.
    Changes,
    /// Exports of one account.
    Exports,
    /// Changes of one account's username.
    Renames,
    /// Attempts to change one account's username, whether or not the new one was free.
    RenameTries,
    /// Security notifications that a session of one account goes on from another device.
    DeviceNotices,
}

impl RateLimit {
    /// The limits on what one account does. Their counts are deleted with the account.
    pub const OF_ACCOUNT: [Self; 5] =
        [Self::Changes, Self::Exports, Self::Renames, Self::RenameTries, Self::DeviceNotices];

    const ALL: [Self; 13] = [
        Self::Recipient,
        Self::RecipientSource,
        Self::Source,
        Self::SourceCaptcha,
        Self::LogInSource,
        Self::Hashes,
        Self::ProbeSource,
        Self::CaptchaSource,
        Self::Changes,
        Self::Exports,
        Self::Renames,
        Self::RenameTries,
        Self::DeviceNotices,
    ];

    /// Returns the limit's setting, and the word for its counts in the table's keys. `Source` and `SourceCaptcha` share
    /// their counts as long as their periods are equal. The counts of a recipient do not use the word.
    const fn definition(self) -> (&'static Setting, &'static str) {
        match self {
            Self::Recipient => (&settings::LIMIT_RECIPIENT, "recipient"),
            Self::RecipientSource => (&settings::LIMIT_RECIPIENT_SOURCE, "recipient"),
            Self::Source => (&settings::LIMIT_SOURCE, "messages"),
            Self::SourceCaptcha => (&settings::LIMIT_SOURCE_CAPTCHA, "messages"),
            Self::LogInSource => (&settings::LIMIT_LOG_IN_SOURCE, "log_ins"),
            Self::Hashes => (&settings::LIMIT_HASHES, "hashes"),
            Self::ProbeSource => (&settings::LIMIT_PROBE_SOURCE, "probes"),
            Self::CaptchaSource => (&settings::LIMIT_CAPTCHA_SOURCE, "captchas"),
            Self::Changes => (&settings::LIMIT_CHANGES, "changes"),
            Self::Exports => (&settings::LIMIT_EXPORTS, "exports"),
            Self::Renames => (&settings::LIMIT_RENAMES, "renames"),
            Self::RenameTries => (&settings::LIMIT_RENAME_TRIES, "rename_tries"),
            Self::DeviceNotices => (&settings::LIMIT_DEVICE_NOTICES, "device_notices"),
        }
    }

    #[must_use]
    pub const fn key_word(self) -> &'static str {
        self.definition().1
    }
}

/// The configured limits, one or more for each [`RateLimit`].
#[derive(Clone, Debug)]
pub struct LimitConfig([Vec<Limit>; RateLimit::ALL.len()]);

impl LimitConfig {
    pub(super) fn read(environment: &Environment<'_>) -> Result<Self, ConfigError> {
        let mut limits = [const { Vec::new() }; RateLimit::ALL.len()];
        for limit in RateLimit::ALL {
            limits[limit as usize] = environment.limits(limit.definition().0)?;
        }
        Ok(Self(limits))
    }

    /// Returns the limits of this kind. There is at least one, and all of them apply.
    #[must_use]
    pub fn of(&self, limit: RateLimit) -> &[Limit] {
        &self.0[limit as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_limit_stands_at_its_own_place() {
        for (place, limit) in RateLimit::ALL.into_iter().enumerate() {
            assert_eq!(limit as usize, place, "{limit:?}");
        }
    }
}
