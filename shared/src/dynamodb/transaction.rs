//! Transactions in which every write carries the meaning of its refusal.
//!
//! A use case declares its writes in the order in which their refusals matter. No other code knows the position of a
//! write.

use aws_sdk_dynamodb::types::{
    ConditionCheck, Delete, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};
use serde::Serialize;

use super::Item;
use super::expression::{Condition, ExpressionText, Set};
use super::keys::Key;
use super::store::{Refusal, Store, StoreError, attributes, built};
use crate::error::Error;

/// A conditional write. It does not define the meaning of a refusal; [`Transaction::require_or`] does.
#[derive(Clone, Debug)]
pub struct Write {
    key: Key,
    change: Change,
    when: Condition,
}

#[derive(Clone, Debug)]
enum Change {
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
    key: Key,
    change: Change,
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

/// The reason why a transaction did not happen: [`Error`], or a use case's own enum where a refusal does not end the
/// request.
pub trait Reason: From<Error> + Send + 'static {
    /// Returns the seconds to wait, where the reason is that it is too soon.
    fn wait_seconds(&self) -> Option<u64> {
        None
    }

    /// Returns the same reason with another time to wait.
    #[must_use]
    fn with_wait(self, _seconds: u64) -> Self {
        self
    }
}

impl Reason for Error {
    fn wait_seconds(&self) -> Option<u64> {
        if let Self::TooMany { retry_after_seconds } = self { Some(*retry_after_seconds) } else { None }
    }

    fn with_wait(self, seconds: u64) -> Self {
        if let Self::TooMany { .. } = self { Self::TooMany { retry_after_seconds: seconds } } else { self }
    }
}

/// The reason why a write did not happen, where no more matters than that a condition did not hold.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// A condition did not hold.
    #[error("a condition did not hold")]
    Refused,
    /// DynamoDB did not answer, or its answer was not as expected.
    #[error(transparent)]
    Failed(#[from] Error),
}

impl WriteError {
    /// Turns a condition that did not hold into `None`.
    pub fn refused_as_none<T>(result: Result<T, Self>) -> Result<Option<T>, Error> {
        match result {
            Ok(done) => Ok(Some(done)),
            Err(Self::Refused) => Ok(None),
            Err(Self::Failed(error)) => Err(error),
        }
    }
}

impl Reason for WriteError {}

/// A contribution of a later module to a transaction: a code, a limit, a notification.
pub trait Part<E: Reason> {
    fn declare(self, transaction: &mut Transaction<E>) -> Result<(), Error>;
}

type Why<E> = Box<dyn FnOnce(Option<Item>) -> E + Send>;

/// A set of writes that happen together or not at all.
pub struct Transaction<E: Reason = Error> {
    doing: &'static str,
    otherwise: fn() -> E,
    required: Vec<(Write, Option<Why<E>>)>,
    effects: Vec<Effect>,
}

impl<E: Reason> Transaction<E> {
    /// Creates an empty transaction. `otherwise` gives the reason for a refusal that has no reason of its own.
    #[must_use]
    pub const fn new(doing: &'static str, otherwise: fn() -> E) -> Self {
        Self { doing, otherwise, required: Vec::new(), effects: Vec::new() }
    }

    /// Declares a write whose refusal has the meaning given to [`Transaction::new`].
    pub fn require(&mut self, write: Write) {
        self.required.push((write, None));
    }

    /// Declares a write whose refusal means `why`, which gets the item that refused it, or `None` where there is none.
    pub fn require_or(&mut self, write: Write, why: impl FnOnce(Option<Item>) -> E + Send + 'static) {
        self.required.push((write, Some(Box::new(why))));
    }

    /// Declares an effect. Of two effects on the same key, a removal wins, else the later one.
    pub fn also(&mut self, effect: Effect) {
        match self.effects.iter_mut().find(|other| other.key == effect.key) {
            None => self.effects.push(effect),
            Some(Effect { change: Change::Delete, .. }) => {}
            Some(other) => *other = effect,
        }
    }

    /// Declares the writes of a part.
    pub fn add(&mut self, part: impl Part<E>) -> Result<(), Error> {
        part.declare(self)
    }

    /// Returns whether two writes have the same key. DynamoDB refuses such a transaction whatever its conditions, so
    /// this is a bug in a use case.
    fn has_a_key_twice(&self) -> bool {
        let conditional = self.required.iter().map(|(write, _)| &write.key);
        let keys: Vec<_> = conditional.chain(self.effects.iter().map(|effect| &effect.key)).collect();
        keys.iter().enumerate().any(|(place, key)| keys[..place].contains(key))
    }

    /// Returns the writes in the SDK's form and the meanings of their refusals, both in the order of declaration.
    fn written(self, table: &str) -> Result<(Vec<TransactWriteItem>, Meanings<E>), Error> {
        if self.has_a_key_twice() {
            debug_assert!(false, "{}: two writes on one key", self.doing);
            return Err(Error::internal(self.doing, "two writes on one key"));
        }
        let (required, whys): (Vec<_>, _) = self.required.into_iter().unzip();
        let conditional = required.into_iter().map(|write| written(table, &write.key, write.change, Some(&write.when)));
        let effects = self.effects.into_iter().map(|effect| written(table, &effect.key, effect.change, None));
        let writes = conditional.chain(effects).collect::<Result<_, _>>()?;
        Ok((writes, Meanings { whys, otherwise: self.otherwise }))
    }
}

/// The meanings of a transaction's refusals.
struct Meanings<E> {
    whys: Vec<Option<Why<E>>>,
    otherwise: fn() -> E,
}

impl<E: Reason> Meanings<E> {
    /// Chooses a reason. Of several refusals, the one declared first decides. Where that means "too soon", it gets the
    /// longest wait of all that refused.
    fn decide(mut self, refusals: Vec<Refusal>) -> E {
        let mut reasons = refusals.into_iter().map(|Refusal { place, item }| {
            self.whys.get_mut(place).and_then(Option::take).map_or_else(self.otherwise, |why| why(item))
        });
        let first = reasons.next().unwrap_or_else(self.otherwise);
        match first.wait_seconds() {
            Some(wait) => {
                let longest = reasons.filter_map(|reason| reason.wait_seconds()).fold(wait, u64::max);
                first.with_wait(longest)
            }
            None => first,
        }
    }
}

impl Store {
    /// Commits all writes or none, under one `ClientRequestToken`.
    ///
    /// Conflicts, throttling and lost answers are retried in the `dynamodb` module and nowhere else. Of several
    /// refusals, the one declared first decides. Where that means "too soon", it gets the longest wait of all that
    /// refused.
    pub async fn commit<E: Reason>(&self, transaction: Transaction<E>) -> Result<(), E> {
        let doing = transaction.doing;
        let (writes, meanings) = transaction.written(self.table_name(doing)?)?;
        match self.transact(writes, doing).await {
            Ok(()) => Ok(()),
            Err(StoreError::Failed(error)) => Err(error.into()),
            Err(StoreError::Refused(refusals)) => Err(meanings.decide(refusals)),
        }
    }

    /// Makes one conditional update outside a transaction: see [`Store::write`].
    pub async fn write_one<E: From<Error>>(
        &self,
        doing: &'static str,
        write: Write,
        why: impl FnOnce(Option<Item>) -> E,
    ) -> Result<Item, E> {
        let Change::Update(set) = &write.change else {
            return Err(Error::internal(doing, "only updates are made outside a transaction").into());
        };
        self.write(doing, &write.key, set, &write.when, why).await
    }

    /// Commits effects. Nothing can refuse them.
    pub async fn apply(&self, doing: &'static str, effects: impl IntoIterator<Item = Effect>) -> Result<(), Error> {
        let refused = || Error::internal("applying effects", "a write without a condition was refused");
        let mut transaction = Transaction::new(doing, refused);
        effects.into_iter().for_each(|effect| transaction.also(effect));
        self.commit(transaction).await
    }
}

/// Returns a write in the SDK's form.
fn written(table: &str, key: &Key, change: Change, when: Option<&Condition>) -> Result<TransactWriteItem, Error> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::UserId;
    use crate::dynamodb::keys;

    fn account() -> Key {
        keys::user(&UserId::from("me".to_owned()))
    }

    fn check(key: Key) -> Write {
        Write::check(key, Condition::no_item())
    }

    fn refusal(place: usize) -> Refusal {
        Refusal { place, item: None }
    }

    fn too_many(retry_after_seconds: u64) -> impl FnOnce(Option<Item>) -> Error {
        move |_| Error::TooMany { retry_after_seconds }
    }

    #[test]
    #[should_panic(expected = "testing: two writes on one key")]
    fn two_conditional_writes_on_one_key_are_a_bug() {
        let mut tx: Transaction = Transaction::new("testing", || Error::NotFound);
        tx.require(check(account()));
        tx.require(Write::delete(account(), Condition::no_item()));
        let _ = tx.written("table");
    }

    #[test]
    #[should_panic(expected = "testing: two writes on one key")]
    fn an_effect_on_the_key_of_a_conditional_write_is_a_bug() {
        let mut tx: Transaction = Transaction::new("testing", || Error::NotFound);
        tx.require(check(account()));
        tx.also(Effect::remove(account()));
        let _ = tx.written("table");
    }

    #[test]
    fn of_two_effects_on_one_key_the_removal_wins_whichever_comes_first() {
        let set = || Effect::update(account(), Set::to("a", 1_u64));
        for effects in [[set(), Effect::remove(account())], [Effect::remove(account()), set()]] {
            let mut tx: Transaction = Transaction::new("testing", || Error::NotFound);
            effects.into_iter().for_each(|effect| tx.also(effect));
            let (writes, _) = tx.written("table").unwrap();
            assert!(matches!(&writes[..], [TransactWriteItem { delete: Some(_), .. }]), "{writes:?}");
        }
    }

    #[test]
    fn of_several_refusals_the_one_declared_first_decides() {
        let refused = |places: &[usize]| {
            let mut tx: Transaction = Transaction::new("testing", || Error::AccountChanged);
            tx.require_or(check(keys::failure_streak("1")), |_| Error::CodeExpired);
            tx.require(check(keys::failure_streak("2")));
            tx.require_or(check(keys::failure_streak("3")), too_many(3));
            tx.require_or(check(keys::failure_streak("4")), too_many(7));
            let (_, meanings) = tx.written("table").unwrap();
            meanings.decide(places.iter().copied().map(refusal).collect())
        };
        assert!(matches!(refused(&[0, 1, 3]), Error::CodeExpired));
        assert!(matches!(refused(&[1, 2]), Error::AccountChanged));
        assert!(matches!(refused(&[2, 3]), Error::TooMany { retry_after_seconds: 7 }));
        assert!(matches!(refused(&[2]), Error::TooMany { retry_after_seconds: 3 }));
    }
}
