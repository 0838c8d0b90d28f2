//! Making an account with a mobile number and a code sent to it.

use crate::app::{App, Caller};
use crate::credentials::codes::{RightCode, Streak, redeem};
use crate::credentials::hash_new_password;
use crate::credentials::take_over::take_over;
use crate::crypto::TokenKeys;
use crate::domain::{
    AccountName, ChallengeId, Code, CodeKey, Consent, Mobile, NewPassword, Nickname, Person, User, UserId,
};
use crate::dynamodb::items::Claim;
use crate::dynamodb::{Item, Reason, Transaction, read_item};
use crate::error::Error;
use crate::sessions::NewSession;
use crate::sessions::SignedIn;
use crate::throttling::attempts::end_streaks;
use crate::users::claims;
use crate::users::known_devices::only_device;
use crate::users::{check_consent, claim_holder, make, new_user};

/// The input of a registration.
#[derive(Debug)]
pub struct Registration {
    pub nickname: Nickname,
    pub mobile: Mobile,
    /// The code sent to the number.
    pub code: Code,
    /// The challenge id that the code was asked for with.
    pub challenge_id: Option<ChallengeId>,
    pub password: NewPassword,
    /// The terms and privacy policy that the person agreed to.
    pub consent: Option<Consent>,
}

/// Makes the account and opens its first session. One transaction uses the code up, stores account and session, and
/// claims the number: of a hundred simultaneous registrations of one number, one succeeds and the others change
/// nothing.
pub async fn register(app: &App, caller: &Caller, registration: Registration) -> Result<SignedIn, Error> {
    caller.who.note(registration.mobile.masked());
    check_consent(app, registration.consent.as_ref())?;
    let key = CodeKey::register(&registration.mobile).under(registration.challenge_id.clone());
    let streak = Streak::of_number(&registration.mobile);
    let (code, token_keys) = tokio::join!(redeem(app, key, streak, &registration.code), app.token_keys());
    let code = code?;
    code.or_refund(app, async { make_account(app, caller, &code, &*token_keys?, registration).await }).await
}

async fn make_account(
    app: &App,
    caller: &Caller,
    code: &RightCode,
    token_keys: &TokenKeys,
    registration: Registration,
) -> Result<SignedIn, Error> {
    let Registration { nickname, mobile, password, consent, .. } = registration;
    let person = Person { mobile: Some(&mobile), nickname: Some(&nickname), ..Person::default() };
    let hash = hash_new_password(app, password, &person).await?;
    let user = User { password_hash: Some(hash), consent, ..new_user(app, caller, mobile.clone(), nickname) };
    let new = NewSession::new(app, caller, &user, true, Vec::new());
    let user = User { devices: only_device(app, Some(&new.device)), ..user };
    let signed_in = SignedIn::of_sign_in(app, caller, token_keys, user, &new)?;
    let (name, user) = (AccountName::Mobile(mobile), &signed_in.user);

    // Strangers may have guessed at the name before anybody had it.
    let ended = end_streaks(app, user)?;
    let mut tx = Transaction::new("making an account", || MakeError::Final(Error::MobileTaken));
    tx.add(code)?;
    ended.iter().cloned().for_each(|effect| tx.also(effect));
    tx.require_or(claims::claim(&name, &user.id)?, held);
    tx.require(make(user)?);
    tx.add(&new)?;
    let holder = match app.store.commit(tx).await {
        Ok(()) => return Ok(signed_in),
        Err(MakeError::HeldBy(holder)) => holder,
        Err(MakeError::Final(error)) => return Err(error),
    };

    let mut tx = Transaction::new("taking a number over", || Error::MobileTaken);
    tx.add(code)?;
    ended.into_iter().for_each(|effect| tx.also(effect));
    match claim_holder(app, &holder, Some(&name)).await? {
        Some(old) => take_over(app, &name, &user.id, old, &mut tx)?,
        // The account has released the number meanwhile.
        None => tx.require(claims::claim(&name, &user.id)?),
    }
    tx.require(make(user)?);
    tx.add(&new)?;
    app.store.commit(tx).await?;
    Ok(signed_in)
}

/// The reason why an account was not made.
#[derive(Debug)]
enum MakeError {
    /// An account has the number.
    HeldBy(UserId),
    Final(Error),
}

impl From<Error> for MakeError {
    fn from(error: Error) -> Self {
        Self::Final(error)
    }
}

impl Reason for MakeError {}

/// Returns the account that has the number, from the claim that refused the transaction.
fn held(claim: Option<Item>) -> MakeError {
    let Some(claim) = claim else { return MakeError::Final(Error::MobileTaken) };
    match read_item::<Claim>(claim, "making an account") {
        Ok(claim) => MakeError::HeldBy(claim.user_id),
        Err(error) => MakeError::Final(error),
    }
}
