//! Sessions: opened by a sign-in, refreshed, listed, ended.
//!
//! A session is live while the account's credential version is the one it carries. So a change of credentials ends all
//! sessions that it does not carry along, by the one write that makes it.

use crate::app::{App, Caller};
use crate::crypto::Keyring;
use crate::domain::{MAX_SESSIONS, RefreshToken, Session, SessionId, Timestamp, User, UserId};
use crate::dynamodb::keys::{self, Key};
use crate::dynamodb::{Condition, Effect, Part, Reason, Set, Transaction, Write};
use crate::error::Error;

/// More would not fit into one transaction beside the rest; what is left over goes at the next sign-in.
pub(crate) const MOST_REMOVED: usize = 80;

/// All sessions of a user, live and over, in one read.
pub(crate) async fn all_of(app: &App, user: &UserId) -> Result<Vec<Session>, Error> {
    app.store.query(&keys::sessions(user), "reading sessions").await
}

/// A new session, and those that end when it is opened.
pub(crate) struct NewSession {
    pub session: Session,
    ended: Vec<Key>,
}

impl NewSession {
    /// It ends the session that the same browser had before, and as many others that twenty are live at most. The newest
    /// live ones stay.
    pub(crate) fn new(app: &App, caller: &Caller, user: &User, remembered: bool, others: Vec<Session>) -> Self {
        let now = app.clock.now();
        let session =
            Session::open(SessionId::generate(), user, app.config.sessions, remembered, caller.client_info(), now);
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

/// The session as a change of credentials leaves it, and the write that carries it along.
pub(crate) fn carry(session: &Session) -> (Session, Write) {
    let carried = Session { credential_version: session.credential_version + 1, ..session.clone() };
    let set = Set::to(Session::CREDENTIAL_VERSION, carried.credential_version);
    let goes_on = Condition::equal(Session::CREDENTIAL_VERSION, session.credential_version);
    (carried, Write::update(keys::session(&session.user_id, &session.id), set, goes_on))
}

/// The same for a change of password, which replaces the refresh token: see [`Session::renewed`].
pub(crate) fn carry_renewed(session: &Session, now: Timestamp) -> (Session, Write) {
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

/// The session that a refresh token is of.
pub(crate) fn verify(keyring: &Keyring, token: &str) -> Result<RefreshToken, Error> {
    RefreshToken::verify(token, keyring).ok_or(Error::RefreshTokenInvalid)
}

/// Removes a session, whatever became of it.
pub(crate) async fn end(app: &App, user: &UserId, id: &SessionId) -> Result<(), Error> {
    app.store.apply("ending a session", [Effect::remove(keys::session(user, id))]).await
}
