//! Limits on how often something may happen, and the sources that limits apply to.

use std::net::Ipv6Addr;

use super::Timestamp;

/// A maximum number of times within a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    pub most: u32,
    /// The length of the period, in seconds.
    pub window_seconds: i64,
}

/// The error for a text that is not a limit.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a limit such as 5/h, 10/d or 100/5m")]
pub struct LimitError;

impl Limit {
    /// Parses a limit such as `5/h`, `10/d` or `100/5m`: the maximum number of times, then the period in seconds,
    /// minutes, hours or days. A unit without a number before it means one.
    pub fn parse(text: &str) -> Result<Self, LimitError> {
        // `parse` alone would take a plus sign.
        if text.contains('+') {
            return Err(LimitError);
        }
        let (most, time) = text.trim().split_once('/').ok_or(LimitError)?;
        let unit = time.chars().last().ok_or(LimitError)?;
        let seconds = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86_400,
            _ => return Err(LimitError),
        };
        let count = &time[..time.len() - 1];
        let count: i64 = if count.is_empty() { 1 } else { count.parse().map_err(|_| LimitError)? };
        let most: u32 = most.parse().map_err(|_| LimitError)?;
        let window_seconds = count.checked_mul(seconds).filter(|window| (1..=366 * 86_400).contains(window));
        let window_seconds = window_seconds.ok_or(LimitError)?;
        (most > 0).then_some(Self { most, window_seconds }).ok_or(LimitError)
    }

    /// Returns a limit that allows `factor` times as many.
    #[must_use]
    pub const fn times(self, factor: u32) -> Self {
        Self { most: self.most.saturating_mul(factor), ..self }
    }

    /// Returns the number of the fixed window that a moment is in, and the end of that window.
    #[must_use]
    pub const fn window(self, now: Timestamp) -> (i64, Timestamp) {
        let number = now.unix_seconds().div_euclid(self.window_seconds);
        (number, Timestamp::from_unix_seconds((number + 1) * self.window_seconds))
    }
}

/// Returns the sources that a network address counts towards, each with a factor for its limit.
///
/// A source is the network address that a request comes from, or a prefix of it. An IPv4 address is one source. An IPv6
/// address counts towards two: the /64 of a household, and the /48 of a site, whose limit is looser.
#[must_use]
pub fn sources_of(address: &str) -> Vec<(String, u32)> {
    let Ok(v6) = address.parse::<Ipv6Addr>() else {
        return vec![(address.to_owned(), 1)];
    };
    if let Some(v4) = v6.to_ipv4_mapped() {
        return vec![(v4.to_string(), 1)];
    }
    let [a, b, c, d, ..] = v6.segments();
    vec![(format!("{a:x}:{b:x}:{c:x}:{d:x}/64"), 1), (format!("{a:x}:{b:x}:{c:x}/48"), 8)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_written_as_people_say_them() {
        let limit = |most, window_seconds| Ok(Limit { most, window_seconds });
        assert_eq!(Limit::parse("5/h"), limit(5, 3600));
        assert_eq!(Limit::parse(" 100/5m"), limit(100, 300));
        assert_eq!(Limit::parse("10/d"), limit(10, 86_400));
        for bad in ["", "5", "5/", "+5/h", "5/+5m", "/h", "0/h", "-1/h", "5/0h", "5/x", "5/é", "5/99999999999999d"] {
            assert_eq!(Limit::parse(bad), Err(LimitError), "{bad}");
        }
    }

    #[test]
    fn a_household_and_a_site_are_sources_of_ipv6() {
        assert_eq!(sources_of("203.0.113.7"), [("203.0.113.7".to_owned(), 1)]);
        assert_eq!(sources_of("::ffff:203.0.113.7"), [("203.0.113.7".to_owned(), 1)]);
        let (one, other) = (sources_of("2001:db8:1:2::1"), sources_of("2001:db8:1:2:ffff::9"));
        assert_eq!(one, other);
        let neighbour = sources_of("2001:db8:1:3::1");
        assert_ne!(one[0], neighbour[0]);
        assert_eq!(one[1], neighbour[1]);
    }

    #[test]
    fn a_window_ends_after_the_moment_in_it() {
        let limit = Limit { most: 1, window_seconds: 300 };
        let (number, end) = limit.window(Timestamp::from_unix_seconds(601));
        assert_eq!((number, end), (2, Timestamp::from_unix_seconds(900)));
        assert_eq!(limit.window(Timestamp::from_unix_seconds(900)).0, 3);
    }
}
