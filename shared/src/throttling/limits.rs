//! Limits on what one recipient is sent, and on what one source causes. Each is a condition in DynamoDB, so that
//! however many arrive at once, no more get through.
//!
//! What a recipient is sent is counted exactly: an item holds the last few times, newest first, and the n-th must be
//! old enough. What a source causes is counted in fixed windows, because there is more of it: around the edge of two
//! windows twice as much may pass.

use crate::app::{App, Caller};
use crate::crypto::{KeyGroup, hash_address};
use crate::domain::{Limit, Timestamp, UserId, sources_of};
use crate::dynamodb::items::Recipient;
use crate::dynamodb::keys::{self, Key};
use crate::dynamodb::{Condition, Effect, Item, Part, Reason, Set, Transaction, Write};
use crate::error::Error;

/// How often a source did something within a window.
const USED: &str = "used";
/// How often an account is exported.
const EXPORTS: Limit = Limit { most: 3, window_seconds: 86_400 };

/// What a source is limited in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SourceAction {
    Messages,
    /// Attempts to sign in.
    LogIns,
    /// Questions whether a number or an address is registered.
    Probes,
    Captchas,
}

impl SourceAction {
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

/// What counts a message to a recipient: all of them, and those that this source causes.
pub(crate) fn of_recipient(app: &App, caller: &Caller, recipient: &Recipient) -> Result<Vec<LimitCount>, Error> {
    let (now, limits) = (app.clock.now(), &app.config.limits);
    let mut counts = vec![sliding(keys::recipient_limit(recipient), &limits.recipient, now)];
    for (source, factor) in hashed_sources(app, caller)? {
        // A wider source has a limit so many times looser. Looser than the recipient's own it would say nothing.
        if factor == 1 {
            let key = keys::recipient_source_limit(recipient, &source);
            counts.push(sliding(key, &limits.recipient_source, now));
        }
    }
    Ok(counts)
}

/// What counts a message that a device of the recipient's asks for, apart from what strangers ask for.
pub(crate) fn of_devices(app: &App, recipient: &Recipient) -> LimitCount {
    sliding(keys::recipient_device_limit(recipient), &app.config.limits.recipient_source, app.clock.now())
}

/// What counts a change of an account by its signed-in owner.
pub(crate) fn of_changes(app: &App, user: &UserId) -> LimitCount {
    sliding(keys::change_limit(user), &app.config.limits.changes, app.clock.now())
}

/// What counts an export of an account.
pub(crate) fn of_exports(app: &App, user: &UserId) -> LimitCount {
    sliding(keys::export_limit(user), &[EXPORTS], app.clock.now())
}

/// The last times, newest first, as attributes `t1`, `t2`, …: each moves one on, and of each limit the n-th must be out
/// of its window.
fn sliding(key: Key, limits: &[Limit], now: Timestamp) -> LimitCount {
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

/// What counts something that a source causes.
pub(crate) fn of_source(
    app: &App,
    caller: &Caller,
    what: SourceAction,
    limit: Limit,
) -> Result<Vec<LimitCount>, Error> {
    let now = app.clock.now();
    let (window, end) = limit.window(now);
    let counted = hashed_sources(app, caller)?.into_iter().map(|(source, factor)| {
        let write = Write::update(
            keys::source_window(what.word(), &source, window),
            Set::to(keys::EXPIRES_AT, end).and_increment(USED),
            Condition::absent(USED).or(Condition::less(USED, limit.times(factor).most)),
        );
        LimitCount { write, wait: Wait::Until(end), now }
    });
    Ok(counted.collect())
}

/// What takes back one thing that a source caused, if its window is still the same: a window that is over counts from
/// nothing.
pub(crate) fn given_back(app: &App, caller: &Caller, what: SourceAction, limit: Limit) -> Result<Vec<Effect>, Error> {
    let (window, end) = limit.window(app.clock.now());
    let taken = hashed_sources(app, caller)?.into_iter().map(|(source, _)| {
        let key = keys::source_window(what.word(), &source, window);
        Effect::update(key, Set::to(keys::EXPIRES_AT, end).and_decrement(USED))
    });
    Ok(taken.collect())
}

/// Counts something that a source causes, in a call of its own.
pub(crate) async fn count_source(app: &App, caller: &Caller, what: SourceAction, limit: Limit) -> Result<(), Error> {
    let mut tx = Transaction::new("counting what a source causes", || Error::TooMany { retry_after_seconds: 1 });
    for one in of_source(app, caller, what, limit)? {
        tx.add(one)?;
    }
    app.store.commit(tx).await
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
