//! Conflicts between calls to DynamoDB, as the real service has them and the engine has not: two transactions on one item
//! at the same time, or a transaction and a write. The engine runs one call after the other, so without this no test
//! would meet a conflict.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;

/// How long a write takes, so that calls overlap as they do on the real service.
const WRITE_TIME: Duration = Duration::from_millis(4);

/// The writes that are being made.
#[derive(Clone, Debug, Default)]
pub struct Conflicts(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    enabled: bool,
    next: u64,
    under_way: BTreeMap<u64, Writes>,
    /// How many calls were refused.
    refused: u64,
}

/// The items of a call that writes.
#[derive(Debug)]
struct Writes {
    keys: Vec<(String, String)>,
    is_transaction: bool,
}

impl Writes {
    fn of(operation: &str, body: &[u8]) -> Option<Self> {
        let is_transaction = operation == "TransactWriteItems";
        if !is_transaction && !["PutItem", "UpdateItem", "DeleteItem"].contains(&operation) {
            return None;
        }
        let body: Value = serde_json::from_slice(body).ok()?;
        let keys = if is_transaction {
            let items = body["TransactItems"].as_array()?.iter().filter_map(Value::as_object);
            items.flat_map(|item| item.values().map(key)).collect()
        } else {
            vec![key(&body)]
        };
        Some(Self { keys, is_transaction })
    }

    /// Two writes outside transactions never conflict: one comes after the other.
    fn conflicts_with(&self, other: &Self) -> bool {
        (self.is_transaction || other.is_transaction) && self.keys.iter().any(|key| other.keys.contains(key))
    }
}

fn key(write: &Value) -> (String, String) {
    let from = if write["Key"].is_object() { &write["Key"] } else { &write["Item"] };
    let part = |name: &str| from[name]["S"].as_str().unwrap_or_default().to_owned();
    (part("pk"), part("sk"))
}

/// A call refused because of another one.
pub(crate) struct Conflict;

/// A write that is being made, until this value is dropped.
pub(crate) struct UnderWay {
    conflicts: Conflicts,
    number: u64,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.conflicts.state().under_way.remove(&self.number);
    }
}

impl Conflicts {
    /// Makes calls conflict from now on.
    pub fn enable(&self) {
        self.state().enabled = true;
    }

    /// Returns how many calls were refused.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.state().refused
    }

    /// Begins a call, and takes its time.
    pub(crate) async fn begin(&self, operation: &str, body: &[u8]) -> Result<Option<UnderWay>, Conflict> {
        let begun = self.enter(operation, body)?;
        if begun.is_some() {
            tokio::time::sleep(WRITE_TIME).await;
        }
        Ok(begun)
    }

    fn enter(&self, operation: &str, body: &[u8]) -> Result<Option<UnderWay>, Conflict> {
        let mut state = self.state();
        if !state.enabled {
            return Ok(None);
        }
        let Some(writes) = Writes::of(operation, body) else { return Ok(None) };
        if state.under_way.values().any(|other| writes.conflicts_with(other)) {
            state.refused += 1;
            return Err(Conflict);
        }
        let number = state.next;
        state.next += 1;
        state.under_way.insert(number, writes);
        Ok(Some(UnderWay { conflicts: self.clone(), number }))
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn update(key: &str) -> Value {
        json!({ "Key": { "pk": { "S": key }, "sk": { "S": "X" } } })
    }

    fn enter(conflicts: &Conflicts, operation: &str, body: &Value) -> Result<Option<UnderWay>, Conflict> {
        conflicts.enter(operation, body.to_string().as_bytes())
    }

    #[test]
    fn a_transaction_conflicts_with_whatever_writes_one_of_its_items() {
        let conflicts = Conflicts::default();
        conflicts.enable();
        let transaction = json!({ "TransactItems": [{ "Update": update("A") }, { "ConditionCheck": update("B") }] });
        let under_way = enter(&conflicts, "TransactWriteItems", &transaction);
        assert!(enter(&conflicts, "UpdateItem", &update("B")).is_err());
        assert!(enter(&conflicts, "TransactWriteItems", &transaction).is_err());
        assert!(enter(&conflicts, "UpdateItem", &update("C")).is_ok());
        assert!(matches!(enter(&conflicts, "GetItem", &update("A")), Ok(None)), "a read conflicts with nothing");
        drop(under_way);
        let write = enter(&conflicts, "UpdateItem", &update("A"));
        assert!(enter(&conflicts, "UpdateItem", &update("A")).is_ok(), "two writes come one after the other");
        assert!(enter(&conflicts, "TransactWriteItems", &transaction).is_err());
        drop(write);
        assert!(enter(&conflicts, "TransactWriteItems", &transaction).is_ok());
        assert_eq!(conflicts.refused(), 3);
    }
}
