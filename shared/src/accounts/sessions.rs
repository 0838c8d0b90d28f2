//! Sessions: opened by a sign-in, refreshed, listed, ended.
//!
//! A session is live while the account's credential version is the one it carries. So a change of credentials ends all
//! sessions that it does not carry along, by the one write that makes it.

use super::SignedIn;
use crate::app::{App, Caller};
use crate::audit;
use crate::domain::{Keyring, MAX_SESSIONS, REPEAT_SECONDS, RefreshToken, Session, SessionId, Timestamp, User, UserId};
use crate::dynamodb::{Expression, Refusal, StoreError, Unless, Write, keys, number, read_item, seconds, text};
use crate::error::Error;

/// More would not fit into one transaction beside the rest; what is left over goes at the next sign-in.
const MOST_REMOVED: usize = 80;

/// All sessions of a user, live and over, in one read.
pub(super) async fn all_of(app: &App, user: &UserId) -> Result<Vec<Session>, Error> {
    app.store()?.query(&keys::sessions(user), "reading sessions").await
}

/// A new session, and what opens it: its item put, and as many others removed that twenty are live at most. The newest
/// live ones stay.
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
    let (mut live, mut over): (Vec<_>, Vec<_>) = others.into_iter().partition(|other| other.is_live(user, now));
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
    // Sign-ins at the same moment may have left more than twenty.
    sessions.sort_by_key(|session| std::cmp::Reverse(session.created_at));
    sessions.truncate(MAX_SESSIONS);
    sessions.sort_by_key(|session| std::cmp::Reverse(session.last_used_at));
    Ok(sessions)
}

/// Exchanges a refresh token for its child: the session's generation moves on by one conditional update, so that of
/// many uses at once one makes a child and the others get the same.
pub async fn refresh(app: &App, caller: &Caller, token: &str) -> Result<SignedIn, Error> {
    let token = verify(app.keyring()?, token)?;
    let user_key = keys::user(&token.user_id);
    let (session, user, keys) = tokio::join!(
        rotate(app, caller, &token),
        app.store()?.get::<User>(&user_key, "reading an account"),
        app.token_keys()
    );
    let (session, user, keys) = (session?, user?, keys?);
    let user = user.filter(|user| !user.disabled && session.credential_version == user.credential_version);
    SignedIn::new(app, caller, &keys, user.ok_or(Error::SessionEnded)?, session)
}

fn verify(keyring: &Keyring, token: &str) -> Result<RefreshToken, Error> {
    RefreshToken::verify(token, keyring).ok_or(Error::RefreshTokenInvalid)
}

async fn rotate(app: &App, caller: &Caller, token: &RefreshToken) -> Result<Session, Error> {
    let now = app.clock.now();
    let rotated = app
        .store()?
        .update::<Session>(
            &keys::session(&token.user_id, &token.session_id),
            "SET generation = :next, rotated_at = :now, last_used_at = :now, expires_at = :until, address = :address",
            "generation = :this AND expires_at > :now AND ends_at > :now",
            &[
                (":this", number(token.generation)),
                (":next", number(token.generation + 1)),
                (":now", seconds(now)),
                (":until", seconds(now.plus_seconds(app.config.sessions.idle_seconds))),
                (":address", text(caller.origin().address)),
            ],
            "refreshing a session",
        )
        .await;
    match rotated {
        Ok(session) => Ok(session),
        Err(StoreError::Refused(refusals)) => refused(app, caller, token, &refusals, now).await,
        Err(StoreError::Failed(error)) => Err(error),
    }
}

/// What to answer when the session has moved on or is over.
async fn refused(
    app: &App,
    caller: &Caller,
    token: &RefreshToken,
    refusals: &[Refusal],
    now: Timestamp,
) -> Result<Session, Error> {
    let item = refusals.first().and_then(|refusal| refusal.item.clone()).ok_or(Error::SessionEnded)?;
    let session: Session = read_item(item, "refreshing a session")?;
    if now >= session.expires_at || now >= session.ends_at || session.generation <= token.generation {
        return Err(Error::SessionEnded);
    }
    let is_parent = session.generation == token.generation + 1;
    if is_parent && now <= session.rotated_at.plus_seconds(REPEAT_SECONDS) {
        return Ok(session);
    }
    // Two hold tokens of this session, and which of them is the owner cannot be told (RFC 9700 §4.14.2).
    end(app, &token.user_id, &token.session_id).await?;
    audit::refresh_token_reused(caller, &token.user_id, &token.session_id);
    Err(Error::RefreshTokenSpent)
}

async fn end(app: &App, user: &UserId, id: &SessionId) -> Result<(), Error> {
    match app.store()?.transact(vec![Write::remove(&keys::session(user, id))?], "ending a session").await {
        Ok(()) | Err(StoreError::Refused(_)) => Ok(()),
        Err(StoreError::Failed(error)) => Err(error),
    }
}

/// Ends the session of a refresh token, spent or not. That it is over already is what was asked for.
pub async fn log_out(app: &App, token: &str) -> Result<(), Error> {
    let token = verify(app.keyring()?, token)?;
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

/// The same, with a refresh token of its own (ASVS 7.2.4): the one from before is spent.
pub(super) fn carry_renewed(session: &Session, now: Timestamp) -> Result<(Session, Write), Error> {
    let carried = Session {
        credential_version: session.credential_version + 1,
        generation: session.generation + 1,
        rotated_at: now,
        last_used_at: now,
        ..session.clone()
    };
    let values = [
        (":old", number(session.credential_version)),
        (":new", number(carried.credential_version)),
        (":this", number(session.generation)),
        (":next", number(carried.generation)),
        (":now", seconds(now)),
    ];
    let condition = Expression { text: "credential_version = :old AND generation = :this", values: &values };
    let update = "SET credential_version = :new, generation = :next, rotated_at = :now, last_used_at = :now";
    Ok((carried, Write::update(&keys::session(&session.user_id, &session.id), update, condition)?))
}
