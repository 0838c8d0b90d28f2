//! Attempts at a password. Each is counted before it is compared. After the fifth wrong one in a row the next has to
//! wait, and after `PASSWORD_MAX_FAILURES` no more are compared.
//!
//! Attempts from unknown devices count at the name that was tried, whether or not anybody has it. An account has up to
//! three names, and no count is common to them: a stranger could learn from its waits which names belong together.
//!
//! Attempts from a known device count in the account's item, apart from all others, so that a stranger who guesses all
//! the time cannot keep the owner waiting there. The network of a live session, a second proof and the reauthentication
//! of a session have counts of their own too.
//!
//! A success from an unknown device takes back the wrong attempts from its own network address alone (NIST SP 800-63B
//! §3.2.2). Those of strangers stay, so an owner's sign-ins give them no new attempts. The count of a name ends with a
//! change of the password, or when someone signs in with a code and the password.

use serde::Deserialize;

use super::limits::{keyed_hash, narrowest_source};
use crate::app::{App, Caller};
use crate::crypto::KnownDevice;
use crate::domain::{AccountName, Session, Timestamp, User, UserId};
use crate::dynamodb::keys::{self, Key};
use crate::dynamodb::{Condition, Effect, Item, Set, WriteError, read_item};
use crate::error::Error;
use crate::users::known_devices;

/// How many attempts in a row are free of a wait.
const FREE_ATTEMPTS: u32 = 5;
/// The longest wait, in seconds.
const LONGEST_WAIT_SECONDS: i64 = 900;
/// How many waits come before the longest. The first is one second, and each is twice the one before.
const DOUBLINGS: u32 = 10;

/// How often a success tries to take attempts back, while others count more.
const FORGIVING_TRIES: usize = 4;

/// The attributes of a count.
pub(crate) const FAILURES: &str = "password_failures";
const TRIED_AT: &str = "password_tried_at";
/// The time of the try before the last.
const TRIED_BEFORE: &str = "password_tried_before";
/// The prefix of the attributes that hold how many of the attempts came from one source.
const OF_SOURCE: &str = "from_";

const DOING: &str = "counting an attempt";

/// Returns how long the next attempt has to wait after this many in a row, in seconds.
fn wait_seconds(failures: u32) -> i64 {
    match failures.checked_sub(FREE_ATTEMPTS) {
        None => 0,
        Some(more) if more < DOUBLINGS => 1 << more,
        Some(_) => LONGEST_WAIT_SECONDS,
    }
}

/// The throttle key: whose attempts are counted.
#[derive(Clone, Copy)]
pub(crate) enum ThrottleKey<'a> {
    /// Attempts at a name from unknown devices. The name is in its canonical form, see [`canonical`].
    Name(&'a str),
    /// Attempts at an account from one of its known devices.
    KnownDevice(&'a KnownDevice),
    /// Attempts at a name from the caller's network, after strangers have used up those of the name. They are compared
    /// only if the network is that of a live session.
    Network(&'a str),
    /// Passwords given as a second proof, after a correct code to the account's number.
    SecondProof(&'a UserId),
    /// Passwords by which the person of a session reauthenticates.
    Session(&'a Session),
}

/// The reason why an attempt may not be compared.
#[derive(Debug)]
pub(crate) enum AttemptError {
    /// Too many attempts in a row were wrong.
    Blocked(OwnShare),
    /// It is too soon after the last attempt.
    TooSoon {
        retry_after_seconds: u64,
    },
    /// The session has ended, or the device is no longer known.
    Gone,
    Failed(Error),
}

/// How many of the wrong attempts in a row came from the caller's own source.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OwnShare(u32);

impl OwnShare {
    /// Returns the share in an item that counts attempts by source.
    pub(crate) fn of(item: &Item, source: Option<&String>) -> Self {
        let count = source.and_then(|source| item.get(source)?.as_n().ok()?.parse().ok());
        Self(count.unwrap_or(0))
    }

    /// Returns whether the refusal is the doing of others. Only then does the network of a live session count as a known
    /// device: whoever guesses from there must not get a second count.
    pub(crate) const fn is_innocent(self) -> bool {
        self.0 < FREE_ATTEMPTS
    }
}

/// Returns the name of the attribute that counts the attempts from the caller's source.
pub(crate) fn source_attribute(app: &App, caller: &Caller) -> Result<String, Error> {
    let source = narrowest_source(app, caller)?;
    Ok(format!("{OF_SOURCE}{}", source.get(..8).unwrap_or(&source)))
}

impl From<Error> for AttemptError {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// Returns the form of a name under which all its spellings count together. A text that is no name has a form of its
/// own, so that nobody counts at a name by spelling out its form.
pub(crate) fn canonical(classified: Option<&AccountName>, as_typed: &str) -> String {
    classified.map_or_else(|| format!("?{as_typed}"), |name| keys::claim(name).partition().to_owned())
}

/// An attempt that is counted.
#[derive(Debug)]
pub(crate) struct Attempt {
    counter: Counter,
    /// The item as it is after the count.
    item: Item,
    failures: u32,
}

impl Attempt {
    /// Returns whether no further attempt is compared if this one is wrong.
    pub(crate) const fn is_last(&self) -> bool {
        self.failures == self.counter.most
    }

    /// Returns the account, for an attempt from a known device.
    pub(crate) fn user(&self) -> Result<User, Error> {
        read_item(self.item.clone(), DOING)
    }

    /// Takes back what a correct password excuses: the wrong attempts from the same source, or where attempts are not
    /// told apart by source, all of them. The count of a known device ends when the sign-in is recorded with the account.
    ///
    /// This is a write of its own, so that somebody who tries the same name at the same moment cannot make the sign-in
    /// fail. If it fails, nothing more happens than that some attempts stay counted.
    pub(crate) async fn forgive(&self, app: &App) {
        let counter = &self.counter;
        let forgiven = match &counter.place {
            Place::Device => return,
            Place::Item { source: Some(source) } => counter.forgive_source(app, &self.item, source).await,
            Place::Item { source: None } => app.store.delete(DOING, &counter.key).await.map_err(WriteError::from),
            Place::Session => {
                let set = Set::default().and_remove(FAILURES).and_remove(TRIED_AT);
                let when = Condition::exists(keys::PARTITION);
                app.store.write(DOING, &counter.key, &set, &when, |_| WriteError::Refused).await.map(drop)
            }
        };
        if let Err(error) = WriteError::refused_as_none(forgiven) {
            error.log_ignored("wrong attempts stay counted after a correct one");
        }
    }

    /// Takes this attempt back, because it was not compared.
    pub(crate) async fn refund(&self, app: &App) {
        let counter = &self.counter;
        let (set, when) = match &counter.place {
            Place::Item { source: Some(source) } => {
                let OwnShare(own) = counter.own_share(&self.item);
                let set = Set::default().and_moved(TRIED_AT, TRIED_BEFORE, 0_u64);
                // A source without attempts leaves no attribute, so that many sources cannot make the item large.
                let set = if own > 1 { set.and_decrement(source.clone()) } else { set.and_remove(source.clone()) };
                (set, Condition::equal(source.clone(), own))
            }
            Place::Item { source: None } | Place::Device | Place::Session => {
                (Set::default(), Condition::equal(counter.path(FAILURES), self.failures))
            }
        };
        let set = set.and_decrement(counter.path(FAILURES));
        let refunded = app.store.write(DOING, &counter.key, &set, &when, |_| WriteError::Refused).await;
        if let Err(error) = WriteError::refused_as_none(refunded) {
            error.log_ignored("an attempt that was not compared stays counted");
        }
    }
}

/// Counts an attempt. During a wait nothing is counted, so the wait does not grow.
pub(crate) async fn count(app: &App, caller: &Caller, throttle_key: ThrottleKey<'_>) -> Result<Attempt, AttemptError> {
    let counter = Counter::new(app, caller, throttle_key)?;
    let now = app.clock.now();
    let life = app.config.guessing.streak_seconds;
    let refused = match counter.update(app, &counter.one_more(now, life), counter.may_try(now, life)).await {
        Ok(item) => return Ok(counter.counted(item)),
        Err(NotCounted::Refused(item)) => item,
        Err(NotCounted::Failed(error)) => return Err(error.into()),
    };
    let Some(item) = refused.filter(|item| counter.is_there(item)) else { return Err(AttemptError::Gone) };
    let (failures, tried_at) = counter.read(&item);
    let tried_at = tried_at.unwrap_or(now);
    if tried_at <= now.plus_seconds(-life) {
        let still = Condition::equal(counter.path(TRIED_AT), tried_at);
        match counter.update(app, &counter.anew(&item, now, life), still).await {
            Ok(item) => return Ok(counter.counted(item)),
            Err(NotCounted::Refused(_)) => {}
            Err(NotCounted::Failed(error)) => return Err(error.into()),
        }
    }
    if failures >= counter.most {
        return Err(AttemptError::Blocked(counter.own_share(&item)));
    }
    // Times are cut to whole seconds. Add one, so that no wait is shorter than announced.
    let until = tried_at.plus_seconds(wait_seconds(failures) + 1);
    Err(AttemptError::TooSoon { retry_after_seconds: now.seconds_until(until).max(1) })
}

/// Returns the effects that end the failure streaks of all names of an account, because its password was changed or
/// proved together with a code.
///
/// They belong to the transaction of that change, so that one that is refused gives nobody new attempts.
pub(crate) fn end_streaks(app: &App, user: &User) -> Result<Vec<Effect>, Error> {
    let names = [
        user.mobile.clone().map(AccountName::Mobile),
        user.email.clone().map(AccountName::Email),
        user.username.clone().map(AccountName::Username),
    ];
    names.iter().flatten().map(|name| end_streak(app, name)).collect()
}

/// Returns the effect that ends the failure streak of a name that an account takes: strangers may have guessed at it
/// before anybody had it.
pub(crate) fn end_streak(app: &App, name: &AccountName) -> Result<Effect, Error> {
    key_of(app, name).map(Effect::remove)
}

/// Returns the key of the attempts at a name.
pub(crate) fn key_of(app: &App, name: &AccountName) -> Result<Key, Error> {
    of_name(app, &canonical(Some(name), ""))
}

fn of_name(app: &App, canonical: &str) -> Result<Key, Error> {
    Ok(keys::attempts(&keyed_hash(app, &format!("name:{canonical}"))?))
}

/// The place in which attempts are counted.
#[derive(Debug)]
enum Place {
    /// An item of their own, which also counts the attempts from the caller's source, in this attribute.
    Item { source: Option<String> },
    /// The account's item, with the known device.
    Device,
    /// The session's item.
    Session,
}

#[derive(Debug)]
struct Counter {
    key: Key,
    place: Place,
    /// The path of the attributes within the item, with a dot at its end, or nothing.
    prefix: String,
    /// The condition on an item that is not the counter's own.
    guard: Option<Condition>,
    /// The number of attempts in a row after which no more are compared.
    most: u32,
}

/// Why an attempt was not counted.
enum NotCounted {
    /// A condition does not hold. Holds the item as it is, if there is one.
    Refused(Option<Item>),
    Failed(Error),
}

impl From<Error> for NotCounted {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// The part of a count that decides the next wait.
#[derive(Default, Deserialize)]
struct Count {
    #[serde(default)]
    password_failures: u32,
    password_tried_at: Option<Timestamp>,
}

impl Counter {
    fn new(app: &App, caller: &Caller, throttle_key: ThrottleKey<'_>) -> Result<Self, Error> {
        let most = app.config.guessing.max_failures;
        let own = |key, source| Self { key, place: Place::Item { source }, prefix: String::new(), guard: None, most };
        Ok(match throttle_key {
            ThrottleKey::Name(name) => own(of_name(app, name)?, Some(source_attribute(app, caller)?)),
            ThrottleKey::Network(name) => {
                let network = caller.client_info().address;
                let key = keys::attempts(&keyed_hash(app, &format!("network:{network}/{name}"))?);
                own(key, Some(source_attribute(app, caller)?))
            }
            ThrottleKey::SecondProof(user) => own(keys::second_proof(user), None),
            ThrottleKey::KnownDevice(device) => {
                let listed = known_devices::path(&device.id);
                let same_version = Condition::equal(User::CREDENTIAL_VERSION, device.credential_version);
                Self {
                    key: keys::user(&device.user_id),
                    place: Place::Device,
                    prefix: format!("{listed}."),
                    guard: Some(Condition::exists(listed).and(same_version)),
                    most,
                }
            }
            ThrottleKey::Session(session) => Self {
                key: keys::session(&session.user_id, &session.id),
                place: Place::Session,
                prefix: String::new(),
                guard: Some(Condition::equal(Session::CREDENTIAL_VERSION, session.credential_version)),
                most: app.config.guessing.max_reauthentication_failures,
            },
        })
    }

    fn path(&self, attribute: &str) -> String {
        format!("{}{attribute}", self.prefix)
    }

    /// Returns the condition that an attempt may be made now: nothing is counted, or the wait is over and attempts are
    /// left. DynamoDB cannot compute the wait from the count, so the condition has one clause for each count. It fails
    /// for a count that has expired.
    fn may_try(&self, now: Timestamp, life_seconds: i64) -> Condition {
        let (failures, tried_at) = (self.path(FAILURES), self.path(TRIED_AT));
        let tried_before = |seconds: i64| Condition::less(tried_at.clone(), now.plus_seconds(-seconds));
        let free = Condition::less(failures.clone(), FREE_ATTEMPTS).or(tried_before(LONGEST_WAIT_SECONDS));
        let steps = FREE_ATTEMPTS..FREE_ATTEMPTS + DOUBLINGS;
        let over = steps.fold(free, |over, step| {
            over.or(Condition::equal(failures.clone(), step).and(tried_before(wait_seconds(step))))
        });
        let remembered = Condition::greater(tried_at.clone(), now.plus_seconds(-life_seconds));
        let left = Condition::less(failures, self.most);
        Condition::absent(tried_at).or(remembered.and(left).and(over))
    }

    fn one_more(&self, now: Timestamp, life_seconds: i64) -> Set {
        let set = Set::default().and_increment(self.path(FAILURES)).and_to(self.path(TRIED_AT), now);
        match &self.place {
            Place::Item { source } => {
                let set = set.and_to(keys::EXPIRES_AT, now.plus_seconds(life_seconds));
                let set = set.and_moved(TRIED_BEFORE, TRIED_AT, 0_u64);
                source.iter().fold(set, |set, source| set.and_increment(source.clone()))
            }
            Place::Device | Place::Session => set,
        }
    }

    /// Returns the update that starts the count again at one, because the last attempt is long ago.
    fn anew(&self, old: &Item, now: Timestamp, life_seconds: i64) -> Set {
        let set = Set::to(self.path(FAILURES), 1_u64).and_to(self.path(TRIED_AT), now);
        let Place::Item { source } = &self.place else { return set };
        let set = set.and_to(keys::EXPIRES_AT, now.plus_seconds(life_seconds));
        let set = source.iter().fold(set, |set, source| set.and_to(source.clone(), 1_u64));
        let others = old.keys().filter(|name| name.starts_with(OF_SOURCE) && Some(*name) != source.as_ref());
        others.fold(set, |set, name| set.and_remove(name.clone()))
    }

    async fn update(&self, app: &App, set: &Set, when: Condition) -> Result<Item, NotCounted> {
        let when = match &self.guard {
            Some(guard) => guard.clone().and(when),
            None => when,
        };
        app.store.write(DOING, &self.key, set, &when, NotCounted::Refused).await
    }

    fn counted(self, item: Item) -> Attempt {
        let (failures, _) = self.read(&item);
        Attempt { counter: self, item, failures }
    }

    /// Returns whether the item still has what is counted: the device or the session.
    fn is_there(&self, item: &Item) -> bool {
        match &self.guard {
            None => true,
            Some(guard) => guard.holds(Some(item)),
        }
    }

    /// Takes back all attempts from a source. Another attempt from it may be counted meanwhile, so the condition names
    /// the number, and the item of a refusal gives the next one to try.
    async fn forgive_source(&self, app: &App, item: &Item, source: &String) -> Result<(), WriteError> {
        let (mut own, (mut failures, _)) = (OwnShare::of(item, Some(source)), self.read(item));
        for _ in 0..FORGIVING_TRIES {
            let set = Set::default().and_reduce(FAILURES, own.0).and_remove(source.clone());
            // A success makes nobody wait: the next wait is again counted from the last try before it.
            let set =
                if failures > own.0 { set.and_moved(TRIED_AT, TRIED_BEFORE, 0_u64) } else { set.and_remove(TRIED_AT) };
            let when = Condition::equal(source.clone(), own.0);
            match app.store.write(DOING, &self.key, &set, &when, NotCounted::Refused).await {
                Ok(_) => return Ok(()),
                Err(NotCounted::Failed(error)) => return Err(error.into()),
                Err(NotCounted::Refused(item)) => {
                    let item = item.unwrap_or_default();
                    (own, (failures, _)) = (OwnShare::of(&item, Some(source)), self.read(&item));
                }
            }
            if own.0 == 0 {
                // Another sign-in has taken them back.
                return Ok(());
            }
        }
        Ok(())
    }

    fn own_share(&self, item: &Item) -> OwnShare {
        let Place::Item { source } = &self.place else { return OwnShare(0) };
        OwnShare::of(item, source.as_ref())
    }

    fn read(&self, item: &Item) -> (u32, Option<Timestamp>) {
        let within = self.prefix.split('.').filter(|step| !step.is_empty());
        let mut place = Some(item);
        for step in within {
            place = place.and_then(|item| item.get(step)?.as_m().ok());
        }
        let count: Count = place.and_then(|item| serde_dynamo::from_item(item.clone()).ok()).unwrap_or_default();
        (count.password_failures, count.password_tried_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_from_the_fifth_attempt_to_a_quarter_of_an_hour() {
        let waits: Vec<_> = [0, 4, 5, 6, 7, 14, 15, 1000].map(wait_seconds).into();
        assert_eq!(waits, [0, 0, 1, 2, 4, 512, 900, 900]);
    }
}
