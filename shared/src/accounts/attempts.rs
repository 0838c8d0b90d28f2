//! Attempts at a password: each is counted before it is compared, and from the fifth in a row the next one waits.
//!
//! The count of an account is part of its item, so that counting returns the hash to compare with: one round trip.
//! Attempts from a device on which the account was signed in to before are counted apart, so that strangers who guess
//! keep its owner out neither by waits nor by trying all the time. Attempts at a name nobody has are counted just so, under a keyed hash of the name, and both counts are forgotten a day
//! after the last attempt: a wait tells nothing.

use std::sync::LazyLock;

use aws_sdk_dynamodb::types::AttributeValue;
use ring::hmac;
use serde::Deserialize;

use super::find::{claim_holder, unchanged};
use crate::app::App;
use crate::domain::{AccountName, Device, PasswordHashText, Purpose, Timestamp, User, UserId};
use crate::dynamodb::keys::{self, Key};
use crate::dynamodb::{Expression, Item, Refusal, StoreError, Write, number, read_item, seconds, text};
use crate::error::Error;

/// How many attempts in a row wait for nothing.
const FREE_ATTEMPTS: u32 = 5;
/// The longest wait, in seconds.
const LONGEST_WAIT_SECONDS: i64 = 900;
/// Waits double from one second, until the longest is reached.
const DOUBLINGS: u32 = 10;
/// A count is forgotten this long after the last attempt, in seconds.
const LIFE_SECONDS: i64 = 86_400;

/// Forgets an account's attempts, as part of an update of its item.
pub(super) const FORGET: &str = "REMOVE password_failures, password_tried_at";

/// How long the next attempt waits after so many in a row, in seconds.
fn wait_seconds(failures: u32) -> i64 {
    match failures.checked_sub(FREE_ATTEMPTS) {
        None => 0,
        Some(more) if more < DOUBLINGS => 1 << more,
        Some(_) => LONGEST_WAIT_SECONDS,
    }
}

/// That nothing is counted, or that the wait is over, whatever the count: one clause for each step of it. A count that is
/// to be forgotten fails it.
static MAY_TRY: LazyLock<String> = LazyLock::new(|| {
    let mut text = "attribute_not_exists(password_tried_at) OR \
                    password_tried_at > :forgotten AND (password_failures < :f5"
        .to_owned();
    for step in FREE_ATTEMPTS..FREE_ATTEMPTS + DOUBLINGS {
        text.push_str(&format!(" OR (password_failures = :f{step} AND password_tried_at < :t{step})"));
    }
    text + " OR password_tried_at < :longest)"
});

fn may_try_values(now: Timestamp) -> Vec<(String, AttributeValue)> {
    let steps = FREE_ATTEMPTS..FREE_ATTEMPTS + DOUBLINGS;
    let mut values: Vec<_> = steps
        .flat_map(|step| {
            let since = now.plus_seconds(-wait_seconds(step));
            [(format!(":f{step}"), number(step.into())), (format!(":t{step}"), seconds(since))]
        })
        .collect();
    values.push((":longest".to_owned(), seconds(now.plus_seconds(-LONGEST_WAIT_SECONDS))));
    values.push((":forgotten".to_owned(), seconds(now.plus_seconds(-LIFE_SECONDS))));
    values
}

#[derive(Deserialize)]
struct Attempts {
    #[serde(default)]
    password_failures: u32,
    password_tried_at: Option<Timestamp>,
}

/// Whose attempts are counted.
#[derive(Clone, Copy)]
pub(super) enum Lane<'a> {
    /// An account's, from anywhere.
    Account(&'a UserId),
    /// An account's, from a device that is known.
    Device(&'a Device),
    /// An account's, from whoever has a right code to its number.
    SecondProof(&'a UserId),
    /// A name nobody has, in its canonical form.
    Unknown(&'a str),
}

/// Counts an attempt and gives the account as it is, or nothing when there is none. While the wait lasts nothing is
/// counted, and the wait grows no longer.
pub(super) async fn count(app: &App, lane: Lane<'_>) -> Result<Option<User>, Error> {
    count_by(app, lane, None).await
}

/// The same for an account that was found by a name: there is none where it has moved to another name meanwhile.
pub(super) async fn count_by(app: &App, lane: Lane<'_>, name: Option<&AccountName>) -> Result<Option<User>, Error> {
    let Lane::Device(device) = lane else { return count_in(app, lane, name).await };
    let (counted, user) = tokio::join!(count_in(app, lane, name), claim_holder(app, &device.user_id, name));
    counted?;
    user
}

async fn count_in(app: &App, lane: Lane<'_>, name: Option<&AccountName>) -> Result<Option<User>, Error> {
    let now = app.clock.now();
    let key = match lane {
        Lane::Account(id) => keys::user(id),
        Lane::Device(device) => keys::device(&device.id),
        Lane::SecondProof(id) => keys::second_proof(id),
        Lane::Unknown(name) => keys::unknown_account(&unknown(app, name)?),
    };
    let counter = Counter { app, key, now, has_account: matches!(lane, Lane::Account(_)), name };
    let refused = match counter.count_on().await? {
        Ok(item) => return counter.account(item),
        Err(refused) => refused,
    };
    let Some(attempts) = attempts_of(&refused) else {
        // The account is gone since its name was looked up.
        return Ok(None);
    };
    if let Some(item) = refused.first().and_then(|refusal| refusal.item.clone())
        && counter.has_account
        && counter.account(item)?.is_none()
    {
        // Its wait is not told to whoever asks by a name that it no longer bears.
        return Ok(None);
    }
    let tried_at = attempts.password_tried_at.unwrap_or(now);
    if tried_at <= now.plus_seconds(-LIFE_SECONDS)
        && let Ok(item) = counter.begin_anew(tried_at).await?
    {
        return counter.account(item);
    }
    // A time is the whole second it falls in: one more, so that no wait is shorter than it says.
    let until = tried_at.plus_seconds(wait_seconds(attempts.password_failures) + 1);
    Err(Error::TooMany { retry_after_seconds: now.seconds_until(until).max(1) })
}

/// Where attempts are counted: an account, a device, or a name nobody has.
struct Counter<'a> {
    app: &'a App,
    key: Key,
    now: Timestamp,
    has_account: bool,
    /// What the account must still bear, where it was found by that.
    name: Option<&'a AccountName>,
}

type Counted = Result<Item, Vec<Refusal>>;

impl Counter<'_> {
    async fn count_on(&self) -> Result<Counted, Error> {
        let mut values = may_try_values(self.now);
        values.push((":zero".to_owned(), number(0)));
        self.update("password_failures = if_not_exists(password_failures, :zero) + :one", &MAY_TRY, values).await
    }

    /// The last attempt is long past.
    async fn begin_anew(&self, tried_at: Timestamp) -> Result<Counted, Error> {
        let values = vec![(":old".to_owned(), seconds(tried_at))];
        self.update("password_failures = :one", "password_tried_at = :old", values).await
    }

    async fn update(
        &self,
        set: &str,
        condition: &str,
        mut values: Vec<(String, AttributeValue)>,
    ) -> Result<Counted, Error> {
        values.extend([(":one", number(1)), (":now", seconds(self.now))].map(owned));
        let mut set = format!("SET {set}, password_tried_at = :now");
        let mut condition = format!("({condition})");
        if self.has_account {
            condition.push_str(" AND attribute_exists(pk)");
        } else {
            set.push_str(", expires_at = :until");
            values.push((":until".to_owned(), seconds(self.now.plus_seconds(LIFE_SECONDS))));
        }
        let store = self.app.store()?;
        let values: Vec<_> = values.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
        match store.update_item(&self.key, &set, &condition, &values, DOING).await {
            Ok(item) => Ok(Ok(item)),
            Err(StoreError::Refused(refusals)) => Ok(Err(refusals)),
            Err(StoreError::Failed(error)) => Err(error),
        }
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

fn attempts_of(refusals: &[Refusal]) -> Option<Attempts> {
    serde_dynamo::from_item(refusals.first()?.item.clone()?).ok()
}

/// A keyed hash of a name: which names were tried is nobody's to read.
fn unknown(app: &App, name: &str) -> Result<String, Error> {
    let key = app.keyring()?.newest(Purpose::UnknownAccount);
    Ok(hex::encode(&hmac::sign(&key, name.as_bytes()).as_ref()[..16]))
}

/// Forgets the attempts of an account whose password was right, on condition that it is still the one.
pub(super) fn forget(user: &User) -> Result<Write, Error> {
    let (unchanged, values) = unchanged(user, None);
    Write::update(&keys::user(&user.id), FORGET, Expression { text: unchanged, values: &values })
}

/// What a sign-in in a lane writes: when it was, the lane's attempts forgotten, a new hash where there is one, and all on
/// condition that the account is as it was read, and bears the name it was found by.
pub(super) fn succeed(
    user: &User,
    (lane, name): (Lane<'_>, Option<&AccountName>),
    hash: Option<&PasswordHashText>,
    now: Timestamp,
) -> Result<Vec<Write>, Error> {
    let (unchanged, mut values) = unchanged(user, name);
    values.push((":now", seconds(now)));
    values.extend(hash.map(|hash| (":hash", text(hash.as_str()))));
    let hashed = hash.map_or("", |_| ", password_hash = :hash");
    let forget = if matches!(lane, Lane::Device(_)) { "" } else { FORGET };
    let update = format!("SET last_used_at = :now{hashed} {forget}");
    let condition = Expression { text: unchanged, values: &values };
    let mut writes = vec![Write::update(&keys::user(&user.id), &update, condition)?];
    if let Lane::Device(device) = lane {
        writes.push(Write::remove(&keys::device(&device.id))?);
    }
    Ok(writes)
}

fn owned((name, value): (&str, AttributeValue)) -> (String, AttributeValue) {
    (name.to_owned(), value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_from_the_fifth_attempt_to_a_quarter_of_an_hour() {
        let waits: Vec<_> = [0, 4, 5, 6, 7, 14, 15, 1000].map(wait_seconds).into();
        assert_eq!(waits, [0, 0, 1, 2, 4, 512, 900, 900]);
    }

    #[test]
    fn every_placeholder_of_the_condition_has_a_value() {
        let values = may_try_values(Timestamp::from_unix_seconds(0));
        let named = MAY_TRY.split(|c: char| !c.is_alphanumeric() && c != ':').filter(|word| word.starts_with(':'));
        let named: std::collections::BTreeSet<_> = named.collect();
        assert_eq!(named, values.iter().map(|(name, _)| name.as_str()).collect());
    }
}
