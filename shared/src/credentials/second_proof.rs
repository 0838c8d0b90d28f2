//! A second proof for accounts that were unused for a long time. Carriers reissue numbers after ninety days, so a code
//! by SMS may have reached the number's next owner. Such an account opens only to a person who also has its password or
//! reads its mail.

use crate::app::{App, Caller};
use crate::credentials::codes::{Streak, of_confirm_code, redeem};
use crate::credentials::reauthentication::CheckedReauthentication;
use crate::domain::{Code, CodeKey, Password, User};
use crate::dynamodb::items::{Content, Recipient};
use crate::error::Error;
use crate::messages::CaptchaResult;
use crate::messages::{COOLDOWN_SECONDS, MessageRequest, NoCost, send};
use crate::throttling::attempts::{self, ThrottleKey};

/// The second proof that a request carries beside the code by SMS.
#[derive(Debug)]
pub enum SecondProof {
    Password(Password),
    /// A code that was mailed to the account when a request came without a second proof.
    EmailCode(Code),
}

/// Checks the second proof, if the account needs one. The caller has redeemed a correct code by SMS before. If the
/// request carries no second proof, a code is mailed to the account's address, if it has one.
pub(crate) async fn check(
    app: &App,
    caller: &Caller,
    user: &User,
    offered: Option<&SecondProof>,
) -> Result<CheckedReauthentication, Error> {
    if !user.is_dormant(app.config.dormant_days, app.clock.now()) {
        return Ok(CheckedReauthentication::Outright);
    }
    match offered {
        Some(SecondProof::Password(password)) => {
            // Counted apart from log-ins. Otherwise a stranger's wrong passwords would make the holder of a correct
            // code wait.
            attempts::count(app, ThrottleKey::SecondProof(&user.id)).await?;
            if app.verify(password, user.password_hash.as_ref())? {
                Ok(CheckedReauthentication::Outright)
            } else {
                Err(Error::ProofWrong)
            }
        }
        Some(SecondProof::EmailCode(code)) => {
            // No code was mailed to an account without an address.
            let email = user.email.as_ref().ok_or(Error::ConfirmCodeExpired)?;
            let right = redeem(app, CodeKey::second_proof(&user.id, email), Streak::of_account(&user.id), code).await;
            let right = right.map_err(of_confirm_code)?.into_confirm_code();
            right.refuse_outdated(user)?;
            Ok(CheckedReauthentication::ByCode(right))
        }
        None => {
            mail_code(app, caller, user).await?;
            Err(Error::SecondProofRequired)
        }
    }
}

async fn mail_code(app: &App, caller: &Caller, user: &User) -> Result<(), Error> {
    let Some(email) = user.email.clone() else { return Ok(()) };
    let content = Content::Code(CodeKey::second_proof(&user.id, &email));
    let request = MessageRequest { recipient: Recipient::Email(email), content, requires_account: true };
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
