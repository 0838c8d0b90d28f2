//! Making an account with a number and a code sent to it.

use super::codes::{RightCode, Row, redeem};
use super::find::claim_holder;
use super::send::notices;
use super::{SignedIn, sessions};
use crate::app::{App, Caller};
use crate::domain::{
    AccountName, Code, CodeHandle, CodeKey, Consent, Mobile, NewPassword, Nickname, TokenKeys, User, UserId,
};
use crate::dynamodb::items::{Marker, Notice};
use crate::dynamodb::{Expression, StoreError, Unless, Write, keys, number, read_item, seconds, text};
use crate::error::Error;

/// What a person registers with.
#[derive(Debug)]
pub struct Registration {
    /// How they are addressed.
    pub nickname: Nickname,
    /// Their number.
    pub mobile: Mobile,
    /// The code sent to it.
    pub code: Code,
    /// What the code was asked for with.
    pub handle: Option<CodeHandle>,
    /// The password they chose.
    pub password: NewPassword,
    /// What they agreed to.
    pub consent: Option<Consent>,
}

/// Makes the account and opens its first session. Code, user, session and the hold on the number are one transaction: of
/// a hundred sign-ups of one number one makes a user, and the others change nothing.
pub async fn register(app: &App, caller: &Caller, registration: Registration) -> Result<SignedIn, Error> {
    caller.who.note(registration.mobile.masked());
    check_consent(app, registration.consent.as_ref())?;
    let key = CodeKey::register(&registration.mobile).under(registration.handle.clone());
    let row = Row::of_number(&registration.mobile);
    let (code, token_keys) = tokio::join!(redeem(app, key, row, &registration.code), app.token_keys());
    let code = code?;
    code.or_give_back(app, async { make_account(app, caller, &code, &*token_keys?, registration).await }).await
}

async fn make_account(
    app: &App,
    caller: &Caller,
    code: &RightCode,
    keys: &TokenKeys,
    registration: Registration,
) -> Result<SignedIn, Error> {
    let Registration { nickname, mobile, password, consent, .. } = registration;
    let hash = app.hasher.hash(password.as_password());
    let hash = hash.map_err(|source| Error::unavailable("hashing a password", source))?;
    let user = User { password_hash: Some(hash), consent, ..new_user(app, mobile.clone(), nickname) };
    let (session, mut writes) = sessions::open(app, caller, &user, true, Vec::new())?;
    writes.splice(0..0, make(&user, &mobile)?);
    let signed_in = SignedIn::of_sign_in(app, caller, keys, user, session)?;
    let refusals = match code.pay(app, writes.clone(), "making an account").await {
        Ok(()) => return Ok(signed_in),
        Err(StoreError::Refused(refusals)) => refusals,
        Err(StoreError::Failed(error)) => return Err(error),
    };
    let held = refusals.into_iter().find_map(|refusal| refusal.item).ok_or(Error::MobileTaken)?;
    let held: Marker = read_item(held, "making an account")?;
    let writes = take_over(app, caller, &mobile, &signed_in.user.id, &held, writes).await?;
    match code.pay(app, writes, "taking a number over").await {
        Ok(()) => Ok(signed_in),
        Err(StoreError::Refused(_)) => Err(Error::MobileTaken),
        Err(StoreError::Failed(error)) => Err(error),
    }
}

/// What makes the account with a number that another has, if that one is dormant: carriers reissue numbers, and who has it
/// now is not kept out by who had it before. The old account keeps all but the number; its sessions end and its email is
/// told, in the same transaction. One that has given the number up by now is left alone: the number is free.
async fn take_over(
    app: &App,
    caller: &Caller,
    mobile: &Mobile,
    new: &UserId,
    held: &Marker,
    mut writes: Vec<Write>,
) -> Result<Vec<Write>, Error> {
    let name = AccountName::Mobile(mobile.clone());
    let Some(old) = claim_holder(app, &held.user_id, Some(&name)).await? else { return Ok(writes) };
    let (now, days) = (app.clock.now(), app.config.dormant_days);
    if old.disabled || !old.is_dormant(days, now) {
        return Err(Error::MobileTaken);
    }
    let values = [(":old", text(held.user_id.as_str()))];
    let still_held = Expression { text: "user_id = :old", values: &values };
    writes[0] = Write::replace(&keys::mobile_marker(mobile), &Marker { user_id: new.clone() }, still_held)?;
    let since = now.plus_seconds(-86_400 * days);
    let values = [(":one", number(1)), (":version", number(old.credential_version)), (":since", seconds(since))];
    let unused = "credential_version = :version AND last_used_at <= :since";
    let without = "REMOVE mobile SET credential_version = credential_version + :one";
    writes.push(Write::update(&keys::user(&old.id), without, Expression { text: unused, values: &values })?);
    // The number is no longer the old owner's: word goes to the email alone.
    let old = User { mobile: None, ..old };
    writes.extend(notices(app, caller, &old, Notice::Reissued)?);
    Ok(writes)
}

/// Refuses a sign-up without consent, where it is required.
pub(super) fn check_consent(app: &App, consent: Option<&Consent>) -> Result<(), Error> {
    if app.config.answers.require_consent && consent.is_none() { Err(Error::ConsentRequired) } else { Ok(()) }
}

/// An account without a password.
pub(super) fn new_user(app: &App, mobile: Mobile, nickname: Nickname) -> User {
    User {
        id: UserId::generate(),
        username: None,
        nickname,
        mobile: Some(mobile),
        email: None,
        avatar: String::new(),
        password_hash: None,
        credential_version: 1,
        disabled: false,
        consent: None,
        created_at: app.clock.now(),
        mobile_changed_at: None,
        email_changed_at: None,
        last_used_at: Some(app.clock.now()),
        password_failures: None,
        password_tried_at: None,
    }
}

/// What makes an account: the hold on its number, then the account.
pub(super) fn make(user: &User, mobile: &Mobile) -> Result<[Write; 2], Error> {
    Ok([
        Write::put(&keys::mobile_marker(mobile), &Marker { user_id: user.id.clone() }, Unless::Exists)?,
        Write::put(&keys::user(&user.id), user, Unless::Exists)?,
    ])
}
