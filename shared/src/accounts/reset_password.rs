//! Setting a new password without the old one: by a code to the number, or by a mailed link.

use super::codes::redeem;
use super::find_by_name;
use crate::app::App;
use crate::domain::{AccountName, Code, CodeKey, Email, Mobile, NewPassword, Person, ResetLink, User};
use crate::dynamodb::{Expression, StoreError, Write, keys, number, text};
use crate::error::Error;

/// Sets a password by a code sent to the account's number. Every token from before it dies.
pub async fn reset_password_by_code(
    app: &App,
    mobile: &Mobile,
    code: &Code,
    password: NewPassword,
) -> Result<(), Error> {
    // The guess is counted whether or not the account exists, and the account is read whether or not the guess is right.
    let name = AccountName::Mobile(mobile.clone());
    let (code, user) = tokio::join!(redeem(app, CodeKey::reset_password(mobile), code), find_by_name(app, Some(&name)));
    let (code, user) = (code?, user?);
    let Some(user) = user else {
        code.take_back(app).await;
        return Err(Error::NoSuchUser);
    };
    // Only now: refusing someone's name or email as a password before the code is right would tell it to anyone.
    let password = match password.not_personal(&person(&user)) {
        Ok(password) => password,
        Err(problem) => {
            code.take_back(app).await;
            return Err(problem.into());
        }
    };
    let writes = vec![code.spend()?, set_password(app, &user, &password, "attribute_exists(pk)", &[])?];
    match app.store()?.transact(writes, "setting a password").await {
        Ok(()) => Ok(()),
        Err(StoreError::Refused(refusals)) if refusals.iter().any(|refusal| refusal.index == 0) => {
            Err(Error::CodeExpired)
        }
        Err(StoreError::Refused(_)) => Err(Error::NoSuchUser),
        Err(StoreError::Failed(error)) => Err(error),
    }
}

/// The address of the account that a mailed link is good for.
pub async fn check_reset_link(app: &App, token: &str) -> Result<Email, Error> {
    user_of_link(app, token).await?.email.ok_or(Error::LinkInvalid)
}

/// Sets a password by a mailed link. The link works once: it names the credential version that this moves on.
pub async fn reset_password_by_link(app: &App, token: &str, password: NewPassword) -> Result<(), Error> {
    let user = user_of_link(app, token).await?;
    if user.email.is_none() {
        return Err(Error::LinkAccountGone);
    }
    let password = password.not_personal(&person(&user))?;
    let version = [(":version", number(user.credential_version))];
    let write = set_password(app, &user, &password, "credential_version = :version", &version)?;
    match app.store()?.transact(vec![write], "setting a password").await {
        Ok(()) => Ok(()),
        Err(StoreError::Refused(_)) => Err(Error::LinkInvalid),
        Err(StoreError::Failed(error)) => Err(error),
    }
}

async fn user_of_link(app: &App, token: &str) -> Result<User, Error> {
    let link = ResetLink::verify(token, app.keyring()?, app.clock.now()).ok_or(Error::LinkInvalid)?;
    let user: Option<User> = app.store()?.get(&keys::user(&link.user_id), "reading an account").await?;
    let user = user.filter(|user| user.credential_version == link.credential_version && !user.disabled);
    user.ok_or(Error::LinkInvalid)
}

fn person(user: &User) -> Person<'_> {
    Person {
        mobile: Some(&user.mobile),
        nickname: Some(&user.nickname),
        username: user.username.as_ref(),
        email: user.email.as_ref(),
    }
}

fn set_password(
    app: &App,
    user: &User,
    password: &NewPassword,
    condition: &str,
    values: &[(&str, aws_sdk_dynamodb::types::AttributeValue)],
) -> Result<Write, Error> {
    let hash = app.hasher.hash(password.as_password());
    let hash = hash.map_err(|source| Error::unavailable("hashing a password", source))?;
    let mut all = vec![(":hash", text(hash.as_str())), (":one", number(1))];
    all.extend_from_slice(values);
    Write::update(
        &keys::user(&user.id),
        "SET password_hash = :hash, credential_version = credential_version + :one",
        Expression { text: condition, values: &all },
    )
}
