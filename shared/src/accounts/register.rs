//! Making an account with a number and a code sent to it.

use super::codes::{Row, redeem};
use super::{SignedIn, sessions};
use crate::app::{App, Caller};
use crate::domain::{Code, CodeHandle, CodeKey, Consent, Mobile, NewPassword, Nickname, User, UserId};
use crate::dynamodb::items::Marker;
use crate::dynamodb::{StoreError, Unless, Write, keys};
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
    let Registration { nickname, mobile, code, handle, password, consent } = registration;
    caller.who.note(mobile.masked());
    check_consent(app, consent.as_ref())?;
    let (code, token_keys) =
        tokio::join!(redeem(app, CodeKey::register(&mobile).under(handle), Row::None, &code), app.token_keys());
    let code = code?;
    let prepared = async {
        let hash = app.hasher.hash(password.as_password());
        let hash = hash.map_err(|source| Error::unavailable("hashing a password", source))?;
        let user = User { password_hash: Some(hash), consent, ..new_user(app, mobile, nickname) };
        let (session, mut writes) = sessions::open(app, caller, &user, true, Vec::new())?;
        writes.splice(0..0, make(&user)?);
        Ok::<_, Error>((SignedIn::new(app, caller, &*token_keys?, user, session)?, writes))
    };
    let (signed_in, writes) = match prepared.await {
        Ok(prepared) => prepared,
        Err(error) => {
            code.take_back(app).await;
            return Err(error);
        }
    };
    match code.pay(app, writes, "making an account").await {
        Ok(()) => Ok(signed_in),
        Err(StoreError::Refused(_)) => Err(Error::MobileTaken),
        Err(StoreError::Failed(error)) => Err(error),
    }
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
        mobile,
        email: None,
        avatar: String::new(),
        password_hash: None,
        credential_version: 1,
        disabled: false,
        consent: None,
        created_at: app.clock.now(),
        password_failures: None,
        password_tried_at: None,
    }
}

/// What makes an account: the hold on its number, then the account.
pub(super) fn make(user: &User) -> Result<[Write; 2], Error> {
    Ok([
        Write::put(&keys::mobile_marker(&user.mobile), &Marker { user_id: user.id.clone() }, Unless::Exists)?,
        Write::put(&keys::user(&user.id), user, Unless::Exists)?,
    ])
}
