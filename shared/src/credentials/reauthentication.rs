//! Reauthentication: checking that the holder of an access token is the account's owner. The owner gives the password,
//! a code sent to the account's own number, or a reauthentication token, which stands for one of these given a moment
//! ago (ASVS 7.5.1).

use crate::app::App;
use crate::credentials::codes::{RightCode, Streak, redeem};
use crate::crypto::{KeyGroup, ReauthenticationToken};
use crate::domain::{Code, CodeKey, Password, SecretString, Session, User};
use crate::dynamodb::keys::{self, Key};
use crate::dynamodb::{Condition, Part, Reason, Transaction, Write};
use crate::error::Error;
use crate::throttling::attempts::{self, ThrottleKey};
use crate::users::unchanged;

/// The reauthentication that a request carries: a token, a credential, or both. The credential is checked only if the
/// token is refused.
#[derive(Debug)]
pub struct Reauthentication {
    /// The token that a sign-in or `reauthenticate` returned.
    pub reauthentication: Option<SecretString>,
    /// The password or code given with this request.
    pub credential: Option<Credential>,
}

/// A credential that shows by itself who is asking.
#[derive(Debug)]
pub enum Credential {
    Password(Password),
    /// A code that `send_proof_code` sent.
    SmsCode(Code),
}

/// A reauthentication that was valid, or was not needed.
#[derive(Debug)]
pub(crate) enum CheckedReauthentication {
    /// Nothing is left to do.
    Outright,
    /// A code. The action that it allows uses it up.
    ByCode(RightCode),
    /// A reauthentication token. It is valid only while this session lives.
    ByReauthentication(Box<Session>),
}

/// Checks a reauthentication. Wrong tokens are not counted: nobody guesses a MAC of 256 bits.
pub(crate) async fn check(
    app: &App,
    user: &User,
    session: &Session,
    offered: &Reauthentication,
) -> Result<CheckedReauthentication, Error> {
    let (keyring, now) = (app.keyring(KeyGroup::Sessions)?, app.clock.now());
    let accepted = |text| ReauthenticationToken::accepts(text, session, keyring, now);
    if offered.reauthentication.as_ref().is_some_and(accepted) {
        return Ok(CheckedReauthentication::ByReauthentication(Box::new(session.clone())));
    }
    let credential = offered.credential.as_ref().ok_or(Error::ReauthenticationRefused)?;
    check_credential(app, user, credential).await
}

/// Checks a password or a code. A password counts as an attempt in the same count as log-ins, so that the holder of a
/// stolen token cannot guess faster than a stranger.
pub(crate) async fn check_credential(
    app: &App,
    user: &User,
    credential: &Credential,
) -> Result<CheckedReauthentication, Error> {
    let password = match credential {
        Credential::SmsCode(code) => {
            // No code was sent to an account without a number.
            let mobile = user.mobile.as_ref().ok_or(Error::CodeExpired)?;
            let key = CodeKey::reauthentication(&user.id, mobile);
            let right = redeem(app, key, Streak::of_account(&user.id), code).await?;
            right.refuse_outdated(user)?;
            return Ok(CheckedReauthentication::ByCode(right));
        }
        Credential::Password(password) => password,
    };
    let counted = attempts::count(app, ThrottleKey::Account(&user.id)).await?.ok_or(Error::Unauthorized)?;
    if !app.verify(password, counted.password_hash.as_ref())? {
        return Err(Error::ProofWrong);
    }
    let mut tx = Transaction::new("refunding an attempt", || Error::Unauthorized);
    tx.require(attempts::forget(user));
    app.store.commit(tx).await?;
    Ok(CheckedReauthentication::Outright)
}

/// A pair of conditions for a transaction that writes neither the account nor the session: the account has the
/// credentials that were read, and if a reauthentication token was given, its session still lives.
#[derive(Clone, Copy)]
pub(crate) struct SameOwner<'a> {
    pub user: &'a User,
    pub checked: &'a CheckedReauthentication,
}

impl<E: Reason> Part<E> for SameOwner<'_> {
    fn declare(self, transaction: &mut Transaction<E>) -> Result<(), Error> {
        let unchanged = Write::check(keys::user(&self.user.id), unchanged(self.user, None));
        transaction.require_or(unchanged, |_| Error::AccountChanged.into());
        if let Some((session, goes_on)) = self.checked.session() {
            transaction.require_or(Write::check(session, goes_on), |_| Error::AccountChanged.into());
        }
        Ok(())
    }
}

/// Uses up a code, in the transaction of the action that it allows.
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

    /// Returns the key of the session that a reauthentication token is bound to, and the condition that it still lives.
    /// For a transaction that does not otherwise write the session.
    pub(crate) fn session(&self) -> Option<(Key, Condition)> {
        let Self::ByReauthentication(session) = self else { return None };
        let goes_on = Condition::equal(Session::CREDENTIAL_VERSION, session.credential_version);
        Some((keys::session(&session.user_id, &session.id), goes_on))
    }

    /// Returns the same reauthentication for a request that contains two codes: see [`RightCode::into_confirm_code`].
    pub(crate) fn into_confirm_code(self) -> Self {
        match self {
            Self::ByCode(code) => Self::ByCode(code.into_confirm_code()),
            other => other,
        }
    }

    /// Runs the action that the reauthentication allows; see [`RightCode::or_refund`].
    pub(crate) async fn or_refund<T>(
        &self,
        app: &App,
        doing: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        match self.code() {
            Some(code) => code.or_refund(app, doing).await,
            None => doing.await,
        }
    }
}
