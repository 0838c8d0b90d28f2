//! EventBridge Scheduler on this machine. It runs `rotate-keys` and the resending of `deliver` at the start, then at the
//! rates in the template, and at once where the program's clock is moved past the next run.

use std::time::{Duration, Instant};

use deliver::{Providers, Resend, Resent, resend};
use rotate_keys::{ListedKey, rotate};
use shared::crypto::{Rotation, random_hex};
use shared::domain::Timestamp;
use shared::{App, Error};
use tokio::sync::Mutex;

/// The time between two checks for a due run.
const LOOK: Duration = Duration::from_millis(200);

/// A schedule of the template.
#[derive(Debug)]
pub struct Rate<Input> {
    seconds: u32,
    input: Input,
    last_run: Mutex<Option<Run>>,
}

/// When a function ran, by the program's clock and by this machine's.
#[derive(Clone, Copy, Debug)]
struct Run {
    at: Timestamp,
    started: Instant,
}

/// The clock by which a run is due.
#[derive(Clone, Copy, Debug)]
enum By {
    /// The program's, after somebody has moved it.
    MovedClock,
    /// This machine's. A run that nobody waits for therefore does not depend on moves of the other clock.
    MachineTime,
}

impl<Input> Rate<Input> {
    #[must_use]
    pub fn new(seconds: u32, input: Input) -> Self {
        Self { seconds, input, last_run: Mutex::default() }
    }

    /// Runs a function with the input, if it is due.
    async fn settle(
        &self,
        by: By,
        now: Timestamp,
        run: impl AsyncFnOnce(&Input) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut last_run = self.last_run.lock().await;
        let is_due = last_run.is_none_or(|last| match by {
            By::MovedClock => last.at.plus_seconds(self.seconds.into()) <= now,
            By::MachineTime => last.started.elapsed() >= Duration::from_secs(self.seconds.into()),
        });
        if is_due {
            let started = Instant::now();
            run(&self.input).await?;
            *last_run = Some(Run { at: now, started });
        }
        Ok(())
    }
}

/// The scheduled functions.
pub struct Schedule {
    pub rotating: App,
    pub rotations: Rate<Rotation>,
    pub delivering: App,
    pub providers: Providers,
    pub resends: Rate<Resend>,
}

impl Schedule {
    /// Runs the functions that are due by the program's clock.
    pub async fn settle(&self) -> Result<(), Error> {
        self.settle_by(By::MovedClock).await
    }

    async fn settle_by(&self, by: By) -> Result<(), Error> {
        let now = self.rotating.clock.now();
        self.rotations.settle(by, now, async |rotation| self.rotate(rotation).await.map(drop)).await?;
        self.resends.settle(by, now, async |which| self.resend(*which).await.map(drop)).await
    }

    /// Rotates the keys regardless of the schedule.
    pub async fn rotate(&self, rotation: &Rotation) -> Result<Vec<ListedKey>, Error> {
        rotate(&self.rotating, rotation).await
    }

    /// Sends unsent notifications again regardless of the schedule.
    pub async fn resend(&self, which: Resend) -> Result<Resent, Error> {
        resend(&self.delivering, &self.providers, which, &random_hex::<16>()).await
    }

    pub async fn run(&self) {
        loop {
            if let Err(error) = self.settle_by(By::MachineTime).await {
                tracing::error!(error = shared::error_chain(&error), "a scheduled function failed");
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}
