//! Reauthentication: checking that the holder of an access token is the account's owner. The owner gives the password,
//! a code sent to the account's own number, or a reauthentication token, which stands for one of these given a moment
//! ago (ASVS 7.5.1).

use crate::app::{App, Caller, audit};
use crate::credentials::codes::{RightCode, Streak, redeem};
use crate::crypto::{KeyGroup, ReauthenticationToken};
use crate::domain::{Code, CodeKey, Password, SecretString, Session, User};
use crate::dynamodb::keys::{self, Key};
use crate::dynamodb::{Condition, Part, Reason, Set, Transaction, Write};
use crate::error::Error;
use crate::throttling::attempts::{self, AttemptError, ThrottleKey};
use crate::throttling::limits::count_hash;
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
    ByCode(Box<RightCode>),
    /// A reauthentication token. It is valid only while this session lives.
    ByReauthentication(Box<Session>),
}

/// Checks a reauthentication. Wrong tokens are not counted: nobody guesses a MAC of 256 bits.
///
/// `allowed` refuses the action where a limit would refuse it in any case. It runs before a password is compared, because
/// the comparison costs far more than the rest.
pub(crate) async fn check(
    app: &App,
    caller: &Caller,
    (user, session): (&User, &Session),
    offered: &Reauthentication,
    allowed: impl Future<Output = Result<(), Error>>,
) -> Result<CheckedReauthentication, Error> {
    let (keyring, now) = (app.keyring(KeyGroup::Sessions)?, app.clock.now());
    let accepted = |text| ReauthenticationToken::accepts(text, session, keyring, now);
    if offered.reauthentication.as_ref().is_some_and(accepted) {
        return Ok(CheckedReauthentication::ByReauthentication(Box::new(session.clone())));
    }
    let credential = offered.credential.as_ref().ok_or(Error::ReauthenticationRefused)?;
    check_credential(app, caller, (user, session), credential, allowed).await
}

/// Checks a password or a code. Passwords are counted for each session, apart from log-ins, so that a stranger's guesses
/// make no owner wait here. After `REAUTHENTICATION_MAX_FAILURES` wrong ones in a row the session ends: whoever holds a
/// stolen token does not guess on.
pub(crate) async fn check_credential(
    app: &App,
    caller: &Caller,
    (user, session): (&User, &Session),
    credential: &Credential,
    allowed: impl Future<Output = Result<(), Error>>,
) -> Result<CheckedReauthentication, Error> {
    let password = match credential {
        Credential::SmsCode(code) => {
            // No code was sent to an account without a number.
            let mobile = user.mobile.as_ref().ok_or(Error::CodeExpired)?;
            let key = CodeKey::reauthentication(&user.id, mobile);
            let right = redeem(app, key, Streak::of_account(&user.id), code).await?;
            right.refuse_outdated(user)?;
            return Ok(CheckedReauthentication::ByCode(Box::new(right)));
        }
        Credential::Password(password) => password,
    };
    let counting = attempts::count(app, caller, ThrottleKey::Session(session));
    let (attempt, allowed) = tokio::join!(counting, allowed);
    let attempt = attempt.map_err(|refused| match refused {
        AttemptError::Blocked(_) | AttemptError::Gone => Error::Unauthorized,
        AttemptError::TooSoon { retry_after_seconds } => Error::TooMany { retry_after_seconds },
        AttemptError::Failed(error) => error,
    })?;
    let allowed = match allowed {
        // Only what is compared counts as a hash. Otherwise a thief with a stolen token, whose attempts come too soon, could
        // use up the hashes of the owner's log-ins.
        Ok(()) => count_hash(app, caller, user).await,
        Err(error) => Err(error),
    };
    if let Err(error) = allowed {
        attempt.refund(app).await;
        return Err(error);
    }
    if app.verify(password, user.password_hash.as_ref())? {
        attempt.forgive(app).await;
        return Ok(CheckedReauthentication::Outright);
    }
    if attempt.is_last() {
        app.store.delete("ending a session", &keys::session(&session.user_id, &session.id)).await?;
        audit::session_guessed_out(caller, &session.user_id, &session.id);
    }
    Err(Error::ProofWrong)
}

/// A pair of conditions for a transaction that otherwise writes neither the account nor the session: the account has
/// the credentials that were read, and if a reauthentication token was given, its session still lives. A code also
/// proves the account's number.
#[derive(Clone, Copy)]
pub(crate) struct SameOwner<'a> {
    app: &'a App,
    user: &'a User,
    checked: &'a CheckedReauthentication,
    set: Option<&'a Set>,
}

impl<'a> SameOwner<'a> {
    pub(crate) const fn new(app: &'a App, user: &'a User, checked: &'a CheckedReauthentication) -> Self {
        Self { app, user, checked, set: None }
    }

    /// Returns the same conditions with an update of the account.
    pub(crate) const fn with(self, set: &'a Set) -> Self {
        Self { set: Some(set), ..self }
    }
}

impl<E: Reason> Part<E> for SameOwner<'_> {
    fn declare(self, transaction: &mut Transaction<E>) -> Result<(), Error> {
        let (key, unchanged) = (keys::user(&self.user.id), unchanged(self.user, None));
        let set = self.checked.note_number_proved(self.app, self.set.cloned().unwrap_or_default());
        let same = if set.is_empty() { Write::check(key, unchanged) } else { Write::update(key, set, unchanged) };
        transaction.require_or(same, |_| Error::AccountChanged.into());
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
            CheckedReauthentication::ByCode(code) => transaction.add(&**code),
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

    /// Adds to an update of the account that its number was proved, if it was proved by a code.
    pub(crate) fn note_number_proved(&self, app: &App, set: Set) -> Set {
        if self.code().is_some() { set.and_to(User::MOBILE_PROVED_AT, app.clock.now()) } else { set }
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
            Self::ByCode(code) => Self::ByCode(Box::new(code.into_confirm_code())),
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
