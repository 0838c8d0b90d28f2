//! Redeeming codes: a guess is counted before it is compared, and a right code is used up by what it pays for.

use crate::app::{App, Caller};
use crate::domain::{Code, CodeKey, Mobile, User, UserId};
use crate::dynamodb::items::CodeItem;
use crate::dynamodb::keys::{self, Key};
use crate::dynamodb::{Expression, StoreError, Write, number, seconds, text};
use crate::error::Error;

/// How long a code lives, in seconds (ASVS 6.5.5: ten minutes at most).
pub const CODE_LIFE_SECONDS: i64 = 600;
/// Asking again re-sends the same code while this much of its life remains, in seconds.
pub const KEEP_CODE_SECONDS: i64 = 300;
/// How many guesses are compared within a code's life.
pub const MAX_GUESSES: u64 = 5;

/// How many codes in a row may be wrong, whichever they were, before no more are compared (NIST SP 800-63B §3.2.2).
const MOST_WRONG_IN_A_ROW: u64 = 100;
/// How long after the last wrong code a row is forgotten, in seconds: long for who guesses, and not for ever for an owner
/// who has neither a password, an email nor a device that is known.
const ROW_LIFE_SECONDS: i64 = 7 * 86_400;

/// Whose wrong codes in a row are counted together. A device on which the owner was signed in to before has a row of its
/// own, so that strangers who guess keep no owner out there.
#[derive(Debug)]
pub(super) struct Row {
    key: Key,
    /// Whether a right code ends it. Otherwise that is only not counted in it.
    ends: bool,
}

impl Row {
    /// The row of a number, whether a code to it opens an account, takes one over or makes one.
    pub(super) fn of_number(mobile: &Mobile) -> Self {
        Self { key: keys::guesses(mobile.as_str()), ends: true }
    }

    /// The row of an account's known devices, if `owner`, who has the number, is known on this one.
    fn of_devices(caller: &Caller, owner: Option<&UserId>) -> Option<Self> {
        let known = caller.device.as_ref().filter(|device| Some(&device.user_id) == owner)?;
        Some(Self { key: keys::guesses_on_devices(&known.user_id), ends: true })
    }

    /// The row of proofs that an account is one's own.
    pub(super) fn of_account(user: &UserId) -> Self {
        Self { key: keys::guesses(user.as_str()), ends: true }
    }

    /// The row of codes to numbers and addresses that an account would move to. Whoever guesses at other people's has
    /// right codes and proofs enough of their own, so nothing ends it but a week without a guess.
    pub(super) fn of_new_name(user: &UserId) -> Self {
        Self { key: keys::guesses_at_new_names(user), ends: false }
    }
}

/// A guess that was counted and has yet to be compared.
struct CountedGuess {
    key: CodeKey,
    item: CodeItem,
}

/// Counts a guess. Five are compared within a code's life, however many arrive at once, because the count is a condition
/// of its own increment.
async fn count_guess(app: &App, key: CodeKey) -> Result<CountedGuess, Error> {
    let counted = app
        .store()?
        .update::<CodeItem>(
            &keys::code(&key),
            "SET guesses = if_not_exists(guesses, :zero) + :one",
            "attribute_exists(pk) AND expires_at > :now AND (attribute_not_exists(guesses) OR guesses < :max)",
            &[
                (":zero", number(0)),
                (":one", number(1)),
                (":max", number(MAX_GUESSES)),
                (":now", seconds(app.clock.now())),
            ],
            "counting a guess",
        )
        .await;
    match counted {
        Ok(item) => Ok(CountedGuess { key, item }),
        Err(StoreError::Refused(_)) => Err(Error::CodeExpired),
        Err(StoreError::Failed(error)) => Err(error),
    }
}

impl CountedGuess {
    /// Compares, once the guess is counted in its row too.
    async fn compare(self, app: &App, row: Row, guess: &Code) -> Result<RightCode, Error> {
        let Self { key, item } = self;
        let code = item.seed.digits(&key, app.keyring()?);
        let nonce = item.seed.nonce().to_owned();
        let right = RightCode { key, nonce, guesses: item.guesses, row };
        if let Err(error) = right.count_in_row(app).await {
            // Nothing was compared.
            let _ = app.store()?.transact(vec![right.take_back_guess()?], "taking a guess back").await;
            return Err(error);
        }
        if code.ok_or(Error::CodeExpired)?.matches(guess) { Ok(right) } else { Err(Error::CodeWrong) }
    }
}

/// Counts a guess and compares it.
pub(super) async fn redeem(app: &App, key: CodeKey, row: Row, guess: &Code) -> Result<RightCode, Error> {
    count_guess(app, key).await?.compare(app, row, guess).await
}

/// The same for a code to an account's number, beside finding who has the number. Only on a known device the guess waits
/// for that, to be counted in the row of the device if it is the owner's.
pub(super) async fn redeem_beside<T>(
    app: &App,
    caller: &Caller,
    (key, mobile, guess): (CodeKey, &Mobile, &Code),
    finding: impl Future<Output = Result<Option<T>, Error>>,
    id: fn(&T) -> &UserId,
) -> (Result<RightCode, Error>, Result<Option<T>, Error>) {
    if caller.device.is_none() {
        return tokio::join!(redeem(app, key, Row::of_number(mobile), guess), finding);
    }
    let (counted, found) = tokio::join!(count_guess(app, key), finding);
    let owner = found.as_ref().ok().and_then(Option::as_ref).map(id);
    let right = match counted {
        Ok(counted) => {
            let row = Row::of_devices(caller, owner).unwrap_or_else(|| Row::of_number(mobile));
            counted.compare(app, row, guess).await
        }
        Err(error) => Err(error),
    };
    (right, found)
}

/// A right code that has yet to be used up.
#[derive(Debug)]
pub(super) struct RightCode {
    key: CodeKey,
    nonce: String,
    /// The count with this guess.
    guesses: u32,
    row: Row,
}

impl RightCode {
    async fn count_in_row(&self, app: &App) -> Result<(), Error> {
        let (store, now) = (app.store()?, app.clock.now());
        let (one, now, until) = (number(1), seconds(now), seconds(now.plus_seconds(ROW_LIFE_SECONDS)));
        let on = [
            (":zero", number(0)),
            (":one", one.clone()),
            (":most", number(MOST_WRONG_IN_A_ROW)),
            (":now", now.clone()),
            (":until", until.clone()),
        ];
        let anew = [(":one", one), (":now", now), (":until", until)];
        // A row that is forgotten begins anew, whatever its count.
        for (set, condition, values) in [
            (
                "SET in_a_row = if_not_exists(in_a_row, :zero) + :one, expires_at = :until",
                "attribute_not_exists(in_a_row) OR (in_a_row < :most AND expires_at > :now)",
                &on[..],
            ),
            ("SET in_a_row = :one, expires_at = :until", "expires_at <= :now", &anew[..]),
        ] {
            match store.update_item(&self.row.key, set, condition, values, "counting wrong codes in a row").await {
                Ok(_) => return Ok(()),
                Err(StoreError::Refused(_)) => {}
                Err(StoreError::Failed(error)) => return Err(error),
            }
        }
        Err(Error::CodesBlocked)
    }

    /// Uses the code up, in the transaction of what it pays for. Of two that redeem it at once, one gets this through.
    pub(super) fn spend(&self) -> Result<Write, Error> {
        let condition = Expression { text: "nonce = :nonce", values: &[(":nonce", text(&self.nonce))] };
        Write::delete(&keys::code(&self.key), condition)
    }

    /// Does what the code was redeemed for. Where that comes to nothing, it was no wrong guess all the same: the guess is
    /// taken back, and its row is left as a right code leaves it.
    pub(super) async fn or_give_back<T>(
        &self,
        app: &App,
        doing: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let done = doing.await;
        if done.is_err()
            && let (Ok(guess), Ok(row), Ok(store)) = (self.take_back_guess(), self.end_row(app), app.store())
        {
            // When this does not get through, the owner has one try less, and nobody has one more.
            let _ = store.transact(vec![guess, row], "giving a code back").await;
        }
        done
    }

    /// The condition names code and count, so that a guess is not taken back when others have guessed since, or the code
    /// is used up.
    fn take_back_guess(&self) -> Result<Write, Error> {
        let values = [(":one", number(1)), (":nonce", text(&self.nonce)), (":count", number(self.guesses.into()))];
        let same = Expression { text: "nonce = :nonce AND guesses = :count", values: &values };
        Write::update(&keys::code(&self.key), "SET guesses = guesses - :one", same)
    }

    /// Ends the row of wrong codes. One that nothing ends counts this code no longer.
    pub(super) fn end_row(&self, app: &App) -> Result<Write, Error> {
        if self.row.ends {
            return Write::remove(&self.row.key);
        }
        let until = seconds(app.clock.now().plus_seconds(ROW_LIFE_SECONDS));
        let values = [(":one", number(1)), (":until", until)];
        let uncount = "SET in_a_row = if_not_exists(in_a_row, :one) - :one, expires_at = :until";
        Write::update(&self.row.key, uncount, Expression { text: "", values: &values })
    }

    /// Does what the code pays for and uses it up, all in one transaction whose first write is [`Self::spend`], and whose
    /// last ends the row of wrong ones.
    pub(super) async fn pay(&self, app: &App, rest: Vec<Write>, doing: &'static str) -> Result<(), StoreError> {
        let mut writes = vec![self.spend()?];
        writes.extend(rest);
        writes.push(self.end_row(app)?);
        match app.store()?.transact(writes, doing).await {
            Err(StoreError::Refused(refusals)) if refusals.iter().any(|refusal| refusal.index == 0) => {
                Err(Error::CodeExpired.into())
            }
            paid => paid,
        }
    }
}

/// Where a request holds two codes, that of the proof says which one it is.
pub(super) fn of_confirm_code(error: Error) -> Error {
    match error {
        Error::CodeWrong => Error::ConfirmCodeWrong,
        Error::CodeExpired => Error::ConfirmCodeExpired,
        other => other,
    }
}

/// Ends the rows of wrong codes of an account that was recovered. `right` is the code that did it, if one did: its own
/// row ends when it pays.
pub(super) fn forget_rows(user: &User, right: Option<&RightCode>) -> Result<Vec<Write>, Error> {
    let own = right.map(|right| &right.row.key);
    let id = &user.id;
    let of_number = user.mobile.as_ref().map(|mobile| keys::guesses(mobile.as_str()));
    let of_account = [keys::guesses(id.as_str()), keys::guesses_on_devices(id), keys::second_proof(id)];
    let rows: Vec<_> = of_account.into_iter().chain(of_number).collect();
    rows.iter().filter(|row| own != Some(row)).map(Write::remove).collect()
}
