//! What one source may use of the strangers' share of a day, for messages of which only `deliver` knows that they go to
//! somebody without an account.

use crate::app::App;
use crate::dynamodb::items::Message;
use crate::error::Error;
use crate::throttling::limits;

/// Counts a message at the sources that requested it, and returns whether they may have it sent.
pub async fn count_for_stranger(app: &App, message: &Message) -> Result<bool, Error> {
    match limits::count_alone(app, limits::of_strangers(app, &message.sources, &message.recipient)).await {
        Ok(()) => Ok(true),
        Err(Error::TooMany { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Takes a message back that was counted and not sent.
pub async fn take_back_for_stranger(app: &App, message: &Message) {
    limits::refund_strangers(app, &message.sources, &message.recipient).await;
}
