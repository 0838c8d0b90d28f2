//! Signing in with a code sent to the number, and signing up in the same step.

use super::attempts;
use super::codes::{RightCode, redeem_beside};
use super::find::{claim_holder, unchanged};
use super::register::{check_consent, make, new_user};
use super::second_proof::{self, SecondProof};
use super::{SignedIn, sessions};
use crate::app::{App, Caller};
use crate::domain::{AccountName, Code, CodeHandle, CodeKey, Consent, Mobile, Nickname, Session, TokenKeys, User};
use crate::dynamodb::items::Marker;
use crate::dynamodb::{Expression, StoreError, Write, keys, seconds};
use crate::error::Error;

/// What a person signs in with.
#[derive(Debug)]
pub struct SmsLogIn {
    /// Their number.
    pub mobile: Mobile,
    /// The code sent to it.
    pub code: Code,
    /// What the code was asked for with.
    pub handle: Option<CodeHandle>,
    /// What they offer beside it, for an account that was long unused.
    pub second_proof: Option<SecondProof>,
    /// Whether they ask to be remembered on the device.
    pub remembered: bool,
    /// What an account is made with when the number has none; `None` makes none.
    pub sign_up: Option<SmsSignUp>,
}

/// What an account without a password is made with.
#[derive(Debug)]
pub struct SmsSignUp {
    /// How the person is addressed; by default by the number's last digits.
    pub nickname: Option<Nickname>,
    /// What they agreed to.
    pub consent: Option<Consent>,
}

/// Signs in by a code, and signs up with it where the number is new and that is asked for. Only after a right code is
/// it told whether the number has an account.
pub async fn sms_log_in(app: &App, caller: &Caller, log_in: SmsLogIn) -> Result<SignedIn, Error> {
    caller.who.note(log_in.mobile.masked());
    let marker = keys::mobile_marker(&log_in.mobile);
    let key = CodeKey::log_in(&log_in.mobile).under(log_in.handle.clone());
    let finding = app.store()?.get::<Marker>(&marker, "finding an account");
    let code = (key, &log_in.mobile, &log_in.code);
    let ((code, marker), token_keys) =
        tokio::join!(redeem_beside(app, caller, code, finding, |marker| &marker.user_id), app.token_keys());
    let code = code?;
    code.or_give_back(app, async { by_code(app, caller, &code, &*token_keys?, marker?, log_in).await }).await
}

async fn by_code(
    app: &App,
    caller: &Caller,
    code: &RightCode,
    keys: &TokenKeys,
    marker: Option<Marker>,
    log_in: SmsLogIn,
) -> Result<SignedIn, Error> {
    let name = AccountName::Mobile(log_in.mobile.clone());
    if let Some(Marker { user_id: id }) = marker {
        let (user, others) = tokio::join!(claim_holder(app, &id, Some(&name)), sessions::all_of(app, &id));
        if let Some(user) = user? {
            return known(app, caller, code, keys, (user, others), &log_in).await;
        }
        // It was deleted or has moved away since the claim was read, so nobody has the number.
    }
    let sign_up = log_in.sign_up.ok_or(Error::NoSuchUser)?;
    let (user, session, writes) = new(app, caller, log_in.mobile, sign_up, log_in.remembered)?;
    enter(app, caller, code, keys, (user, session), writes).await
}

async fn enter(
    app: &App,
    caller: &Caller,
    code: &RightCode,
    keys: &TokenKeys,
    (user, session): (User, Session),
    writes: Vec<Write>,
) -> Result<SignedIn, Error> {
    let signed_in = SignedIn::of_sign_in(app, caller, keys, user, session)?;
    match code.pay(app, writes, "opening a session").await {
        Ok(()) => Ok(signed_in),
        // The account was changed or deleted meanwhile, or another sign-up made one: what was read no longer holds.
        Err(StoreError::Refused(_)) => Err(Error::AccountChanged),
        Err(StoreError::Failed(error)) => Err(error),
    }
}

async fn known(
    app: &App,
    caller: &Caller,
    code: &RightCode,
    keys: &TokenKeys,
    (user, others): (User, Result<Vec<Session>, Error>),
    log_in: &SmsLogIn,
) -> Result<SignedIn, Error> {
    if user.disabled {
        return Err(Error::NoSuchUser);
    }
    let proved = second_proof::check(app, caller, &user, log_in.second_proof.as_ref()).await?;
    let entering = async {
        let (session, mut writes) = sessions::open(app, caller, &user, log_in.remembered, others?)?;
        let (unchanged, mut values) = unchanged(&user, None);
        values.push((":now", seconds(app.clock.now())));
        let unchanged = Expression { text: unchanged, values: &values };
        let update = format!("SET last_used_at = :now {}", attempts::FORGET);
        writes.push(Write::update(&keys::user(&user.id), &update, unchanged)?);
        writes.extend(proved.spend()?);
        writes.extend(proved.end_row(app)?);
        enter(app, caller, code, keys, (user, session), writes).await
    };
    proved.or_give_back(app, entering).await
}

fn new(
    app: &App,
    caller: &Caller,
    mobile: Mobile,
    sign_up: SmsSignUp,
    remembered: bool,
) -> Result<(User, Session, Vec<Write>), Error> {
    check_consent(app, sign_up.consent.as_ref())?;
    let nickname = sign_up.nickname.unwrap_or_else(|| Nickname::from_digits(&mobile));
    let user = User { consent: sign_up.consent, ..new_user(app, mobile.clone(), nickname) };
    let (session, mut writes) = sessions::open(app, caller, &user, remembered, Vec::new())?;
    writes.splice(0..0, make(&user, &mobile)?);
    Ok((user, session, writes))
}
