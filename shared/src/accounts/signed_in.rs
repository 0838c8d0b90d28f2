//! Being signed in: making the tokens of a session, and finding the user of an access token.

use serde::de::DeserializeOwned;

use crate::app::{App, Caller};
use crate::domain::{AccessToken, KeySet, Session, TokenKeys, User, is_access_token_shaped};
use crate::dynamodb::{Item, keys, read_item};
use crate::error::Error;

/// A user who has just signed in, or whose tokens were renewed.
#[derive(Debug)]
pub struct SignedIn {
    /// Who.
    pub user: User,
    /// In which session.
    pub session: Session,
    /// The access token.
    pub token: String,
    /// The refresh token.
    pub refresh_token: String,
    /// How long the access token is good, in seconds.
    pub expires_in_seconds: i64,
}

impl SignedIn {
    /// Makes the tokens of a session. Nothing is stored: done before what stores it, so that a function that cannot sign
    /// changes nothing.
    pub fn new(app: &App, caller: &Caller, keys: &TokenKeys, user: User, session: Session) -> Result<Self, Error> {
        let grant = app.grant(caller);
        let token = keys.sign(&AccessToken::new(&user, &session, &grant), grant.now);
        let token = token.map_err(|source| Error::unavailable("signing a token", source))?;
        let refresh_token = session.refresh_token().sign(app.keyring()?);
        Ok(Self { user, session, token, refresh_token, expires_in_seconds: grant.life_seconds })
    }
}

/// Whoever sent an access token that is good.
#[derive(Debug)]
pub struct Authorized {
    /// Who.
    pub user: User,
    /// In which session.
    pub session: Session,
}

/// The user and session of an access token, in one read, which brings the keys along when it is time to look for new
/// ones. A token from before a change of credentials is refused, and so is one of a session that was ended.
pub async fn authorize(app: &App, caller: &Caller, token: Option<&str>) -> Result<Authorized, Error> {
    let text = token.filter(|text| is_access_token_shaped(text)).ok_or(Error::Unauthorized)?;
    let (store, grant) = (app.store()?, app.grant(caller));
    let (held, fresh) = match app.key_cache.held(grant.now) {
        Some((keys, fresh)) if fresh || keys.has_key_of(text) => (keys, fresh),
        _ => (app.token_keys().await?, true),
    };
    let claims = held.verify(text, &grant).map_err(|_| Error::Unauthorized)?;
    let user = keys::user(&claims.user_id);
    let session = keys::session(&claims.user_id, &claims.session_id);
    let (user, session) = if fresh {
        let [user, session] = store.get_many([&user, &session], DOING).await?;
        (user, session)
    } else {
        let [user, session, set] = store.get_many([&user, &session, &keys::token_keys()], DOING).await?;
        let keys = app.key_cache.hold(read::<KeySet>(set)?, grant.now)?;
        keys.verify(text, &grant).map_err(|_| Error::Unauthorized)?;
        (user, session)
    };
    let (Some(user), Some(session)) = (read::<User>(user)?, read::<Session>(session)?) else {
        return Err(Error::Unauthorized);
    };
    let good =
        !user.disabled && user.credential_version == claims.credential_version && session.is_live(&user, grant.now);
    good.then_some(Authorized { user, session }).ok_or(Error::Unauthorized)
}

const DOING: &str = "reading an account";

fn read<T: DeserializeOwned>(item: Option<Item>) -> Result<Option<T>, Error> {
    item.map(|item| read_item(item, DOING)).transpose()
}
