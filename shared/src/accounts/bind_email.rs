//! Binding an email to an account: a code to the new address, then the address itself.

use super::captcha::Solved;
use super::codes::{RightCode, Row, redeem};
use super::credentials::{change_signed_in, refused};
use super::proof::{self, Proof};
use super::send::{Pays, Wanted, send};
use super::{SignedIn, sessions};
use crate::app::{App, Caller};
use crate::domain::{Authorized, Code, CodeKey, Email, TokenKeys, User};
use crate::dynamodb::items::{Content, Marker, Notice, Recipient};
use crate::dynamodb::{Expression, StoreError, Unless, Write, keys, seconds, text};
use crate::error::Error;

/// Sends a code to the address. Whether it is taken is not told here: only who reads its mail learns that.
pub async fn send_email_code(
    app: &App,
    caller: &Caller,
    who: &Authorized,
    email: &Email,
    proof: &Proof,
) -> Result<(), Error> {
    let proved = proof::check(app, who, proof).await?;
    let content = Content::Code(CodeKey::bind_email(&who.user.id, email));
    let wanted = Wanted { recipient: Recipient::Email(email.clone()), content, requires_account: false };
    let sending = async {
        let unchanged = [Some(proof::still(&who.user)?), proved.while_signed_in(who, Write::check)?];
        let code = [proved.spend()?, proved.end_row(app)?];
        let pays =
            Pays { code: code.into_iter().flatten().collect(), unchanged: unchanged.into_iter().flatten().collect() };
        send(app, caller, Solved::NotAsked, wanted, pays).await
    };
    proved.or_give_back(app, sending).await
}

/// Binds the address, frees the one bound before, and gives the caller a new token: a change of email kills every older
/// one, the caller's own too. The session goes on, and every other ends.
pub async fn bind_email(
    app: &App,
    caller: &Caller,
    who: Authorized,
    email: Email,
    code: &Code,
) -> Result<SignedIn, Error> {
    let keys = app.token_keys().await?;
    let code = {
        let key = CodeKey::bind_email(&who.user.id, &email);
        redeem(app, key, Row::of_new_name(&who.user.id), code).await?
    };
    code.or_give_back(app, bind(app, caller, who, &keys, email, &code)).await
}

async fn bind(
    app: &App,
    caller: &Caller,
    who: Authorized,
    keys: &TokenKeys,
    email: Email,
    code: &RightCode,
) -> Result<SignedIn, Error> {
    let Authorized { user, session } = who;
    let id = user.id.clone();
    let (mut writes, mut changed, mut kept) = (Vec::new(), user.clone(), session.clone());
    if user.email.as_ref() != Some(&email) {
        let (carried, carries) = sessions::carry(&session)?;
        writes = moves_to(app, caller, &user, &email)?;
        writes.push(carries);
        changed = User { credential_version: user.credential_version + 1, email: Some(email), ..user };
        kept = carried;
    }
    let signed_in = SignedIn::new(app, caller, keys, changed, kept)?;
    match code.pay(app, writes, "binding an email").await {
        Ok(()) => Ok(signed_in),
        Err(StoreError::Refused(refusals)) => {
            let taken = refusals.iter().any(|refusal| refusal.index == 1);
            // Otherwise the account changed meanwhile, and with it the token died that this came with.
            let otherwise = if taken { Error::EmailTaken } else { Error::Unauthorized };
            Err(refused(app, &id, &refusals, 2, otherwise))
        }
        Err(StoreError::Failed(error)) => Err(error),
    }
}

/// What moves an account to another address: its marker, first, then the account, then the old marker.
fn moves_to(app: &App, caller: &Caller, user: &User, email: &Email) -> Result<Vec<Write>, Error> {
    let marker = Marker { user_id: user.id.clone() };
    let mut writes = vec![Write::put(&keys::email_marker(email), &marker, Unless::Exists)?];
    let set = [(":email", text(email.as_str())), (":now", seconds(app.clock.now()))];
    writes.extend(change_signed_in(app, caller, user, "email = :email, email_changed_at = :now", &set, Notice::Email)?);
    if let Some(old) = &user.email {
        let mine = Expression { text: "user_id = :me", values: &[(":me", text(user.id.as_str()))] };
        writes.push(Write::delete(&keys::email_marker(old), mine)?);
    }
    Ok(writes)
}
