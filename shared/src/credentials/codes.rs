//! Redeeming codes. A guess is counted before it is compared. The action that a correct code allows uses the code up,
//! in its own transaction.

use crate::app::{App, Caller};
use crate::crypto::KeyGroup;
use crate::domain::{Code, CodeKey, CodeSeed, MAX_REFUNDS, Mobile, Session, Timestamp, User, UserId};
use crate::dynamodb::items::CodeItem;
use crate::dynamodb::keys::{self, EXPIRES_AT, Key, PARTITION};
use crate::dynamodb::{Condition, Effect, Item, Part, Reason, Set, Transaction, Write, read_item};
use crate::error::Error;
use crate::throttling::attempts::{OwnShare, source_attribute};
use crate::users::known_devices;

/// How many wrong codes in a row are compared, over all codes of one streak, before it is blocked (NIST SP 800-63B
/// §3.2.2).
const MAX_WRONG_IN_A_ROW: u64 = 100;
/// How long after its last wrong code a failure streak is forgotten, in seconds. This is long for an attacker. It must
/// end at some time for an owner who has no password, no email and no known device.
const STREAK_LIFE_SECONDS: i64 = 7 * 86_400;
/// The attribute that holds the number of wrong codes in a failure streak.
pub(super) const IN_A_ROW: &str = "in_a_row";

/// A failure streak: wrong codes that are counted together. The devices on which an owner has signed in before have a
/// streak of their own, so that a stranger's guesses never lock the owner out there.
#[derive(Debug)]
pub(crate) struct Streak {
    key: Key,
    /// `true`: a right code resets the streak. `false`: it only undoes its own increment.
    is_reset: bool,
    /// The attribute that counts the codes from the caller's source, where the streak tells sources apart.
    source: Option<String>,
}

/// The reason why a code is not compared.
enum StreakError {
    /// Too many codes in a row were wrong. Holds the caller's share of them, where the streak tells sources apart.
    Blocked(Option<OwnShare>),
    Failed(Error),
}

impl From<StreakError> for Error {
    fn from(error: StreakError) -> Self {
        match error {
            StreakError::Blocked(_) => Self::CodesBlocked,
            StreakError::Failed(error) => error,
        }
    }
}

impl From<Error> for StreakError {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl Streak {
    /// Returns the streak of a mobile number. It is the same whether a code opens an account, takes a number over or
    /// makes an account.
    pub(crate) fn of_number(mobile: &Mobile) -> Self {
        Self { key: keys::failure_streak(mobile.as_str()), is_reset: true, source: None }
    }

    /// Returns the streak of the known devices of the account.
    fn of_devices(owner: &User) -> Self {
        Self { key: keys::failure_streak_on_devices(&owner.id), is_reset: true, source: None }
    }

    /// Returns the streak of the networks of the account's live sessions.
    fn of_networks(owner: &User) -> Self {
        Self { key: keys::failure_streak_in_networks(&owner.id), is_reset: true, source: None }
    }

    /// Returns the streak of codes by which a person shows that an account is theirs: for reauthentication, and mailed
    /// as a second proof.
    pub(crate) fn of_account(user: &UserId) -> Self {
        Self { key: keys::failure_streak(user.as_str()), is_reset: true, source: None }
    }

    /// Returns the streak of codes that an account had sent to a new number or address. An attacker who guesses at
    /// other people's numbers can also redeem correct codes to their own. Therefore a correct code does not reset this
    /// streak: it ends only after a week without a guess.
    pub(crate) fn of_new_name(user: &UserId) -> Self {
        Self { key: keys::failure_streak_at_new_names(user), is_reset: false, source: None }
    }

    /// Returns the same streak, which also counts how many of its codes came from the caller's source.
    fn by_source(self, app: &App, caller: &Caller) -> Result<Self, Error> {
        Ok(Self { source: Some(source_attribute(app, caller)?), ..self })
    }

    async fn count(&self, app: &App) -> Result<(), StreakError> {
        let (store, now) = (&app.store, app.clock.now());
        let until = Set::to(EXPIRES_AT, now.plus_seconds(STREAK_LIFE_SECONDS));
        let one_more = |set: Set| self.source.iter().fold(set, |set, source| set.and_increment(source.clone()));
        let first = |set: Set| self.source.iter().fold(set, |set, source| set.and_to(source.clone(), 1_u64));
        let goes_on = Condition::less(IN_A_ROW, MAX_WRONG_IN_A_ROW).and(Condition::greater(EXPIRES_AT, now));
        let going_on = (one_more(until.clone().and_increment(IN_A_ROW)), Condition::absent(IN_A_ROW).or(goes_on));
        // A streak that has expired starts again at one, whatever its count was.
        let anew = (first(until.and_to(IN_A_ROW, 1_u64)), Condition::at_most(EXPIRES_AT, now));
        let mut own = None;
        for (set, when) in [going_on, anew] {
            let source = self.source.as_ref();
            let share = |item: Option<Item>| source.map(|_| OwnShare::of(&item.unwrap_or_default(), source));
            let blocked = |item| StreakError::Blocked(share(item));
            match store.write("counting wrong codes", &self.key, &set, &when, blocked).await {
                Ok(_) => return Ok(()),
                Err(StreakError::Blocked(share)) => own = share,
                Err(failed) => return Err(failed),
            }
        }
        Err(StreakError::Blocked(own))
    }

    /// Returns what a correct code does to the streak that it was counted in.
    fn end(&self, now: Timestamp) -> Effect {
        let key = self.key.clone();
        if self.is_reset {
            return Effect::remove(key);
        }
        let until = now.plus_seconds(STREAK_LIFE_SECONDS);
        Effect::update(key, Set::to(EXPIRES_AT, until).and_decrement(IN_A_ROW))
    }
}

/// A guess that is counted.
#[derive(Debug)]
struct Guess {
    key: CodeKey,
    /// The code, its number of guesses including this one.
    item: CodeItem,
}

/// Counts a guess. At most five guesses are compared within a code's life, even when many arrive at once, because the
/// increment has the count as its condition.
async fn count_guess(app: &App, key: CodeKey) -> Result<Guess, Error> {
    const DOING: &str = "counting a guess";
    let set = Set::default().and_increment(CodeItem::GUESSES);
    let is_live = Condition::exists(PARTITION).and(Condition::greater(EXPIRES_AT, app.clock.now()));
    let when = is_live.and(CodeItem::has_guesses());
    let counted = app.store.write(DOING, &keys::code(&key), &set, &when, |_| Error::CodeExpired).await?;
    Ok(Guess { key, item: read_item(counted, DOING)? })
}

impl Guess {
    /// Compares the guess with the code, after counting it in its streak too.
    async fn compare(self, app: &App, streak: Streak, guess: &Code) -> Result<RightCode, StreakError> {
        let keyring = app.keyring(KeyGroup::Codes)?;
        if let Err(error) = streak.count(app).await {
            // The guess was not compared, so it must not count.
            let mut tx = Transaction::new("refunding a guess", || Error::CodeExpired);
            tx.require(self.refund());
            let _ = app.store.commit(tx).await;
            return Err(error);
        }
        let code = self.item.seed.digits(&self.key, keyring).ok_or(Error::CodeExpired)?;
        if code.matches(guess) {
            Ok(RightCode { guess: self, streak, now: app.clock.now(), used_up: || Error::CodeExpired })
        } else {
            Err(Error::CodeWrong.into())
        }
    }

    fn is_same_code(&self) -> Condition {
        Condition::equal(CodeSeed::NONCE, self.item.seed.nonce())
    }

    /// Refunds this guess. The condition names the code and its count, so that the refund fails if others have guessed
    /// since or the code is used up.
    fn refund(&self) -> Write {
        Write::update(keys::code(&self.key), Set::default().and_decrement(CodeItem::GUESSES), self.is_last_guess())
    }

    /// Refunds this guess, which was right, and counts the refund. `None` if the code was refunded often enough:
    /// whoever has a right code must not have passwords hashed without end.
    fn refund_right(&self) -> Option<Write> {
        let set = Set::default().and_decrement(CodeItem::GUESSES).and_increment(CodeItem::REFUNDS);
        let is_left = u64::from(self.item.refunds) < MAX_REFUNDS;
        is_left.then(|| Write::update(keys::code(&self.key), set, self.is_last_guess()))
    }

    fn is_last_guess(&self) -> Condition {
        self.is_same_code().and(Condition::equal(CodeItem::GUESSES, self.item.guesses))
    }
}

pub(crate) async fn redeem(app: &App, key: CodeKey, streak: Streak, guess: &Code) -> Result<RightCode, Error> {
    Ok(count_guess(app, key).await?.compare(app, streak, guess).await?)
}

/// Counts and compares a guess at a code to a mobile number, while `finding` looks up who has the number. With a device
/// value the comparison waits for that lookup, because the guess counts in the devices' streak if the account knows the
/// device. Where others have blocked a number's streak, a guess from the network of a live session counts in a streak of
/// its own.
pub(crate) async fn redeem_beside<T>(
    app: &App,
    caller: &Caller,
    (key, mobile, guess): (CodeKey, &Mobile, &Code),
    finding: impl Future<Output = Result<Option<T>, Error>>,
    account: fn(&T) -> &User,
) -> (Result<RightCode, Error>, Result<Option<T>, Error>) {
    let of_number = async |counted: Guess| {
        let streak = Streak::of_number(mobile).by_source(app, caller)?;
        counted.compare(app, streak, guess).await
    };
    let counting = count_guess(app, key.clone());
    let (right, found) = if caller.devices.is_empty() {
        tokio::join!(async { of_number(counting.await?).await }, finding)
    } else {
        let (counted, found) = tokio::join!(counting, finding);
        let owner = found.as_ref().ok().and_then(Option::as_ref).map(account);
        let known = owner.filter(|owner| known_devices::known_device(caller, owner).is_some());
        let right = match (counted, known) {
            (Ok(counted), Some(owner)) => counted.compare(app, Streak::of_devices(owner), guess).await,
            (Ok(counted), None) => of_number(counted).await,
            (Err(error), _) => Err(error.into()),
        };
        (right, found)
    };
    let owner = found.as_ref().ok().and_then(Option::as_ref).map(account);
    match (right, owner) {
        (Err(StreakError::Blocked(Some(own))), owner) if own.is_innocent() => {
            (redeem_in_network(app, caller, key, owner, guess).await, found)
        }
        (right, _) => (right.map_err(Error::from), found),
    }
}

async fn redeem_in_network(
    app: &App,
    caller: &Caller,
    key: CodeKey,
    owner: Option<&User>,
    guess: &Code,
) -> Result<RightCode, Error> {
    // A number without an account reads the sessions of a new random id, so that it takes as long.
    let nobody = UserId::generate();
    let id = owner.map_or(&nobody, |owner| &owner.id);
    let sessions: Vec<Session> = app.store.query(&keys::sessions(id), "reading sessions").await?;
    match owner.filter(|owner| known_devices::is_in_known_network(app, caller, owner, &sessions)) {
        Some(owner) => redeem(app, key, Streak::of_networks(owner), guess).await,
        None => Err(Error::CodesBlocked),
    }
}

/// A correct code that is not yet used up.
#[derive(Debug)]
pub(crate) struct RightCode {
    /// The guess that was correct.
    guess: Guess,
    streak: Streak,
    now: Timestamp,
    /// The error for the case that another request has used the code up.
    used_up: fn() -> Error,
}

/// Uses the code up, in the transaction of the action that it allows, and ends its failure streak. Of two requests that
/// redeem the same code at once, only one succeeds.
impl<E: Reason> Part<E> for &RightCode {
    fn declare(self, transaction: &mut Transaction<E>) -> Result<(), Error> {
        let used_up = self.used_up;
        let unused = Write::delete(keys::code(&self.guess.key), self.guess.is_same_code());
        transaction.require_or(unused, move |_| used_up().into());
        transaction.also(self.streak.end(self.now));
        Ok(())
    }
}

impl RightCode {
    /// Runs the action that the code was redeemed for. If it fails, the guess is refunded, because the code was
    /// correct, but not more than [`MAX_REFUNDS`] times. The streak is treated as after any correct code.
    pub(crate) async fn or_refund<T>(
        &self,
        app: &App,
        doing: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let done = doing.await;
        if done.is_err() {
            let mut tx = Transaction::new("refunding a code", self.used_up);
            self.guess.refund_right().into_iter().for_each(|refund| tx.require(refund));
            tx.also(self.streak.end(self.now));
            // If this write fails, the owner has one guess less, and nobody has one more.
            let _ = app.store.commit(tx).await;
        }
        done
    }

    /// Refuses a code that was issued before the account's credentials last changed. Whoever changed them ended every
    /// code that somebody else may have been sent. Refuses also a code from before the account was made: it was for an
    /// account that had the number before and was deleted.
    pub(crate) fn refuse_outdated(&self, user: &User) -> Result<(), Error> {
        let is_current = self.guess.item.is_for(Some(user));
        if is_current { Ok(()) } else { Err((self.used_up)()) }
    }

    /// Returns the same code for a request that contains two codes. Its errors then name the code that confirms the
    /// account.
    pub(crate) fn into_confirm_code(self) -> Self {
        Self { used_up: || Error::ConfirmCodeExpired, ..self }
    }
}

/// Maps an error of the confirming code, for a request that contains two codes, so that the error says which code it
/// means.
pub(crate) fn of_confirm_code(error: Error) -> Error {
    match error {
        Error::CodeWrong => Error::ConfirmCodeWrong,
        Error::CodeExpired => Error::ConfirmCodeExpired,
        other => other,
    }
}

/// Returns the effects that remove the failure streaks of an account's known devices and networks, because the account
/// forgets its devices. Somebody else may have filled them.
pub(crate) fn forget_device_streaks(user: &User) -> [Effect; 2] {
    [keys::failure_streak_on_devices(&user.id), keys::failure_streak_in_networks(&user.id)].map(Effect::remove)
}

/// Returns the effects that remove the failure streaks of an account that was recovered: its own, and that of its
/// number.
pub(crate) fn forget_streaks(user: &User) -> impl Iterator<Item = Effect> {
    let of_number = user.mobile.as_ref().map(|mobile| keys::failure_streak(mobile.as_str()));
    let [own, devices, networks, second, _] = streaks_of_account(&user.id);
    [own, devices, networks, second].into_iter().chain(of_number).map(Effect::remove)
}

/// Returns the keys of an account's own failure streaks. That of its number is not among them, because it outlives the
/// account: whoever deletes an account must not get new guesses at codes to the number.
pub(crate) fn streaks_of_account(id: &UserId) -> [Key; 5] {
    [
        keys::failure_streak(id.as_str()),
        keys::failure_streak_on_devices(id),
        keys::failure_streak_in_networks(id),
        keys::second_proof(id),
        keys::failure_streak_at_new_names(id),
    ]
}

/// Returns the keys of the codes that are bound to an account: to its own number and email, and to the last ones that it
/// wanted to change to.
pub(crate) fn codes_of_account(user: &User) -> impl Iterator<Item = CodeKey> {
    let id = &user.id;
    let keys = [
        user.mobile.as_ref().map(|mobile| CodeKey::reauthentication(id, mobile)),
        user.email.as_ref().map(|email| CodeKey::second_proof(id, email)),
        user.pending_mobile.as_ref().map(|mobile| CodeKey::change_mobile(id, mobile)),
        user.pending_email.as_ref().map(|email| CodeKey::bind_email(id, email)),
    ];
    keys.into_iter().flatten()
}

/// Returns the keys of the codes that are bound to a number, except those with a challenge id, which only the client
/// knows.
pub(crate) fn codes_of_number(mobile: &Mobile) -> [CodeKey; 3] {
    [CodeKey::register(mobile), CodeKey::log_in(mobile), CodeKey::reset_password(mobile)]
}
