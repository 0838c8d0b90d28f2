//! Stopping what an owner did not do: the link in every notice of a change leads here.

use super::attempts;
use super::captcha::Solved;
use super::send::{Pays, Wanted, is_settled, notices, send};
use crate::app::{App, Caller};
use crate::audit;
use crate::domain::{SafetyLink, User, UserId};
use crate::dynamodb::items::{Content, Expiring, Notice, Recipient};
use crate::dynamodb::{Expression, StoreError, Unless, Write, keys, number};
use crate::error::Error;

/// Ends every session, token and link of the account, and its password, which whoever made the change may know. Where the
/// account has an email that is not new, a link to set a password is mailed; a code by SMS sets one too. The link works once,
/// whatever changed since: a thief who goes on changing things kills no link of the owner's. Answers whose account it was.
pub async fn secure_account(app: &App, caller: &Caller, token: &str) -> Result<UserId, Error> {
    let link = SafetyLink::verify(token, app.keyring()?, app.clock.now()).ok_or(Error::LinkInvalid)?;
    caller.who.note(link.user_id.as_str());
    let key = keys::user(&link.user_id);
    let user: Option<User> = app.store()?.get(&key, "reading an account").await?;
    let user = user.ok_or(Error::LinkInvalid)?;
    let spent = Expiring { expires_at: link.expires_at };
    let values = [(":one", number(1)), (":version", number(user.credential_version))];
    let update = format!(
        "SET credential_version = credential_version + :one REMOVE password_hash, {}",
        attempts::FORGET.trim_start_matches("REMOVE ")
    );
    let unchanged = Expression { text: "credential_version = :version", values: &values };
    let mut writes = vec![
        Write::put(&keys::spent_pass(&link.id()), &spent, Unless::Exists)?,
        Write::update(&key, &update, unchanged)?,
    ];
    writes.extend(notices(app, caller, &user, Notice::Secured)?);
    match app.store()?.transact(writes, "securing an account").await {
        Ok(()) => {}
        Err(StoreError::Refused(refusals)) if refusals.iter().any(|refusal| refusal.index == 0) => {
            return Err(Error::LinkInvalid);
        }
        Err(StoreError::Refused(_)) => return Err(Error::AccountChanged),
        Err(StoreError::Failed(error)) => return Err(error),
    }
    audit::account_secured(caller, &link.user_id);
    start_reset(app, caller, &user).await;
    Ok(user.id)
}

/// It may be too soon for another mail, or mail may be down: the page leads to both ways of a reset all the same.
async fn start_reset(app: &App, caller: &Caller, user: &User) {
    // One that was bound a moment ago may be the thief's.
    let settled = is_settled(user.email_changed_at, app.clock.now());
    let Some(email) = user.email.clone().filter(|_| settled) else { return };
    let wanted = Wanted { recipient: Recipient::Email(email), content: Content::ResetLink, requires_account: true };
    if let Err(error) = send(app, caller, Solved::ToOneself, wanted, Pays::default()).await {
        tracing::info!(%error, "no reset link was mailed");
    }
}
