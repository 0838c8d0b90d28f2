//! The end of an account, by its owner.

use super::proof::{self, Proof, Proved};
use super::send::notices;
use super::sessions;
use crate::app::{App, Caller};
use crate::audit;
use crate::domain::{AccountName, Authorized, Session, User};
use crate::dynamodb::items::Notice;
use crate::dynamodb::{Expression, StoreError, Write, keys, number, text};
use crate::error::Error;

/// More sessions would not fit into the transaction; what is left over is over, and goes right after.
const MOST_SESSIONS: usize = 75;

/// Deletes the account, its names and its sessions in one transaction. Number, username and email are free again, and
/// what remains is one line in the audit log without personal data (PIPL article 47, GDPR article 17).
pub async fn delete_account(app: &App, caller: &Caller, who: &Authorized, proof: &Proof) -> Result<(), Error> {
    let proved = proof::check(app, who, proof).await?;
    proved.or_give_back(app, delete(app, caller, who, &proved)).await?;
    audit::account_deleted(caller, &who.user.id);
    remove_what_is_left(app, &who.user).await;
    Ok(())
}

async fn delete(app: &App, caller: &Caller, who: &Authorized, proved: &Proved) -> Result<(), Error> {
    let user = &who.user;
    let mut sessions = sessions::all_of(app, &user.id).await?;
    let mut writes = names_and_account(user)?;
    if let Some(ended) = proved.while_signed_in(who, Write::delete)? {
        sessions.retain(|session| session.id != who.session.id);
        writes.push(ended);
    }
    writes.extend(remove(&sessions)?);
    writes.extend(proved.forget_rows(user)?);
    writes.extend(notices(app, caller, user, Notice::Deleted)?);
    match proved.pay(app, writes, "deleting an account").await {
        Ok(()) => Ok(()),
        Err(StoreError::Refused(_)) => Err(Error::AccountChanged),
        Err(StoreError::Failed(error)) => Err(error),
    }
}

fn names_and_account(user: &User) -> Result<Vec<Write>, Error> {
    // A username is taken without a new version: one that was not read would be held for ever.
    let mut values = vec![(":version", number(user.credential_version))];
    let same_name = user.username.as_ref().map_or("attribute_not_exists(username)", |_| "username = :username");
    values.extend(user.username.as_ref().map(|username| (":username", text(username.as_str()))));
    let unchanged = format!("credential_version = :version AND {same_name}");
    let unchanged = Expression { text: &unchanged, values: &values };
    let me = [(":me", text(user.id.as_str()))];
    let mine = Expression { text: "user_id = :me", values: &me };
    let mut writes = vec![Write::delete(&keys::user(&user.id), unchanged)?];
    let names = [
        user.mobile.clone().map(AccountName::Mobile),
        user.email.clone().map(AccountName::Email),
        user.username.clone().map(AccountName::Username),
    ];
    for name in names.into_iter().flatten() {
        writes.push(Write::delete(&keys::marker(&name), mine)?);
    }
    writes.push(Write::remove(&keys::export_limit(&user.id))?);
    writes.push(Write::remove(&keys::change_limit(&user.id))?);
    writes.push(Write::remove(&keys::guesses_at_new_names(&user.id))?);
    Ok(writes)
}

fn remove(sessions: &[Session]) -> Result<Vec<Write>, Error> {
    let some = sessions.iter().take(MOST_SESSIONS);
    some.map(|session| Write::remove(&keys::session(&session.user_id, &session.id))).collect()
}

/// Sessions that did not fit, or were opened meanwhile: they admit to nothing, but say from where someone signed in.
/// When this does not get through, TTL removes them.
async fn remove_what_is_left(app: &App, user: &User) {
    let Ok(store) = app.store() else { return };
    let left = async {
        let left = remove(&sessions::all_of(app, &user.id).await?)?;
        if left.is_empty() { Ok(()) } else { store.transact(left, "removing sessions").await }
    };
    if let Err(error) = left.await {
        tracing::warn!(%error, "sessions of a deleted account are left to TTL");
    }
}
