//! Redeeming codes: a guess is counted before it is compared, and a right code is used up by what it pays for.

use crate::app::{App, Caller};
use crate::crypto::KeyGroup;
use crate::domain::{Code, CodeKey, CodeSeed, MAX_GUESSES, Mobile, Timestamp, User, UserId};
use crate::dynamodb::items::CodeItem;
use crate::dynamodb::keys::{self, EXPIRES_AT, Key, PARTITION};
use crate::dynamodb::{Condition, Effect, Part, Reason, Set, Transaction, Write, WriteError, read_item};
use crate::error::Error;

/// How many codes in a row may be wrong, whichever they were, before no more are compared (NIST SP 800-63B §3.2.2).
const MOST_WRONG_IN_A_ROW: u64 = 100;
/// How long after the last wrong code a failure streak is forgotten, in seconds: long for who guesses, and not for ever for
/// an owner who has neither a password, an email nor a device that is known.
const STREAK_LIFE_SECONDS: i64 = 7 * 86_400;
/// How many wrong codes a failure streak has.
const IN_A_ROW: &str = "in_a_row";

/// A failure streak: wrong codes that are counted together. A device on which the owner was signed in to before has a streak
/// of its own, so that strangers who guess keep no owner out there.
#[derive(Debug)]
pub(crate) struct Streak {
    key: Key,
    /// `true`: a right code resets the streak. `false`: it only undoes its own increment.
    is_reset: bool,
}

impl Streak {
    /// The streak of a number, whether a code to it opens an account, takes one over or makes one.
    pub(crate) fn of_number(mobile: &Mobile) -> Self {
        Self { key: keys::failure_streak(mobile.as_str()), is_reset: true }
    }

    /// The streak of an account's known devices, if `owner`, who has the number, is known on this one.
    fn of_devices(caller: &Caller, owner: Option<&UserId>) -> Option<Self> {
        let known = caller.device.as_ref().filter(|device| Some(&device.user_id) == owner)?;
        Some(Self { key: keys::failure_streak_on_devices(&known.user_id), is_reset: true })
    }

    /// The streak of codes that prove that an account is one's own.
    pub(crate) fn of_account(user: &UserId) -> Self {
        Self { key: keys::failure_streak(user.as_str()), is_reset: true }
    }

    /// The streak of codes to numbers and addresses that an account would move to. Whoever guesses at other people's has
    /// right codes of their own, so nothing resets it but a week without a guess.
    pub(crate) fn of_new_name(user: &UserId) -> Self {
        Self { key: keys::failure_streak_at_new_names(user), is_reset: false }
    }

    async fn count(&self, app: &App) -> Result<(), Error> {
        let (store, now) = (&app.store, app.clock.now());
        let until = Set::to(EXPIRES_AT, now.plus_seconds(STREAK_LIFE_SECONDS));
        let goes_on = Condition::less(IN_A_ROW, MOST_WRONG_IN_A_ROW).and(Condition::greater(EXPIRES_AT, now));
        let going_on = (until.clone().and_increment(IN_A_ROW), Condition::absent(IN_A_ROW).or(goes_on));
        // A streak that is forgotten begins anew, whatever its count.
        let anew = (until.and_to(IN_A_ROW, 1_u64), Condition::at_most(EXPIRES_AT, now));
        for (set, when) in [going_on, anew] {
            let counted = store.write("counting wrong codes", &self.key, &set, &when, |_| WriteError::Refused).await;
            if WriteError::refused_as_none(counted)?.is_some() {
                return Ok(());
            }
        }
        Err(Error::CodesBlocked)
    }

    /// What a right code does to the streak it was counted in.
    fn end(&self, now: Timestamp) -> Effect {
        let key = self.key.clone();
        if self.is_reset {
            return Effect::remove(key);
        }
        let until = now.plus_seconds(STREAK_LIFE_SECONDS);
        Effect::update(key, Set::to(EXPIRES_AT, until).and_decrement(IN_A_ROW))
    }
}

/// A guess that was counted and has yet to be compared.
struct Guess {
    key: CodeKey,
    item: CodeItem,
}

/// Counts a guess. Five are compared within a code's life, however many arrive at once, because the count is a condition
/// of its own increment.
async fn count_guess(app: &App, key: CodeKey) -> Result<Guess, Error> {
    const DOING: &str = "counting a guess";
    let set = Set::default().and_increment(CodeItem::GUESSES);
    let has_guesses = Condition::absent(CodeItem::GUESSES).or(Condition::less(CodeItem::GUESSES, MAX_GUESSES));
    let is_live = Condition::exists(PARTITION).and(Condition::greater(EXPIRES_AT, app.clock.now()));
    let when = is_live.and(has_guesses);
    let counted = app.store.write(DOING, &keys::code(&key), &set, &when, |_| Error::CodeExpired).await?;
    Ok(Guess { key, item: read_item(counted, DOING)? })
}

impl Guess {
    /// Compares, once the guess is counted in its streak too.
    async fn compare(self, app: &App, streak: Streak, guess: &Code) -> Result<RightCode, Error> {
        let Self { key, item } = self;
        let code = item.seed.digits(&key, app.keyring(KeyGroup::Codes)?);
        let (nonce, used_up) = (item.seed.nonce().to_owned(), || Error::CodeExpired);
        let right = RightCode { key, nonce, guesses: item.guesses, streak, now: app.clock.now(), used_up };
        if let Err(error) = right.streak.count(app).await {
            // Nothing was compared.
            let mut tx = Transaction::new("taking a guess back", used_up);
            tx.require(right.take_back_guess());
            let _ = app.store.commit(tx).await;
            return Err(error);
        }
        if code.ok_or(Error::CodeExpired)?.matches(guess) { Ok(right) } else { Err(Error::CodeWrong) }
    }
}

/// Counts a guess and compares it.
pub(crate) async fn redeem(app: &App, key: CodeKey, streak: Streak, guess: &Code) -> Result<RightCode, Error> {
    count_guess(app, key).await?.compare(app, streak, guess).await
}

/// The same for a code to an account's number, beside finding who has the number. Only on a known device the guess waits
/// for that, to be counted in the streak of the device if it is the owner's.
pub(crate) async fn redeem_beside<T>(
    app: &App,
    caller: &Caller,
    (key, mobile, guess): (CodeKey, &Mobile, &Code),
    finding: impl Future<Output = Result<Option<T>, Error>>,
    id: fn(&T) -> &UserId,
) -> (Result<RightCode, Error>, Result<Option<T>, Error>) {
    if caller.device.is_none() {
        return tokio::join!(redeem(app, key, Streak::of_number(mobile), guess), finding);
    }
    let (counted, found) = tokio::join!(count_guess(app, key), finding);
    let owner = found.as_ref().ok().and_then(Option::as_ref).map(id);
    let right = match counted {
        Ok(counted) => {
            let streak = Streak::of_devices(caller, owner).unwrap_or_else(|| Streak::of_number(mobile));
            counted.compare(app, streak, guess).await
        }
        Err(error) => Err(error),
    };
    (right, found)
}

/// A right code that has yet to be used up.
#[derive(Debug)]
pub(crate) struct RightCode {
    key: CodeKey,
    nonce: String,
    /// The count with this guess.
    guesses: u32,
    streak: Streak,
    now: Timestamp,
    /// What it means that another request used the code up meanwhile.
    used_up: fn() -> Error,
}

/// Uses the code up, in the transaction of what it pays for, and ends the streak of wrong ones. Of two that redeem it at
/// once, one gets this through.
impl<E: Reason> Part<E> for &RightCode {
    fn declare(self, transaction: &mut Transaction<E>) -> Result<(), Error> {
        let used_up = self.used_up;
        let unused = Write::delete(keys::code(&self.key), self.is_this_code());
        transaction.require_or(unused, move |_| used_up().into());
        transaction.also(self.streak.end(self.now));
        Ok(())
    }
}

impl RightCode {
    /// Does what the code was redeemed for. Where that comes to nothing, it was no wrong guess all the same: the guess is
    /// taken back, and its streak is left as a right code leaves it.
    pub(crate) async fn or_give_back<T>(
        &self,
        app: &App,
        doing: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let done = doing.await;
        if done.is_err() {
            let mut tx = Transaction::new("giving a code back", self.used_up);
            tx.require(self.take_back_guess());
            tx.also(self.streak.end(self.now));
            // When this does not get through, the owner has one try less, and nobody has one more.
            let _ = app.store.commit(tx).await;
        }
        done
    }

    fn is_this_code(&self) -> Condition {
        Condition::equal(CodeSeed::NONCE, self.nonce.as_str())
    }

    /// The condition names code and count, so that a guess is not taken back when others have guessed since, or the code
    /// is used up.
    fn take_back_guess(&self) -> Write {
        let same = self.is_this_code().and(Condition::equal(CodeItem::GUESSES, self.guesses));
        Write::update(keys::code(&self.key), Set::default().and_decrement(CodeItem::GUESSES), same)
    }

    /// The same code where a request holds two: what is wrong with it is said of the code that confirms who asks.
    pub(crate) fn into_confirm_code(self) -> Self {
        Self { used_up: || Error::ConfirmCodeExpired, ..self }
    }
}

/// Where a request holds two codes, that of the proof says which one it is.
pub(crate) fn of_confirm_code(error: Error) -> Error {
    match error {
        Error::CodeWrong => Error::ConfirmCodeWrong,
        Error::CodeExpired => Error::ConfirmCodeExpired,
        other => other,
    }
}

/// What forgets the failure streaks of an account that was recovered.
pub(crate) fn forget_streaks(user: &User) -> impl Iterator<Item = Effect> {
    let id = &user.id;
    let of_number = user.mobile.as_ref().map(|mobile| keys::failure_streak(mobile.as_str()));
    let of_account = [keys::failure_streak(id.as_str()), keys::failure_streak_on_devices(id), keys::second_proof(id)];
    of_account.into_iter().chain(of_number).map(Effect::remove)
}
