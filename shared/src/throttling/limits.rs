//! Limits on what one recipient is sent, and on what one source causes. Each is a condition in DynamoDB, so that
//! however many arrive at once, no more get through.
//!
//! What a recipient is sent is counted exactly: an item holds the last few times, newest first, and the n-th must be
//! old enough. What a source causes is counted in fixed windows, because there is more of it: around the edge of two
//! windows twice as much may pass.

use crate::app::{App, Caller};
use crate::config::RateLimit;
use crate::crypto::{KeyGroup, hash_address};
use crate::domain::{Limit, Timestamp, UserId, sources_of};
use crate::dynamodb::items::Recipient;
use crate::dynamodb::keys::{self, Key};
use crate::dynamodb::{Condition, Effect, Item, Part, Reason, Set, Transaction, Write};
use crate::error::Error;

/// How often a source did something within a window.
const USED: &str = "used";

/// A write that counts, and how long to wait when it is refused.
pub(crate) struct LimitCount {
    write: Write,
    wait: Wait,
    now: Timestamp,
}

enum Wait {
    Sliding(Vec<Limit>),
    Until(Timestamp),
}

impl LimitCount {
    /// Declares the write, with what its refusal means beside [`Error::TooMany`].
    pub(crate) fn declare_as<E: Reason>(
        self,
        transaction: &mut Transaction<E>,
        meaning: impl FnOnce(Error) -> E + Send + 'static,
    ) {
        let Self { write, wait, now } = self;
        transaction.require_or(write, move |item| {
            let seconds = match wait {
                Wait::Until(end) => now.seconds_until(end),
                Wait::Sliding(limits) => {
                    limits.iter().map(|limit| sliding_wait(*limit, item.as_ref(), now)).max().unwrap_or(0)
                }
            };
            meaning(Error::TooMany { retry_after_seconds: seconds.max(1) })
        });
    }
}

impl<E: Reason> Part<E> for LimitCount {
    fn declare(self, transaction: &mut Transaction<E>) -> Result<(), Error> {
        self.declare_as(transaction, E::from);
        Ok(())
    }
}

fn sliding_wait(limit: Limit, item: Option<&Item>, now: Timestamp) -> u64 {
    let nth = item.and_then(|item| item.get(&time_attribute(limit.most))?.as_n().ok()?.parse().ok());
    nth.map_or(0, |nth| now.seconds_until(Timestamp::from_unix_seconds(nth).plus_seconds(limit.window_seconds)))
}

/// The counts of a message to a recipient: of all messages, and of those that this source asks for.
pub(crate) fn of_recipient(app: &App, caller: &Caller, recipient: &Recipient) -> Result<Vec<LimitCount>, Error> {
    let mut counts = vec![sliding(app, RateLimit::Recipient, keys::recipient_limit(recipient))];
    // The narrowest source only. For a wider one the limit would be looser than the recipient's own.
    if let Some((source, _)) = hashed_sources(app, caller)?.into_iter().next() {
        counts.push(sliding(app, RateLimit::RecipientSource, keys::recipient_source_limit(recipient, &source)));
    }
    Ok(counts)
}

/// The count of messages that the recipient's own devices ask for, apart from those that strangers ask for.
pub(crate) fn of_devices(app: &App, recipient: &Recipient) -> LimitCount {
    sliding(app, RateLimit::RecipientSource, keys::recipient_device_limit(recipient))
}

/// The count of what one account does.
pub(crate) fn of_account(app: &App, limit: RateLimit, user: &UserId) -> LimitCount {
    sliding(app, limit, keys::account_limit(limit.key_word(), user))
}

/// Counts exactly. The item holds the last times, newest first, as attributes `t1`, `t2`, …. Each count moves them on by
/// one, on condition that for each limit the n-th time is out of its window.
fn sliding(app: &App, limit: RateLimit, key: Key) -> LimitCount {
    let (limits, now) = (app.config.limits.of(limit), app.clock.now());
    let window = limits.iter().map(|limit| limit.window_seconds).max().unwrap_or(0);
    let mut set = Set::to(keys::EXPIRES_AT, now.plus_seconds(window)).and_to(time_attribute(1), now);
    for nth in 2..=limits.iter().map(|limit| limit.most).max().unwrap_or(1) {
        set = set.and_moved(time_attribute(nth), time_attribute(nth - 1), 0_u64);
    }
    let out_of_window = |limit: &Limit| {
        let nth = time_attribute(limit.most);
        Condition::absent(nth.clone()).or(Condition::at_most(nth, now.plus_seconds(-limit.window_seconds)))
    };
    let write = Write::update(key, set, Condition::All(limits.iter().map(out_of_window).collect()));
    LimitCount { write, wait: Wait::Sliding(limits.to_vec()), now }
}

fn time_attribute(nth: u32) -> String {
    format!("t{nth}")
}

/// The counts of what a source does, in fixed windows.
pub(crate) fn of_source(app: &App, caller: &Caller, limit: RateLimit) -> Result<Vec<LimitCount>, Error> {
    let now = app.clock.now();
    let windows = windows_of_source(app, caller, limit)?.into_iter().map(|window| {
        let write = Write::update(
            window.key,
            Set::to(keys::EXPIRES_AT, window.end).and_increment(USED),
            Condition::absent(USED).or(Condition::less(USED, window.most)),
        );
        LimitCount { write, wait: Wait::Until(window.end), now }
    });
    Ok(windows.collect())
}

/// Takes one back of what a source did, if its window is still the same. A window that is over is never read again.
pub(crate) fn refund_source(app: &App, caller: &Caller, limit: RateLimit) -> Result<Vec<Effect>, Error> {
    let windows = windows_of_source(app, caller, limit)?.into_iter();
    let taken =
        windows.map(|window| Effect::update(window.key, Set::to(keys::EXPIRES_AT, window.end).and_decrement(USED)));
    Ok(taken.collect())
}

/// Counts what a source does, in a call of its own.
pub(crate) async fn count_source(app: &App, caller: &Caller, limit: RateLimit) -> Result<(), Error> {
    let mut tx = Transaction::new("counting what a source does", || Error::TooMany { retry_after_seconds: 1 });
    for one in of_source(app, caller, limit)? {
        tx.add(one)?;
    }
    app.store.commit(tx).await
}

/// A fixed window of a source.
struct Window {
    key: Key,
    end: Timestamp,
    most: u32,
}

fn windows_of_source(app: &App, caller: &Caller, limit: RateLimit) -> Result<Vec<Window>, Error> {
    let mut windows = Vec::new();
    for (source, factor) in hashed_sources(app, caller)? {
        for allowed in app.config.limits.of(limit) {
            let (number, end) = allowed.window(app.clock.now());
            let key = keys::source_window(limit.key_word(), &source, number);
            windows.push(Window { key, end, most: allowed.times(factor).most });
        }
    }
    Ok(windows)
}

/// The sources of a caller under a keyed hash: from where someone came is nobody's to read in the table.
fn hashed_sources(app: &App, caller: &Caller) -> Result<Vec<(String, u32)>, Error> {
    let keyring = app.keyring(KeyGroup::Visitors)?;
    let sources = sources_of(&caller.address).into_iter().map(|(source, factor)| {
        let hash = hash_address(&source, keyring, keyring.newest_id()).unwrap_or_default();
        (hash, factor)
    });
    Ok(sources.collect())
}
