//! Being signed in: making a token for a user, and finding the user of a token.

use crate::app::{App, Caller};
use crate::domain::{AccessToken, User};
use crate::dynamodb::keys;
use crate::error::Error;

/// A user who has just signed in.
#[derive(Debug)]
pub struct SignedIn {
    /// Who.
    pub user: User,
    /// The access token.
    pub token: String,
}

impl SignedIn {
    /// Signs a user in.
    pub fn new(app: &App, caller: &Caller, user: User) -> Result<Self, Error> {
        let token = AccessToken::new(&user.id, user.credential_version, &app.grant(caller));
        let token = app.tokens()?.sign(&token).map_err(|source| Error::unavailable("signing a token", source))?;
        Ok(Self { user, token })
    }
}

/// The user of an access token, in one read. A token from before a change of password, mobile or email is refused.
pub async fn authorize(app: &App, caller: &Caller, token: Option<&str>) -> Result<User, Error> {
    let token = token.ok_or(Error::Unauthorized)?;
    let token = app.tokens()?.verify(token, &app.grant(caller)).map_err(|_| Error::Unauthorized)?;
    let user: Option<User> = app.store()?.get(&keys::user(&token.user_id), "reading an account").await?;
    user.filter(|user| user.credential_version == token.credential_version && !user.disabled).ok_or(Error::Unauthorized)
}
