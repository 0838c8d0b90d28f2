//! Makes conditional writes fail on demand. Tests use this to see how a request answers each failed condition, and each
//! pair of failed conditions in one transaction.

use std::sync::{Arc, Mutex, PoisonError};

use dynoxide::Database;
use serde_json::{Value, json};

use crate::engine;

/// A call that writes: the names of its writes, in order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Writes(pub Vec<Named>);

/// One write, named by its action and the kind of its key, such as `Update USER#*/PROFILE`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Named {
    /// Contains nothing that differs from run to run.
    pub name: String,
    /// Whether the write has a condition, and so can fail on it.
    pub is_conditional: bool,
}

/// The recording of writes, and the call that is to fail.
#[derive(Clone, Debug, Default)]
pub struct Refusals(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    recorded: Option<Vec<Writes>>,
    armed: Option<(Writes, Vec<usize>)>,
}

impl Refusals {
    /// Starts to record the calls that write.
    pub fn record(&self) {
        self.state().recorded = Some(Vec::new());
    }

    /// Ends the recording and returns the calls.
    #[must_use]
    pub fn recorded(&self) -> Vec<Writes> {
        self.state().recorded.take().unwrap_or_default()
    }

    /// Makes these writes fail, given by position, in the next call that consists of exactly these writes.
    pub fn refuse(&self, call: Writes, places: Vec<usize>) {
        self.state().armed = Some((call, places));
    }

    /// Cancels the failure asked for. Returns whether it was still to come.
    #[must_use]
    pub fn take_back(&self) -> bool {
        self.state().armed.take().is_some()
    }

    /// Returns the answer for a call that is to fail.
    pub(crate) fn answer(&self, operation: &str, body: &[u8], database: &Database) -> Option<Value> {
        let mut state = self.state();
        if state.recorded.is_none() && state.armed.is_none() {
            return None;
        }
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let writes = writes_of(operation, &body);
        if writes.is_empty() {
            return None;
        }
        let call = Writes(writes.iter().map(|(action, write)| named(action, write)).collect());
        if let Some(recorded) = &mut state.recorded {
            recorded.push(call.clone());
        }
        let (_, places) = state.armed.take_if(|(wanted, _)| *wanted == call)?;
        let item = |place: usize| current_item(database, writes[place].1);
        if operation != "TransactWriteItems" {
            return Some(refusal("ConditionalCheckFailedException", "Item", &item(0)));
        }
        let reason = |place: usize| {
            let code = if places.contains(&place) { "ConditionalCheckFailed" } else { "None" };
            let mut reason = json!({ "Code": code });
            if let Some(item) = places.contains(&place).then(|| item(place)).filter(|item| !item.is_null()) {
                reason["Item"] = item;
            }
            reason
        };
        let reasons: Vec<_> = (0..writes.len()).map(reason).collect();
        Some(refusal("TransactionCanceledException", "CancellationReasons", &json!(reasons)))
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn refusal(code: &str, field: &str, value: &Value) -> Value {
    let mut answer =
        json!({ "__type": format!("com.amazonaws.dynamodb.v20120810#{code}"), "message": "refused on demand" });
    if !value.is_null() {
        answer[field] = value.clone();
    }
    answer
}

/// Returns the writes of a call, each with its action. Returns none if the call only reads.
fn writes_of<'a>(operation: &'a str, body: &'a Value) -> Vec<(&'a str, &'a Value)> {
    match operation {
        "TransactWriteItems" => {
            let items = body["TransactItems"].as_array().into_iter().flatten();
            items
                .filter_map(|item| item.as_object()?.iter().next())
                .map(|(action, write)| (action.as_str(), write))
                .collect()
        }
        "UpdateItem" | "PutItem" | "DeleteItem" => vec![(operation.trim_end_matches("Item"), body)],
        _ => Vec::new(),
    }
}

fn named(action: &str, write: &Value) -> Named {
    let key = key_of(write);
    let part = |name: &str| generic(key[name]["S"].as_str().unwrap_or_default());
    let name = format!("{action} {}/{}", part("pk"), part("sk"));
    Named { name, is_conditional: write["ConditionExpression"].is_string() }
}

/// Replaces ids, numbers and dates in a key by `*`.
fn generic(key: &str) -> String {
    let is_word =
        |text: &str| text.len() <= 16 && text.chars().all(|c| c.is_ascii_alphabetic() || c == '-' || c == '_');
    let mut name = String::new();
    for segment in key.split_inclusive(['#', '/']) {
        let word = segment.trim_end_matches(['#', '/']);
        name += if is_word(word) { word } else { "*" };
        name += &segment[word.len()..];
    }
    name
}

fn key_of(write: &Value) -> Value {
    let from = if write["Key"].is_object() { &write["Key"] } else { &write["Item"] };
    json!({ "pk": from["pk"], "sk": from["sk"] })
}

/// Returns the item on which a write would have been evaluated.
fn current_item(database: &Database, write: &Value) -> Value {
    let request = json!({ "TableName": write["TableName"], "Key": key_of(write), "ConsistentRead": true });
    let answer = engine::call(database, "GetItem", request.to_string().as_bytes());
    let answer: Value = answer.and_then(|(_, body)| serde_json::from_str(&body).ok()).unwrap_or_default();
    answer["Item"].clone()
}
