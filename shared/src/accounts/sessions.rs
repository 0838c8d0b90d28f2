//! Sessions: opened by a sign-in, refreshed, listed, ended.
//!
//! A session is live while the account's credential version is the one it carries. So a change of credentials ends all
//! sessions that it does not carry along, by the one write that makes it.

use super::SignedIn;
use super::find::unchanged;
use super::signed_in::user_and_session;
use crate::app::audit;
use crate::app::{App, Caller};
use crate::crypto::Keyring;
use crate::domain::{MAX_SESSIONS, RefreshToken, Session, SessionId, Standing, Timestamp, User, UserId};
use crate::dynamodb::keys::{self, Key};
use crate::dynamodb::{Condition, Effect, Part, Reason, Set, Transaction, Write, WriteError};
use crate::error::Error;

/// More would not fit into one transaction beside the rest; what is left over goes at the next sign-in.
const MOST_REMOVED: usize = 80;

/// All sessions of a user, live and over, in one read.
pub(super) async fn all_of(app: &App, user: &UserId) -> Result<Vec<Session>, Error> {
    app.store()?.query(&keys::sessions(user), "reading sessions").await
}

/// A new session, and those that end when it is opened.
pub(super) struct NewSession {
    pub session: Session,
    ended: Vec<Key>,
}

impl NewSession {
    /// It ends the session that the same browser had before, and as many others that twenty are live at most. The newest
    /// live ones stay.
    pub(super) fn new(app: &App, caller: &Caller, user: &User, remembered: bool, others: Vec<Session>) -> Self {
        let now = app.clock.now();
        let session = Session::open(SessionId::generate(), user, app.config.sessions, remembered, caller.origin(), now);
        // Its cookie is replaced: nobody could use it or sign it out any more. It may be of another account, or over already.
        let former = caller.cookie_session.as_ref();
        let others = others.into_iter().filter(|other| former.is_none_or(|former| former.session_id != other.id));
        let (mut live, mut over): (Vec<_>, Vec<_>) = others.partition(|other| other.is_live(user, now));
        live.sort_by_key(|other| std::cmp::Reverse(other.created_at));
        over.extend(live.into_iter().skip(MAX_SESSIONS - 1));
        let over = over.iter().take(MOST_REMOVED).map(|other| keys::session(&user.id, &other.id));
        let former = former.map(|former| keys::session(&former.user_id, &former.session_id));
        Self { session, ended: former.into_iter().chain(over).collect() }
    }
}

impl<E: Reason> Part<E> for &NewSession {
    fn declare(self, transaction: &mut Transaction<E>) -> Result<(), Error> {
        let NewSession { session, ended } = self;
        let key = keys::session(&session.user_id, &session.id);
        transaction.require(Write::put(key, session, Condition::no_item())?);
        // On no condition, so that they can refuse nothing.
        ended.iter().for_each(|key| transaction.also(Effect::remove(key.clone())));
        Ok(())
    }
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
        let ended = ended.map(|session| Effect::remove(keys::session(&user.id, &session.id)));
        app.store()?.apply("ending sessions", ended).await?;
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
    let key = keys::session(&session.user_id, &session.id);
    let set = Set::to(Session::GENERATION, successor.generation)
        .and_to(Session::ROTATED_AT, successor.rotated_at)
        .and_to(Session::LAST_USED_AT, successor.last_used_at)
        .and_to(Session::EXPIRES_AT, successor.expires_at)
        .and_to(Session::ADDRESS, successor.origin.address.as_str());
    let unchanged = Condition::equal(Session::GENERATION, session.generation)
        .and(Condition::equal(Session::CREDENTIAL_VERSION, session.credential_version));
    let rotated = app.store()?.write("refreshing a session", &key, &set, &unchanged, |_| WriteError::Refused).await;
    Ok(WriteError::refused_as_none(rotated)?.is_some())
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
    let (key, set) = (keys::user(&user.id), Set::to(User::LAST_USED_AT, now));
    let is_there = Condition::exists(keys::PARTITION);
    let noted = store.write("noting a use", &key, &set, &is_there, |_| Error::NoSuchUser);
    if let Err(error) = noted.await {
        tracing::warn!(%error, "a use was not noted");
    }
}

async fn end(app: &App, user: &UserId, id: &SessionId) -> Result<(), Error> {
    app.store()?.apply("ending a session", [Effect::remove(keys::session(user, id))]).await
}

/// Ends the session of a refresh token, spent or not. That it is over already is what was asked for.
pub async fn log_out(app: &App, caller: &Caller, token: &str) -> Result<(), Error> {
    let token = verify(app.keyring()?, token)?;
    caller.who.note(token.user_id.as_str());
    end(app, &token.user_id, &token.session_id).await
}

/// Ends every session of the user, and kills every token and link, by moving the credential version on.
pub async fn log_out_everywhere(app: &App, user: &User) -> Result<(), Error> {
    let mut tx = Transaction::new("ending all sessions", || Error::Unauthorized);
    let set = Set::default().and_increment(User::CREDENTIAL_VERSION);
    tx.require(Write::update(keys::user(&user.id), set, unchanged(user, None)));
    app.store()?.commit(tx).await
}

/// Ends one of the user's own live sessions; any other is not found.
pub async fn end_session(app: &App, user: &User, id: &SessionId) -> Result<(), Error> {
    let now = app.clock.now();
    let is_live = Condition::equal(Session::CREDENTIAL_VERSION, user.credential_version)
        .and(Condition::greater(Session::EXPIRES_AT, now))
        .and(Condition::greater(Session::ENDS_AT, now));
    let mut tx = Transaction::new("ending a session", || Error::NotFound);
    tx.require(Write::delete(keys::session(&user.id, id), is_live));
    app.store()?.commit(tx).await
}

/// The session as a change of credentials leaves it, and the write that carries it along.
pub(super) fn carry(session: &Session) -> (Session, Write) {
    let carried = Session { credential_version: session.credential_version + 1, ..session.clone() };
    let set = Set::to(Session::CREDENTIAL_VERSION, carried.credential_version);
    let goes_on = Condition::equal(Session::CREDENTIAL_VERSION, session.credential_version);
    (carried, Write::update(keys::session(&session.user_id, &session.id), set, goes_on))
}

/// The same for a change of password, which replaces the refresh token: see [`Session::renewed`].
pub(super) fn carry_renewed(session: &Session, now: Timestamp) -> (Session, Write) {
    let carried = session.renewed(now);
    let set = Set::to(Session::CREDENTIAL_VERSION, carried.credential_version)
        .and_to(Session::GENERATION, carried.generation)
        .and_to(Session::ROTATED_AT, now)
        .and_to(Session::LAST_USED_AT, now)
        .and_to(Session::REPLACED_GENERATION, session.generation)
        .and_to(Session::REPLACED_ROTATED_AT, session.rotated_at);
    let unchanged = Condition::equal(Session::CREDENTIAL_VERSION, session.credential_version)
        .and(Condition::equal(Session::GENERATION, session.generation));
    (carried, Write::update(keys::session(&session.user_id, &session.id), set, unchanged))
}
