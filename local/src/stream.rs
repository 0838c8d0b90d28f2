//! The event source mapping on this machine. It reads the table's stream and calls `deliver` as Lambda would, by the
//! mapping in the template.

use std::time::Duration;

use aws_lambda_events::dynamodb::Event;
use deliver::Providers;
use dynoxide::Database;
use dynoxide::actions::describe_stream::DescribeStreamRequest;
use dynoxide::actions::get_records::GetRecordsRequest;
use dynoxide::actions::get_shard_iterator::GetShardIteratorRequest;
use dynoxide::actions::list_streams::ListStreamsRequest;
use serde_json::{Value, json};
use shared::App;
use shared::Clock;
use shared::crypto::random_hex;
use tokio::sync::{Mutex, MutexGuard};

use crate::template::StreamMapping;

/// The time between two looks at the stream while nobody waits for it.
const IDLE: Duration = Duration::from_millis(50);

/// The running mapping.
pub struct Pump {
    database: Database,
    app: App,
    providers: Providers,
    mapping: StreamMapping,
    /// The engine's clock, which dates the records.
    engine_clock: Clock,
    state: Mutex<State>,
}

/// The position in the stream, and the records that were given up.
#[derive(Default)]
pub struct State {
    iterator: Option<String>,
    undelivered: Vec<Value>,
}

#[derive(Debug, thiserror::Error)]
#[error("reading the stream: {0}")]
pub struct StreamError(String);

impl Pump {
    /// Creates a pump that starts at the oldest record.
    #[must_use]
    pub fn new(
        database: Database,
        app: App,
        providers: Providers,
        mapping: StreamMapping,
        engine_clock: Clock,
    ) -> Self {
        Self { database, app, providers, mapping, engine_clock, state: Mutex::default() }
    }

    /// Carries records as they arrive, for ever.
    pub async fn run(&self) {
        loop {
            if let Err(error) = self.settle().await {
                tracing::error!(%error, "the stream stands still");
            }
            tokio::time::sleep(IDLE).await;
        }
    }

    /// Carries all records there are, and returns when they are carried.
    pub async fn settle(&self) -> Result<(), StreamError> {
        let mut state = self.state.lock().await;
        loop {
            let records = self.next_records(&mut state)?;
            if records.is_empty() {
                return Ok(());
            }
            let wanted: Vec<_> = records.into_iter().filter(|record| self.is_wanted(record)).collect();
            for batch in wanted.chunks(self.mapping.batch_size) {
                self.carry(batch.to_vec(), &mut state.undelivered).await;
            }
        }
    }

    /// Stops the stream for as long as the guard lives.
    pub async fn hold(&self) -> MutexGuard<'_, State> {
        self.state.lock().await
    }

    /// Returns the records that were given up. In a deployment they would be in the on-failure queue.
    pub async fn undelivered(&self) -> Vec<Value> {
        self.state.lock().await.undelivered.clone()
    }

    /// Empties the queue.
    pub async fn forget_undelivered(&self) {
        self.state.lock().await.undelivered.clear();
    }

    fn next_records(&self, state: &mut State) -> Result<Vec<Value>, StreamError> {
        let problem = |error: &dyn std::fmt::Display| StreamError(error.to_string());
        let iterator = match state.iterator.take() {
            Some(iterator) => iterator,
            None => self.oldest()?,
        };
        let request = GetRecordsRequest { shard_iterator: iterator.clone(), limit: None };
        let answer = self.database.get_records(request).map_err(|error| problem(&error))?;
        state.iterator = answer.next_shard_iterator.or(Some(iterator));
        let records = answer.records.iter().map(serde_json::to_value).collect::<Result<_, _>>();
        records.map_err(|error| problem(&error))
    }

    fn oldest(&self) -> Result<String, StreamError> {
        let problem = |error: &dyn std::fmt::Display| StreamError(error.to_string());
        let streams = self.database.list_streams(ListStreamsRequest::default()).map_err(|error| problem(&error))?;
        let stream = streams.streams.first().ok_or_else(|| problem(&"the table has none"))?;
        let request = DescribeStreamRequest { stream_arn: stream.stream_arn.clone(), ..Default::default() };
        let description = self.database.describe_stream(request).map_err(|error| problem(&error))?.stream_description;
        let shard = description.shards.first().ok_or_else(|| problem(&"the stream has no shard"))?;
        let request = GetShardIteratorRequest {
            stream_arn: stream.stream_arn.clone(),
            shard_id: shard.shard_id.clone(),
            shard_iterator_type: "TRIM_HORIZON".to_owned(),
            ..Default::default()
        };
        let answer = self.database.get_shard_iterator(request).map_err(|error| problem(&error))?;
        answer.shard_iterator.ok_or_else(|| problem(&"no iterator"))
    }

    fn is_wanted(&self, record: &Value) -> bool {
        self.mapping.patterns.is_empty() || self.mapping.patterns.iter().any(|pattern| matches(pattern, record))
    }

    /// Carries a batch until none of its records fails, its tries are used up, or its records are too old. After a
    /// failure, the batch is tried again from the lowest failed record on. If more than one record is left, the rest is
    /// halved first, which does not count as a try.
    async fn carry(&self, batch: Vec<Value>, undelivered: &mut Vec<Value>) {
        let mut waiting = vec![(batch, 0_u64)];
        while let Some((batch, tries)) = waiting.pop() {
            let (batch, old): (Vec<_>, Vec<_>) = batch.into_iter().partition(|record| !self.is_too_old(record));
            undelivered.extend(old);
            let mut rest = self.invoke(batch).await;
            if rest.is_empty() {
                continue;
            }
            if self.mapping.bisect && rest.len() > 1 {
                let second = rest.split_off(rest.len() / 2);
                waiting.push((second, tries));
                waiting.push((rest, tries));
            } else if tries < self.mapping.retries {
                waiting.push((rest, tries + 1));
            } else {
                undelivered.extend(rest);
            }
        }
    }

    /// Invokes `deliver` and returns the records to try again.
    async fn invoke(&self, batch: Vec<Value>) -> Vec<Value> {
        if batch.is_empty() {
            return batch;
        }
        let Ok(event) = serde_json::from_value::<Event>(json!({ "Records": batch })) else {
            return batch;
        };
        let invocation_id = random_hex::<16>();
        let response = deliver::deliver(&self.app, &self.providers, event, &invocation_id).await;
        let failed: Vec<_> =
            response.batch_item_failures.iter().map(|failure| failure.item_identifier.clone()).collect();
        let is_failed =
            |record: &Value| failed.iter().any(|id| id.as_deref() == record["dynamodb"]["SequenceNumber"].as_str());
        match batch.iter().position(is_failed) {
            Some(lowest) => batch[lowest..].to_vec(),
            None => Vec::new(),
        }
    }

    fn is_too_old(&self, record: &Value) -> bool {
        let created = record["dynamodb"]["ApproximateCreationDateTime"].as_f64().unwrap_or_default();
        let now = self.engine_clock.now().unix_seconds();
        #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 are exact in a double")]
        let age = now as f64 - created;
        #[expect(clippy::cast_precision_loss, reason = "a few hundred seconds are exact in a double")]
        let limit = self.mapping.max_age_seconds as f64;
        age > limit
    }
}

/// Implements as much of EventBridge's pattern language as the template uses: objects, and lists of allowed values.
fn matches(pattern: &Value, value: &Value) -> bool {
    match pattern {
        Value::Object(fields) => fields.iter().all(|(name, pattern)| matches(pattern, &value[name])),
        Value::Array(allowed) => allowed.contains(value),
        _ => false,
    }
}
