//! The configured rate limits.

use super::settings::{self, Setting};
use super::{BudgetConfig, ConfigError, Environment};
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
    /// Codes by SMS that one source requests and that spend the strangers' share of the day's budget.
    StrangersSms,
    /// The same for mail.
    StrangersMail,
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
    /// Codes to new numbers that one account asks for.
    NewMobiles,
    /// Codes to new emails that one account asks for.
    NewEmails,
    /// Exports of one account.
    Exports,
    /// Changes of one account's username.
    Renames,
    /// Attempts to change one account's username, whether or not the new one was free.
    RenameTries,
    /// Security notifications that a session of one account goes on from another device.
    DeviceNotices,
    /// Resets of a password that the owner is told of. Those above the limit are not refused.
    Resets,
}

impl RateLimit {
    /// The limits on what one account does. Their counts are deleted with the account.
    pub const OF_ACCOUNT: [Self; 7] = [
        Self::Changes,
        Self::NewMobiles,
        Self::NewEmails,
        Self::Exports,
        Self::Renames,
        Self::RenameTries,
        Self::DeviceNotices,
    ];

    const ALL: [Self; 18] = [
        Self::Recipient,
        Self::RecipientSource,
        Self::Source,
        Self::SourceCaptcha,
        Self::StrangersSms,
        Self::StrangersMail,
        Self::LogInSource,
        Self::Hashes,
        Self::ProbeSource,
        Self::CaptchaSource,
        Self::Changes,
        Self::NewMobiles,
        Self::NewEmails,
        Self::Exports,
        Self::Renames,
        Self::RenameTries,
        Self::DeviceNotices,
        Self::Resets,
    ];

    /// Returns the limit's setting, and the word for its counts in the table's keys. `Source` and `SourceCaptcha` share
    /// their counts as long as their periods are equal. The counts of a recipient do not use the word.
    const fn definition(self) -> (&'static Setting, &'static str) {
        match self {
            Self::Recipient => (&settings::LIMIT_RECIPIENT, "recipient"),
            Self::RecipientSource => (&settings::LIMIT_RECIPIENT_SOURCE, "recipient"),
            Self::Source => (&settings::LIMIT_SOURCE, "messages"),
            Self::SourceCaptcha => (&settings::LIMIT_SOURCE_CAPTCHA, "messages"),
            Self::StrangersSms => (&settings::LIMIT_STRANGERS_SOURCE, "strangers_sms"),
            Self::StrangersMail => (&settings::LIMIT_STRANGERS_SOURCE, "strangers_mail"),
            Self::LogInSource => (&settings::LIMIT_LOG_IN_SOURCE, "log_ins"),
            Self::Hashes => (&settings::LIMIT_HASHES, "hashes"),
            Self::ProbeSource => (&settings::LIMIT_PROBE_SOURCE, "probes"),
            Self::CaptchaSource => (&settings::LIMIT_CAPTCHA_SOURCE, "captchas"),
            Self::Changes => (&settings::LIMIT_CHANGES, "changes"),
            Self::NewMobiles => (&settings::LIMIT_NEW_ADDRESSES, "new_mobiles"),
            Self::NewEmails => (&settings::LIMIT_NEW_ADDRESSES, "new_emails"),
            Self::Exports => (&settings::LIMIT_EXPORTS, "exports"),
            Self::Renames => (&settings::LIMIT_RENAMES, "renames"),
            Self::RenameTries => (&settings::LIMIT_RENAME_TRIES, "rename_tries"),
            Self::DeviceNotices => (&settings::LIMIT_DEVICE_NOTICES, "device_notices"),
            Self::Resets => (&settings::LIMIT_CHANGES, "resets"),
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
    pub(super) fn read(environment: &Environment<'_>, budgets: &BudgetConfig) -> Result<Self, ConfigError> {
        let mut limits = [const { Vec::new() }; RateLimit::ALL.len()];
        for limit in RateLimit::ALL {
            limits[limit as usize] = match limit {
                RateLimit::StrangersSms => vec![of_strangers(environment, budgets.strangers_share(budgets.sms))?],
                RateLimit::StrangersMail => vec![of_strangers(environment, budgets.strangers_share(budgets.mail))?],
                _ => environment.limits(limit.definition().0)?,
            };
        }
        Ok(Self(limits))
    }

    /// Returns the limits of this kind. There is at least one, and all of them apply.
    #[must_use]
    pub fn of(&self, limit: RateLimit) -> &[Limit] {
        &self.0[limit as usize]
    }
}

/// How many times the limit of a source a wider one may use, such as a site with a /48 of IPv6.
pub(crate) const WIDER_STRANGERS: u32 = 2;
/// The default is this part of the strangers' share.
const DEFAULT_PART: u32 = 12;
/// No source may use more than this part of it.
const LARGEST_PART: u32 = 5;
const DAY_SECONDS: i64 = 86_400;

/// Returns the limit of one source on what it spends of the strangers' share of a day. Otherwise one source could spend
/// the share of all.
fn of_strangers(environment: &Environment<'_>, share: u32) -> Result<Limit, ConfigError> {
    let setting = &settings::LIMIT_STRANGERS_SOURCE;
    let Some(text) = environment.optional(setting.variable) else {
        return Ok(Limit { most: (share / DEFAULT_PART).max(1), window_seconds: DAY_SECONDS });
    };
    let limit = Limit::parse(&text).map_err(|error| setting.refuse(format!("is {error}")))?;
    let windows = u32::try_from(windows_of_a_day(limit.window_seconds)).unwrap_or(u32::MAX);
    let in_a_day = limit.most.saturating_mul(windows).saturating_mul(WIDER_STRANGERS);
    if share > 0 && in_a_day > share / LARGEST_PART {
        let most = share / LARGEST_PART / WIDER_STRANGERS;
        return Err(setting.refuse(format!(
            "lets one source use over a fifth of the {share} messages a day to people without an account: at most {most}/d"
        )));
    }
    Ok(limit)
}

/// Returns the number of windows that a day has a part of, at most. Windows begin at multiples of their length since the
/// Unix epoch.
const fn windows_of_a_day(window_seconds: i64) -> i64 {
    if window_seconds % DAY_SECONDS == 0 {
        return 1;
    }
    let whole = DAY_SECONDS / window_seconds;
    // Windows that do not divide the day begin before it and end after it.
    if DAY_SECONDS % window_seconds == 0 { whole } else { whole + 2 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_has_a_part_of_so_many_windows() {
        let hours = [1, 5, 12, 13, 24, 36, 48].map(|hours| windows_of_a_day(hours * 3600));
        assert_eq!(hours, [24, 6, 2, 3, 1, 2, 1]);
    }

    #[test]
    fn each_limit_stands_at_its_own_place() {
        for (place, limit) in RateLimit::ALL.into_iter().enumerate() {
            assert_eq!(limit as usize, place, "{limit:?}");
        }
    }
}
