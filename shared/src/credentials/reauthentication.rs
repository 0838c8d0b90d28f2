//! Reauthentication that whoever holds a token is the owner: the password, a code sent to the account's own number, or a
//! reauthentication, which stands for one of them that was given a moment ago (ASVS 7.5.1).

use crate::app::App;
use crate::credentials::codes::{RightCode, Streak, redeem};
use crate::crypto::{KeyGroup, ReauthenticationToken};
use crate::domain::{Code, CodeKey, Password, Secret, Session, User};
use crate::dynamodb::keys::{self, Key};
use crate::dynamodb::{Condition, Part, Reason, Transaction, Write};
use crate::error::Error;
use crate::throttling::attempts::{self, ThrottleKey};
use crate::users::unchanged;

/// What is offered as proof: a reauthentication, a credential, or both. The credential is looked at only where the
/// reauthentication is refused.
#[derive(Debug)]
pub struct Reauthentication {
    /// What a sign-in or `reauthenticate` answered.
    pub reauthentication: Option<Secret>,
    /// What proves it now.
    pub credential: Option<Credential>,
}

/// What proves by itself who asks.
#[derive(Debug)]
pub enum Credential {
    Password(Password),
    /// A code that [`send_proof_code`] sent.
    SmsCode(Code),
}

/// A proof that was right, or was not needed.
#[derive(Debug)]
pub(crate) enum CheckedReauthentication {
    /// Nothing of it is left to be done.
    Outright,
    /// A code, which has yet to be used up with what it pays for.
    ByCode(RightCode),
    /// A reauthentication, which is good no longer than this session goes on.
    ByReauthentication(Box<Session>),
}

/// Checks a proof. A wrong reauthentication is not counted: nobody guesses a MAC of 256 bits.
pub(crate) async fn check(
    app: &App,
    user: &User,
    session: &Session,
    proof: &Reauthentication,
) -> Result<CheckedReauthentication, Error> {
    let (keyring, now) = (app.keyring(KeyGroup::Sessions)?, app.clock.now());
    let accepted = |text| ReauthenticationToken::accepts(text, session, keyring, now);
    if proof.reauthentication.as_ref().is_some_and(accepted) {
        return Ok(CheckedReauthentication::ByReauthentication(Box::new(session.clone())));
    }
    let credential = proof.credential.as_ref().ok_or(Error::ReauthenticationRefused)?;
    check_credential(app, user, credential).await
}

/// Checks a password or a code. A password counts as an attempt at it, on the log-in's own count: whoever holds a stolen
/// token guesses no faster than a stranger.
pub(crate) async fn check_credential(
    app: &App,
    user: &User,
    credential: &Credential,
) -> Result<CheckedReauthentication, Error> {
    let password = match credential {
        Credential::SmsCode(code) => {
            // Without a number no code was sent.
            let mobile = user.mobile.as_ref().ok_or(Error::CodeExpired)?;
            let right = redeem(app, CodeKey::proof(&user.id, mobile), Streak::of_account(&user.id), code).await;
            return right.map(CheckedReauthentication::ByCode);
        }
        Credential::Password(password) => password,
    };
    let counted = attempts::count(app, ThrottleKey::Account(&user.id)).await?.ok_or(Error::Unauthorized)?;
    if !app.verify(password, counted.password_hash.as_ref())? {
        return Err(Error::ProofWrong);
    }
    let mut tx = Transaction::new("taking an attempt back", || Error::Unauthorized);
    tx.require(attempts::forget(user));
    app.store.commit(tx).await?;
    Ok(CheckedReauthentication::Outright)
}

/// Holds a transaction that writes neither the account nor the session to what was proved: the account has the credentials it
/// was read with, and where a reauthentication proved it, its session goes on.
#[derive(Clone, Copy)]
pub(crate) struct SameOwner<'a> {
    pub user: &'a User,
    pub proved: &'a CheckedReauthentication,
}

impl<E: Reason> Part<E> for SameOwner<'_> {
    fn declare(self, transaction: &mut Transaction<E>) -> Result<(), Error> {
        let unchanged = Write::check(keys::user(&self.user.id), unchanged(self.user, None));
        transaction.require_or(unchanged, |_| Error::AccountChanged.into());
        if let Some((session, goes_on)) = self.proved.session() {
            transaction.require_or(Write::check(session, goes_on), |_| Error::AccountChanged.into());
        }
        Ok(())
    }
}

/// Uses the proof up, in the transaction of what it admits to.
impl<E: Reason> Part<E> for &CheckedReauthentication {
    fn declare(self, transaction: &mut Transaction<E>) -> Result<(), Error> {
        match self {
            CheckedReauthentication::ByCode(code) => transaction.add(code),
            CheckedReauthentication::Outright | CheckedReauthentication::ByReauthentication(_) => Ok(()),
        }
    }
}

impl CheckedReauthentication {
    pub(crate) const fn code(&self) -> Option<&RightCode> {
        match self {
            Self::ByCode(code) => Some(code),
            Self::Outright | Self::ByReauthentication(_) => None,
        }
    }

    /// The session that a reauthentication is good with, and the condition that it goes on. For a transaction that does not
    /// write the session otherwise.
    pub(crate) fn session(&self) -> Option<(Key, Condition)> {
        let Self::ByReauthentication(session) = self else { return None };
        let goes_on = Condition::equal(Session::CREDENTIAL_VERSION, session.credential_version);
        Some((keys::session(&session.user_id, &session.id), goes_on))
    }

    /// The same where a request holds two codes: see [`RightCode::into_confirm_code`].
    pub(crate) fn into_confirm_code(self) -> Self {
        match self {
            Self::ByCode(code) => Self::ByCode(code.into_confirm_code()),
            other => other,
        }
    }

    /// Does what was to be proved for; see [`RightCode::or_give_back`].
    pub(crate) async fn or_give_back<T>(
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
