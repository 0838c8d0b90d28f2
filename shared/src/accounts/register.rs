//! Making an account with a mobile number and a code sent to it.

use crate::app::{App, Caller};
use crate::credentials::codes::{RightCode, Streak, redeem};
use crate::credentials::hash_new_password;
use crate::credentials::take_over::take_over;
use crate::crypto::TokenKeys;
use crate::domain::{AccountName, ChallengeId, Code, CodeKey, Consent, Mobile, NewPassword, Nickname, Person, User};
use crate::dynamodb::items::Claim;
use crate::dynamodb::{Transaction, keys};
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
///
/// The number's claim is read before the password is hashed, so that a code to a number that is taken buys no hash.
pub async fn register(app: &App, caller: &Caller, registration: Registration) -> Result<SignedIn, Error> {
    caller.who.note(registration.mobile.masked());
    check_consent(app, registration.consent.as_ref())?;
    let key = CodeKey::register(&registration.mobile).under(registration.challenge_id.clone());
    let streak = Streak::of_number(&registration.mobile);
    let name = keys::mobile_claim(&registration.mobile);
    let (code, claim, token_keys) = tokio::join!(
        redeem(app, key, streak, &registration.code),
        app.store.get::<Claim>(&name, "checking a number"),
        app.token_keys()
    );
    let code = code?;
    let making = async {
        let old = former_owner(app, claim?, &registration.mobile).await?;
        make_account(app, caller, &code, &*token_keys?, registration, old).await
    };
    code.or_refund(app, making).await
}

/// Returns the account that the number is taken from, if it is: see [`take_over`]. Refuses a number that is not given
/// up.
async fn former_owner(app: &App, claim: Option<Claim>, mobile: &Mobile) -> Result<Option<User>, Error> {
    let Some(claim) = claim else { return Ok(None) };
    let holder = claim_holder(app, &claim.user_id, Some(&AccountName::Mobile(mobile.clone()))).await?;
    match holder {
        Some(user) if !user.may_lose_number(app.config.numbers.dormant_days, app.clock.now()) => {
            Err(Error::MobileTaken)
        }
        holder => Ok(holder),
    }
}

async fn make_account(
    app: &App,
    caller: &Caller,
    code: &RightCode,
    token_keys: &TokenKeys,
    registration: Registration,
    old: Option<User>,
) -> Result<SignedIn, Error> {
    let Registration { nickname, mobile, password, consent, .. } = registration;
    let person = Person { mobile: Some(&mobile), nickname: Some(&nickname), ..Person::default() };
    let hash = hash_new_password(app, password, &person).await?;
    let user = User { password_hash: Some(hash), consent, ..new_user(app, caller, mobile.clone(), nickname) };
    let new = NewSession::new(app, caller, &user, true, Vec::new());
    let user = User { devices: only_device(app, Some(&new.device)), ..user };
    let signed_in = SignedIn::of_sign_in(app, caller, token_keys, user, &new)?;
    let (name, user) = (AccountName::Mobile(mobile), &signed_in.user);
    let mut tx = Transaction::new("making an account", || Error::MobileTaken);
    tx.add(code)?;
    // Strangers may have guessed at the name before anybody had it.
    end_streaks(app, user)?.into_iter().for_each(|effect| tx.also(effect));
    match old {
        Some(old) => take_over(app, &name, &user.id, old, &mut tx)?,
        None => tx.require(claims::claim(&name, &user.id)?),
    }
    tx.require(make(user)?);
    tx.add(&new)?;
    app.store.commit(tx).await?;
    Ok(signed_in)
}
