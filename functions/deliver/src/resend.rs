//! Trying again to send the security notifications that could not be sent.
//!
//! The stream tries a record for a few minutes. A provider may be down for longer, or a day's budget may be spent. A
//! security notification is then kept in the table for `NOTIFICATION_DAYS`, and a schedule invokes this every five
//! minutes. What the provider was too busy for is tried each time. What failed otherwise waits longer each time, because
//! it may have been sent. After an outage an operator need not wait: `{"notifications":"all"}` tries all at once.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use shared::dynamodb::keys::{NOTIFICATION_SHARDS, notifications};
use shared::dynamodb::{Item, read_item};
use shared::{App, Error, error_chain};

use crate::claim::{Waiting, is_free};
use crate::providers::Providers;
use crate::{Failure, NAME, Outcome, StoredMessage, deliver_message};

/// How many notifications of a shard and channel one invocation tries. The next invocation tries the rest.
const MOST_OF_SHARD: usize = 100;
/// How long an invocation begins further tries. With the longest one it stays within the function's timeout.
const LONGEST: Duration = Duration::from_secs(40);
/// How often a provider may be too busy before an invocation leaves the rest to the next one, so that an outage costs
/// little.
const MOST_REFUSALS: u32 = 5;
/// The pause after each.
const PAUSE: Duration = Duration::from_millis(200);
const DOING: &str = "reading notifications";

/// Which notifications to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "notifications", rename_all = "snake_case")]
pub enum Resend {
    /// Those whose next try is due.
    Due,
    /// All that are not being sent at this moment.
    All,
}

/// What became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Resent {
    pub sent: u32,
    /// How many were tried and not sent.
    pub failed: u32,
}

impl Resend {
    const fn waiting(self) -> Waiting {
        match self {
            Self::Due => Waiting::Due,
            Self::All => Waiting::All,
        }
    }
}

/// Tries to send the notifications that are not sent yet: those of each channel and shard one after the other, the oldest
/// first. Where the notifications of one cannot be read, the others are sent all the same.
pub async fn resend(app: &App, providers: &Providers, which: Resend, request_id: &str) -> Result<Resent, Error> {
    let shards = (0..NOTIFICATION_SHARDS).flat_map(|shard| ["sms", "email"].map(|channel| (channel, shard)));
    let resending = shards.map(|shard| resend_shard(app, providers, which, shard, request_id));
    let mut sum = Resent::default();
    let mut unread = None;
    for resent in join_all(resending).await {
        match resent {
            Ok(resent) => sum = Resent { sent: sum.sent + resent.sent, failed: sum.failed + resent.failed },
            Err(error) => {
                let (code, cause) = (error.code(), error_chain(&error));
                tracing::error!(function = NAME, request_id, code, cause, "notifications were not tried again");
                unread = Some(error);
            }
        }
    }
    if sum != Resent::default() {
        tracing::info!(function = NAME, request_id, sent = sum.sent, failed = sum.failed, "tried again");
    }
    unread.map_or(Ok(sum), Err)
}

async fn resend_shard(
    app: &App,
    providers: &Providers,
    which: Resend,
    (channel, shard): (&str, u32),
    request_id: &str,
) -> Result<Resent, Error> {
    let started = Instant::now();
    let (partition, free) = (notifications(channel, shard), is_free(which.waiting(), app.clock.now()));
    let found: Vec<Item> = app.store.query_where(&partition, &free, MOST_OF_SHARD, DOING).await?;
    let mut resent = Resent::default();
    let (mut refusals, mut is_budget_spent) = (0, false);
    for (index, item) in found.into_iter().enumerate() {
        if refusals >= MOST_REFUSALS || started.elapsed() > LONGEST {
            break;
        }
        let claimant = format!("{request_id}/{channel}.{shard}.{index}");
        let tried = match read_item::<StoredMessage>(item, DOING) {
            // A notification that is counted already needs no budget.
            Ok(stored) if is_budget_spent && !stored.message.counted => continue,
            Ok(stored) => deliver_message(app, providers, &stored, which.waiting(), &claimant).await,
            Err(unreadable) => Err(unreadable.into()),
        };
        match tried {
            Ok(Outcome::Sent) => resent.sent += 1,
            Ok(Outcome::OverBudget) => {
                resent.failed += 1;
                is_budget_spent = true;
            }
            Ok(_) => {}
            Err(failure) => {
                resent.failed += 1;
                let (code, cause) = failure.told();
                tracing::error!(function = NAME, request_id, code, outcome = %failure, cause, "not delivered");
                // An item that is damaged does not stop those behind it.
                if matches!(failure, Failure::TryAgain(_)) && code != Some("internal") {
                    refusals += 1;
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }
    Ok(resent)
}
