//! Signing in with a code sent to the mobile number, and signing up in the same step.

use crate::app::{App, Caller};
use crate::credentials::codes::{RightCode, redeem_beside};
use crate::credentials::second_proof::{self, SecondProof};
use crate::crypto::TokenKeys;
use crate::domain::{AccountName, ChallengeId, Code, CodeKey, Consent, Mobile, Nickname, Session, User};
use crate::dynamodb::items::Claim;
use crate::dynamodb::{Set, Transaction, Write, keys};
use crate::error::Error;
use crate::sessions::SignedIn;
use crate::sessions::{self, NewSession};
use crate::throttling::attempts::forgetting;
use crate::users::claims;
use crate::users::{check_consent, make, new_user};
use crate::users::{claim_holder, unchanged};

/// The input of a sign-in by code.
#[derive(Debug)]
pub struct SmsLogIn {
    pub mobile: Mobile,
    /// The code sent to the number.
    pub code: Code,
    /// The challenge id that the code was asked for with.
    pub challenge_id: Option<ChallengeId>,
    /// The second proof, for an account that was unused for a long time.
    pub second_proof: Option<SecondProof>,
    /// Whether the person asks to be remembered on the device.
    pub remembered: bool,
    /// The input of a sign-up, for a number without an account. With `None` no account is made.
    pub sign_up: Option<SmsSignUp>,
}

/// The input of a sign-up without a password.
#[derive(Debug)]
pub struct SmsSignUp {
    /// The person's nickname. The default is made of the number's last digits.
    pub nickname: Option<Nickname>,
    /// The terms and privacy policy that the person agreed to.
    pub consent: Option<Consent>,
}

/// Signs in by a code. If the number is new and a sign-up is asked for, it makes an account. Only a correct code
/// discloses whether the number has an account.
pub async fn sms_log_in(app: &App, caller: &Caller, log_in: SmsLogIn) -> Result<SignedIn, Error> {
    caller.who.note(log_in.mobile.masked());
    let claim = keys::mobile_claim(&log_in.mobile);
    let key = CodeKey::log_in(&log_in.mobile).under(log_in.challenge_id.clone());
    let finding = app.store.get::<Claim>(&claim, "finding an account");
    let code = (key, &log_in.mobile, &log_in.code);
    let ((code, claim), token_keys) =
        tokio::join!(redeem_beside(app, caller, code, finding, |claim| &claim.user_id), app.token_keys());
    let code = code?;
    code.or_refund(app, async { by_code(app, caller, &code, &*token_keys?, claim?, log_in).await }).await
}

async fn by_code(
    app: &App,
    caller: &Caller,
    code: &RightCode,
    token_keys: &TokenKeys,
    claim: Option<Claim>,
    log_in: SmsLogIn,
) -> Result<SignedIn, Error> {
    let name = AccountName::Mobile(log_in.mobile.clone());
    if let Some(Claim { user_id: id, .. }) = claim {
        let (user, others) = tokio::join!(claim_holder(app, &id, Some(&name)), sessions::all_of(app, &id));
        if let Some(user) = user? {
            return known(app, caller, code, token_keys, (user, others), &log_in).await;
        }
        // The account was deleted or has moved to another number since the claim was read, so the number is free.
    }
    new(app, caller, code, token_keys, log_in).await
}

/// Begins the transaction that opens a session. It is refused if the account was changed or deleted meanwhile, or if
/// another sign-up has made one, because the account is then no longer as it was read.
fn opening(code: &RightCode, new: &NewSession) -> Result<Transaction, Error> {
    let mut tx = Transaction::new("opening a session", || Error::AccountChanged);
    tx.add(code)?;
    tx.add(new)?;
    Ok(tx)
}

async fn known(
    app: &App,
    caller: &Caller,
    code: &RightCode,
    token_keys: &TokenKeys,
    (user, others): (User, Result<Vec<Session>, Error>),
    log_in: &SmsLogIn,
) -> Result<SignedIn, Error> {
    if user.disabled {
        return Err(Error::NoSuchUser);
    }
    code.refuse_outdated(&user)?;
    let checked = second_proof::check(app, caller, &user, log_in.second_proof.as_ref()).await?;
    let entering = async {
        let new = NewSession::new(app, caller, &user, log_in.remembered, others?);
        let mut tx = opening(code, &new)?;
        let set = forgetting(Set::to(User::LAST_USED_AT, app.clock.now()));
        tx.require(Write::update(keys::user(&user.id), set, unchanged(&user, None)));
        tx.add(&checked)?;
        let signed_in = SignedIn::of_sign_in(app, caller, token_keys, user, new.session)?;
        app.store.commit(tx).await?;
        Ok(signed_in)
    };
    checked.or_refund(app, entering).await
}

async fn new(
    app: &App,
    caller: &Caller,
    code: &RightCode,
    token_keys: &TokenKeys,
    log_in: SmsLogIn,
) -> Result<SignedIn, Error> {
    let SmsSignUp { nickname, consent } = log_in.sign_up.ok_or(Error::NoSuchUser)?;
    check_consent(app, consent.as_ref())?;
    let nickname = nickname.unwrap_or_else(|| Nickname::from_digits(&log_in.mobile));
    let user = User { consent, ..new_user(app, caller, log_in.mobile.clone(), nickname) };
    let new = NewSession::new(app, caller, &user, log_in.remembered, Vec::new());
    let mut tx = opening(code, &new)?;
    tx.require(claims::claim(&AccountName::Mobile(log_in.mobile), &user.id)?);
    tx.require(make(&user)?);
    let signed_in = SignedIn::of_sign_in(app, caller, token_keys, user, new.session)?;
    app.store.commit(tx).await?;
    Ok(signed_in)
}
