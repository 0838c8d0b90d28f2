//! What a call to DynamoDB costs, in request units, for items of up to 1 KB. A read that may be slightly old
//! costs half of a strongly consistent one.
//!
//! Every item of the table is smaller than that, except a user with long names. A transaction costs twice as much as
//! the same writes alone, a condition check included.

use serde_json::Value;

/// Request units.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Units {
    pub read: f64,
    pub write: usize,
}

impl Units {
    /// Returns the units of a call, whose body is as it was sent.
    #[must_use]
    pub fn of(operation: &str, body: &[u8]) -> Self {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let write = |write| Self { read: 0.0, write };
        let read = |read| Self { read, write: 0 };
        match operation {
            "PutItem" | "UpdateItem" | "DeleteItem" => write(1),
            "TransactWriteItems" => write(2 * body["TransactItems"].as_array().map_or(0, Vec::len)),
            "GetItem" | "Query" => read(1.0),
            "BatchGetItem" => {
                let tables = body["RequestItems"].as_object().into_iter().flatten();
                let of_table = |(_, table): (_, &Value)| {
                    let of_item = if table["ConsistentRead"] == true { 1.0 } else { 0.5 };
                    table["Keys"].as_array().into_iter().flatten().map(|_| of_item).sum::<f64>()
                };
                read(tables.map(of_table).sum())
            }
            _ => Self::default(),
        }
    }
}

impl std::iter::Sum for Units {
    fn sum<I: Iterator<Item = Self>>(units: I) -> Self {
        units.fold(Self::default(), |all, one| Self { read: all.read + one.read, write: all.write + one.write })
    }
}
