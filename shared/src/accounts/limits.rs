//! Limits on what one recipient is sent, and on what one source causes. Each is a condition in DynamoDB, so that
//! however many arrive at once, no more get through.
//!
//! What a recipient is sent is counted exactly: an item holds the last few times, newest first, and the n-th must be
//! old enough. What a source causes is counted in fixed windows, because there is more of it: around the edge of two
//! windows twice as much may pass.

use std::fmt::Write as _;

use crate::app::{App, Caller};
use crate::domain::{Limit, Timestamp, UserId, hash_address, sources_of};
use crate::dynamodb::items::Recipient;
use crate::dynamodb::keys::{self, Key};
use crate::dynamodb::{Expression, Item, StoreError, Write, number, seconds};
use crate::error::Error;

/// What a source is limited in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Caused {
    /// Messages.
    Messages,
    /// Attempts to sign in.
    LogIns,
    /// Questions whether a number or an address is registered.
    Probes,
    /// Captcha tickets.
    Captchas,
}

impl Caused {
    const fn word(self) -> &'static str {
        match self {
            Self::Messages => "messages",
            Self::LogIns => "log_ins",
            Self::Probes => "probes",
            Self::Captchas => "captchas",
        }
    }
}

/// A write that counts, and how long to wait when it is refused.
pub(super) struct Counting {
    pub write: Write,
    wait: Wait,
}

enum Wait {
    Sliding(Vec<Limit>),
    Until(Timestamp),
}

impl Counting {
    /// Seconds after which it may be tried again; `item` is the one that refused.
    pub(super) fn wait_seconds(&self, item: Option<&Item>, now: Timestamp) -> u64 {
        let wait = match &self.wait {
            Wait::Until(end) => now.seconds_until(*end),
            Wait::Sliding(limits) => limits.iter().map(|limit| sliding_wait(*limit, item, now)).max().unwrap_or(0),
        };
        wait.max(1)
    }
}

fn sliding_wait(limit: Limit, item: Option<&Item>, now: Timestamp) -> u64 {
    let nth = item.and_then(|item| item.get(&format!("t{}", limit.most))?.as_n().ok()?.parse().ok());
    nth.map_or(0, |nth| now.seconds_until(Timestamp::from_unix_seconds(nth).plus_seconds(limit.window_seconds)))
}

/// What counts a message to a recipient: all of them, and those that this source causes.
pub(super) fn of_recipient(app: &App, caller: &Caller, recipient: &Recipient) -> Result<Vec<Counting>, Error> {
    let (now, limits) = (app.clock.now(), &app.config.limits);
    let mut counting = vec![sliding(keys::recipient_limit(recipient), &limits.recipient, now)?];
    for (source, factor) in hashed_sources(app, caller)? {
        let widened: Vec<_> = limits.recipient_source.iter().map(|limit| limit.times(factor)).collect();
        // Looser than the recipient's own limit it would say nothing, and hold more times than are needed.
        if factor == 1 {
            counting.push(sliding(keys::recipient_source_limit(recipient, &source), &widened, now)?);
        }
    }
    Ok(counting)
}

/// What counts a message that a device of the recipient's asks for, apart from what strangers ask for.
pub(super) fn of_devices(app: &App, recipient: &Recipient) -> Result<Counting, Error> {
    let key = keys::recipient_device_limit(recipient);
    sliding(key, &app.config.limits.recipient_source, app.clock.now())
}

/// What counts a change of an account by its signed-in owner.
pub(super) fn of_changes(app: &App, user: &UserId) -> Result<Counting, Error> {
    sliding(keys::change_limit(user), &app.config.limits.changes, app.clock.now())
}

/// The last times, newest first, as attributes `t1`, `t2`, …: each moves one on, and of each limit the n-th must be out
/// of its window.
fn sliding(key: Key, limits: &[Limit], now: Timestamp) -> Result<Counting, Error> {
    let (mut set, mut condition, mut window) = ("SET expires_at = :until, t1 = :now".to_owned(), String::new(), 0);
    let mut places: Vec<(String, Timestamp)> = Vec::new();
    for limit in limits {
        window = window.max(limit.window_seconds);
        let (nth, place) = (limit.most, places.len());
        let joint = if condition.is_empty() { "" } else { " AND " };
        let _ = write!(condition, "{joint}(attribute_not_exists(t{nth}) OR t{nth} <= :w{place})");
        places.push((format!(":w{place}"), now.plus_seconds(-limit.window_seconds)));
    }
    for nth in 2..=limits.iter().map(|limit| limit.most).max().unwrap_or(1) {
        let _ = write!(set, ", t{nth} = if_not_exists(t{}, :never)", nth - 1);
    }
    let mut values = vec![(":now", seconds(now)), (":until", seconds(now.plus_seconds(window)))];
    if set.contains(":never") {
        values.push((":never", number(0)));
    }
    values.extend(places.iter().map(|(name, since)| (name.as_str(), seconds(*since))));
    let write = Write::update(&key, &set, Expression { text: &condition, values: &values })?;
    Ok(Counting { write, wait: Wait::Sliding(limits.to_vec()) })
}

/// What counts something that a source causes.
pub(super) fn of_source(app: &App, caller: &Caller, what: Caused, limit: Limit) -> Result<Vec<Counting>, Error> {
    let now = app.clock.now();
    let (window, end) = limit.window(now);
    let counted = hashed_sources(app, caller)?.into_iter().map(|(source, factor)| {
        let values = [
            (":zero", number(0)),
            (":one", number(1)),
            (":most", number(limit.times(factor).most.into())),
            (":until", seconds(end)),
        ];
        let write = Write::update(
            &keys::source_window(what.word(), &source, window),
            "SET used = if_not_exists(used, :zero) + :one, expires_at = :until",
            Expression { text: "attribute_not_exists(used) OR used < :most", values: &values },
        )?;
        Ok(Counting { write, wait: Wait::Until(end) })
    });
    counted.collect()
}

/// What takes back one thing that a source caused, if its window is still the same.
pub(super) fn given_back(app: &App, caller: &Caller, what: Caused, limit: Limit) -> Result<Vec<Write>, Error> {
    let (window, end) = limit.window(app.clock.now());
    let taken = hashed_sources(app, caller)?.into_iter().map(|(source, _)| {
        // On no condition, which could refuse what it comes with: a window that is over counts from nothing.
        let values = [(":one", number(1)), (":until", seconds(end))];
        let key = keys::source_window(what.word(), &source, window);
        Write::update(
            &key,
            "SET used = if_not_exists(used, :one) - :one, expires_at = :until",
            Expression { text: "", values: &values },
        )
    });
    taken.collect()
}

/// Counts something that a source causes, in a call of its own.
pub(super) async fn count_source(app: &App, caller: &Caller, what: Caused, limit: Limit) -> Result<(), Error> {
    let counting = of_source(app, caller, what, limit)?;
    let now = app.clock.now();
    let waits: Vec<_> = counting.iter().map(|one| one.wait_seconds(None, now)).collect();
    let writes = counting.into_iter().map(|one| one.write).collect();
    match app.store()?.transact(writes, "counting what a source causes").await {
        Ok(()) => Ok(()),
        Err(StoreError::Refused(_)) => {
            Err(Error::TooMany { retry_after_seconds: waits.into_iter().max().unwrap_or(1) })
        }
        Err(StoreError::Failed(error)) => Err(error),
    }
}

/// The sources of a caller under a keyed hash: from where someone came is nobody's to read in the table.
fn hashed_sources(app: &App, caller: &Caller) -> Result<Vec<(String, u32)>, Error> {
    let keyring = app.keyring()?;
    let sources = sources_of(&caller.address).into_iter().map(|(source, factor)| {
        let hash = hash_address(&source, keyring, keyring.newest_id()).unwrap_or_default();
        (hash, factor)
    });
    Ok(sources.collect())
}
