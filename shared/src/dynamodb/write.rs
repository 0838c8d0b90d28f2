//! Single writes, which transactions are made of.

use aws_sdk_dynamodb::types::{
    ConditionCheck, Delete, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};
use serde::Serialize;

use super::Item;
use super::expression::{Condition, ExpressionText, Set};
use super::keys::Key;
use super::store::{attributes, built};
use crate::error::Error;

/// A conditional write. It does not define the meaning of a refusal; [`super::Transaction::require_or`]
/// does.
#[derive(Clone, Debug)]
pub struct Write {
    pub(super) key: Key,
    pub(super) change: Change,
    pub(super) when: Condition,
}

#[derive(Clone, Debug)]
pub(super) enum Change {
    Put(Item),
    Update(Set),
    Delete,
    /// Writes nothing, but the transaction fails when the condition does not hold.
    Check,
}

impl Write {
    pub fn put<T: Serialize>(key: Key, item: &T, when: Condition) -> Result<Self, Error> {
        let item = attributes(&key, item)?;
        Ok(Self { key, change: Change::Put(item), when })
    }

    #[must_use]
    pub const fn update(key: Key, set: Set, when: Condition) -> Self {
        Self { key, change: Change::Update(set), when }
    }

    #[must_use]
    pub const fn delete(key: Key, when: Condition) -> Self {
        Self { key, change: Change::Delete, when }
    }

    /// Creates a write that changes nothing. The transaction fails when the condition does not hold.
    #[must_use]
    pub const fn check(key: Key, when: Condition) -> Self {
        Self { key, change: Change::Check, when }
    }
}

/// A write without a condition, which can never fail its transaction.
#[derive(Clone, Debug)]
pub struct Effect {
    pub(super) key: Key,
    pub(super) change: Change,
}

impl Effect {
    /// Puts an item under a key that no other code writes.
    pub fn put<T: Serialize>(key: Key, item: &T) -> Result<Self, Error> {
        let item = attributes(&key, item)?;
        Ok(Self { key, change: Change::Put(item) })
    }

    /// Updates an item, or creates it.
    #[must_use]
    pub const fn update(key: Key, set: Set) -> Self {
        Self { key, change: Change::Update(set) }
    }

    /// Removes an item, if it exists.
    #[must_use]
    pub const fn remove(key: Key) -> Self {
        Self { key, change: Change::Delete }
    }
}

/// Returns a write in the SDK's form.
pub(super) fn written(
    table: &str,
    key: &Key,
    change: Change,
    when: Option<&Condition>,
) -> Result<TransactWriteItem, Error> {
    let set = if let Change::Update(set) = &change { Some(set) } else { None };
    let written = ExpressionText::new(set, when);
    let (names, values) = (written.names(), written.values());
    let old = when.map(|_| ReturnValuesOnConditionCheckFailure::AllOld);
    let key = Some(key.attributes());
    let item = TransactWriteItem::builder();
    let item = match change {
        Change::Put(attributes) => item.put(built(
            Put::builder()
                .table_name(table)
                .set_item(Some(attributes))
                .set_condition_expression(written.condition)
                .set_expression_attribute_names(names)
                .set_expression_attribute_values(values)
                .set_return_values_on_condition_check_failure(old)
                .build(),
        )?),
        Change::Update(_) => item.update(built(
            Update::builder()
                .table_name(table)
                .set_key(key)
                .set_update_expression(written.update)
                .set_condition_expression(written.condition)
                .set_expression_attribute_names(names)
                .set_expression_attribute_values(values)
                .set_return_values_on_condition_check_failure(old)
                .build(),
        )?),
        Change::Delete => item.delete(built(
            Delete::builder()
                .table_name(table)
                .set_key(key)
                .set_condition_expression(written.condition)
                .set_expression_attribute_names(names)
                .set_expression_attribute_values(values)
                .set_return_values_on_condition_check_failure(old)
                .build(),
        )?),
        Change::Check => item.condition_check(built(
            ConditionCheck::builder()
                .table_name(table)
                .set_key(key)
                .set_condition_expression(written.condition)
                .set_expression_attribute_names(names)
                .set_expression_attribute_values(values)
                .set_return_values_on_condition_check_failure(old)
                .build(),
        )?),
    };
    Ok(item.build())
}
