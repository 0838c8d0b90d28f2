//! Claiming a message, so that one invocation sends it.

use shared::dynamodb::items::Message;
use shared::dynamodb::{StoreError, keys, text};
use shared::{App, Error};

/// Whether somebody has the message, or it is gone.
pub(crate) async fn is_claimed(app: &App, message: &Message) -> Result<bool, Error> {
    let stored: Option<Message> = app.store()?.get(&keys::message(&message.id), "reading a message").await?;
    Ok(stored.is_none_or(|stored| stored.claimed_by.is_some()))
}

/// Whether the message is this claimant's to send. The condition is "nobody's or mine", so that a claim whose answer
/// was lost is known again when it is retried.
pub(crate) async fn claim(app: &App, message: &Message, claimant: &str) -> Result<bool, Error> {
    let claimed = app
        .store()?
        .update::<Message>(
            &keys::message(&message.id),
            "SET claimed_by = :me",
            "attribute_exists(pk) AND (attribute_not_exists(claimed_by) OR claimed_by = :me)",
            &[(":me", text(claimant))],
            "claiming a message",
        )
        .await;
    match claimed {
        Ok(_) => Ok(true),
        Err(StoreError::Refused(_)) => Ok(false),
        Err(StoreError::Failed(error)) => Err(error),
    }
}

/// Lets another invocation send it. When this does not get through, the message is lost and is asked for again.
pub(crate) async fn give_back(app: &App, message: &Message, claimant: &str) {
    let Ok(store) = app.store() else { return };
    let given_back = store
        .update::<Message>(
            &keys::message(&message.id),
            "REMOVE claimed_by",
            "claimed_by = :me",
            &[(":me", text(claimant))],
            "giving a message back",
        )
        .await;
    if let Err(error) = given_back {
        tracing::warn!(%error, "a claim was not given back");
    }
}
