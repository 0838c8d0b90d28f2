//! Proof that whoever holds a token is the owner: the password, a code sent to the account's own number, or a
//! reauthentication, which stands for one of them that was given a moment ago (ASVS 7.5.1).

use super::attempts::{self, Lane};
use super::captcha::Solved;
use super::codes::{RightCode, Row, forget_rows, redeem};
use super::find::unchanged;
use super::send::{Pays, Wanted, send};
use crate::app::{App, Caller};
use crate::domain::{Authorized, Code, CodeKey, Password, Reauthentication, Secret, User};
use crate::dynamodb::items::{Content, Recipient};
use crate::dynamodb::keys::{self, Key};
use crate::dynamodb::{Expression, StoreError, Write, number};
use crate::error::Error;

/// What is offered as proof: a reauthentication, a credential, or both. The credential is looked at only where the
/// reauthentication is refused.
#[derive(Debug)]
pub struct Proof {
    /// What a sign-in or `reauthenticate` answered.
    pub reauthentication: Option<Secret>,
    /// What proves it now.
    pub credential: Option<Credential>,
}

/// What proves by itself who asks.
#[derive(Debug)]
pub enum Credential {
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
    send(app, caller, Solved::ToOneself, wanted, Pays::default()).await
}

/// A proof that was right, or was not needed.
#[derive(Debug)]
pub(super) enum Proved {
    /// Nothing of it is left to be done.
    Outright,
    /// A code, which has yet to be used up with what it pays for.
    ByCode(RightCode),
    /// A reauthentication, which is good no longer than its session.
    ByReauthentication,
}

/// Checks a proof. A wrong reauthentication is not counted: nobody guesses a MAC of 256 bits.
pub(super) async fn check(app: &App, who: &Authorized, proof: &Proof) -> Result<Proved, Error> {
    let (keyring, now) = (app.keyring()?, app.clock.now());
    let accepted = |text| Reauthentication::accepts(text, &who.session, keyring, now);
    if proof.reauthentication.as_ref().is_some_and(accepted) {
        return Ok(Proved::ByReauthentication);
    }
    let credential = proof.credential.as_ref().ok_or(Error::ReauthenticationRefused)?;
    check_credential(app, &who.user, credential).await
}

/// Checks a password or a code. A password counts as an attempt at it, on the log-in's own count: whoever holds a stolen
/// token guesses no faster than a stranger.
pub(super) async fn check_credential(app: &App, user: &User, credential: &Credential) -> Result<Proved, Error> {
    let password = match credential {
        Credential::SmsCode(code) => {
            // Without a number no code was sent.
            let mobile = user.mobile.as_ref().ok_or(Error::CodeExpired)?;
            let right = redeem(app, CodeKey::proof(&user.id, mobile), Row::of_account(&user.id), code).await;
            return right.map(Proved::ByCode);
        }
        Credential::Password(password) => password,
    };
    let counted = attempts::count(app, Lane::Account(&user.id)).await?.ok_or(Error::Unauthorized)?;
    let right = app.hasher.verify(password, counted.password_hash.as_ref());
    if !right.map_err(|source| Error::unavailable("checking a password", source))? {
        return Err(Error::ProofWrong);
    }
    match app.store()?.transact(vec![attempts::forget(user)?], "taking an attempt back").await {
        Ok(()) => Ok(Proved::Outright),
        Err(StoreError::Refused(_)) => Err(Error::Unauthorized),
        Err(StoreError::Failed(error)) => Err(error),
    }
}

/// That the account still has the credentials it was read with.
pub(super) fn still(user: &User) -> Result<Write, Error> {
    let (unchanged, values) = unchanged(user, None);
    Write::check(&keys::user(&user.id), Expression { text: unchanged, values: &values })
}

impl Proved {
    pub(super) fn code(&self) -> Option<&RightCode> {
        match self {
            Self::ByCode(code) => Some(code),
            Self::Outright | Self::ByReauthentication => None,
        }
    }

    /// A write of the session on condition that it goes on, where the proof is good no longer than that. For a transaction
    /// that does not write the session otherwise.
    pub(super) fn while_signed_in(
        &self,
        who: &Authorized,
        write: impl FnOnce(&Key, Expression<'_>) -> Result<Write, Error>,
    ) -> Result<Option<Write>, Error> {
        let Self::ByReauthentication = self else { return Ok(None) };
        let values = [(":version", number(who.session.credential_version))];
        let same = Expression { text: "credential_version = :version", values: &values };
        write(&keys::session(&who.user.id, &who.session.id), same).map(Some)
    }

    /// What uses the code up, where the proof was one.
    pub(super) fn spend(&self) -> Result<Option<Write>, Error> {
        self.code().map(RightCode::spend).transpose()
    }

    /// What ends the row of wrong codes, where the proof was a code.
    pub(super) fn end_row(&self, app: &App) -> Result<Option<Write>, Error> {
        self.code().map(|code| code.end_row(app)).transpose()
    }

    /// Does what the proof admits to, and uses the code up with it. The places of refused writes are those in `writes`.
    pub(super) async fn pay(&self, app: &App, writes: Vec<Write>, doing: &'static str) -> Result<(), StoreError> {
        let Some(code) = self.code() else { return app.store()?.transact(writes, doing).await };
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
        forget_rows(user, self.code())
    }

    /// Does what was to be proved for; see [`RightCode::or_give_back`].
    pub(super) async fn or_give_back<T>(
        &self,
        app: &App,
        doing: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        match self.code() {
            Some(code) => code.or_give_back(app, doing).await,
            None => doing.await,
        }
    }
}
