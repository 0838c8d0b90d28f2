//! Signing the tokens of a session, and finding the user of an access token.

use std::fmt;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::NewSession;
use crate::app::{App, Caller};
use crate::crypto::{
    AccessToken, KeyGroup, KeySet, KnownDevice, ReauthenticationToken, TokenContext, TokenKeys, is_access_token_shaped,
};
use crate::domain::{Principal, SecretString, Session, SessionId, User, UserId};
use crate::dynamodb::{Item, keys, read_item};
use crate::error::Error;

/// A user who has just signed in, or whose tokens were renewed, with the tokens.
pub struct SignedIn {
    pub user: User,
    pub session: Session,
    pub token: String,
    pub refresh_token: String,
    /// How long the access token is valid, in seconds.
    pub expires_in_seconds: i64,
    /// The reauthentication token that a sign-in returns, because its user has just shown who they are. `None` for
    /// renewed tokens.
    pub reauthentication: Option<SecretString>,
    /// The known device: after a sign-in, and after a change of credentials on a known device.
    pub device: Option<IssuedDevice>,
}

/// A known device, and the value by which the client shows it.
pub struct IssuedDevice {
    pub device: KnownDevice,
    pub value: SecretString,
}

impl fmt::Debug for SignedIn {
    /// Omits the tokens and the user's names.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedIn")
            .field("user_id", &self.user.id)
            .field("session_id", &self.session.id)
            .finish_non_exhaustive()
    }
}

impl SignedIn {
    /// Signs the tokens of a session after a change of the account. `device` is the known device that it was made on.
    /// Nothing is stored. Callers do this before they store the session, so that a function that cannot sign changes
    /// nothing.
    pub(crate) fn of_change(
        app: &App,
        caller: &Caller,
        keys: &TokenKeys,
        user: User,
        (session, device): (Session, Option<KnownDevice>),
    ) -> Result<Self, Error> {
        let context = app.token_context(caller);
        let token = AccessToken::new(&user, &session, context.now, &context);
        let keyring = app.keyring(KeyGroup::Visitors)?;
        let device = device.map(|device| IssuedDevice { value: device.seal(keyring), device });
        Ok(Self { device, ..Self::sign(app, &context, keys, user, session, &token)? })
    }

    /// Does the same for a sign-in, which has just confirmed who the user is, and adds a reauthentication token.
    pub(crate) fn of_sign_in(
        app: &App,
        caller: &Caller,
        keys: &TokenKeys,
        user: User,
        new: &NewSession,
    ) -> Result<Self, Error> {
        let (session, device) = (new.session.clone(), new.device.clone());
        let reauthentication =
            ReauthenticationToken::issue(&session, app.keyring(KeyGroup::Sessions)?, app.clock.now());
        let signed_in = Self::of_change(app, caller, keys, user, (session, Some(device)))?;
        Ok(Self { reauthentication: Some(reauthentication), ..signed_in })
    }

    /// Signs the tokens of a refreshed session. A repeated call returns the same tokens.
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
        Ok(Self { user, session, token, refresh_token, expires_in_seconds, reauthentication: None, device: None })
    }
}

/// Returns the user and session of an access token, in one read. If the cached keys are due for renewal, the same read
/// fetches them. Refuses a token from before a change of credentials, and the token of an ended session.
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
    // The keys that were just read may be newer, and the one that verified the token may have been dropped.
    keys.verify(text, &context).map_err(|_| Error::Unauthorized)?;
    let (Some(user), Some(session)) = (user, session) else { return Err(Error::Unauthorized) };
    let good =
        !user.disabled && user.credential_version == claims.credential_version && session.is_live(&user, context.now);
    good.then_some(Principal { user, session }).ok_or(Error::Unauthorized)
}

/// Returns a user, one of their sessions and the signing keys, as of one moment. The keys come from the cache unless
/// they are due for renewal.
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
