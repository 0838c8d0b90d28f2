//! Claiming a message, so that only one invocation sends it.
//!
//! The claim of a code or a link lasts, unless it is released: after a lost answer the message is not sent again, because
//! the person asks for another. The claim of a security notification ends after a while, because nobody asks for one.
//! If `deliver` is interrupted, or the provider's answer is lost, the notification is tried again. Its recipient is
//! rather told twice than never.

use shared::domain::Timestamp;
use shared::dynamodb::items::Message;
use shared::dynamodb::keys::{self, Key};
use shared::dynamodb::{Condition, Set, WriteError};
use shared::{App, Error};

use crate::StoredMessage;

/// How long the claim of a notification lasts, and how long at least a notification waits after a try that failed for
/// another reason than that the provider was busy. In seconds.
const SHORTEST_WAIT_SECONDS: i64 = 15 * 60;

/// Which notifications may be claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waiting {
    /// Those whose next try is due.
    Due,
    /// Those that no invocation is sending, however long they were to wait.
    All,
}

/// Returns the condition that nobody has the message.
pub(crate) fn is_free(waiting: Waiting, now: Timestamp) -> Condition {
    let unclaimed = Condition::absent(Message::CLAIMED_BY);
    let due = Condition::at_most(Message::NEXT_TRY_AT, now);
    match waiting {
        Waiting::Due => unclaimed.and(Condition::absent(Message::NEXT_TRY_AT)).or(due),
        Waiting::All => unclaimed.or(due),
    }
}

/// Returns whether the message is claimed or gone.
pub(crate) async fn is_claimed(app: &App, key: &Key) -> Result<bool, Error> {
    let stored: Option<Message> = app.store.get(key, "reading a message").await?;
    Ok(stored.is_none_or(|stored| stored.claimed_by.is_some()))
}

/// Claims a message and returns whether this claimant has it. The condition accepts the claimant's own earlier claim,
/// because the SDK repeats a write whose answer was lost.
pub(crate) async fn claim(app: &App, stored: &StoredMessage, waiting: Waiting, claimant: &str) -> Result<bool, Error> {
    let now = app.clock.now();
    let mine = is_free(waiting, now).or(Condition::equal(Message::CLAIMED_BY, claimant));
    let set = Set::to(Message::CLAIMED_BY, claimant);
    let set = if stored.message.is_notification() {
        set.and_to(Message::NEXT_TRY_AT, now.plus_seconds(SHORTEST_WAIT_SECONDS))
    } else {
        set
    };
    let when = Condition::exists(keys::PARTITION).and(mine);
    let claimed = app.store.write("claiming a message", &stored.key, &set, &when, |_| WriteError::Refused).await;
    Ok(WriteError::refused_as_none(claimed)?.is_some())
}

/// Releases the claim, so that the message can be sent at any time. If this fails, a notification waits for the end of
/// the claim. A code or a link is lost, and the person has to ask again.
pub(crate) async fn release(app: &App, stored: &StoredMessage, claimant: &str) {
    let set = Set::default().and_remove(Message::CLAIMED_BY).and_remove(Message::NEXT_TRY_AT);
    give_back(app, stored, claimant, &set).await;
}

/// Releases the claim of a notification, but lets it wait three times as long as it has waited until now. What the
/// provider refuses for good, or does not answer, is thus tried about six times in three days.
pub(crate) async fn postpone(app: &App, stored: &StoredMessage, claimant: &str, counted: bool) {
    let now = app.clock.now();
    let waited = i64::try_from(stored.message.created_at.seconds_until(now)).unwrap_or(i64::MAX);
    let wait = waited.saturating_mul(3).max(SHORTEST_WAIT_SECONDS);
    let set = Set::to(Message::NEXT_TRY_AT, now.plus_seconds(wait)).and_remove(Message::CLAIMED_BY);
    let set = if counted { set.and_to(Message::COUNTED, true) } else { set };
    give_back(app, stored, claimant, &set).await;
}

async fn give_back(app: &App, stored: &StoredMessage, claimant: &str, set: &Set) {
    let is_mine = Condition::equal(Message::CLAIMED_BY, claimant);
    let released = app.store.write("giving a message back", &stored.key, set, &is_mine, |_| WriteError::Refused).await;
    if let Err(error) = released {
        tracing::warn!(%error, "a claim was not given back");
    }
}

/// Deletes a notification that was sent, or that is too old to be sent. If this fails, it may be sent twice.
pub(crate) async fn forget(app: &App, stored: &StoredMessage) {
    if let Err(error) = app.store.delete("removing a notification", &stored.key).await {
        error.log_ignored("a notification that needs no further try is kept");
    }
}
