//! Proof that whoever holds a token is the owner: the password, or a code sent to the account's own number
//! (ASVS 7.5.1).

use super::attempts::{self, Lane};
use super::captcha::Solved;
use super::codes::{RightCode, Row, forget_rows, redeem};
use super::send::{Wanted, send};
use crate::app::{App, Caller};
use crate::domain::{Code, CodeKey, Password, User};
use crate::dynamodb::items::{Content, Recipient};
use crate::dynamodb::{StoreError, Write};
use crate::error::Error;

/// What is offered as proof.
#[derive(Debug)]
pub enum Proof {
    /// The account's password.
    Password(Password),
    /// A code that [`send_proof_code`] sent.
    SmsCode(Code),
}

/// Asks for a code to the account's own number.
pub async fn send_proof_code(app: &App, caller: &Caller, user: &User) -> Result<(), Error> {
    let mobile = user.mobile.clone().ok_or(Error::NoMobile)?;
    let content = Content::Code(CodeKey::proof(&user.id, &mobile));
    let wanted = Wanted { recipient: Recipient::Sms(mobile), content, requires_account: true };
    send(app, caller, Solved::ToOneself, wanted, Vec::new()).await
}

/// A proof that was right, or was not needed. A code has yet to be used up, with what it pays for.
#[derive(Debug)]
pub(super) struct Proved(pub(super) Option<RightCode>);

/// Checks a proof. A password counts as an attempt at it, on the log-in's own count: whoever holds a stolen token
/// guesses no faster than a stranger.
pub(super) async fn check(app: &App, user: &User, proof: &Proof) -> Result<Proved, Error> {
    let password = match proof {
        Proof::SmsCode(code) => {
            // Without a number no code was sent.
            let mobile = user.mobile.as_ref().ok_or(Error::CodeExpired)?;
            let right = redeem(app, CodeKey::proof(&user.id, mobile), Row::of_account(&user.id), code).await;
            return right.map(Some).map(Proved);
        }
        Proof::Password(password) => password,
    };
    let counted = attempts::count(app, Lane::Account(&user.id)).await?.ok_or(Error::Unauthorized)?;
    let right = app.hasher.verify(password, counted.password_hash.as_ref());
    if !right.map_err(|source| Error::unavailable("checking a password", source))? {
        return Err(Error::ProofWrong);
    }
    match app.store()?.transact(vec![attempts::forget(user)?], "taking an attempt back").await {
        Ok(()) => Ok(Proved(None)),
        Err(StoreError::Refused(_)) => Err(Error::Unauthorized),
        Err(StoreError::Failed(error)) => Err(error),
    }
}

impl Proved {
    /// What uses the code up, where the proof was one.
    pub(super) fn spend(&self) -> Result<Option<Write>, Error> {
        self.0.as_ref().map(RightCode::spend).transpose()
    }

    /// What ends the row of wrong codes, where the proof was a code.
    pub(super) fn end_row(&self, app: &App) -> Result<Option<Write>, Error> {
        self.0.as_ref().map(|code| code.end_row(app)).transpose()
    }

    /// Does what the proof admits to, and uses the code up with it. The places of refused writes are those in `writes`.
    pub(super) async fn pay(&self, app: &App, writes: Vec<Write>, doing: &'static str) -> Result<(), StoreError> {
        let Some(code) = &self.0 else { return app.store()?.transact(writes, doing).await };
        match code.pay(app, writes, doing).await {
            Err(StoreError::Refused(mut refusals)) => {
                refusals.iter_mut().for_each(|refusal| refusal.index -= 1);
                Err(StoreError::Refused(refusals))
            }
            paid => paid,
        }
    }

    /// Ends the rows of wrong codes of the account, as a change of password does.
    pub(super) fn forget_rows(&self, user: &User) -> Result<Vec<Write>, Error> {
        forget_rows(user, self.0.as_ref())
    }

    /// Does what was to be proved for; see [`RightCode::or_give_back`].
    pub(super) async fn or_give_back<T>(
        &self,
        app: &App,
        doing: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        match &self.0 {
            Some(code) => code.or_give_back(app, doing).await,
            None => doing.await,
        }
    }
}
