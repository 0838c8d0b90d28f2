//! Making an account with a number and a code sent to it.

use super::SignedIn;
use super::codes::redeem;
use crate::app::{App, Caller};
use crate::domain::{Code, CodeKey, Mobile, NewPassword, Nickname, User, UserId};
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
    /// The password they chose.
    pub password: NewPassword,
}

/// Makes the account. Code, user and the hold on the number are one transaction: of a hundred sign-ups of one number
/// one makes a user, and the others change nothing.
pub async fn register(app: &App, caller: &Caller, registration: Registration) -> Result<SignedIn, Error> {
    let Registration { nickname, mobile, code, password } = registration;
    let code = redeem(app, CodeKey::register(&mobile), &code).await?;
    let hash = app.hasher.hash(password.as_password());
    let user = User {
        id: UserId::generate(),
        username: None,
        nickname,
        mobile,
        email: None,
        avatar: String::new(),
        password_hash: Some(hash.map_err(|source| Error::unavailable("hashing a password", source))?),
        credential_version: 1,
        disabled: false,
        created_at: app.clock.now(),
    };
    let writes = vec![
        Write::put(&keys::mobile_marker(&user.mobile), &Marker { user_id: user.id.clone() }, Unless::Exists)?,
        Write::put(&keys::user(&user.id), &user, Unless::Exists)?,
    ];
    match code.pay(app, writes, "making an account").await {
        Ok(()) => SignedIn::new(app, caller, user),
        Err(StoreError::Refused(_)) => Err(Error::MobileTaken),
        Err(StoreError::Failed(error)) => Err(error),
    }
}
