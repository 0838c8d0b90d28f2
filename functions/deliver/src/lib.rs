//! Sends each message of the table's stream by SNS or SES, and on a schedule the security notifications that could not be
//! sent before.
//!
//! A record may arrive twice, or late, or after a crash. A conditional write claims each message before it is sent. The
//! claim is released when it is certain that nothing was sent, for example because the provider was throttled. Neither
//! provider removes duplicates, so after a lost answer a code or a link is not sent again: the person asks for another,
//! and none is better than two. Nobody asks for a security notification, so that one is tried again; see [`resend`].

mod budget;
mod claim;
mod compose;
mod encoded_words;
mod issue;
mod providers;
mod resend;

use std::process::ExitCode;

use aws_lambda_events::dynamodb::{Event, EventRecord};
use aws_lambda_events::streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse};
use futures_util::future::join_all;
use lambda_runtime::{LambdaEvent, service_fn};
use serde::{Deserialize, Serialize};
use shared::config::Need;
use shared::dynamodb::items::Message;
use shared::dynamodb::keys::Key;
use shared::{App, Error, error_chain};

use claim::Waiting;
pub use providers::{ProviderError, Providers};
pub use resend::{Resend, Resent, resend};

pub const NAME: &str = "deliver";
/// The settings that the function refuses to start without.
pub const NEEDS: &[Need] = &[Need::Table, Need::CODES, Need::LINKS, Need::MailSender, Need::ClientHost];

pub fn serve() -> ExitCode {
    shared::lambda::run(NEEDS, async |app| {
        let providers = Providers::new(app)?;
        let handler = service_fn(async |event: LambdaEvent<Input>| {
            let request_id = &event.context.request_id;
            match event.payload {
                Input::Stream(batch) => Ok(Output::Stream(deliver(app, &providers, batch, request_id).await)),
                Input::Resend(which) => {
                    let resent = resend(app, &providers, which, request_id).await;
                    resent.map(Output::Resent).map_err(|error| error_chain(&error))
                }
            }
        });
        lambda_runtime::run(handler).await
    })
}

/// What the function is invoked with.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Input {
    /// By the schedule, or by an operator.
    Resend(Resend),
    /// By the table's stream.
    Stream(Event),
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Output {
    Stream(DynamoDbEventResponse),
    Resent(Resent),
}

/// A message and where it is stored.
#[derive(Debug, Deserialize)]
struct StoredMessage {
    #[serde(flatten)]
    key: Key,
    #[serde(flatten)]
    message: Message,
}

/// Sends a batch of messages concurrently, and returns the records to try again.
pub async fn deliver(app: &App, providers: &Providers, event: Event, invocation_id: &str) -> DynamoDbEventResponse {
    let sent = event.records.iter().enumerate().map(async |(index, record)| {
        // Each record has a claimant name of its own, so that a message that is twice in a batch is sent once.
        let claimant = format!("{invocation_id}/{index}");
        (record, deliver_record(app, providers, record, &claimant).await)
    });
    let mut response = DynamoDbEventResponse::default();
    for (record, outcome) in join_all(sent).await {
        log(record, &outcome, invocation_id);
        if let Err(Failure::TryAgain(_)) = outcome {
            let mut failure = DynamoDbBatchItemFailure::default();
            failure.item_identifier = record.change.sequence_number.clone();
            response.batch_item_failures.push(failure);
        }
    }
    response
}

/// The result for a message that did not fail.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Sent,
    /// Its code or link has expired, or the code has no guesses left.
    Expired,
    /// It was for an account, and there is none.
    NoAccount,
    /// Another invocation has claimed it, or it is gone.
    ClaimedByAnother,
    OverBudget,
}

#[derive(Debug, thiserror::Error)]
enum Failure {
    /// Nothing was sent, and it is worth trying again soon.
    #[error("to be tried again")]
    TryAgain(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The schedule tries again after a while.
    #[error("to be tried again later")]
    TryLater(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Trying again would change nothing, or could send the message twice.
    #[error("given up")]
    GiveUp(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Failure {
    /// Returns the code, which the template's alarm counts if it is `internal`, and the cause.
    fn told(&self) -> (Option<&'static str>, String) {
        let (Self::TryAgain(source) | Self::TryLater(source) | Self::GiveUp(source)) = self;
        (source.downcast_ref::<Error>().map(Error::code), error_chain(source.as_ref()))
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::TryAgain(error.into())
    }
}

async fn deliver_record(
    app: &App,
    providers: &Providers,
    record: &EventRecord,
    claimant: &str,
) -> Result<Outcome, Failure> {
    // A record that cannot be read as a message never can.
    let stored: StoredMessage =
        serde_dynamo::from_item(record.change.new_image.clone()).map_err(|problem| Failure::GiveUp(problem.into()))?;
    deliver_message(app, providers, &stored, Waiting::Due, claimant).await
}

async fn deliver_message(
    app: &App,
    providers: &Providers,
    stored: &StoredMessage,
    waiting: Waiting,
    claimant: &str,
) -> Result<Outcome, Failure> {
    let message = &stored.message;
    let now = app.clock.now();
    if message.expires_at <= now {
        return expired(app, stored).await;
    }
    // Checked before a code is issued: a record that arrives again must not replace the code that was sent.
    if !message.is_notification() && claim::is_claimed(app, &stored.key).await? {
        return Ok(Outcome::ClaimedByAnother);
    }
    let (issued, is_for_account) = match issue::issue(app, message).await? {
        issue::Issued::Carries(issued, is_for_account) => (issued, is_for_account),
        issue::Issued::NoAccount => return Ok(Outcome::NoAccount),
        issue::Issued::Expired => return Ok(Outcome::Expired),
    };
    let composed = compose::compose(&app.config.messages.brand, message.language, &issued);
    // Claimed as late as possible: if storage fails before this, the message can be tried again.
    let Some(message) = claim::claim(app, stored, waiting, claimant).await? else {
        return Ok(Outcome::ClaimedByAnother);
    };
    // Counted after the claim, so that a message that is sent once counts once.
    let spent = match budget::spend(app, &message, message.is_to_stranger(is_for_account), now).await {
        Ok(Some(spent)) => spent,
        Ok(None) => {
            if message.is_notification() {
                claim::release(app, stored, claimant).await;
            }
            return Ok(Outcome::OverBudget);
        }
        Err(error) => {
            claim::release(app, stored, claimant).await;
            return Err(error.into());
        }
    };
    let sent = providers.send(&message.recipient, &composed).await;
    // What was refused for now or for good is taken back.
    if matches!(sent, Ok(()) | Err(ProviderError::Unknown(_))) {
        budget::flag_if_spent(app, &message, &spent, now).await;
    }
    settle(app, stored, claimant, &spent, sent).await
}

/// Drops a message that is too old. A notification that nobody got raises the alarm for the code `internal`.
async fn expired(app: &App, stored: &StoredMessage) -> Result<Outcome, Failure> {
    if !stored.message.is_notification() {
        return Ok(Outcome::Expired);
    }
    claim::forget(app, stored).await;
    let problem = Error::internal("sending a notification", "it could not be sent in time");
    Err(Failure::GiveUp(problem.into()))
}

/// Keeps count and claim in step with what became of the message.
async fn settle(
    app: &App,
    stored: &StoredMessage,
    claimant: &str,
    spent: &budget::Spent,
    sent: Result<(), ProviderError>,
) -> Result<Outcome, Failure> {
    let is_notification = stored.message.is_notification();
    match sent {
        Ok(()) => {
            if is_notification {
                claim::forget(app, stored).await;
            }
            Ok(Outcome::Sent)
        }
        Err(ProviderError::RefusedForNow(source)) => {
            tokio::join!(budget::take_back(app, &stored.message, spent), claim::release(app, stored, claimant));
            Err(Failure::TryAgain(source))
        }
        // An operator may be able to mend it: the sender, the account's permission to send.
        Err(ProviderError::RefusedForGood(source)) => {
            budget::take_back(app, &stored.message, spent).await;
            Err(give_up(app, stored, claimant, false, source).await)
        }
        // It may have been sent, so it stays counted.
        Err(ProviderError::Unknown(source)) => Err(give_up(app, stored, claimant, true, source).await),
    }
}

async fn give_up(
    app: &App,
    stored: &StoredMessage,
    claimant: &str,
    counted: bool,
    source: Box<dyn std::error::Error + Send + Sync>,
) -> Failure {
    if !stored.message.is_notification() {
        return Failure::GiveUp(source);
    }
    claim::postpone(app, stored, claimant, counted).await;
    Failure::TryLater(source)
}

fn log(record: &EventRecord, outcome: &Result<Outcome, Failure>, request_id: &str) {
    let sequence_number = record.change.sequence_number.as_deref().unwrap_or("-");
    match outcome {
        Ok(outcome) => tracing::info!(function = NAME, request_id, sequence_number, ?outcome, "delivered"),
        Err(failure) => {
            let (code, cause) = failure.told();
            tracing::error!(function = NAME, request_id, sequence_number, code, outcome = %failure, cause, "not delivered");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_event_carries_a_message() {
        let event: Event = serde_json::from_str(include_str!("../../../events/deliver.json")).unwrap();
        let message: Message = serde_dynamo::from_item(event.records[0].change.new_image.clone()).unwrap();
        assert_eq!(message.kind, shared::dynamodb::keys::MESSAGE_KIND);
    }

    #[test]
    fn it_is_invoked_by_the_stream_and_by_the_schedule() {
        let read = |text: &str| serde_json::from_str::<Input>(text);
        let Input::Stream(event) = read(include_str!("../../../events/deliver.json")).unwrap() else { panic!() };
        assert_eq!(event.records.len(), 1);
        assert!(matches!(read(r#"{"notifications":"due"}"#).unwrap(), Input::Resend(Resend::Due)));
        assert!(matches!(read(r#"{"notifications":"all"}"#).unwrap(), Input::Resend(Resend::All)));
        assert!(read(r#"{"notifications":"some"}"#).is_err());
    }
}
