//! Moments in time, in whole seconds.

use serde::{Deserialize, Serialize};

/// Seconds since the Unix epoch, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    #[must_use]
    pub const fn from_unix_seconds(seconds: i64) -> Self {
        Self(seconds)
    }

    #[must_use]
    pub const fn unix_seconds(self) -> i64 {
        self.0
    }

    /// Returns the moment this many seconds later.
    #[must_use]
    pub const fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    /// Returns the day in UTC, in days since the Unix epoch.
    #[must_use]
    pub const fn day(self) -> i64 {
        self.0.div_euclid(86_400)
    }

    /// Returns the date in UTC: `2026-01-31`.
    #[must_use]
    pub fn utc_date(self) -> String {
        let (date, _) = self.utc();
        format!("{:04}-{:02}-{:02}", date.year(), u8::from(date.month()), date.day())
    }

    /// Returns the moment in the form of RFC 3339, in UTC: `2026-01-31T12:00:00Z`.
    #[must_use]
    pub fn rfc3339(self) -> String {
        let (_, time) = self.utc();
        format!("{}T{:02}:{:02}:{:02}Z", self.utc_date(), time.hour(), time.minute(), time.second())
    }

    fn utc(self) -> (time::Date, time::Time) {
        let moment = time::OffsetDateTime::from_unix_timestamp(self.0).unwrap_or(time::OffsetDateTime::UNIX_EPOCH);
        (moment.date(), moment.time())
    }

    /// Returns the seconds from this moment to `later`, or 0 when `later` has passed.
    #[must_use]
    pub fn seconds_until(self, later: Self) -> u64 {
        u64::try_from(later.0.saturating_sub(self.0)).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_written_as_rfc_3339_has_it() {
        assert_eq!(Timestamp::from_unix_seconds(1_551_113_065).rfc3339(), "2019-02-25T16:44:25Z");
        assert_eq!(Timestamp::from_unix_seconds(i64::MAX).utc_date(), "1970-01-01");
    }
}
