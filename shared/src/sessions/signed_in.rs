//! Being signed in: making the tokens of a session, and finding the user of an access token.

use std::fmt;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use crate::app::{App, Caller};
use crate::crypto::{
    AccessToken, KeyGroup, KeySet, ReauthenticationToken, TokenContext, TokenKeys, is_access_token_shaped,
};
use crate::domain::{Principal, Secret, Session, SessionId, User, UserId};
use crate::dynamodb::{Item, keys, read_item};
use crate::error::Error;

/// A user who has just signed in, or whose tokens were renewed.
pub struct SignedIn {
    pub user: User,
    pub session: Session,
    pub token: String,
    pub refresh_token: String,
    /// How long the access token is good, in seconds.
    pub expires_in_seconds: i64,
    /// What stands for the proof that the sign-in was. Tokens that were renewed come without one.
    pub reauthentication: Option<Secret>,
}

impl fmt::Debug for SignedIn {
    /// The rest is tokens and names.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedIn")
            .field("user_id", &self.user.id)
            .field("session_id", &self.session.id)
            .finish_non_exhaustive()
    }
}

impl SignedIn {
    /// Makes the tokens of a session. Nothing is stored: done before what stores it, so that a function that cannot sign
    /// changes nothing.
    pub fn new(app: &App, caller: &Caller, keys: &TokenKeys, user: User, session: Session) -> Result<Self, Error> {
        let context = app.token_context(caller);
        let token = AccessToken::new(&user, &session, context.now, &context);
        Self::sign(app, &context, keys, user, session, &token)
    }

    /// The same for a sign-in, which proved just now who asks.
    pub(crate) fn of_sign_in(
        app: &App,
        caller: &Caller,
        keys: &TokenKeys,
        user: User,
        session: Session,
    ) -> Result<Self, Error> {
        let reauthentication =
            ReauthenticationToken::issue(&session, app.keyring(KeyGroup::Sessions)?, app.clock.now());
        let signed_in = Self::new(app, caller, keys, user, session)?;
        Ok(Self { reauthentication: Some(reauthentication), ..signed_in })
    }

    /// Makes the tokens of a session that was refreshed: each time the same.
    pub(crate) fn of_refresh(
        app: &App,
        caller: &Caller,
        keys: &TokenKeys,
        user: User,
        session: Session,
    ) -> Result<Self, Error> {
        let context = app.token_context(caller);
        let token = AccessToken::of_refresh(&user, &session, &context);
        Self::sign(app, &context, keys, user, session, &token)
    }

    fn sign(
        app: &App,
        context: &TokenContext<'_>,
        keys: &TokenKeys,
        user: User,
        session: Session,
        token: &AccessToken,
    ) -> Result<Self, Error> {
        let expires_in_seconds = token.expires_at.unix_seconds() - token.issued_at.unix_seconds();
        let token = keys.sign(token, context.now).map_err(|source| Error::internal("signing a token", source))?;
        let refresh_token = session.refresh_token().sign(app.keyring(KeyGroup::Sessions)?);
        Ok(Self { user, session, token, refresh_token, expires_in_seconds, reauthentication: None })
    }
}

/// The user and session of an access token, in one read, which brings the keys along when it is time to look for new
/// ones. A token from before a change of credentials is refused, and so is one of a session that was ended.
pub async fn authorize(app: &App, caller: &Caller, token: Option<&str>) -> Result<Principal, Error> {
    let text = token.filter(|text| is_access_token_shaped(text)).ok_or(Error::Unauthorized)?;
    let context = app.token_context(caller);
    let held = match app.key_cache.held(context.now) {
        Some((keys, fresh)) if fresh || keys.has_key_of(text) => keys,
        _ => app.token_keys().await?,
    };
    let claims = held.verify(text, &context).map_err(|_| Error::Unauthorized)?;
    caller.who.note(claims.user_id.as_str());
    let (user, session, keys) = user_and_session(app, &claims.user_id, &claims.session_id).await?;
    // They may be newer than the ones it was verified by, and one of those may have been dropped.
    keys.verify(text, &context).map_err(|_| Error::Unauthorized)?;
    let (Some(user), Some(session)) = (user, session) else { return Err(Error::Unauthorized) };
    let good =
        !user.disabled && user.credential_version == claims.credential_version && session.is_live(&user, context.now);
    good.then_some(Principal { user, session }).ok_or(Error::Unauthorized)
}

/// A user and one of their sessions, read at one moment, and the keys, read with them when it is time to.
pub(crate) async fn user_and_session(
    app: &App,
    user: &UserId,
    session: &SessionId,
) -> Result<(Option<User>, Option<Session>, Arc<TokenKeys>), Error> {
    let (store, now) = (&app.store, app.clock.now());
    let (user, session) = (keys::user(user), keys::session(user, session));
    if let Some((keys, true)) = app.key_cache.held(now) {
        let [user, session] = store.get_many([&user, &session], DOING).await?;
        return Ok((read(user)?, read(session)?, keys));
    }
    let [user, session, set] = store.get_many([&user, &session, &keys::token_keys()], DOING).await?;
    let keys = app.key_cache.hold(read::<KeySet>(set)?, now)?;
    Ok((read(user)?, read(session)?, keys))
}

const DOING: &str = "reading an account";

fn read<T: DeserializeOwned>(item: Option<Item>) -> Result<Option<T>, Error> {
    item.map(|item| read_item(item, DOING)).transpose()
}
