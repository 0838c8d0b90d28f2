//! Attempts at a password. Each is counted before it is compared, and after the fifth wrong one in a row the next has
//! to wait.
//!
//! The count of an account is part of the account's item. Counting therefore returns the hash to compare with, in one
//! round trip.
//!
//! Attempts from a device on which the account was signed in before are counted apart. A stranger who guesses all the
//! time therefore cannot keep the owner waiting there.
//!
//! Attempts at a name that nobody has are counted in the same way, under a keyed hash of the name. Both kinds of count
//! are forgotten a day after the last attempt, so that a wait does not tell whether the account exists.

use ring::hmac;
use serde::Deserialize;

use crate::app::App;
use crate::crypto::{KeyGroup, KnownDevice, Purpose};
use crate::domain::{AccountName, PasswordHashText, Timestamp, User, UserId};
use crate::dynamodb::keys::{self, Key};
use crate::dynamodb::{Condition, Effect, Item, Reason, Set, Transaction, Write, read_item};
use crate::error::Error;
use crate::users::{claim_holder, unchanged};

/// How many attempts in a row are free of a wait.
const FREE_ATTEMPTS: u32 = 5;
/// The longest wait, in seconds.
const LONGEST_WAIT_SECONDS: i64 = 900;
/// How many waits come before the longest. The first is one second, and each is twice the one before.
const DOUBLINGS: u32 = 10;
/// How long after the last attempt a count is forgotten, in seconds.
const LIFE_SECONDS: i64 = 86_400;

/// Adds to an update of an account's item that its attempts are forgotten.
pub(crate) fn forgetting(set: Set) -> Set {
    set.and_remove(User::PASSWORD_FAILURES).and_remove(User::PASSWORD_TRIED_AT)
}

/// Returns how long the next attempt has to wait after this many in a row, in seconds.
fn wait_seconds(failures: u32) -> i64 {
    match failures.checked_sub(FREE_ATTEMPTS) {
        None => 0,
        Some(more) if more < DOUBLINGS => 1 << more,
        Some(_) => LONGEST_WAIT_SECONDS,
    }
}

/// Returns the condition that an attempt may be made now: nothing is counted, or the wait is over. DynamoDB cannot
/// compute the wait from the count, so the condition has one clause for each count. It fails for a count that has
/// expired.
///
/// The items of devices and unknown names use the same attributes as those of accounts.
fn may_try(now: Timestamp) -> Condition {
    let tried_before = |wait_seconds: i64| Condition::less(User::PASSWORD_TRIED_AT, now.plus_seconds(-wait_seconds));
    let free = Condition::less(User::PASSWORD_FAILURES, FREE_ATTEMPTS).or(tried_before(LONGEST_WAIT_SECONDS));
    let steps = FREE_ATTEMPTS..FREE_ATTEMPTS + DOUBLINGS;
    let over = steps.fold(free, |over, failures| {
        over.or(Condition::equal(User::PASSWORD_FAILURES, failures).and(tried_before(wait_seconds(failures))))
    });
    let remembered = Condition::greater(User::PASSWORD_TRIED_AT, now.plus_seconds(-LIFE_SECONDS));
    Condition::absent(User::PASSWORD_TRIED_AT).or(remembered.and(over))
}

#[derive(Deserialize)]
struct Attempts {
    #[serde(default)]
    password_failures: u32,
    password_tried_at: Option<Timestamp>,
}

/// The throttle key: whose attempts are counted.
#[derive(Clone, Copy)]
pub(crate) enum ThrottleKey<'a> {
    /// Attempts at an account, from any device.
    Account(&'a UserId),
    /// Attempts at an account from one of its known devices.
    KnownDevice(&'a KnownDevice),
    /// Passwords given as a second proof, after a correct code to the account's number.
    SecondProof(&'a UserId),
    /// Attempts at a name that nobody has, in its canonical form.
    Unknown(&'a str),
}

/// Counts an attempt and returns the account as it is now, or `None` if there is none. During a wait nothing is
/// counted, so the wait does not grow.
pub(crate) async fn count(app: &App, throttle_key: ThrottleKey<'_>) -> Result<Option<User>, Error> {
    count_by(app, throttle_key, None).await
}

/// Counts an attempt at an account that was found by `name`. Returns `None` if the account has changed to another name
/// since.
pub(crate) async fn count_by(
    app: &App,
    throttle_key: ThrottleKey<'_>,
    name: Option<&AccountName>,
) -> Result<Option<User>, Error> {
    let ThrottleKey::KnownDevice(device) = throttle_key else { return count_in(app, throttle_key, name).await };
    let (counted, user) = tokio::join!(count_in(app, throttle_key, name), claim_holder(app, &device.user_id, name));
    counted?;
    user
}

async fn count_in(app: &App, throttle_key: ThrottleKey<'_>, name: Option<&AccountName>) -> Result<Option<User>, Error> {
    let now = app.clock.now();
    let key = match throttle_key {
        ThrottleKey::Account(id) => keys::user(id),
        ThrottleKey::KnownDevice(device) => keys::device(&device.id),
        ThrottleKey::SecondProof(id) => keys::second_proof(id),
        ThrottleKey::Unknown(name) => keys::unknown_account(&unknown(app, name)?),
    };
    let counter = Counter { app, key, now, has_account: matches!(throttle_key, ThrottleKey::Account(_)), name };
    let refused = match counter.count_on().await {
        Ok(item) => return counter.account(item),
        Err(CountError::Refused(item)) => item,
        Err(CountError::Failed(error)) => return Err(error),
    };
    // Without an item, the account was deleted after its name was looked up.
    let Some(item) = refused else { return Ok(None) };
    let Ok(attempts) = serde_dynamo::from_item::<_, Attempts>(item.clone()) else { return Ok(None) };
    if counter.has_account && counter.account(item)?.is_none() {
        // The account no longer has the name it was asked for by, so its wait is not disclosed.
        return Ok(None);
    }
    let tried_at = attempts.password_tried_at.unwrap_or(now);
    if tried_at <= now.plus_seconds(-LIFE_SECONDS) {
        match counter.begin_anew(tried_at).await {
            Ok(item) => return counter.account(item),
            Err(CountError::Refused(_)) => {}
            Err(CountError::Failed(error)) => return Err(error),
        }
    }
    // Times are cut to whole seconds. Add one, so that no wait is shorter than announced.
    let until = tried_at.plus_seconds(wait_seconds(attempts.password_failures) + 1);
    Err(Error::TooMany { retry_after_seconds: now.seconds_until(until).max(1) })
}

/// The item that attempts are counted in: an account's, a device's, or that of a name nobody has.
struct Counter<'a> {
    app: &'a App,
    key: Key,
    now: Timestamp,
    has_account: bool,
    /// The name that the account must still have, if it was found by one.
    name: Option<&'a AccountName>,
}

/// Why an attempt was not counted.
enum CountError {
    /// The wait is not over, the count has expired, or there is no account. Holds the item as it is, if there is one.
    Refused(Option<Item>),
    Failed(Error),
}

impl From<Error> for CountError {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl Counter<'_> {
    async fn count_on(&self) -> Result<Item, CountError> {
        self.update(Set::default().and_increment(User::PASSWORD_FAILURES), may_try(self.now)).await
    }

    /// Starts the count again at one, because the last attempt is more than a day ago.
    async fn begin_anew(&self, tried_at: Timestamp) -> Result<Item, CountError> {
        let still = Condition::equal(User::PASSWORD_TRIED_AT, tried_at);
        self.update(Set::to(User::PASSWORD_FAILURES, 1_u64), still).await
    }

    async fn update(&self, set: Set, when: Condition) -> Result<Item, CountError> {
        let set = set.and_to(User::PASSWORD_TRIED_AT, self.now);
        let (set, when) = if self.has_account {
            (set, when.and(Condition::exists(keys::PARTITION)))
        } else {
            (set.and_to(keys::EXPIRES_AT, self.now.plus_seconds(LIFE_SECONDS)), when)
        };
        self.app.store.write(DOING, &self.key, &set, &when, CountError::Refused).await
    }

    fn account(&self, item: Item) -> Result<Option<User>, Error> {
        if !self.has_account {
            return Ok(None);
        }
        let user: User = read_item(item, DOING)?;
        Ok(Some(user).filter(|user| self.name.is_none_or(|name| user.bears(name))))
    }
}

const DOING: &str = "counting an attempt";

/// Returns a keyed hash of a name, so that readers of the table do not learn which names were tried.
fn unknown(app: &App, name: &str) -> Result<String, Error> {
    let key = app.keyring(KeyGroup::Visitors)?.newest(Purpose::UnknownAccount);
    Ok(hex::encode(&hmac::sign(&key, name.as_bytes()).as_ref()[..16]))
}

/// Forgets the attempts of an account whose password was right, on condition that its credentials are still the same.
pub(crate) fn forget(user: &User) -> Write {
    Write::update(keys::user(&user.id), forgetting(Set::default()), unchanged(user, None))
}

/// Declares the writes of a successful log-in: its time, a new hash if there is one, and the removal of the attempts
/// under its throttle key. All depend on the condition that the account is still as it was read and has the name it was
/// found by.
pub(crate) fn succeed<E: Reason>(
    tx: &mut Transaction<E>,
    user: &User,
    (throttle_key, name): (ThrottleKey<'_>, Option<&AccountName>),
    hash: Option<&PasswordHashText>,
    now: Timestamp,
) {
    let mut set = Set::to(User::LAST_USED_AT, now);
    if let Some(hash) = hash {
        set = set.and_to(User::PASSWORD_HASH, hash.as_str());
    }
    if let ThrottleKey::KnownDevice(device) = throttle_key {
        tx.also(Effect::remove(keys::device(&device.id)));
    } else {
        set = forgetting(set);
    }
    tx.require(Write::update(keys::user(&user.id), set, unchanged(user, name)));
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::AttributeValue;

    use super::*;

    #[test]
    fn waits_double_from_the_fifth_attempt_to_a_quarter_of_an_hour() {
        let waits: Vec<_> = [0, 4, 5, 6, 7, 14, 15, 1000].map(wait_seconds).into();
        assert_eq!(waits, [0, 0, 1, 2, 4, 512, 900, 900]);
    }

    #[test]
    fn a_count_is_read_from_the_attributes_that_are_written() {
        let item = Item::from([
            (User::PASSWORD_FAILURES.to_owned(), AttributeValue::N("7".to_owned())),
            (User::PASSWORD_TRIED_AT.to_owned(), AttributeValue::N("9".to_owned())),
        ]);
        let attempts: Attempts = serde_dynamo::from_item(item).unwrap();
        assert_eq!(attempts.password_failures, 7);
        assert_eq!(attempts.password_tried_at, Some(Timestamp::from_unix_seconds(9)));
    }
}
