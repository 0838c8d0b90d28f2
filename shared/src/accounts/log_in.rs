//! Signing in with a name and a password.

use super::{SignedIn, find_by_name};
use crate::app::{App, Caller};
use crate::domain::{AccountName, Password};
use crate::error::Error;

/// Signs in. `name` is `None` when the text can be no account's name. An unknown account, a wrong password, an account
/// without a password and a disabled one are refused alike, after the same work.
pub async fn log_in(
    app: &App,
    caller: &Caller,
    name: Option<&AccountName>,
    password: &Password,
) -> Result<SignedIn, Error> {
    let user = find_by_name(app, name).await?;
    let hash = user.as_ref().and_then(|user| user.password_hash.as_ref());
    let right =
        app.hasher.verify(password, hash).map_err(|source| Error::unavailable("checking a password", source))?;
    match user {
        Some(user) if right && !user.disabled => SignedIn::new(app, caller, user),
        _ => Err(Error::BadCredentials),
    }
}
