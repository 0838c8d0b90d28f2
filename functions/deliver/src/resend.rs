//! Trying again to send the security notifications that could not be sent.
//!
//! The stream tries a record for a few minutes. A provider may be down for longer, or a day's budget may be spent. A
//! security notification is then kept in the table for `NOTIFICATION_DAYS`, and a schedule invokes this every five
//! minutes. What the provider was too busy for is tried each time. What failed otherwise waits longer each time, because
//! it may have been sent. After an outage an operator need not wait: `{"notifications":"all"}` tries all at once.

use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use serde::{Deserialize, Serialize};
use shared::dynamodb::keys::{NOTIFICATION_SHARDS, notifications};
use shared::{App, Error};

use crate::claim::{Waiting, is_free};
use crate::providers::Providers;
use crate::{Failure, NAME, Outcome, StoredMessage, deliver_message};

/// How many notifications of a shard one invocation tries. The next invocation tries the rest.
const MOST_OF_SHARD: usize = 100;
/// How long an invocation begins further tries. With the longest one it stays within the function's timeout.
const LONGEST: Duration = Duration::from_secs(40);
/// How often a provider may be too busy before an invocation tries no more of its messages, so that an outage costs
/// little.
const MOST_REFUSALS: usize = 5;
/// The pause after each.
const PAUSE: Duration = Duration::from_millis(200);

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

/// Tries to send the notifications that are not sent yet, each shard one after the other.
pub async fn resend(app: &App, providers: &Providers, which: Resend, request_id: &str) -> Result<Resent, Error> {
    let shards = (0..NOTIFICATION_SHARDS).map(|shard| resend_shard(app, providers, which, shard, request_id));
    let all = try_join_all(shards).await.inspect_err(|error| {
        let (code, cause) = (error.code(), shared::error_chain(error));
        tracing::error!(function = NAME, request_id, code, cause, "notifications were not tried again");
    })?;
    let sum = all
        .iter()
        .fold(Resent::default(), |sum, one| Resent { sent: sum.sent + one.sent, failed: sum.failed + one.failed });
    if sum != Resent::default() {
        tracing::info!(function = NAME, request_id, sent = sum.sent, failed = sum.failed, "tried again");
    }
    Ok(sum)
}

async fn resend_shard(
    app: &App,
    providers: &Providers,
    which: Resend,
    shard: u32,
    request_id: &str,
) -> Result<Resent, Error> {
    let waiting = match which {
        Resend::Due => Waiting::Due,
        Resend::All => Waiting::All,
    };
    let free = is_free(waiting, app.clock.now());
    let doing = "reading notifications";
    let found: Vec<StoredMessage> = app.store.query_where(&notifications(shard), &free, MOST_OF_SHARD, doing).await?;
    let mut resent = Resent::default();
    let started = Instant::now();
    // The channel of each refusal.
    let mut refusals = Vec::new();
    for (index, stored) in found.iter().enumerate() {
        let channel = stored.message.recipient.channel();
        if refusals.iter().filter(|refused| **refused == channel).count() >= MOST_REFUSALS {
            continue;
        }
        if started.elapsed() > LONGEST {
            break;
        }
        let claimant = format!("{request_id}/{shard}.{index}");
        match deliver_message(app, providers, stored, waiting, &claimant).await {
            Ok(Outcome::Sent) => resent.sent += 1,
            // One budget is for both channels.
            Ok(Outcome::OverBudget) => return Ok(Resent { failed: resent.failed + 1, ..resent }),
            Ok(_) => {}
            Err(failure) => {
                resent.failed += 1;
                let (code, cause) = failure.told();
                tracing::error!(function = NAME, request_id, code, outcome = %failure, cause, "not delivered");
                if matches!(failure, Failure::TryAgain(_)) {
                    refusals.push(channel);
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }
    Ok(resent)
}
