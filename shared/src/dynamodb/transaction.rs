//! A transaction in which every write says what its refusal means.
//!
//! A use case declares its writes in the order in which their refusals matter; no code knows the place of a write.

use aws_sdk_dynamodb::types::{
    ConditionCheck, Delete, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};
use serde::Serialize;

use super::expression::{Condition, Set, Written};
use super::keys::Key;
use super::store::{Refusal, Store, StoreError, attributes, built};
use super::{Item, store};
use crate::error::Error;

/// A conditional write. It has no meaning for a refusal yet.
#[derive(Clone)]
pub struct Write {
    key: Key,
    change: Change,
    when: Option<Condition>,
}

#[derive(Clone)]
enum Change {
    Put(Item),
    Update(Set),
    Delete,
    /// Writes nothing, but holds the rest to the condition.
    Check,
    /// A write that is built already.
    Built(TransactWriteItem),
}

impl Write {
    /// Puts an item.
    pub fn put<T: Serialize>(key: Key, item: &T, when: Condition) -> Result<Self, Error> {
        let item = attributes(&key, item)?;
        Ok(Self { key, change: Change::Put(item), when: Some(when) })
    }

    /// Updates an item.
    #[must_use]
    pub const fn update(key: Key, set: Set, when: Condition) -> Self {
        Self { key, change: Change::Update(set), when: Some(when) }
    }

    /// Deletes an item.
    #[must_use]
    pub const fn delete(key: Key, when: Condition) -> Self {
        Self { key, change: Change::Delete, when: Some(when) }
    }

    /// Writes nothing, but holds the rest of the transaction to a condition.
    #[must_use]
    pub const fn check(key: Key, when: Condition) -> Self {
        Self { key, change: Change::Check, when: Some(when) }
    }
}

impl Write {
    /// The write of the older kind.
    pub fn build(self) -> Result<store::Write, Error> {
        item(&self.key, self.change, self.when.as_ref()).map(store::Write::of_item)
    }
}

/// A write without a condition: it can never refuse its transaction.
#[derive(Clone)]
pub struct Effect {
    key: Key,
    change: Change,
}

impl Effect {
    /// Puts an item under a key that nobody else writes.
    pub fn put<T: Serialize>(key: Key, item: &T) -> Result<Self, Error> {
        let item = attributes(&key, item)?;
        Ok(Self { key, change: Change::Put(item) })
    }

    /// Updates an item, or makes one.
    #[must_use]
    pub const fn update(key: Key, set: Set) -> Self {
        Self { key, change: Change::Update(set) }
    }

    /// Removes an item, if it is there.
    #[must_use]
    pub const fn remove(key: Key) -> Self {
        Self { key, change: Change::Delete }
    }
}

/// Why a transaction did not happen.
pub trait Refused: From<Error> + Send + 'static {
    /// For how many seconds it is too soon, where it is that.
    fn wait_seconds(&self) -> Option<u64>;

    /// The same with another wait.
    #[must_use]
    fn with_wait(self, seconds: u64) -> Self;
}

impl Refused for Error {
    fn wait_seconds(&self) -> Option<u64> {
        if let Self::TooMany { retry_after_seconds } = self { Some(*retry_after_seconds) } else { None }
    }

    fn with_wait(self, seconds: u64) -> Self {
        if let Self::TooMany { .. } = self { Self::TooMany { retry_after_seconds: seconds } } else { self }
    }
}

/// Use cases move from [`store::Write`] to this one at a time; until then the two meet here.
impl From<store::Write> for Write {
    fn from(write: store::Write) -> Self {
        let (key, item) = write.into_item();
        Self { key, change: Change::Built(item), when: None }
    }
}

/// What a later floor contributes to a transaction: a code, a limit, a notification.
pub trait Part<E: Refused> {
    /// Declares its writes.
    fn declare(self, transaction: &mut Transaction<E>) -> Result<(), Error>;
}

type Why<E> = Box<dyn FnOnce(Option<Item>) -> E + Send>;

/// Writes that happen together or not at all.
pub struct Transaction<E: Refused = Error> {
    doing: &'static str,
    otherwise: fn() -> E,
    required: Vec<(Write, Option<Why<E>>)>,
    effects: Vec<Effect>,
}

impl<E: Refused> Transaction<E> {
    /// An empty one. `otherwise`: what a refusal means that names nothing else.
    #[must_use]
    pub const fn new(doing: &'static str, otherwise: fn() -> E) -> Self {
        Self { doing, otherwise, required: Vec::new(), effects: Vec::new() }
    }

    /// Declares a write whose refusal means what the transaction says otherwise.
    pub fn require(&mut self, write: Write) {
        self.required.push((write, None));
    }

    /// Declares a write. `why` sees the item that refused it, `None` where there is none.
    pub fn require_or(&mut self, write: Write, why: impl FnOnce(Option<Item>) -> E + Send + 'static) {
        self.required.push((write, Some(Box::new(why))));
    }

    /// Declares an effect. Of two on one key the removal wins, else the later one.
    pub fn also(&mut self, effect: Effect) {
        match self.effects.iter_mut().find(|other| other.key == effect.key) {
            None => self.effects.push(effect),
            Some(Effect { change: Change::Delete, .. }) => {}
            Some(other) => *other = effect,
        }
    }

    /// Declares writes of the older kind. Those without a condition cannot be refused.
    pub fn require_all(&mut self, writes: Vec<store::Write>, why: fn() -> E) {
        for write in writes {
            self.require_or(write.into(), move |_| why());
        }
    }

    /// Declares what a part contributes.
    pub fn add(&mut self, part: impl Part<E>) -> Result<(), Error> {
        part.declare(self)
    }

    /// Two writes of one item are refused by DynamoDB whatever their conditions: a mistake in a use case.
    fn has_a_key_twice(&self) -> bool {
        let conditional = self.required.iter().map(|(write, _)| &write.key);
        let keys: Vec<_> = conditional.chain(self.effects.iter().map(|effect| &effect.key)).collect();
        keys.iter().enumerate().any(|(place, key)| keys[..place].contains(key))
    }
}

impl Store {
    /// Commits all or nothing, under one `ClientRequestToken`. Of several refusals the one declared first decides; where
    /// that is "too soon", the longest wait of all that refused is told.
    pub async fn commit<E: Refused>(&self, transaction: Transaction<E>) -> Result<(), E> {
        let Transaction { doing, otherwise, .. } = transaction;
        if transaction.has_a_key_twice() {
            debug_assert!(false, "{doing}: two writes on one key");
            return Err(Error::unavailable(doing, "two writes on one key").into());
        }
        let (required, mut whys): (Vec<_>, Vec<_>) = transaction.required.into_iter().unzip();
        let conditional = required.into_iter().map(|write| item(&write.key, write.change, write.when.as_ref()));
        let effects = transaction.effects.into_iter().map(|effect| item(&effect.key, effect.change, None));
        let writes =
            conditional.chain(effects).map(|item| item.map(store::Write::of_item)).collect::<Result<_, _>>()?;
        let refusals = match self.transact(writes, doing).await {
            Ok(()) => return Ok(()),
            Err(StoreError::Failed(error)) => return Err(error.into()),
            Err(StoreError::Refused(refusals)) => refusals,
        };
        // In the order of declaration, which is DynamoDB's order of reasons.
        let mut reasons = refusals.into_iter().map(|Refusal { index: place, item }| {
            whys.get_mut(place).and_then(Option::take).map_or_else(otherwise, |why| why(item))
        });
        let first = reasons.next().unwrap_or_else(otherwise);
        Err(match first.wait_seconds() {
            Some(wait) => {
                let longest = reasons.filter_map(|reason| reason.wait_seconds()).fold(wait, u64::max);
                first.with_wait(longest)
            }
            None => first,
        })
    }
}

/// A write in the SDK's form. The store names the table.
fn item(key: &Key, change: Change, when: Option<&Condition>) -> Result<TransactWriteItem, Error> {
    let set = if let Change::Update(set) = &change { Some(set) } else { None };
    let written = Written::new(set, when);
    let (names, values) = (written.names(), written.values());
    let old = when.map(|_| ReturnValuesOnConditionCheckFailure::AllOld);
    let key = Some(key.attributes());
    let item = TransactWriteItem::builder();
    let item = match change {
        Change::Built(item) => return Ok(item),
        Change::Put(attributes) => item.put(built(
            Put::builder()
                .table_name("")
                .set_item(Some(attributes))
                .set_condition_expression(written.condition)
                .set_expression_attribute_names(names)
                .set_expression_attribute_values(values)
                .set_return_values_on_condition_check_failure(old)
                .build(),
        )?),
        Change::Update(_) => item.update(built(
            Update::builder()
                .table_name("")
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
                .table_name("")
                .set_key(key)
                .set_condition_expression(written.condition)
                .set_expression_attribute_names(names)
                .set_expression_attribute_values(values)
                .set_return_values_on_condition_check_failure(old)
                .build(),
        )?),
        Change::Check => item.condition_check(built(
            ConditionCheck::builder()
                .table_name("")
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
