//! A second proof, for numbers that were not proved for a long time. Carriers reissue numbers after 90 days, so a code
//! by SMS may have reached the number's next owner. On an unknown device, such a code opens the account only to a person
//! who also has its password or reads its mail.

use crate::app::{App, Caller};
use crate::credentials::codes::{RightCode, Streak, of_confirm_code, redeem};
use crate::domain::{Code, CodeKey, Email, Password, User};
use crate::dynamodb::items::{Content, Recipient};
use crate::dynamodb::{Part, Reason, Transaction};
use crate::error::Error;
use crate::messages::CaptchaResult;
use crate::messages::{COOLDOWN_SECONDS, MessageRequest, NoCost, is_settled, send};
use crate::throttling::attempts::{self, AttemptError, ThrottleKey};
use crate::throttling::limits::count_hash;
use crate::users::known_devices::known_device;

/// The second proof that a request carries beside the code by SMS.
#[derive(Debug)]
pub enum SecondProof {
    Password(Password),
    /// A code that was mailed to the account when a request came without a second proof.
    EmailCode(Code),
}

/// Checks the second proof. The caller has redeemed a correct code by SMS before. A password is checked wherever it is
/// offered; with the code it ends the failure streaks at the account's names. If the account needs a second proof and
/// the request carries none, a code is mailed to the account's address, if it has one that was not bound lately.
pub(crate) async fn check(
    app: &App,
    caller: &Caller,
    user: &User,
    offered: Option<&SecondProof>,
) -> Result<CheckedSecondProof, Error> {
    match offered {
        Some(SecondProof::Password(password)) => {
            // Counted apart from log-ins. Otherwise a stranger's wrong passwords would make the holder of a correct
            // code wait.
            let attempt = attempts::count(app, caller, ThrottleKey::SecondProof(&user.id)).await.map_err(of_attempt)?;
            if let Err(error) = count_hash(app, caller, user).await {
                attempt.refund(app).await;
                return Err(error);
            }
            if app.verify(password, user.password_hash.as_ref())? {
                attempt.forgive(app).await;
                Ok(CheckedSecondProof::Password)
            } else {
                Err(Error::ProofWrong)
            }
        }
        _ if !is_needed(app, caller, user) => Ok(CheckedSecondProof::NotNeeded),
        Some(SecondProof::EmailCode(code)) => {
            // No code was mailed to an account without an address.
            let email = settled_email(app, user).ok_or(Error::ConfirmCodeExpired)?;
            let right = redeem(app, CodeKey::second_proof(&user.id, email), Streak::of_account(&user.id), code).await;
            let right = right.map_err(of_confirm_code)?.into_confirm_code();
            right.refuse_outdated(user)?;
            Ok(CheckedSecondProof::EmailCode(Box::new(right)))
        }
        None => {
            mail_code(app, caller, user).await?;
            Err(Error::SecondProofRequired)
        }
    }
}

fn of_attempt(refused: AttemptError) -> Error {
    match refused {
        AttemptError::Blocked(_) | AttemptError::Gone => Error::ProofWrong,
        AttemptError::TooSoon { retry_after_seconds } => Error::TooMany { retry_after_seconds },
        AttemptError::Failed(error) => error,
    }
}

/// A second proof that was right, or was not needed.
#[derive(Debug)]
pub(crate) enum CheckedSecondProof {
    NotNeeded,
    Password,
    EmailCode(Box<RightCode>),
}

impl CheckedSecondProof {
    /// Returns whether the password was proved.
    pub(crate) const fn is_password(&self) -> bool {
        matches!(self, Self::Password)
    }

    /// Runs the action that the proof allows; see [`RightCode::or_refund`].
    pub(crate) async fn or_refund<T>(
        &self,
        app: &App,
        doing: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        match self {
            Self::EmailCode(code) => code.or_refund(app, doing).await,
            Self::NotNeeded | Self::Password => doing.await,
        }
    }
}

/// Uses up a mailed code, in the transaction of the action that it allows.
impl<E: Reason> Part<E> for &CheckedSecondProof {
    fn declare(self, transaction: &mut Transaction<E>) -> Result<(), Error> {
        match self {
            CheckedSecondProof::EmailCode(code) => transaction.add(&**code),
            CheckedSecondProof::NotNeeded | CheckedSecondProof::Password => Ok(()),
        }
    }
}

/// Returns whether a code to the number is not enough: the number was not proved for `NUMBER_PROVED_DAYS`, the account
/// does not know the device, and no operator has opened a recovery.
fn is_needed(app: &App, caller: &Caller, user: &User) -> bool {
    let now = app.clock.now();
    let is_recovered = user.current_recovery(now).is_some_and(|recovery| recovery.opens_at <= now);
    user.is_number_unproved(app.config.numbers.proved_days, now)
        && known_device(caller, user).is_none()
        && !is_recovered
}

/// Returns the account's email, unless it was bound so lately that it may be a thief's.
fn settled_email<'a>(app: &App, user: &'a User) -> Option<&'a Email> {
    user.email.as_ref().filter(|_| is_settled(app, user.email_changed_at))
}

async fn mail_code(app: &App, caller: &Caller, user: &User) -> Result<(), Error> {
    let Some(email) = settled_email(app, user).cloned() else { return Ok(()) };
    let content = Content::Code(CodeKey::second_proof(&user.id, &email));
    let request = MessageRequest {
        recipient: Recipient::Email(email),
        content,
        requires_account: true,
        language: user.language.unwrap_or_default(),
    };
    match send(app, caller, CaptchaResult::OwnRecipient, request, NoCost).await {
        Ok(()) => Ok(()),
        // A code was sent a moment ago, or the account's password can be used instead.
        Err(Error::TooMany { retry_after_seconds })
            if user.password_hash.is_some() || retry_after_seconds <= COOLDOWN_SECONDS.unsigned_abs() + 1 =>
        {
            Ok(())
        }
        Err(error) => Err(error),
    }
}
