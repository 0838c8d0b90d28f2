//! Claiming a message, so that only one invocation sends it.
//!
//! The claim of a code or a link lasts, unless it is released: after a lost answer the message is not sent again, because
//! the person asks for another. The claim of a security notification ends after a while, because nobody asks for one.
//! If `deliver` is interrupted, or the provider's answer is lost, the notification is tried again. Its recipient is
//! rather told twice than never.

use shared::domain::Timestamp;
use shared::dynamodb::items::Message;
use shared::dynamodb::keys::{self, Key};
use shared::dynamodb::{Condition, Set, WriteError, read_item};
use shared::{App, Error};

use crate::StoredMessage;

/// How long the claim of a notification lasts at first, in seconds. With each try that may have sent it, the claim and
/// the wait for the next try last four times as long.
const FIRST_WAIT_SECONDS: i64 = 15 * 60;
/// How long a wait is at most, so that a notification is tried every day of its life.
const LONGEST_WAIT_SECONDS: i64 = 86_400;

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

/// Claims a message and returns it as it is stored, or `None` if another has it. The condition accepts the claimant's own
/// earlier claim, because the SDK repeats a write whose answer was lost.
///
/// The claim of a notification already contains the next try. Whatever fails after it, a notification is thus tried
/// seven times in three days at most.
pub(crate) async fn claim(
    app: &App,
    stored: &StoredMessage,
    waiting: Waiting,
    claimant: &str,
) -> Result<Option<Message>, Error> {
    const DOING: &str = "claiming a message";
    let (now, message) = (app.clock.now(), &stored.message);
    let mut set = Set::to(Message::CLAIMED_BY, claimant);
    if message.is_notification() {
        // At its end it is due once more, so that its loss is reported.
        let next_try_at = now.plus_seconds(wait_seconds(message.tries)).min(message.expires_at);
        set = set.and_to(Message::NEXT_TRY_AT, next_try_at).and_to(Message::TRIES, message.tries + 1);
    }
    let mine = is_free(waiting, now).or(Condition::equal(Message::CLAIMED_BY, claimant));
    let when = Condition::exists(keys::PARTITION).and(mine);
    let claimed = app.store.write(DOING, &stored.key, &set, &when, |_| WriteError::Refused).await;
    WriteError::refused_as_none(claimed)?.map(|item| read_item(item, DOING)).transpose()
}

/// Returns the wait after so many earlier tries: 15 minutes, 1 hour, 4 hours, 16 hours, and then a day.
fn wait_seconds(tries: u32) -> i64 {
    let factor = 4_i64.checked_pow(tries).unwrap_or(i64::MAX);
    FIRST_WAIT_SECONDS.saturating_mul(factor).min(LONGEST_WAIT_SECONDS)
}

/// Releases the claim as if it had not been made, so that the message can be sent at any time. If this fails, a
/// notification waits for the end of the claim. A code or a link is lost, and the person has to ask again.
pub(crate) async fn release(app: &App, stored: &StoredMessage, claimant: &str) {
    let mut set = Set::default().and_remove(Message::CLAIMED_BY);
    if stored.message.is_notification() {
        set = set.and_remove(Message::NEXT_TRY_AT).and_to(Message::TRIES, stored.message.tries);
    }
    give_back(app, stored, claimant, &set).await;
}

/// Releases the claim of a notification, and leaves the time of the next try as the claim has set it.
pub(crate) async fn postpone(app: &App, stored: &StoredMessage, claimant: &str, counted: bool) {
    let set = Set::default().and_remove(Message::CLAIMED_BY);
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

/// Deletes a notification that was sent, or that is too old to be sent. If this fails, it is tried again.
pub(crate) async fn forget(app: &App, stored: &StoredMessage) {
    if let Err(error) = app.store.delete("removing a notification", &stored.key).await {
        error.log_ignored("a notification that needs no further try is kept");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_day() {
        assert_eq!([0, 1, 2, 3, 4, 40].map(wait_seconds), [900, 3600, 14_400, 57_600, 86_400, 86_400]);
    }
}
