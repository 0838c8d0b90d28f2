//! The table, and the few operations on it: reads of some items, transactions of several writes, and single conditional
//! updates.

use std::collections::HashMap;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::{RetryConfig, RetryPartition, TokenBucket};
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Region, SharedCredentialsProvider, StalledStreamProtectionConfig};
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{
    AttributeValue, KeysAndAttributes, ReturnValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem,
};
use aws_smithy_http_client::tls;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::expression::{Condition, ExpressionText, Set};
use super::keys::{self, Key};
use crate::config::{AwsConfig, StorageConfig};
use crate::domain::{ExposeSecret, SecretString};
use crate::error::Error;

/// An item in the SDK's form.
pub type Item = HashMap<String, AttributeValue>;

/// Amazon's own root certificates. The certificate of every AWS endpoint leads to one of them, and at start it is
/// faster to parse these five than all of the system's.
static AMAZON_ROOTS: &[u8] = include_bytes!("amazon_roots.pem");

/// Returns the configuration that all AWS clients of this process share: TLS, credentials, region, timeouts, retries.
pub fn sdk_config(aws: &AwsConfig) -> Result<aws_types::SdkConfig, Error> {
    let trust = tls::TrustStore::empty().with_pem_certificate(AMAZON_ROOTS);
    let context = tls::TlsContext::builder().with_trust_store(trust).build();
    let context = context.map_err(|source| Error::internal("setting up TLS", source))?;
    let http_client = aws_smithy_http_client::Builder::new()
        .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring))
        .tls_context(context)
        .build_https();
    let text = |secret: &Option<SecretString>| secret.as_ref().map(|secret| secret.expose_secret().to_owned());
    let credentials = Credentials::new(
        text(&aws.access_key_id).unwrap_or_default(),
        text(&aws.secret_access_key).unwrap_or_default(),
        text(&aws.session_token),
        None,
        "environment",
    );
    Ok(aws_types::SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(http_client)
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .region(Region::new(aws.region.clone()))
        .timeout_config(
            TimeoutConfig::builder()
                .connect_timeout(aws.connect_timeout)
                .operation_attempt_timeout(aws.attempt_timeout)
                // This bounds all three attempts and the waits between them, so that a call ends well within the
                // function's timeout.
                .operation_timeout(aws.attempt_timeout * 3)
                .build(),
        )
        .retry_config(
            RetryConfig::standard()
                .with_max_attempts(3)
                .with_initial_backoff(Duration::from_millis(50))
                .with_max_backoff(Duration::from_millis(400)),
        )
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .build())
}

/// Creates the DynamoDB client. Opens no connection.
pub fn client(config: &StorageConfig) -> Result<Client, Error> {
    let shared = sdk_config(&config.aws)?;
    // In `local`, several functions run in one process. Each has its own retry budget, so that the failures of one do
    // not use up the retries of the others.
    let retries = RetryPartition::custom("function").token_bucket(TokenBucket::default()).build();
    let mut builder = aws_sdk_dynamodb::config::Builder::from(&shared).retry_partition(retries);
    builder.set_endpoint_url(config.endpoint_url.clone());
    Ok(Client::from_conf(builder.build()))
}

/// The table of the deployment.
#[derive(Clone, Debug)]
pub struct Store(Access);

#[derive(Clone, Debug)]
enum Access {
    Table { client: Client, name: String },
    NotNeeded,
    Down,
}

/// The reason why a function has no table.
#[derive(Debug, thiserror::Error)]
enum NoTable {
    #[error("this function does not list the table among its needs")]
    NotNeeded,
    #[error("there is no table")]
    Down,
}

/// The error for a write that did not happen.
#[derive(Debug)]
pub(super) enum StoreError {
    /// One or more conditions did not hold. Nothing was written.
    Refused(Vec<Refusal>),
    /// Another transaction was writing one of the items. Nothing was written, and it is worth trying again.
    Conflict,
    /// The call failed. After a timeout, it is unknown whether DynamoDB wrote.
    Failed(Error),
}

/// A condition that did not hold.
#[derive(Debug)]
pub(super) struct Refusal {
    /// The index of the write in the transaction, from 0.
    pub place: usize,
    /// The present item, if there is one.
    pub item: Option<Item>,
}

impl Store {
    /// Creates the store of a table that is reached by a client.
    #[must_use]
    pub fn new(client: Client, table: String) -> Self {
        Self(Access::Table { client, name: table })
    }

    /// Creates the store of a function that does not list the table among its needs. A call is a bug and returns
    /// [`Error::Internal`].
    #[must_use]
    pub const fn not_needed() -> Self {
        Self(Access::NotNeeded)
    }

    /// Creates a store whose table is down, for tests that run a function until it first uses the table.
    #[must_use]
    pub const fn down() -> Self {
        Self(Access::Down)
    }

    /// Opens the connection by a read of an item that does not exist, so that the first request does not wait for it.
    pub async fn warm_up(&self) -> Result<(), Error> {
        self.get::<super::items::ExpiringItem>(&keys::nothing(), "warming up").await.map(drop)
    }

    /// Reads one item with strong consistency.
    pub async fn get<T: DeserializeOwned>(&self, key: &Key, doing: &'static str) -> Result<Option<T>, Error> {
        let (client, table) = self.table(doing)?;
        let request = client.get_item().table_name(table).set_key(Some(key.attributes()));
        let answer = request.consistent_read(true).send().await;
        let answer = answer.map_err(|source| call_failed(doing, source))?;
        answer.item.map(|item| read_item(item, doing)).transpose()
    }

    /// Reads some items with strong consistency, usually in one round trip. Returns them in the order of their keys.
    pub async fn get_many<const N: usize>(
        &self,
        keys: [&Key; N],
        doing: &'static str,
    ) -> Result<[Option<Item>; N], Error> {
        let mut found = self.get_batch(&keys, doing, true).await?.into_iter();
        Ok(std::array::from_fn(|_| found.next().flatten()))
    }

    /// Reads some items as [`Store::get_many`] does, but they may be slightly old. This costs half as much.
    pub(crate) async fn get_recent(&self, keys: &[&Key], doing: &'static str) -> Result<Vec<Option<Item>>, Error> {
        if keys.is_empty() { Ok(Vec::new()) } else { self.get_batch(keys, doing, false).await }
    }

    async fn get_batch(&self, keys: &[&Key], doing: &'static str, strong: bool) -> Result<Vec<Option<Item>>, Error> {
        let (client, table) = self.table(doing)?;
        let mut found = vec![None; keys.len()];
        let mut wanted: Vec<Item> = keys.iter().map(|key| key.attributes()).collect();
        let mut backoff = ConflictBackoff::default();
        loop {
            let request = KeysAndAttributes::builder().set_keys(Some(wanted)).consistent_read(strong).build();
            let request = client.batch_get_item().request_items(table, built(request)?);
            let answer = request.send().await.map_err(|source| call_failed(doing, source))?;
            for item in answer.responses.unwrap_or_default().remove(table).unwrap_or_default() {
                let index = keys.iter().position(|key| key.attributes().iter().all(|(k, v)| item.get(k) == Some(v)));
                if let Some(index) = index {
                    found[index] = Some(item);
                }
            }
            let mut unread = answer.unprocessed_keys.unwrap_or_default();
            match unread.remove(table) {
                Some(rest) if !rest.keys.is_empty() => wanted = rest.keys,
                _ => return Ok(found),
            }
            backoff.wait(doing).await?;
        }
    }

    /// Reads all items of a partition with strong consistency.
    pub async fn query<T: DeserializeOwned>(&self, partition: &str, doing: &'static str) -> Result<Vec<T>, Error> {
        let (client, table) = self.table(doing)?;
        let request = client.query().table_name(table).consistent_read(true);
        let request = request
            .key_condition_expression("#pk = :pk")
            .expression_attribute_names("#pk", keys::PARTITION)
            .expression_attribute_values(":pk", AttributeValue::S(partition.to_owned()));
        let mut pages = request.into_paginator().items().send();
        let mut found = Vec::new();
        while let Some(item) = pages.next().await {
            found.push(read_item(item.map_err(|source| call_failed(doing, source))?, doing)?);
        }
        Ok(found)
    }

    /// Reads up to `most` items of a partition for which a condition holds. They may be slightly old, which costs half as
    /// much.
    pub async fn query_where(
        &self,
        partition: &str,
        filter: &Condition,
        most: usize,
        doing: &'static str,
    ) -> Result<Vec<Item>, Error> {
        let (client, table) = self.table(doing)?;
        let filter = ExpressionText::new(None, Some(filter));
        let mut names = filter.names().unwrap_or_default();
        names.insert("#pk".to_owned(), keys::PARTITION.to_owned());
        let mut values = filter.values().unwrap_or_default();
        values.insert(":pk".to_owned(), AttributeValue::S(partition.to_owned()));
        let request = client.query().table_name(table).key_condition_expression("#pk = :pk");
        let request = request.set_filter_expression(filter.condition);
        let request = request.set_expression_attribute_names(Some(names)).set_expression_attribute_values(Some(values));
        let mut pages = request.into_paginator().items().send();
        let mut found = Vec::new();
        while found.len() < most
            && let Some(item) = pages.next().await
        {
            found.push(item.map_err(|source| call_failed(doing, source))?);
        }
        Ok(found)
    }

    /// Writes all items or none, once. A retry uses the same token, so that a write whose answer was lost is not made
    /// twice.
    pub(super) async fn transact(
        &self,
        writes: &[TransactWriteItem],
        token: &str,
        doing: &'static str,
    ) -> Result<(), StoreError> {
        let (client, _) = self.table(doing).map_err(StoreError::Failed)?;
        let request = client.transact_write_items().set_transact_items(Some(writes.to_vec()));
        request.client_request_token(token).send().await.map(drop).map_err(|error| store_error(error, doing))
    }

    /// Updates one item on a condition, outside a transaction, and returns the updated item. This costs half as much as
    /// a transaction.
    ///
    /// An update whose answer was lost is made again. Use this only for counts that may count once too often, and for
    /// changes that have the same result when made twice. `why` gets the item that did not meet the condition.
    pub async fn write<E: From<Error>>(
        &self,
        doing: &'static str,
        key: &Key,
        set: &Set,
        when: &Condition,
        why: impl FnOnce(Option<Item>) -> E,
    ) -> Result<Item, E> {
        let (client, table) = self.table(doing)?;
        let written = ExpressionText::new(Some(set), Some(when));
        let mut backoff = ConflictBackoff::default();
        loop {
            let request = client.update_item().table_name(table).set_key(Some(key.attributes()));
            let answer = request
                .set_update_expression(written.update.clone())
                .set_condition_expression(written.condition.clone())
                .set_expression_attribute_names(written.names())
                .set_expression_attribute_values(written.values())
                .return_values(ReturnValue::AllNew)
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
                .send()
                .await;
            let error = match answer {
                Ok(answer) => return Ok(answer.attributes.unwrap_or_default()),
                Err(error) => error,
            };
            match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(failed)) => return Err(why(failed.item.clone())),
                Some(UpdateItemError::TransactionConflictException(_)) => backoff.wait(doing).await?,
                _ => return Err(call_failed(doing, error).into()),
            }
        }
    }

    /// Deletes one item, if it exists, outside a transaction. This costs half as much as a transaction, and a
    /// transaction of another request on the same item does not make it fail.
    pub async fn delete(&self, doing: &'static str, key: &Key) -> Result<(), Error> {
        let (client, table) = self.table(doing)?;
        let mut backoff = ConflictBackoff::default();
        loop {
            let request = client.delete_item().table_name(table).set_key(Some(key.attributes()));
            let Err(error) = request.send().await else { return Ok(()) };
            match error.as_service_error() {
                Some(DeleteItemError::TransactionConflictException(_)) => backoff.wait(doing).await?,
                _ => return Err(call_failed(doing, error)),
            }
        }
    }

    pub(super) fn table_name(&self, doing: &'static str) -> Result<&str, Error> {
        self.table(doing).map(|(_, name)| name)
    }

    fn table(&self, doing: &'static str) -> Result<(&Client, &str), Error> {
        match &self.0 {
            Access::Table { client, name } => Ok((client, name)),
            Access::NotNeeded => Err(Error::internal(doing, NoTable::NotNeeded)),
            Access::Down => Err(Error::unavailable(doing, NoTable::Down)),
        }
    }
}

/// A back-off for conflicts with another transaction on the same items. It waits a few times, each time longer, because
/// the other transaction ends soon.
pub(super) struct ConflictBackoff {
    next_wait: Duration,
    waits_left: u32,
}

impl Default for ConflictBackoff {
    fn default() -> Self {
        Self { next_wait: Duration::from_millis(20), waits_left: 4 }
    }
}

impl ConflictBackoff {
    pub(super) async fn wait(&mut self, doing: &'static str) -> Result<(), Error> {
        let Some(left) = self.waits_left.checked_sub(1) else {
            return Err(Error::unavailable(doing, "transactions kept conflicting"));
        };
        self.waits_left = left;
        tokio::time::sleep(self.next_wait + jitter(self.next_wait)).await;
        self.next_wait *= 2;
        Ok(())
    }
}

fn store_error(error: SdkError<TransactWriteItemsError>, doing: &'static str) -> StoreError {
    let Some(TransactWriteItemsError::TransactionCanceledException(canceled)) = error.as_service_error() else {
        return StoreError::Failed(call_failed(doing, error));
    };
    let reasons = canceled.cancellation_reasons();
    let failed = |code: &str| reasons.iter().any(|reason| reason.code() == Some(code));
    // A condition that does not hold is final, even if there was a conflict too.
    if failed("ConditionalCheckFailed") {
        let refused = reasons.iter().enumerate().filter(|(_, reason)| reason.code() == Some("ConditionalCheckFailed"));
        let refusals = refused.map(|(place, reason)| Refusal { place, item: reason.item.clone() });
        return StoreError::Refused(refusals.collect());
    }
    let passing = ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"];
    if passing.into_iter().any(failed) {
        return StoreError::Conflict;
    }
    if ["ValidationError", "ItemCollectionSizeLimitExceeded"].into_iter().any(failed) {
        return StoreError::Failed(Error::internal(doing, error));
    }
    StoreError::Failed(call_failed(doing, error))
}

/// Returns the error for a failed call to DynamoDB. A call that is malformed, forbidden or names a table that does not
/// exist always fails. Any other failure may pass.
fn call_failed<E>(doing: &'static str, error: SdkError<E>) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    match error.code() {
        Some("ValidationException" | "AccessDeniedException" | "ResourceNotFoundException") => {
            Error::internal(doing, error)
        }
        _ => Error::unavailable(doing, error),
    }
}

fn jitter(at_most: Duration) -> Duration {
    at_most.mul_f32(f32::from(crate::crypto::random::<1>()[0]) / 255.0)
}

/// Deserializes an item.
pub fn read_item<T: DeserializeOwned>(item: Item, doing: &'static str) -> Result<T, Error> {
    serde_dynamo::from_item(item).map_err(|source| Error::internal(doing, source))
}

pub(super) fn attributes<T: Serialize>(key: &Key, item: &T) -> Result<Item, Error> {
    let mut attributes: Item =
        serde_dynamo::to_item(item).map_err(|source| Error::internal("shaping an item", source))?;
    attributes.extend(key.attributes());
    Ok(attributes)
}

pub(super) fn built<T, E: std::error::Error + Send + Sync + 'static>(result: Result<T, E>) -> Result<T, Error> {
    result.map_err(|source| Error::internal("shaping a write", source))
}
