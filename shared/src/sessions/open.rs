//! The items of sessions.
//!
//! A session is live only while the account's credential version equals the session's own. A change of credentials
//! increments that version, so this one write ends all sessions, except those that the change carries along.

use crate::app::{App, Caller};
use crate::crypto::{Keyring, KnownDevice};
use crate::domain::{MAX_SESSIONS, RefreshToken, Session, SessionId, Timestamp, User, UserId};
use crate::dynamodb::keys::{self, Key};
use crate::dynamodb::{Condition, Effect, Part, Reason, Set, Transaction, Write};
use crate::error::Error;
use crate::users::known_devices::known_device;

/// How many ended sessions one transaction removes. More would not fit beside its other writes. The rest is removed at
/// the next sign-in.
pub(crate) const MAX_REMOVED: usize = 80;

/// Returns all stored sessions of a user, the live and the ended, in one read.
pub(crate) async fn all_of(app: &App, user: &UserId) -> Result<Vec<Session>, Error> {
    app.store.query(&keys::sessions(user), "reading sessions").await
}

/// A new session, the known device that the person signs in on, and the sessions that the opening ends.
pub(crate) struct NewSession {
    pub session: Session,
    pub device: KnownDevice,
    ended: Vec<Key>,
}

impl NewSession {
    /// Makes a session. It replaces the one that the same browser had before, and it ends the oldest live ones so that
    /// at most twenty remain.
    pub(crate) fn new(app: &App, caller: &Caller, user: &User, remembered: bool, others: Vec<Session>) -> Self {
        let now = app.clock.now();
        let session =
            Session::open(SessionId::generate(), user, app.config.sessions, remembered, caller.client_info(), now);
        // The new cookie replaces that session's cookie, so nobody could use it or sign it out any more. It may belong
        // to another account, or have ended already.
        let former = caller.cookie_session.as_ref();
        let others = others.into_iter().filter(|other| former.is_none_or(|former| former.session_id != other.id));
        let (mut live, mut over): (Vec<_>, Vec<_>) = others.partition(|other| other.is_live(user, now));
        live.sort_by_key(|other| std::cmp::Reverse(other.created_at));
        over.extend(live.into_iter().skip(MAX_SESSIONS - 1));
        let over = over.iter().take(MAX_REMOVED).map(|other| keys::session(&user.id, &other.id));
        let former = former.map(|former| keys::session(&former.user_id, &former.session_id));
        let known = known_device(caller, user);
        let device = KnownDevice::after_sign_in(known, &session, app.config.devices.life_seconds, now);
        Self { session, device, ended: former.into_iter().chain(over).collect() }
    }
}

impl<E: Reason> Part<E> for &NewSession {
    fn declare(self, transaction: &mut Transaction<E>) -> Result<(), Error> {
        let NewSession { session, ended, .. } = self;
        let key = keys::session(&session.user_id, &session.id);
        transaction.require(Write::put(key, session, Condition::no_item())?);
        // Unconditional, so that they can never fail the transaction they are part of.
        ended.iter().for_each(|key| transaction.also(Effect::remove(key.clone())));
        Ok(())
    }
}

/// Returns the session as it is after a change of credentials, and the write that carries it along.
pub(crate) fn carry(session: &Session) -> (Session, Write) {
    let carried = Session { credential_version: session.credential_version + 1, ..session.clone() };
    let set = Set::to(Session::CREDENTIAL_VERSION, carried.credential_version);
    let goes_on = Condition::equal(Session::CREDENTIAL_VERSION, session.credential_version);
    (carried, Write::update(keys::session(&session.user_id, &session.id), set, goes_on))
}

/// Does the same for a change of password, which also replaces the refresh token: see [`Session::renewed`].
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

/// Verifies a refresh token.
pub(crate) fn verify(keyring: &Keyring, token: &str) -> Result<RefreshToken, Error> {
    RefreshToken::verify(token, keyring).ok_or(Error::RefreshTokenInvalid)
}

/// Removes a session, whether or not it still exists.
pub(crate) async fn end(app: &App, user: &UserId, id: &SessionId) -> Result<(), Error> {
    app.store.apply("ending a session", [Effect::remove(keys::session(user, id))]).await
}
