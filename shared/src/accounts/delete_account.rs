//! Deleting an account, by its owner.

use std::future::ready;

use futures_util::future::join_all;

use crate::app::audit;
use crate::app::{App, Caller};
use crate::config::RateLimit;
use crate::credentials::codes::{codes_of_account, streaks_of_account};
use crate::credentials::reauthentication::{self, CheckedReauthentication, Reauthentication};
use crate::domain::{AccountName, Principal, Session, User};
use crate::dynamodb::items::SecurityEvent;
use crate::dynamodb::{Effect, Transaction, Write, WriteError, keys};
use crate::error::Error;
use crate::messages::Notification;
use crate::sessions;
use crate::throttling::attempts::end_streak;
use crate::users::claims::release;
use crate::users::unchanged_with_username;

/// How many sessions the transaction removes. More would not fit. The others are invalid without their account, and are
/// removed right after it.
const MAX_SESSIONS: usize = 70;

/// Deletes the account, its names and its sessions in one transaction. Number, email, username and the reserved username
/// are released (PIPL article 47, GDPR article 17).
///
/// What is left has an expiry, and `docs/api.md` lists it. Counts at the number and the email stay, because a deletion
/// must not give anybody new guesses or new messages. The codes to the number stay with the count of their guesses. They
/// prove the number until they expire, so one of them can make another account, and opens none that was made meanwhile.
pub async fn delete_account(
    app: &App,
    caller: &Caller,
    principal: &Principal,
    offered: &Reauthentication,
) -> Result<(), Error> {
    let checked =
        reauthentication::check(app, caller, (&principal.user, &principal.session), offered, ready(Ok(()))).await?;
    checked.or_refund(app, delete(app, principal, &checked)).await?;
    caller.who.note_deleted();
    audit::account_deleted(caller, &principal.user.id);
    remove_what_is_left(app, &principal.user).await;
    Ok(())
}

async fn delete(app: &App, principal: &Principal, checked: &CheckedReauthentication) -> Result<(), Error> {
    let user = &principal.user;
    let mut sessions = sessions::all_of(app, &user.id).await?;
    let mut tx = Transaction::new("deleting an account", || Error::AccountChanged);
    tx.add(checked)?;
    // A change of username does not increment the credential version, so the condition compares the usernames too.
    // Otherwise a username taken since the account was read would stay claimed for ever.
    tx.require(Write::delete(keys::user(&user.id), unchanged_with_username(user)));
    let names = [
        user.mobile.clone().map(AccountName::Mobile),
        user.email.clone().map(AccountName::Email),
        user.username.clone().map(AccountName::Username),
        user.name_in_reserve(app.clock.now()).cloned().map(AccountName::Username),
    ];
    names.iter().flatten().for_each(|name| tx.require(release(name, &user.id)));
    if let Some((session, goes_on)) = checked.session() {
        sessions.retain(|session| session.id != principal.session.id);
        tx.require(Write::delete(session, goes_on));
    }
    remove(&sessions).for_each(|effect| tx.also(effect));
    streaks_of_account(&user.id).into_iter().for_each(|streak| tx.also(Effect::remove(streak)));
    // Whoever takes one of the names next ends the count of attempts at it too.
    for name in names.iter().flatten() {
        tx.also(end_streak(app, name)?);
    }
    for limit in RateLimit::OF_ACCOUNT {
        tx.also(Effect::remove(keys::account_limit(limit.key_word(), &user.id)));
    }
    tx.add(Notification::new(app, user, SecurityEvent::Deleted))?;
    app.store.commit(tx).await
}

fn remove(sessions: &[Session]) -> impl Iterator<Item = Effect> {
    let some = sessions.iter().take(MAX_SESSIONS);
    some.map(|session| Effect::remove(keys::session(&session.user_id, &session.id)))
}

/// Removes the sessions that did not fit into the transaction or were opened meanwhile, a reservation that has expired,
/// and the codes that only this account could use. They are of no use to anybody, but they tell where somebody signed in
/// from and what their names were. If this fails, TTL removes them.
async fn remove_what_is_left(app: &App, user: &User) {
    let sessions = async {
        let left = sessions::all_of(app, &user.id).await?;
        if left.is_empty() { Ok(()) } else { app.store.apply("removing sessions", remove(&left)).await }
    };
    let codes = codes_of_account(user).map(async |code| app.store.delete("removing a code", &keys::code(&code)).await);
    let (sessions, reservation, codes) = tokio::join!(sessions, remove_expired_reservation(app, user), join_all(codes));
    for removed in [sessions, reservation].into_iter().chain(codes) {
        if let Err(error) = removed {
            error.log_ignored("items of a deleted account are left to TTL");
        }
    }
}

/// Another account may have claimed the name since the reservation expired, so this cannot be part of the deletion.
async fn remove_expired_reservation(app: &App, user: &User) -> Result<(), Error> {
    let Some(name) = user.reserved_username.clone().filter(|_| user.name_in_reserve(app.clock.now()).is_none()) else {
        return Ok(());
    };
    let mut tx = Transaction::new("removing an expired reservation", || WriteError::Refused);
    tx.require(release(&AccountName::Username(name), &user.id));
    WriteError::refused_as_none(app.store.commit(tx).await).map(drop)
}
