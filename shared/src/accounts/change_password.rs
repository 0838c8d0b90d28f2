//! A signed-in person's new password, or their first.

use super::credentials::{change_signed_in, refused};
use super::proof::{self, Proof, Proved};
use super::{SignedIn, sessions};
use crate::app::{App, Caller};
use crate::domain::{Authorized, NewPassword, Person, TokenKeys, User};
use crate::dynamodb::items::Notice;
use crate::dynamodb::{StoreError, text};
use crate::error::Error;

/// Changes the password. Every other session ends (ASVS 7.4.3), and this one gets new tokens.
pub async fn change_password(
    app: &App,
    caller: &Caller,
    who: Authorized,
    proof: &Proof,
    password: NewPassword,
) -> Result<SignedIn, Error> {
    let keys = app.token_keys().await?;
    let proved = proof::check(app, &who, proof).await?;
    proved.or_give_back(app, set(app, caller, who, &keys, &proved, password)).await
}

async fn set(
    app: &App,
    caller: &Caller,
    who: Authorized,
    keys: &TokenKeys,
    proved: &Proved,
    password: NewPassword,
) -> Result<SignedIn, Error> {
    let Authorized { user, session } = who;
    // Only now: refusing a password that holds the account's number would tell it to whoever stole a token.
    let password = password.not_personal(&Person::of(&user))?;
    let hash = app.hasher.hash(password.as_password());
    let hash = hash.map_err(|source| Error::unavailable("hashing a password", source))?;
    let values = [(":hash", text(hash.as_str()))];
    let mut writes = change_signed_in(app, caller, &user, "password_hash = :hash", &values, Notice::Password)?;
    let (session, carried) = sessions::carry_renewed(&session, app.clock.now())?;
    writes.push(carried);
    writes.extend(proved.forget_rows(&user)?);
    let id = user.id.clone();
    let user = User { credential_version: user.credential_version + 1, password_hash: Some(hash), ..user };
    let signed_in = SignedIn::new(app, caller, keys, user, session)?;
    match proved.pay(app, writes, "changing a password").await {
        Ok(()) => Ok(signed_in),
        Err(StoreError::Refused(refusals)) => Err(refused(app, &id, &refusals, 0, Error::AccountChanged)),
        Err(StoreError::Failed(error)) => Err(error),
    }
}
