//! Sends each message of the table's stream by SNS or SES, at most once.
//!
//! A record may arrive twice, or late, or after a crash. A conditional write claims each message before it is sent. The
//! claim is released only when it is certain that nothing was sent, for example because the provider was throttled.
//! Neither provider removes duplicates, so after a lost answer the claim stays. A lost message, which the person asks
//! for again, is better than two.

mod budget;
mod claim;
mod compose;
mod encoded_words;
mod issue;
mod providers;

use std::process::ExitCode;

use aws_lambda_events::dynamodb::{Event, EventRecord};
use aws_lambda_events::streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse};
use futures_util::future::join_all;
use lambda_runtime::{LambdaEvent, service_fn};
use shared::config::Need;
use shared::dynamodb::items::Message;
use shared::{App, Error};

pub use providers::{ProviderError, Providers};

pub const NAME: &str = "deliver";
/// The settings that the function refuses to start without.
pub const NEEDS: &[Need] = &[Need::Table, Need::CODES, Need::LINKS, Need::MailSender, Need::ClientHost];

pub fn serve() -> ExitCode {
    shared::lambda::run(NEEDS, async |app| {
        let providers = Providers::new(app)?;
        let handler = service_fn(async |event: LambdaEvent<Event>| {
            Ok::<_, lambda_runtime::Error>(deliver(app, &providers, event.payload, &event.context.request_id).await)
        });
        lambda_runtime::run(handler).await
    })
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
    /// Nothing was sent, and it is worth trying again.
    #[error("to be tried again")]
    TryAgain(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Trying again would change nothing, or could send the message twice.
    #[error("given up")]
    GiveUp(#[source] Box<dyn std::error::Error + Send + Sync>),
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
    let message: Message =
        serde_dynamo::from_item(record.change.new_image.clone()).map_err(|problem| Failure::GiveUp(problem.into()))?;
    let now = app.clock.now();
    if message.expires_at <= now {
        return Ok(Outcome::Expired);
    }
    // Checked before a code is issued: a record that arrives again must not replace the code that was sent.
    if claim::is_claimed(app, &message).await? {
        return Ok(Outcome::ClaimedByAnother);
    }
    let (issued, is_for_account) = match issue::issue(app, &message).await? {
        issue::Issued::Carries(issued, is_for_account) => (issued, is_for_account),
        issue::Issued::NoAccount => return Ok(Outcome::NoAccount),
        issue::Issued::Expired => return Ok(Outcome::Expired),
    };
    let composed = compose::compose(&app.config.messages.brand, message.language, &issued);
    // Claimed as late as possible: if storage fails before this, the message can be tried again.
    if !claim::claim(app, &message, claimant).await? {
        return Ok(Outcome::ClaimedByAnother);
    }
    // Counted after the claim, so that a message that is sent once counts once.
    let spent = match budget::spend(app, &message, message.is_to_stranger(is_for_account), now).await {
        Ok(Some(spent)) => spent,
        Ok(None) => return Ok(Outcome::OverBudget),
        Err(error) => {
            claim::release(app, &message, claimant).await;
            return Err(error.into());
        }
    };
    match providers.send(&message.recipient, &composed).await {
        Ok(()) => Ok(Outcome::Sent),
        Err(ProviderError::RefusedForNow(source)) => {
            tokio::join!(budget::take_back(app, &message, &spent), claim::release(app, &message, claimant));
            Err(Failure::TryAgain(source))
        }
        Err(ProviderError::RefusedForGood(source)) => {
            budget::take_back(app, &message, &spent).await;
            Err(Failure::GiveUp(source))
        }
        // It may have been sent, so it stays counted.
        Err(ProviderError::Unknown(source)) => Err(Failure::GiveUp(source)),
    }
}

fn log(record: &EventRecord, outcome: &Result<Outcome, Failure>, request_id: &str) {
    let sequence_number = record.change.sequence_number.as_deref().unwrap_or("-");
    match outcome {
        Ok(outcome) => tracing::info!(function = NAME, request_id, sequence_number, ?outcome, "delivered"),
        Err(failure) => {
            let (Failure::TryAgain(source) | Failure::GiveUp(source)) = failure;
            let cause = shared::error_chain(source.as_ref());
            // The template's alarm counts lines with the code `internal`.
            let code = source.downcast_ref::<Error>().map(Error::code);
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
}
