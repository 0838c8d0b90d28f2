//! Transactions in which every write carries the meaning of its refusal.
//!
//! A use case declares its writes in the order in which their refusals matter. No other code knows the position of a
//! write.

use aws_sdk_dynamodb::types::TransactWriteItem;
use futures_util::future::join_all;

use super::Item;
use super::expression::{Condition, Set};
use super::store::{ConflictBackoff, Refusal, Store, StoreError};
use super::write::{Change, Effect, Write, written};
use crate::crypto::random_hex;
use crate::error::Error;

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
    writes: Writes,
    meanings: Meanings<E>,
}

/// The part of a transaction that does not depend on the type of its reasons. What works with it alone is therefore
/// compiled once.
struct Writes {
    doing: &'static str,
    reads_first: bool,
    required: Vec<Required>,
    effects: Vec<Effect>,
}

/// The meanings of a transaction's refusals.
struct Meanings<E> {
    /// Those of the required writes, in the same order.
    whys: Vec<Option<Why<E>>>,
    otherwise: fn() -> E,
}

/// A write that can refuse its transaction.
struct Required {
    write: Write,
    place: Place,
}

/// Where a required write is made.
enum Place {
    /// In the transaction.
    Within,
    /// In the transaction. Its condition is a limit, and is refused more often than others.
    WithinAtLimit,
    /// Nowhere. The condition is only read.
    Unmade,
    /// Before the transaction, alone. If the transaction does not happen, this change takes it back.
    Before(Set),
}

impl Required {
    /// Returns whether a read of the item first can spare the writes.
    const fn is_limit(&self) -> bool {
        matches!(self.place, Place::WithinAtLimit | Place::Unmade | Place::Before(_))
    }

    const fn is_within(&self) -> bool {
        matches!(self.place, Place::Within | Place::WithinAtLimit)
    }

    /// Returns whether it is a limit that nothing was counted at yet.
    const fn is_limit_within(&self) -> bool {
        matches!(self.place, Place::WithinAtLimit)
    }
}

impl<E: Reason> Transaction<E> {
    /// Creates an empty transaction. `otherwise` gives the reason for a refusal that has no reason of its own.
    #[must_use]
    pub const fn new(doing: &'static str, otherwise: fn() -> E) -> Self {
        let writes = Writes { doing, reads_first: false, required: Vec::new(), effects: Vec::new() };
        Self { writes, meanings: Meanings { whys: Vec::new(), otherwise } }
    }

    /// Creates a transaction that reads the items of its limits first. A refusal by one of them then costs half a read
    /// unit an item, instead of two write units for each write of the transaction.
    ///
    /// The reads may be slightly old. They refuse, but they never allow: the conditions of the writes do.
    #[must_use]
    pub fn reading_first(doing: &'static str, otherwise: fn() -> E) -> Self {
        let mut transaction = Self::new(doing, otherwise);
        transaction.writes.reads_first = true;
        transaction
    }

    /// Declares a write whose refusal has the meaning given to [`Transaction::new`].
    pub fn require(&mut self, write: Write) {
        self.declare(write, Place::Within, None);
    }

    /// Declares a write whose refusal means `why`, which gets the item that refused it, or `None` where there is none.
    pub fn require_or(&mut self, write: Write, why: impl FnOnce(Option<Item>) -> E + Send + 'static) {
        self.declare(write, Place::Within, Some(Box::new(why)));
    }

    /// Declares a write whose condition is a limit: see [`Transaction::reading_first`].
    pub fn require_limit(&mut self, write: Write, why: impl FnOnce(Option<Item>) -> E + Send + 'static) {
        self.declare(write, Place::WithinAtLimit, Some(Box::new(why)));
    }

    /// Declares an update that is made before the transaction, alone. `take_back` undoes it if the transaction does not
    /// happen.
    ///
    /// Many requests may count at such an item at once. Within the transactions they would conflict.
    pub fn count_before(&mut self, write: Write, take_back: Set, why: impl FnOnce(Option<Item>) -> E + Send + 'static) {
        self.declare(write, Place::Before(take_back), Some(Box::new(why)));
    }

    /// Declares a write that is not made. Its condition refuses by the first reading: see
    /// [`Transaction::reading_first`].
    pub fn refuse_unless(&mut self, write: Write, why: impl FnOnce(Option<Item>) -> E + Send + 'static) {
        self.declare(write, Place::Unmade, Some(Box::new(why)));
    }

    fn declare(&mut self, write: Write, place: Place, why: Option<Why<E>>) {
        self.writes.required.push(Required { write, place });
        self.meanings.whys.push(why);
    }

    /// Declares an effect. Of two effects on the same key, a removal wins, else the later one.
    pub fn also(&mut self, effect: Effect) {
        let effects = &mut self.writes.effects;
        match effects.iter_mut().find(|other| other.key == effect.key) {
            None => effects.push(effect),
            Some(Effect { change: Change::Delete, .. }) => {}
            Some(other) => *other = effect,
        }
    }

    /// Declares the writes of a part.
    pub fn add(&mut self, part: impl Part<E>) -> Result<(), Error> {
        part.declare(self)
    }
}

impl Writes {
    /// Returns whether two writes have the same key. DynamoDB refuses such a transaction whatever its conditions, so
    /// this is a bug in a use case.
    fn has_a_key_twice(&self) -> bool {
        let conditional = self.required.iter().map(|required| &required.write.key);
        let keys: Vec<_> = conditional.chain(self.effects.iter().map(|effect| &effect.key)).collect();
        keys.iter().enumerate().any(|(place, key)| keys[..place].contains(key))
    }

    /// Returns the writes of the transaction itself in the SDK's form, and the index of each among the required ones,
    /// in the order of declaration.
    fn written(&self, table: &str) -> Result<(Vec<TransactWriteItem>, Vec<usize>), Error> {
        if self.has_a_key_twice() {
            debug_assert!(false, "{}: two writes on one key", self.doing);
            return Err(Error::internal(self.doing, "two writes on one key"));
        }
        let within = self.required.iter().enumerate().filter(|(_, one)| one.is_within());
        let (places, required): (Vec<_>, Vec<_>) = within.map(|(place, one)| (place, &one.write)).unzip();
        let conditional = required.into_iter().map(|one| written(table, &one.key, one.change.clone(), Some(&one.when)));
        let effects = self.effects.iter().map(|effect| written(table, &effect.key, effect.change.clone(), None));
        Ok((conditional.chain(effects).collect::<Result<_, _>>()?, places))
    }
}

impl<E: Reason> Meanings<E> {
    /// Chooses the reason why the transaction does not happen. Of several refusals, the one declared first decides.
    /// Where that means "too soon", it gets the longest wait of all that refused.
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

/// Why a write that comes before its transaction was not made.
enum CountError {
    Refused(Refusal),
    Failed(Error),
}

impl From<Error> for CountError {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl Store {
    /// Commits all writes or none, under one `ClientRequestToken`.
    ///
    /// Conflicts, throttling and lost answers are retried in the `dynamodb` module and nowhere else. Of several
    /// refusals, the one declared first decides. Where that means "too soon", it gets the longest wait of all that
    /// refused.
    pub async fn commit<E: Reason>(&self, transaction: Transaction<E>) -> Result<(), E> {
        match self.commit_writes(&transaction.writes).await? {
            None => Ok(()),
            Some(refusals) => Err(transaction.meanings.decide(refusals)),
        }
    }

    /// Returns the refusals, or `None` if the writes were made.
    async fn commit_writes(&self, transaction: &Writes) -> Result<Option<Vec<Refusal>>, Error> {
        let Writes { doing, reads_first, required, .. } = transaction;
        let (writes, places) = transaction.written(self.table_name(doing)?)?;
        if *reads_first {
            let refusals = self.refused_by_reading(doing, required, Required::is_limit).await?;
            if !refusals.is_empty() {
                return Ok(Some(refusals));
            }
        }
        let refusals = self.count_before(doing, required).await?;
        if !refusals.is_empty() {
            return Ok(Some(refusals));
        }
        let (token, mut backoff) = (random_hex::<16>(), ConflictBackoff::default());
        let refusals = loop {
            match self.transact(&writes, &token, doing).await {
                Ok(()) => return Ok(None),
                // The transaction may have happened. What was counted before it therefore stays counted.
                Err(StoreError::Failed(error)) => return Err(error),
                Err(StoreError::Refused(refusals)) => {
                    let placed = refusals.into_iter().filter_map(|Refusal { place, item }| {
                        places.get(place).map(|place| Refusal { place: *place, item })
                    });
                    break placed.collect();
                }
                Err(StoreError::Conflict) => {
                    if let Err(error) = backoff.wait(doing).await {
                        // Nothing was written.
                        self.take_back(doing, required, |_| true).await;
                        return Err(error);
                    }
                }
            }
            // Of many requests for one message, the first sets the cooldown. The others would go on to conflict.
            if *reads_first {
                let refusals = self.refused_by_reading(doing, required, Required::is_limit_within).await?;
                if !refusals.is_empty() {
                    break refusals;
                }
            }
        };
        self.take_back(doing, required, |_| true).await;
        Ok(Some(refusals))
    }

    /// Refuses as [`Store::commit`] would, if a read of the items of the limits shows that it would. Writes nothing.
    pub async fn read_limits<E: Reason>(&self, transaction: Transaction<E>) -> Result<(), E> {
        let Transaction { writes, meanings } = transaction;
        let refusals = self.refused_by_reading(writes.doing, &writes.required, Required::is_limit).await?;
        if refusals.is_empty() { Ok(()) } else { Err(meanings.decide(refusals)) }
    }

    /// Reads the items of the limits, and returns those that refuse.
    async fn refused_by_reading(
        &self,
        doing: &'static str,
        required: &[Required],
        is_limit: fn(&Required) -> bool,
    ) -> Result<Vec<Refusal>, Error> {
        let limits: Vec<_> = required.iter().enumerate().filter(|(_, one)| is_limit(one)).collect();
        let keys: Vec<_> = limits.iter().map(|(_, one)| &one.write.key).collect();
        let items = self.get_recent(&keys, doing).await?;
        let read = limits.into_iter().zip(items);
        let refused = read.filter(|((_, one), item)| !one.write.when.holds(item.as_ref()));
        Ok(refused.map(|((place, _), item)| Refusal { place, item }).collect())
    }

    /// Makes the writes that come before the transaction, and returns those that were refused. If any is, the others are
    /// taken back.
    async fn count_before(&self, doing: &'static str, required: &[Required]) -> Result<Vec<Refusal>, Error> {
        let before = required.iter().enumerate().filter(|(_, one)| matches!(one.place, Place::Before(_)));
        let counting = before.map(async |(place, one)| {
            let refused = |item| CountError::Refused(Refusal { place, item });
            self.write_one(doing, one.write.clone(), refused).await.map(drop)
        });
        let mut refusals = Vec::new();
        for counted in join_all(counting).await {
            match counted {
                Ok(()) => {}
                Err(CountError::Refused(refusal)) => refusals.push(refusal),
                Err(CountError::Failed(error)) => return Err(error),
            }
        }
        if !refusals.is_empty() {
            self.take_back(doing, required, |place| refusals.iter().all(|refusal| refusal.place != place)).await;
        }
        Ok(refusals)
    }

    /// Takes back the writes that came before the transaction. If that fails, they stay counted.
    async fn take_back(&self, doing: &'static str, required: &[Required], is_counted: impl Fn(usize) -> bool) {
        let before = required.iter().enumerate().filter_map(|(place, one)| match &one.place {
            Place::Before(set) if is_counted(place) => Some((&one.write.key, set)),
            _ => None,
        });
        let is_there = Condition::exists(super::keys::PARTITION);
        let taking = before.map(|(key, set)| self.write(doing, key, set, &is_there, |_| WriteError::Refused));
        for taken in join_all(taking).await {
            if let Err(error) = WriteError::refused_as_none(taken) {
                error.log_ignored("an action that did not happen stays counted");
            }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::UserId;
    use crate::dynamodb::keys;
    use crate::dynamodb::keys::Key;

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
        let _ = tx.writes.written("table");
    }

    #[test]
    #[should_panic(expected = "testing: two writes on one key")]
    fn an_effect_on_the_key_of_a_conditional_write_is_a_bug() {
        let mut tx: Transaction = Transaction::new("testing", || Error::NotFound);
        tx.require(check(account()));
        tx.also(Effect::remove(account()));
        let _ = tx.writes.written("table");
    }

    #[test]
    fn of_two_effects_on_one_key_the_removal_wins_whichever_comes_first() {
        let set = || Effect::update(account(), Set::to("a", 1_u64));
        for effects in [[set(), Effect::remove(account())], [Effect::remove(account()), set()]] {
            let mut tx: Transaction = Transaction::new("testing", || Error::NotFound);
            effects.into_iter().for_each(|effect| tx.also(effect));
            let (writes, _) = tx.writes.written("table").unwrap();
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
            tx.meanings.decide(places.iter().copied().map(refusal).collect())
        };
        assert!(matches!(refused(&[0, 1, 3]), Error::CodeExpired));
        assert!(matches!(refused(&[1, 2]), Error::AccountChanged));
        assert!(matches!(refused(&[2, 3]), Error::TooMany { retry_after_seconds: 7 }));
        assert!(matches!(refused(&[2]), Error::TooMany { retry_after_seconds: 3 }));
    }
}
