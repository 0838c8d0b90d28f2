//! Signing in with a code sent to the mobile number, and signing up in the same step.

use crate::app::{App, Caller};
use crate::credentials::codes::{RightCode, redeem_beside};
use crate::credentials::second_proof::{self, SecondProof};
use crate::credentials::take_over::take_over;
use crate::crypto::TokenKeys;
use crate::domain::{AccountName, ChallengeId, Code, CodeKey, Consent, Mobile, Nickname, Session, User, UserId};
use crate::dynamodb::items::Claim;
use crate::dynamodb::{Set, Transaction, Write, keys};
use crate::error::Error;
use crate::sessions::SignedIn;
use crate::sessions::{self, NewSession};
use crate::throttling::attempts::end_streaks;
use crate::users::claims;
use crate::users::known_devices::{Failures, known_device, list_device, only_device};
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
    /// The second proof, for a number that was not proved for a long time.
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

/// Signs in by a code. If the number is new and a sign-up is asked for, it makes an account. It does so too, and takes
/// the number over, if the number's account was neither proved by a code nor used for `DORMANT_DAYS`, and the request
/// has no second proof for that account. Only a correct code discloses whether the number has an account.
pub async fn sms_log_in(app: &App, caller: &Caller, log_in: SmsLogIn) -> Result<SignedIn, Error> {
    caller.who.note(log_in.mobile.masked());
    let key = CodeKey::log_in(&log_in.mobile).under(log_in.challenge_id.clone());
    let finding = find(app, &log_in.mobile);
    let code = (key, &log_in.mobile, &log_in.code);
    let ((code, found), token_keys) =
        tokio::join!(redeem_beside(app, caller, code, finding, |found| &found.user), app.token_keys());
    let code = code?;
    code.or_refund(app, async { by_code(app, caller, &code, &*token_keys?, found?, log_in).await }).await
}

/// The account that has the number, and its sessions, which are read to end the oldest.
struct Found {
    user: User,
    others: Vec<Session>,
}

async fn find(app: &App, mobile: &Mobile) -> Result<Option<Found>, Error> {
    let claim = app.store.get::<Claim>(&keys::mobile_claim(mobile), "finding an account").await?;
    // An unknown number reads the account of a new random id, so that it takes as long.
    let id = claim.map_or_else(UserId::generate, |claim| claim.user_id);
    let name = AccountName::Mobile(mobile.clone());
    let (user, others) = tokio::join!(claim_holder(app, &id, Some(&name)), sessions::all_of(app, &id));
    Ok(user?.map(|user| Found { user, others: others.unwrap_or_default() }))
}

async fn by_code(
    app: &App,
    caller: &Caller,
    code: &RightCode,
    token_keys: &TokenKeys,
    found: Option<Found>,
    log_in: SmsLogIn,
) -> Result<SignedIn, Error> {
    match found {
        None => new(app, caller, code, token_keys, (log_in, None)).await,
        Some(found) if is_given_up(app, caller, &found.user, &log_in) => {
            new(app, caller, code, token_keys, (log_in, Some(found.user))).await
        }
        Some(found) => known(app, caller, code, token_keys, found, &log_in).await,
    }
}

/// Returns whether the number moves to a new account: the request asks for one, shows nothing else of the old one, and
/// the old one was unused and its number unproved for so long that it may lose it.
fn is_given_up(app: &App, caller: &Caller, user: &User, log_in: &SmsLogIn) -> bool {
    log_in.sign_up.is_some()
        && log_in.second_proof.is_none()
        && known_device(caller, user).is_none()
        && user.may_lose_number(app.config.numbers.dormant_days, app.clock.now())
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
    Found { user, others }: Found,
    log_in: &SmsLogIn,
) -> Result<SignedIn, Error> {
    if user.disabled {
        return Err(Error::NoSuchUser);
    }
    code.refuse_outdated(&user)?;
    let checked = second_proof::check(app, caller, &user, log_in.second_proof.as_ref()).await?;
    let entering = async {
        let now = app.clock.now();
        let new = NewSession::new(app, caller, &user, log_in.remembered, others);
        let mut tx = opening(code, &new)?;
        let set = Set::to(User::LAST_USED_AT, now).and_to(User::MOBILE_PROVED_AT, now).and_remove(User::RECOVERY);
        let (set, failures) = if checked.is_password() {
            (set.and_remove(User::GUESSED_AT), Failures::End)
        } else {
            (set, Failures::GoOn)
        };
        let set = list_device(app, set, &user, &new.device, failures)?;
        tx.require(Write::update(keys::user(&user.id), set, unchanged(&user, None)));
        tx.add(&checked)?;
        if checked.is_password() {
            end_streaks(app, &user)?.into_iter().for_each(|effect| tx.also(effect));
        }
        let signed_in = SignedIn::of_sign_in(app, caller, token_keys, user, &new)?;
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
    (log_in, old): (SmsLogIn, Option<User>),
) -> Result<SignedIn, Error> {
    let SmsSignUp { nickname, consent } = log_in.sign_up.ok_or(Error::NoSuchUser)?;
    if old.is_none() {
        code.refuse_of_account()?;
    }
    check_consent(app, consent.as_ref())?;
    let nickname = nickname.unwrap_or_else(|| Nickname::from_digits(&log_in.mobile));
    let user = User { consent, ..new_user(app, caller, log_in.mobile.clone(), nickname) };
    let new = NewSession::new(app, caller, &user, log_in.remembered, Vec::new());
    let user = User { devices: only_device(app, Some(&new.device)), ..user };
    let mut tx = opening(code, &new)?;
    let name = AccountName::Mobile(log_in.mobile);
    match old {
        Some(old) => take_over(app, &name, &user.id, old, &mut tx)?,
        None => tx.require(claims::claim(&name, &user.id)?),
    }
    tx.require(make(&user)?);
    let signed_in = SignedIn::of_sign_in(app, caller, token_keys, user, &new)?;
    app.store.commit(tx).await?;
    Ok(signed_in)
}
