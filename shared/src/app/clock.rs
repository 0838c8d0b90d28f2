//! The clock that the application reads the time from.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::domain::Timestamp;

/// The system's clock, which a local system or a test may advance.
///
/// Clones share the offset.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    advanced_seconds: Arc<AtomicI64>,
}

impl Clock {
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let system = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        Timestamp::from_unix_seconds(i64::try_from(system).unwrap_or(i64::MAX))
            .plus_seconds(self.advanced_seconds.load(Ordering::Relaxed))
    }

    /// Waits. Real time passes, whatever this clock says.
    pub async fn pause(&self, milliseconds: u64) {
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    }

    /// Advances this clock and all its clones.
    pub fn advance_seconds(&self, seconds: u32) {
        self.advanced_seconds.fetch_add(i64::from(seconds), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_of_a_clock_move_together() {
        let (clock, started) = (Clock::default(), Clock::default().now());
        clock.clone().advance_seconds(1000);
        assert!(clock.now() >= started.plus_seconds(1000));
        assert_eq!(clock.now().seconds_until(started), 0);
    }
}
