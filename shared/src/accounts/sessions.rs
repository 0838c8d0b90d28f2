//! Sessions: opened by a sign-in, refreshed, listed, ended.
//!
//! A session is live while the account's credential version is the one it carries. So a change of credentials ends all
//! sessions that it does not carry along, by the one write that makes it.

use super::SignedIn;
use super::signed_in::user_and_session;
use crate::app::{App, Caller};
use crate::audit;
use crate::domain::{Keyring, MAX_SESSIONS, RefreshToken, Session, SessionId, Standing, Timestamp, User, UserId};
use crate::dynamodb::{Expression, StoreError, Unless, Write, keys, number, seconds, text};
use crate::error::Error;

/// More would not fit into one transaction beside the rest; what is left over goes at the next sign-in.
const MOST_REMOVED: usize = 80;

/// All sessions of a user, live and over, in one read.
pub(super) async fn all_of(app: &App, user: &UserId) -> Result<Vec<Session>, Error> {
    app.store()?.query(&keys::sessions(user), "reading sessions").await
}

/// A new session, and what opens it: its item put, the one that the same browser had before removed, and as many others
/// that twenty are live at most. The newest live ones stay.
pub(super) fn open(
    app: &App,
    caller: &Caller,
    user: &User,
    remembered: bool,
    others: Vec<Session>,
) -> Result<(Session, Vec<Write>), Error> {
    let now = app.clock.now();
    let session = Session::open(user, app.config.sessions, remembered, caller.origin(), now);
    let mut writes = vec![Write::put(&keys::session(&user.id, &session.id), &session, Unless::Exists)?];
    // Its cookie is replaced: nobody could use it or sign it out any more. It may be of another account, or over already; on no
    // condition, so that it can refuse nothing.
    let former = caller.cookie_session.as_ref();
    if let Some(former) = former {
        writes.push(Write::remove(&keys::session(&former.user_id, &former.session_id))?);
    }
    // A transaction takes a key once.
    let others = others.into_iter().filter(|other| former.is_none_or(|former| former.session_id != other.id));
    let (mut live, mut over): (Vec<_>, Vec<_>) = others.partition(|other| other.is_live(user, now));
    live.sort_by_key(|other| std::cmp::Reverse(other.created_at));
    over.extend(live.into_iter().skip(MAX_SESSIONS - 1));
    for other in over.iter().take(MOST_REMOVED) {
        writes.push(Write::remove(&keys::session(&user.id, &other.id))?);
    }
    Ok((session, writes))
}

/// The live sessions of a user, the one used last first.
pub async fn list_sessions(app: &App, user: &User) -> Result<Vec<Session>, Error> {
    let now = app.clock.now();
    let mut sessions = all_of(app, &user.id).await?;
    sessions.retain(|session| session.is_live(user, now));
    sessions.sort_by_key(|session| std::cmp::Reverse(session.created_at));
    // Sign-ins at the same moment may have left more than twenty: what is not shown is not live either.
    let excess = sessions.split_off(sessions.len().min(MAX_SESSIONS));
    if !excess.is_empty() {
        let ended = excess.iter().take(MOST_REMOVED);
        let ended =
            ended.map(|session| Write::remove(&keys::session(&user.id, &session.id))).collect::<Result<_, _>>()?;
        match app.store()?.transact(ended, "ending sessions").await {
            Ok(()) | Err(StoreError::Refused(_)) => {}
            Err(StoreError::Failed(error)) => return Err(error),
        }
    }
    sessions.sort_by_key(|session| std::cmp::Reverse(session.last_used_at));
    Ok(sessions)
}

/// How often a session that another use of the same token changed meanwhile is looked at again.
const TRIES: usize = 4;

/// Exchanges a refresh token for its successor: the session's generation moves on by one conditional update, so that of
/// many uses at once one makes a successor and the others get the same. That update comes last: what cannot be answered
/// rotates no token. [`Session::standing`] says which tokens are exchanged.
pub async fn refresh(app: &App, caller: &Caller, token: &str) -> Result<SignedIn, Error> {
    let token = verify(app.keyring()?, token)?;
    caller.who.note(token.user_id.as_str());
    for _ in 0..TRIES {
        let now = app.clock.now();
        let (user, session, keys) = user_and_session(app, &token.user_id, &token.session_id).await?;
        let (Some(user), Some(session)) = (user, session) else { return Err(Error::SessionEnded) };
        if user.disabled || !session.is_live(&user, now) {
            return Err(Error::SessionEnded);
        }
        match session.standing(token.generation, app.config.sessions.repeat_seconds, now) {
            Standing::Current => {
                let successor = successor_of(app, caller, &session, now);
                let signed_in = SignedIn::of_refresh(app, caller, &keys, user, successor.clone())?;
                let rotated = rotate(app, &session, &successor);
                let (rotated, ()) = tokio::join!(rotated, note_use(app, &signed_in.user, now));
                if rotated? {
                    return Ok(signed_in);
                }
            }
            Standing::Repeated => return SignedIn::of_refresh(app, caller, &keys, user, session),
            Standing::Replaced => return Err(Error::CredentialsChanged),
            Standing::Unknown => return Err(Error::SessionEnded),
            Standing::Reused => {
                end(app, &token.user_id, &token.session_id).await?;
                audit::refresh_token_reused(caller, &token.user_id, &token.session_id);
                return Err(Error::RefreshTokenSpent);
            }
        }
    }
    Err(Error::unavailable("refreshing a session", "it kept changing"))
}

fn verify(keyring: &Keyring, token: &str) -> Result<RefreshToken, Error> {
    RefreshToken::verify(token, keyring).ok_or(Error::RefreshTokenInvalid)
}

fn successor_of(app: &App, caller: &Caller, session: &Session, now: Timestamp) -> Session {
    let mut successor = session.clone();
    successor.generation += 1;
    successor.rotated_at = now;
    successor.last_used_at = now;
    successor.expires_at = now.plus_seconds(app.config.sessions.idle_seconds).min(session.ends_at);
    successor.origin.address = caller.origin().address;
    successor
}

/// Stores the successor, on condition that the session is as it was read. `false` when it is not.
async fn rotate(app: &App, session: &Session, successor: &Session) -> Result<bool, Error> {
    let rotated = app
        .store()?
        .update::<Session>(
            &keys::session(&session.user_id, &session.id),
            "SET generation = :next, rotated_at = :now, last_used_at = :now, expires_at = :until, address = :address",
            "generation = :this AND credential_version = :version",
            &[
                (":this", number(session.generation)),
                (":next", number(successor.generation)),
                (":version", number(session.credential_version)),
                (":now", seconds(successor.rotated_at)),
                (":until", seconds(successor.expires_at)),
                (":address", text(successor.origin.address.clone())),
            ],
            "refreshing a session",
        )
        .await;
    match rotated {
        Ok(_) => Ok(true),
        Err(StoreError::Refused(_)) => Ok(false),
        Err(StoreError::Failed(error)) => Err(error),
    }
}

/// A use is noted to the day, so that most refreshes write one item alone.
const NOTE_USE_SECONDS: i64 = 86_400;

/// Notes that the account is in use: a number is taken for reissued only when nobody was there for long. When it does not
/// get through, the next refresh notes it.
async fn note_use(app: &App, user: &User, now: Timestamp) {
    if user.last_used_at.is_some_and(|at| now < at.plus_seconds(NOTE_USE_SECONDS)) {
        return;
    }
    let Ok(store) = app.store() else { return };
    let (key, values) = (keys::user(&user.id), [(":now", seconds(now))]);
    let noted = store.update_item(&key, "SET last_used_at = :now", "attribute_exists(pk)", &values, "noting a use");
    if let Err(error) = noted.await {
        tracing::warn!(%error, "a use was not noted");
    }
}

async fn end(app: &App, user: &UserId, id: &SessionId) -> Result<(), Error> {
    match app.store()?.transact(vec![Write::remove(&keys::session(user, id))?], "ending a session").await {
        Ok(()) | Err(StoreError::Refused(_)) => Ok(()),
        Err(StoreError::Failed(error)) => Err(error),
    }
}

/// Ends the session of a refresh token, spent or not. That it is over already is what was asked for.
pub async fn log_out(app: &App, caller: &Caller, token: &str) -> Result<(), Error> {
    let token = verify(app.keyring()?, token)?;
    caller.who.note(token.user_id.as_str());
    end(app, &token.user_id, &token.session_id).await
}

/// Ends every session of the user, and kills every token and link, by moving the credential version on.
pub async fn log_out_everywhere(app: &App, user: &User) -> Result<(), Error> {
    let values = [(":one", number(1)), (":version", number(user.credential_version))];
    let moved_on = Write::update(
        &keys::user(&user.id),
        "SET credential_version = credential_version + :one",
        Expression { text: "credential_version = :version", values: &values },
    )?;
    match app.store()?.transact(vec![moved_on], "ending all sessions").await {
        Ok(()) => Ok(()),
        Err(StoreError::Refused(_)) => Err(Error::Unauthorized),
        Err(StoreError::Failed(error)) => Err(error),
    }
}

/// Ends one of the user's own live sessions; any other is not found.
pub async fn end_session(app: &App, user: &User, id: &SessionId) -> Result<(), Error> {
    let values = [(":version", number(user.credential_version)), (":now", seconds(app.clock.now()))];
    let live = "credential_version = :version AND expires_at > :now AND ends_at > :now";
    let ended = Write::delete(&keys::session(&user.id, id), Expression { text: live, values: &values })?;
    match app.store()?.transact(vec![ended], "ending a session").await {
        Ok(()) => Ok(()),
        Err(StoreError::Refused(_)) => Err(Error::NotFound),
        Err(StoreError::Failed(error)) => Err(error),
    }
}

/// The session as a change of credentials leaves it, and the write that carries it along.
pub(super) fn carry(session: &Session) -> Result<(Session, Write), Error> {
    let carried = Session { credential_version: session.credential_version + 1, ..session.clone() };
    let values = [(":old", number(session.credential_version)), (":new", number(carried.credential_version))];
    let condition = Expression { text: "credential_version = :old", values: &values };
    let write =
        Write::update(&keys::session(&session.user_id, &session.id), "SET credential_version = :new", condition)?;
    Ok((carried, write))
}

/// The same for a change of password, which replaces the refresh token: see [`Session::renewed`].
pub(super) fn carry_renewed(session: &Session, now: Timestamp) -> Result<(Session, Write), Error> {
    let carried = session.renewed(now);
    let values = [
        (":old", number(session.credential_version)),
        (":new", number(carried.credential_version)),
        (":this", number(session.generation)),
        (":next", number(carried.generation)),
        (":issued", seconds(session.rotated_at)),
        (":now", seconds(now)),
    ];
    let condition = Expression { text: "credential_version = :old AND generation = :this", values: &values };
    let update = "SET credential_version = :new, generation = :next, rotated_at = :now, last_used_at = :now, \
                  replaced_generation = :this, replaced_rotated_at = :issued";
    Ok((carried, Write::update(&keys::session(&session.user_id, &session.id), update, condition)?))
}
