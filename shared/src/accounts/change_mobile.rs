//! A signed-in person's new number.

use super::codes::{RightCode, Row, of_confirm_code, redeem};
use super::credentials::{change_signed_in, refused};
use super::proof::{self, Proof, Proved};
use super::{SignedIn, sessions};
use crate::app::{App, Caller};
use crate::domain::{Authorized, Code, CodeKey, Mobile, TokenKeys, User};
use crate::dynamodb::items::{Marker, Notice};
use crate::dynamodb::{Expression, StoreError, Unless, Write, keys, seconds, text};
use crate::error::Error;

/// Moves the account to the number that the code was sent to, on proof of the account itself: who holds a stolen token
/// and a phone of their own moves nothing. The old number is free again, and is told.
pub async fn change_mobile(
    app: &App,
    caller: &Caller,
    who: Authorized,
    mobile: Mobile,
    code: &Code,
    proof: &Proof,
) -> Result<SignedIn, Error> {
    let keys = app.token_keys().await?;
    let proved = proof::check(app, &who, proof).await.map_err(of_confirm_code)?;
    let moved = async {
        let key = CodeKey::change_mobile(&who.user.id, &mobile);
        let code = redeem(app, key, Row::of_new_name(&who.user.id), code).await?;
        code.or_give_back(app, move_to(app, caller, who, &keys, mobile, (&code, &proved))).await
    };
    proved.or_give_back(app, moved).await
}

async fn move_to(
    app: &App,
    caller: &Caller,
    who: Authorized,
    keys: &TokenKeys,
    mobile: Mobile,
    (code, proved): (&RightCode, &Proved),
) -> Result<SignedIn, Error> {
    let Authorized { user, session } = who;
    if user.mobile.as_ref() == Some(&mobile) {
        return Err(Error::MobileTaken);
    }
    let (taken, mut writes) = moves_to(app, caller, &user, &mobile)?;
    let (session, carried) = sessions::carry(&session)?;
    writes.push(carried);
    writes.extend(proved.spend()?);
    writes.extend(proved.end_row(app)?);
    let id = user.id.clone();
    let user = User { credential_version: user.credential_version + 1, mobile: Some(mobile), ..user };
    let signed_in = SignedIn::new(app, caller, keys, user, session)?;
    match code.pay(app, writes, "changing a number").await {
        Ok(()) => Ok(signed_in),
        // The code was the first write, so the others stand one later.
        Err(StoreError::Refused(refusals)) if refusals.iter().any(|refusal| refusal.index == taken + 1) => {
            Err(Error::MobileTaken)
        }
        Err(StoreError::Refused(refusals)) => Err(refused(app, &id, &refusals, 1, Error::AccountChanged)),
        Err(StoreError::Failed(error)) => Err(error),
    }
}

/// What moves an account to another number, and the place of the write that holds the number for it.
fn moves_to(app: &App, caller: &Caller, user: &User, mobile: &Mobile) -> Result<(usize, Vec<Write>), Error> {
    let set = [(":mobile", text(mobile.as_str())), (":now", seconds(app.clock.now()))];
    let set_to = "mobile = :mobile, mobile_changed_at = :now";
    let mut writes = change_signed_in(app, caller, user, set_to, &set, Notice::Mobile)?;
    let taken = writes.len();
    writes.push(Write::put(&keys::mobile_marker(mobile), &Marker { user_id: user.id.clone() }, Unless::Exists)?);
    if let Some(old) = &user.mobile {
        let mine = Expression { text: "user_id = :me", values: &[(":me", text(user.id.as_str()))] };
        writes.push(Write::delete(&keys::mobile_marker(old), mine)?);
        writes.push(Write::remove(&keys::guesses(old.as_str()))?);
    }
    writes.push(Write::remove(&keys::guesses(mobile.as_str()))?);
    Ok((taken, writes))
}
