//! Binding an email to an account: a code to the new address, then the address itself.

use super::SignedIn;
use super::codes::redeem;
use super::proof::{self, Proof};
use super::send::send;
use crate::app::{App, Caller};
use crate::domain::{Code, CodeKey, Email, User};
use crate::dynamodb::items::{Content, Marker, Recipient};
use crate::dynamodb::{Expression, StoreError, Unless, Write, keys, number, text};
use crate::error::Error;

/// Sends a code to the address. Whether it is taken is not told here: only who reads its mail learns that.
pub async fn send_email_code(
    app: &App,
    caller: &Caller,
    user: &User,
    email: &Email,
    proof: &Proof,
) -> Result<(), Error> {
    let proved_by = proof::check(app, user, proof).await?;
    let pays = proved_by.as_ref().map(|code| code.spend()).transpose()?;
    let content = Content::Code(CodeKey::bind_email(&user.id, email));
    let sent = send(app, caller, Recipient::Email(email.clone()), content, false, pays).await;
    if let (Err(Error::TooMany { .. } | Error::Unavailable { .. }), Some(code)) = (&sent, &proved_by) {
        code.take_back(app).await;
    }
    sent
}

/// Binds the address, frees the one bound before, and signs the caller in anew: a change of email kills every older
/// token, the caller's own too.
pub async fn bind_email(app: &App, caller: &Caller, user: User, email: Email, code: &Code) -> Result<SignedIn, Error> {
    let code = redeem(app, CodeKey::bind_email(&user.id, &email), code).await?;
    let mut writes = Vec::new();
    let mut credential_version = user.credential_version;
    if user.email.as_ref() != Some(&email) {
        writes = moves_to(&user, &email)?;
        credential_version += 1;
    }
    match code.pay(app, writes, "binding an email").await {
        Ok(()) => SignedIn::new(app, caller, User { email: Some(email), credential_version, ..user }),
        Err(StoreError::Refused(refusals)) => {
            let taken = refusals.iter().any(|refusal| refusal.index == 1);
            // Otherwise the account changed meanwhile, and with it the token died that this came with.
            Err(if taken { Error::EmailTaken } else { Error::Unauthorized })
        }
        Err(StoreError::Failed(error)) => Err(error),
    }
}

/// What moves an account to another address: its marker, first, then the user, then the old marker.
fn moves_to(user: &User, email: &Email) -> Result<Vec<Write>, Error> {
    let values = [(":email", text(email.as_str())), (":one", number(1)), (":version", number(user.credential_version))];
    let mut writes = vec![
        Write::put(&keys::email_marker(email), &Marker { user_id: user.id.clone() }, Unless::Exists)?,
        Write::update(
            &keys::user(&user.id),
            "SET email = :email, credential_version = credential_version + :one",
            Expression { text: "credential_version = :version", values: &values },
        )?,
    ];
    if let Some(old) = &user.email {
        let mine = Expression { text: "user_id = :me", values: &[(":me", text(user.id.as_str()))] };
        writes.push(Write::delete(&keys::email_marker(old), mine)?);
    }
    Ok(writes)
}
