//! Holds calls to DynamoDB, so that a test can make something happen between two calls of one request.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use tokio::sync::oneshot;

/// The calls that will be held.
#[derive(Clone, Debug, Default)]
pub struct Holds(Arc<Mutex<Vec<Hold>>>);

#[derive(Debug)]
struct Hold {
    operation: &'static str,
    partition: String,
    reached: oneshot::Sender<()>,
    released: oneshot::Receiver<()>,
}

/// A call that is held now or will be. It continues when this value is released or dropped.
#[derive(Debug)]
pub struct HeldCall {
    reached: oneshot::Receiver<()>,
    release: oneshot::Sender<()>,
}

impl Holds {
    /// Holds the next call of an operation that contains a key of this partition. Later calls pass.
    #[must_use]
    pub fn hold(&self, operation: &'static str, partition: impl Into<String>) -> HeldCall {
        let ((report, reached), (release, released)) = (oneshot::channel(), oneshot::channel());
        let hold = Hold { operation, partition: partition.into(), reached: report, released };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(hold);
        HeldCall { reached, release }
    }

    /// Waits if this call is to be held.
    pub(crate) async fn pass(&self, operation: &str, body: &[u8]) {
        let Some(hold) = self.take(operation, body) else { return };
        let _ = hold.reached.send(());
        let _ = hold.released.await;
    }

    fn take(&self, operation: &str, body: &[u8]) -> Option<Hold> {
        let mut holds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if holds.is_empty() {
            return None;
        }
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let index = holds.iter().position(|hold| hold.operation == operation && names(&body, &hold.partition))?;
        Some(holds.remove(index))
    }
}

impl HeldCall {
    /// Waits until the call arrives. Returns `false` if the hold was discarded before that.
    pub async fn reached(&mut self) -> bool {
        (&mut self.reached).await.is_ok()
    }

    /// Lets the call continue.
    pub fn release(self) {
        let _ = self.release.send(());
    }
}

/// Returns whether a key of the partition occurs anywhere in a request.
fn names(value: &Value, partition: &str) -> bool {
    match value {
        Value::Object(fields) => {
            fields.get("pk").is_some_and(|pk| pk["S"] == partition)
                || fields.values().any(|field| names(field, partition))
        }
        Value::Array(values) => values.iter().any(|value| names(value, partition)),
        _ => false,
    }
}
