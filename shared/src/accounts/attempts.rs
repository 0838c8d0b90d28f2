//! Attempts at a password: each is counted before it is compared, and from the fifth in a row the next one waits.
//!
//! The count of an account is part of its item, so that counting returns the hash to compare with: one round trip.
//! Attempts at a name nobody has are counted just so, under a keyed hash of the name: a wait tells nothing.

use std::sync::LazyLock;

use aws_sdk_dynamodb::types::AttributeValue;
use ring::hmac;
use serde::Deserialize;

use crate::app::App;
use crate::domain::{Purpose, Timestamp, User, UserId, hex};
use crate::dynamodb::{Expression, Refusal, StoreError, Write, keys, number, seconds};
use crate::error::Error;

/// How many attempts in a row wait for nothing.
const FREE_ATTEMPTS: u32 = 5;
/// The longest wait, in seconds.
const LONGEST_WAIT_SECONDS: i64 = 900;
/// Waits double from one second, until the longest is reached.
const DOUBLINGS: u32 = 10;
/// How long attempts at a name nobody has are remembered, in seconds.
const UNKNOWN_LIFE_SECONDS: i64 = 86_400;

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

/// That the wait is over, whatever the count: one clause for each step of it.
static MAY_TRY: LazyLock<String> = LazyLock::new(|| {
    let mut text = "attribute_not_exists(password_failures) OR password_failures < :f5".to_owned();
    for step in FREE_ATTEMPTS..FREE_ATTEMPTS + DOUBLINGS {
        text.push_str(&format!(" OR (password_failures = :f{step} AND password_tried_at <= :t{step})"));
    }
    text + " OR password_tried_at <= :longest"
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
    values
}

#[derive(Deserialize)]
struct Attempts {
    #[serde(default)]
    password_failures: u32,
    password_tried_at: Option<Timestamp>,
}

/// Counts an attempt and gives the account as it is, or nothing when there is none. While the wait lasts nothing is
/// counted, and the wait grows no longer: nobody is kept out for good by who keeps trying.
pub(super) async fn count(app: &App, user: Option<&UserId>, name: &str) -> Result<Option<User>, Error> {
    let now = app.clock.now();
    let mut values = may_try_values(now);
    values.extend([(":zero", number(0)), (":one", number(1)), (":now", seconds(now))].map(owned));
    let counted = "SET password_failures = if_not_exists(password_failures, :zero) + :one, password_tried_at = :now";
    let doing = "counting an attempt";
    let store = app.store()?;
    let refused = if let Some(id) = user {
        let condition = format!("attribute_exists(pk) AND ({})", *MAY_TRY);
        match store.update::<User>(&keys::user(id), counted, &condition, &borrowed(&values), doing).await {
            Ok(user) => return Ok(Some(user)),
            Err(StoreError::Refused(refusals)) => refusals,
            Err(StoreError::Failed(error)) => return Err(error),
        }
    } else {
        values.push((":until".to_owned(), seconds(now.plus_seconds(UNKNOWN_LIFE_SECONDS))));
        let key = keys::unknown_account(&unknown(app, name)?);
        let counted = format!("{counted}, expires_at = :until");
        match store.update::<Attempts>(&key, &counted, &MAY_TRY, &borrowed(&values), doing).await {
            Ok(_) => return Ok(None),
            Err(StoreError::Refused(refusals)) => refusals,
            Err(StoreError::Failed(error)) => return Err(error),
        }
    };
    wait_of(&refused, now).map_or(Ok(None), |retry_after_seconds| Err(Error::TooMany { retry_after_seconds }))
}

/// The wait that a refusal tells of; `None` when the account is gone.
fn wait_of(refusals: &[Refusal], now: Timestamp) -> Option<u64> {
    let attempts: Attempts = serde_dynamo::from_item(refusals.first()?.item.clone()?).ok()?;
    let until = attempts.password_tried_at?.plus_seconds(wait_seconds(attempts.password_failures));
    Some(now.seconds_until(until).max(1))
}

/// A keyed hash of a name: which names were tried is nobody's to read.
fn unknown(app: &App, name: &str) -> Result<String, Error> {
    let key = app.keyring()?.newest(Purpose::UnknownAccount);
    Ok(hex(&hmac::sign(&key, name.to_lowercase().as_bytes()).as_ref()[..16]))
}

/// Forgets the attempts of an account whose password was right, on condition that it is still the one.
pub(super) fn forget(user: &User) -> Result<Write, Error> {
    let values = [(":version", number(user.credential_version))];
    Write::update(&keys::user(&user.id), FORGET, Expression { text: "credential_version = :version", values: &values })
}

fn owned((name, value): (&str, AttributeValue)) -> (String, AttributeValue) {
    (name.to_owned(), value)
}

fn borrowed(values: &[(String, AttributeValue)]) -> Vec<(&str, AttributeValue)> {
    values.iter().map(|(name, value)| (name.as_str(), value.clone())).collect()
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
