//! Limits on the messages that one recipient is sent, on the actions of one account, and on the requests of one source.
//! A source is the network address that a request comes from, or a prefix of it.
//!
//! Each limit is a condition in DynamoDB, so that concurrent requests cannot exceed it.
//!
//! The limits of recipients and accounts are sliding, and exact. An item holds the last few times, newest first, and
//! the n-th must be old enough. The limits of sources are larger, so they count in fixed windows. Around the boundary
//! of two windows, a source may do twice as much.

use ring::hmac;

use crate::app::{App, Caller};
use crate::config::{RateLimit, WIDER_STRANGERS};
use crate::crypto::{KeyGroup, KnownDevice, Purpose, hash_address};
use crate::domain::{AccountName, Limit, Timestamp, User, UserId, sources_of};
use crate::dynamodb::items::Recipient;
use crate::dynamodb::keys::{self, Key};
use crate::dynamodb::{Condition, Item, Part, Reason, Set, Transaction, Write, WriteError};
use crate::error::Error;
use crate::users::known_devices::{if_known, known_device};

/// The attribute that holds the count of a window.
const USED: &str = "used";

/// A write that counts an action against a limit, with the data to compute the wait if it is refused.
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
    /// Counts the action in a write of its own.
    async fn alone(self, app: &App) -> Result<(), Error> {
        let Self { write, wait, now } = self;
        app.store.write_one("counting an action", write, |item| wait.refusal(item.as_ref(), now)).await.map(drop)
    }

    /// Declares the write. `meaning` turns the [`Error::TooMany`] of a refusal into the transaction's error.
    pub(crate) fn declare_as<E: Reason>(
        self,
        transaction: &mut Transaction<E>,
        meaning: impl FnOnce(Error) -> E + Send + 'static,
    ) {
        let Self { write, wait, now } = self;
        transaction.require_limit(write, move |item| meaning(wait.refusal(item.as_ref(), now)));
    }

    /// Declares the limit, at which nothing is counted: see [`Transaction::refuse_unless`].
    pub(crate) fn declare_unmade<E: Reason>(
        self,
        transaction: &mut Transaction<E>,
        meaning: impl FnOnce(Error) -> E + Send + 'static,
    ) {
        let Self { write, wait, now } = self;
        transaction.refuse_unless(write, move |item| meaning(wait.refusal(item.as_ref(), now)));
    }

    /// Declares the count of a window, which is made before the transaction: see [`Transaction::count_before`].
    pub(crate) fn declare_before<E: Reason>(
        self,
        transaction: &mut Transaction<E>,
        meaning: impl FnOnce(Error) -> E + Send + 'static,
    ) {
        let Self { write, wait, now } = self;
        let take_back = Set::default().and_decrement(USED);
        transaction.count_before(write, take_back, move |item| meaning(wait.refusal(item.as_ref(), now)));
    }
}

impl Wait {
    /// Returns the error for an action above the limit.
    fn refusal(&self, item: Option<&Item>, now: Timestamp) -> Error {
        let seconds = match self {
            Self::Until(end) => now.seconds_until(*end),
            Self::Sliding(limits) => limits.iter().map(|limit| sliding_wait(*limit, item, now)).max().unwrap_or(0),
        };
        Error::TooMany { retry_after_seconds: seconds.max(1) }
    }
}

impl<E: Reason> Part<E> for LimitCount {
    fn declare(self, transaction: &mut Transaction<E>) -> Result<(), Error> {
        self.declare_as(transaction, E::from);
        Ok(())
    }
}

impl<E: Reason> Part<E> for Vec<LimitCount> {
    fn declare(self, transaction: &mut Transaction<E>) -> Result<(), Error> {
        self.into_iter().try_for_each(|count| transaction.add(count))
    }
}

fn sliding_wait(limit: Limit, item: Option<&Item>, now: Timestamp) -> u64 {
    let nth = item.and_then(|item| item.get(&time_attribute(limit.most))?.as_n().ok()?.parse().ok());
    nth.map_or(0, |nth| now.seconds_until(Timestamp::from_unix_seconds(nth).plus_seconds(limit.window_seconds)))
}

/// Returns the counts of a message to a recipient: the count of all its messages, and the count of those that the
/// caller's source requests.
pub(crate) fn of_recipient(app: &App, caller: &Caller, recipient: &Recipient) -> Result<Vec<LimitCount>, Error> {
    // Only the narrowest source counts. For a wider source, the limit would be looser than the recipient's own.
    let source = narrowest_source(app, caller)?;
    Ok(vec![
        sliding(app, RateLimit::Recipient, keys::recipient_limit(recipient)),
        sliding(app, RateLimit::RecipientSource, keys::recipient_source_limit(recipient, &source)),
    ])
}

/// Returns the count of messages that the recipient's own known devices request. These devices have a reserve: messages
/// that strangers request do not count here, so a stranger cannot use up the owner's limit.
pub(crate) fn of_devices(app: &App, recipient: &Recipient) -> LimitCount {
    sliding(app, RateLimit::RecipientSource, keys::recipient_device_limit(recipient))
}

/// Returns the count of the second proofs that an account is mailed.
pub(crate) fn of_second_proofs(app: &App, recipient: &Recipient) -> LimitCount {
    sliding(app, RateLimit::Recipient, keys::second_proof_limit(recipient))
}

/// Returns the count of one account's actions.
pub(crate) fn of_account(app: &App, limit: RateLimit, user: &UserId) -> LimitCount {
    sliding(app, limit, keys::account_limit(limit.key_word(), user))
}

/// Returns the counts of an action that sends messages: at the account, and at its number and email. Those at number and
/// email outlive the account. Otherwise a person who signs up again and again could have any number of messages sent.
pub(crate) fn of_account_and_names(app: &App, limit: RateLimit, user: &User) -> Result<Vec<LimitCount>, Error> {
    let mut counts = vec![of_account(app, limit, &user.id)];
    counts.extend(of_names(app, limit, user)?);
    Ok(counts)
}

/// Returns the counts of an action at its account's number and email.
pub(crate) fn of_names(app: &App, limit: RateLimit, user: &User) -> Result<Vec<LimitCount>, Error> {
    let names = [user.mobile.clone().map(AccountName::Mobile), user.email.clone().map(AccountName::Email)];
    names.iter().flatten().map(|name| Ok(sliding(app, limit, at_name(app, limit, name)?))).collect()
}

/// Returns the key of an action's count at a name.
pub(crate) fn at_name(app: &App, limit: RateLimit, name: &AccountName) -> Result<Key, Error> {
    let hash = keyed_hash(app, &format!("{}:{}", limit.key_word(), keys::claim(name).partition()))?;
    Ok(keys::name_limit(limit.key_word(), &hash))
}

/// Counts one account's action at once, outside a transaction. It therefore stays counted if what follows is refused.
pub(crate) async fn count_account(app: &App, limit: RateLimit, user: &UserId) -> Result<(), Error> {
    of_account(app, limit, user).alone(app).await
}

/// Returns a sliding count. The item holds the last times, newest first, as attributes `t1`, `t2`, …. The write moves
/// each time to the next attribute. Its condition is, for each limit of n times, that the n-th time is outside the
/// limit's window.
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

/// Returns the name of the attribute that holds the n-th time of a sliding count.
pub(crate) fn time_attribute(nth: u32) -> String {
    format!("t{nth}")
}

/// Returns the counts of a source's action, in fixed windows.
pub(crate) fn of_source(app: &App, caller: &Caller, limit: RateLimit) -> Result<Vec<LimitCount>, Error> {
    Ok(in_windows(app, limit, hashed_sources(app, caller)?))
}

/// Returns the counts of an action on the known devices of an account. They are like one source, wherever they are. All
/// devices count together, because every sign-in can add one.
pub(crate) fn of_known_devices(app: &App, user: &UserId, limit: RateLimit) -> Result<Vec<LimitCount>, Error> {
    Ok(in_windows(app, limit, vec![(keyed_hash(app, &format!("devices:{user}"))?, 1)]))
}

/// Returns the counts of a message to somebody without an account, at the hashed sources that requested it. See
/// [`source_hashes`].
pub(crate) fn of_strangers(app: &App, sources: &[String], recipient: &Recipient) -> Vec<LimitCount> {
    in_windows(app, limit_of_strangers(recipient), with_factors(sources))
}

/// Takes back what [`of_strangers`] counted.
pub(crate) async fn refund_strangers(app: &App, sources: &[String], recipient: &Recipient) {
    refund(app, windows(app, limit_of_strangers(recipient), with_factors(sources))).await;
}

pub(crate) const fn limit_of_strangers(recipient: &Recipient) -> RateLimit {
    match recipient {
        Recipient::Sms(_) => RateLimit::StrangersSms,
        Recipient::Email(_) => RateLimit::StrangersMail,
    }
}

/// Adds the factors of the limit of strangers. The first source is the narrowest.
fn with_factors(sources: &[String]) -> Vec<(String, u32)> {
    let factor = |place| if place == 0 { 1 } else { WIDER_STRANGERS };
    sources.iter().enumerate().map(|(place, source)| (source.clone(), factor(place))).collect()
}

/// Returns the keyed hashes of a caller's sources, the narrowest first.
pub(crate) fn source_hashes(app: &App, caller: &Caller) -> Result<Vec<String>, Error> {
    Ok(hashed_sources(app, caller)?.into_iter().map(|(hash, _)| hash).collect())
}

/// Counts in windows at once.
pub(crate) async fn count_alone(app: &App, counts: Vec<LimitCount>) -> Result<(), Error> {
    // Each window is a write of its own: many requests from one address must not fail because their transactions
    // conflict. Where one of two windows refuses, the other may count the action all the same.
    let counted = counts.into_iter().map(|count| count.alone(app));
    futures_util::future::try_join_all(counted).await.map(drop)
}

fn in_windows(app: &App, limit: RateLimit, sources: Vec<(String, u32)>) -> Vec<LimitCount> {
    let now = app.clock.now();
    let counts = windows(app, limit, sources).into_iter().map(|window| {
        let write = Write::update(
            window.key,
            Set::to(keys::EXPIRES_AT, window.end).and_increment(USED),
            Condition::absent(USED).or(Condition::less(USED, window.most)),
        );
        LimitCount { write, wait: Wait::Until(window.end), now }
    });
    counts.collect()
}

/// Takes back one action of a source. If the window has changed since the action was counted, this goes to the new
/// window. If it fails, the action stays counted.
pub(crate) async fn refund_source(app: &App, caller: &Caller, limit: RateLimit) {
    match hashed_sources(app, caller) {
        Ok(sources) => refund(app, windows(app, limit, sources)).await,
        Err(error) => error.log_ignored("an action of a source stays counted"),
    }
}

async fn refund(app: &App, windows: Vec<Window>) {
    let refund = async |window: Window| {
        let (set, counted) = (Set::default().and_decrement(USED), Condition::greater(USED, 0_u64));
        let doing = "taking back what a source did";
        let refunded = app.store.write(doing, &window.key, &set, &counted, |_| WriteError::Refused).await;
        WriteError::refused_as_none(refunded).map(drop)
    };
    if let Err(error) = futures_util::future::try_join_all(windows.into_iter().map(refund)).await {
        error.log_ignored("an action of a source stays counted");
    }
}

/// Counts an action of a source. Where the source's limit is spent, a caller on a known device counts with the devices
/// of that account instead, so that neighbours behind one address stop nobody on a known device.
pub(crate) async fn count_source_or_device(app: &App, caller: &Caller, limit: RateLimit) -> Result<(), Error> {
    let Err(refused) = count_source(app, caller, limit).await else { return Ok(()) };
    if !matches!(refused, Error::TooMany { .. }) {
        return Err(refused);
    }
    for device in &caller.devices {
        if let Some(device) = if_known(app, device).await? {
            return count_alone(app, of_known_devices(app, &device.user_id, limit)?).await;
        }
    }
    Err(refused)
}

/// Counts a password that is hashed for a signed-in person's account.
pub(crate) async fn count_hash(app: &App, caller: &Caller, user: &User) -> Result<(), Error> {
    match known_device(caller, user) {
        Some(device) => count_hash_on_device(app, device).await,
        None => count_hash_at(app, user.id.as_str()).await,
    }
}

/// Counts a password that is hashed on a known device. The devices of an account count apart from it, so that nobody else
/// makes its owner wait. They count together, because every sign-in can add one.
pub(crate) async fn count_hash_on_device(app: &App, device: &KnownDevice) -> Result<(), Error> {
    count_hash_at(app, &format!("{}/devices", device.user_id)).await
}

/// Counts a password that is hashed for a name and the caller's network.
pub(crate) async fn count_hash_in_network(app: &App, caller: &Caller, name: &str) -> Result<(), Error> {
    count_hash_at(app, &format!("{}/{name}", narrowest_source(app, caller)?)).await
}

/// Counts a password that is hashed for an account's id, or for what stands in its place where there is no account. A
/// hash costs far more than all else, and a correct password costs it too. The count is never that of an address alone: a
/// school has only one.
pub(crate) async fn count_hash_at(app: &App, id: &str) -> Result<(), Error> {
    count_alone(app, in_windows(app, RateLimit::Hashes, vec![(keyed_hash(app, &format!("hashes:{id}"))?, 1)])).await
}

/// Refuses an action that one of these limits would refuse in any case, before it costs more. Nothing is counted.
pub(crate) async fn refuse_spent(app: &App, counts: Result<Vec<LimitCount>, Error>) -> Result<(), Error> {
    let mut limits = Transaction::reading_first("reading a limit", || Error::TooMany { retry_after_seconds: 1 });
    counts?.into_iter().try_for_each(|count| limits.add(count))?;
    app.store.read_limits(limits).await
}

/// Counts an action of a source.
pub(crate) async fn count_source(app: &App, caller: &Caller, limit: RateLimit) -> Result<(), Error> {
    count_alone(app, of_source(app, caller, limit)?).await
}

struct Window {
    key: Key,
    end: Timestamp,
    most: u32,
}

fn windows(app: &App, limit: RateLimit, sources: Vec<(String, u32)>) -> Vec<Window> {
    let mut windows = Vec::new();
    for (source, factor) in sources {
        for allowed in app.config.limits.of(limit) {
            let (number, end) = allowed.window(app.clock.now());
            let key = keys::source_window(limit.key_word(), &source, number);
            windows.push(Window { key, end, most: allowed.times(factor).most });
        }
    }
    windows
}

/// Returns the keyed hash of the caller's network address, or of the /64 that its IPv6 address is in.
pub(super) fn narrowest_source(app: &App, caller: &Caller) -> Result<String, Error> {
    Ok(hashed_sources(app, caller)?.into_iter().next().map(|(source, _)| source).unwrap_or_default())
}

/// Returns a keyed hash. Readers of the table learn nothing from it, and nothing readable is left of a deleted account.
pub(super) fn keyed_hash(app: &App, text: &str) -> Result<String, Error> {
    let key = app.keyring(KeyGroup::Visitors)?.newest(Purpose::AccountName);
    Ok(hex::encode(&hmac::sign(&key, text.as_bytes()).as_ref()[..16]))
}

/// Returns the keyed hashes of a caller's sources, each with the factor for its limit. The sources are hashed so that a
/// reader of the table does not learn network addresses.
fn hashed_sources(app: &App, caller: &Caller) -> Result<Vec<(String, u32)>, Error> {
    let keyring = app.keyring(KeyGroup::Visitors)?;
    let sources = sources_of(&caller.address).into_iter().map(|(source, factor)| {
        let hash = hash_address(&source, keyring, keyring.newest_id()).unwrap_or_default();
        (hash, factor)
    });
    Ok(sources.collect())
}
