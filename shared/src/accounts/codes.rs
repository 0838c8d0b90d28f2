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
pub(super) const MAX_GUESSES: u64 = 5;

/// A right code that has yet to be used up.
#[derive(Debug)]
pub(super) struct RightCode {
    key: CodeKey,
    nonce: String,
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
    Ok(RightCode { key, nonce: item.seed.nonce().to_owned() })
}

impl RightCode {
    /// Uses the code up, in the transaction of what it pays for. Of two that redeem it at once, one gets this through.
    pub(super) fn spend(&self) -> Result<Write, Error> {
        let condition = Expression { text: "nonce = :nonce", values: &[(":nonce", text(&self.nonce))] };
        Write::delete(&keys::code(&self.key), condition)
    }

    /// Takes the guess back: what the right code was to pay for was refused, and it was no wrong guess. When this does
    /// not get through, the owner has one try less, and nobody has one more.
    pub(super) async fn take_back(&self, app: &App) {
        let Ok(store) = app.store() else { return };
        let _ = store
            .update::<CodeItem>(
                &keys::code(&self.key),
                "SET guesses = guesses - :one",
                "nonce = :nonce AND guesses >= :one",
                &[(":one", number(1)), (":nonce", text(&self.nonce))],
                "taking a guess back",
            )
            .await;
    }
}
