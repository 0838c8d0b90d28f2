//! Redeeming codes: a guess is counted before it is compared, and a right code is used up by what it pays for.

use crate::app::App;
use crate::domain::{Code, CodeKey};
use crate::dynamodb::items::CodeItem;
use crate::dynamodb::{Expression, StoreError, Write, keys, number, seconds, text};
use crate::error::Error;

/// How long a code lives, in seconds (ASVS 6.5.5: ten minutes at most).
pub const CODE_LIFE_SECONDS: i64 = 600;
/// Asking again re-sends the same code while this much of its life remains, in seconds.
pub const KEEP_CODE_SECONDS: i64 = 300;
/// How many guesses are compared within a code's life.
pub const MAX_GUESSES: u64 = 5;

/// A right code that has yet to be used up.
#[derive(Debug)]
pub(super) struct RightCode {
    key: CodeKey,
    nonce: String,
    /// The count with this guess.
    guesses: u32,
}

/// Counts a guess and compares it. Five are compared within a code's life, however many arrive at once, because the
/// count is a condition of its own increment.
pub(super) async fn redeem(app: &App, key: CodeKey, guess: &Code) -> Result<RightCode, Error> {
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
    let item = match counted {
        Ok(item) => item,
        Err(StoreError::Refused(_)) => return Err(Error::CodeExpired),
        Err(StoreError::Failed(error)) => return Err(error),
    };
    let code = item.seed.digits(&key, app.keyring()?).ok_or(Error::CodeExpired)?;
    if !code.matches(guess) {
        return Err(Error::CodeWrong);
    }
    Ok(RightCode { key, nonce: item.seed.nonce().to_owned(), guesses: item.guesses })
}

impl RightCode {
    /// Uses the code up, in the transaction of what it pays for. Of two that redeem it at once, one gets this through.
    pub(super) fn spend(&self) -> Result<Write, Error> {
        let condition = Expression { text: "nonce = :nonce", values: &[(":nonce", text(&self.nonce))] };
        Write::delete(&keys::code(&self.key), condition)
    }

    /// Takes the guess back: what the right code was to pay for did not come about, and it was no wrong guess. The
    /// condition names code and count, so that it is taken back once at most, and not at all when others have guessed
    /// since. When this does not get through, the owner has one try less, and nobody has one more.
    pub(super) async fn take_back(&self, app: &App) {
        let Ok(store) = app.store() else { return };
        let _ = store
            .update::<CodeItem>(
                &keys::code(&self.key),
                "SET guesses = guesses - :one",
                "nonce = :nonce AND guesses = :count",
                &[(":one", number(1)), (":nonce", text(&self.nonce)), (":count", number(self.guesses.into()))],
                "taking a guess back",
            )
            .await;
    }

    /// Does what the code pays for and uses it up, all in one transaction whose first write is [`Self::spend`]. When
    /// that is refused or fails for another reason than the code, the guess is taken back.
    pub(super) async fn pay(&self, app: &App, rest: Vec<Write>, doing: &'static str) -> Result<(), StoreError> {
        let mut writes = vec![self.spend()?];
        writes.extend(rest);
        let paid = app.store()?.transact(writes, doing).await;
        match &paid {
            Err(StoreError::Refused(refusals)) if refusals.iter().any(|refusal| refusal.index == 0) => {
                return Err(Error::CodeExpired.into());
            }
            Err(_) => self.take_back(app).await,
            Ok(()) => {}
        }
        paid
    }
}
