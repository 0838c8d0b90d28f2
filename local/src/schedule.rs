//! EventBridge Scheduler on this machine. It runs `rotate-keys` at the start, and then at the rate in the template,
//! measured by the program's clock.

use std::time::Duration;

use rotate_keys::{ListedKey, rotate};
use shared::crypto::Rotation;
use shared::domain::Timestamp;
use shared::{App, Error};
use tokio::sync::Mutex;

/// The time between two checks for a due run.
const LOOK: Duration = Duration::from_millis(200);

pub struct Schedule {
    app: App,
    rate_seconds: i64,
    input: Rotation,
    last_run: Mutex<Option<Timestamp>>,
}

impl Schedule {
    #[must_use]
    pub fn new(app: App, rate_seconds: i64, input: Rotation) -> Self {
        Self { app, rate_seconds, input, last_run: Mutex::default() }
    }

    /// Runs the function if it is due.
    pub async fn settle(&self) -> Result<(), Error> {
        let now = self.app.clock.now();
        let mut last_run = self.last_run.lock().await;
        if last_run.is_some_and(|last| now < last.plus_seconds(self.rate_seconds)) {
            return Ok(());
        }
        rotate(&self.app, &self.input).await?;
        *last_run = Some(now);
        Ok(())
    }

    /// Invokes the function regardless of the schedule.
    pub async fn invoke(&self, rotation: &Rotation) -> Result<Vec<ListedKey>, Error> {
        rotate(&self.app, rotation).await
    }

    pub async fn run(&self) {
        loop {
            if let Err(error) = self.settle().await {
                tracing::error!(error = shared::error_chain(&error), "the keys were not looked after");
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}
