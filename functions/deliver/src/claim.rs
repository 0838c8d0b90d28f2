//! Claiming a message, so that only one invocation sends it.

use shared::dynamodb::items::Message;
use shared::dynamodb::{Condition, Set, WriteError, keys};
use shared::{App, Error};

/// Returns whether the message is claimed or gone.
pub(crate) async fn is_claimed(app: &App, message: &Message) -> Result<bool, Error> {
    let stored: Option<Message> = app.store.get(&keys::message(&message.id), "reading a message").await?;
    Ok(stored.is_none_or(|stored| stored.claimed_by.is_some()))
}

/// Claims a message and returns whether this claimant has it. The condition accepts the claimant's own earlier claim,
/// because the SDK repeats a write whose answer was lost.
pub(crate) async fn claim(app: &App, message: &Message, claimant: &str) -> Result<bool, Error> {
    let mine = Condition::absent(Message::CLAIMED_BY).or(Condition::equal(Message::CLAIMED_BY, claimant));
    let (key, set) = (keys::message(&message.id), Set::to(Message::CLAIMED_BY, claimant));
    let when = Condition::exists(keys::PARTITION).and(mine);
    let claimed = app.store.write("claiming a message", &key, &set, &when, |_| WriteError::Refused).await;
    Ok(WriteError::refused_as_none(claimed)?.is_some())
}

/// Releases the claim, so that another invocation can send the message. If this fails, the message is lost, and the
/// person has to ask again.
pub(crate) async fn release(app: &App, message: &Message, claimant: &str) {
    let (key, set) = (keys::message(&message.id), Set::default().and_remove(Message::CLAIMED_BY));
    let is_mine = Condition::equal(Message::CLAIMED_BY, claimant);
    let released = app.store.write("giving a message back", &key, &set, &is_mine, |_| WriteError::Refused).await;
    if let Err(error) = released {
        tracing::warn!(%error, "a claim was not given back");
    }
}
