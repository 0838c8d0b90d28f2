//! Exchanging a refresh token for its successor.

use crate::app::{App, Caller, audit};
use crate::crypto::KeyGroup;
use crate::domain::{Session, Standing, Timestamp, User};
use crate::dynamodb::{Condition, Set, WriteError, keys};
use crate::error::Error;
use crate::sessions::{SignedIn, end, user_and_session, verify};

/// How often the exchange reads the session, when another use of the same token changes it meanwhile.
const TRIES: usize = 4;

/// Exchanges a refresh token for its successor. One conditional update increments the session's generation, so that of
/// many simultaneous uses only one makes a successor and the others get the same one. The update comes after signing,
/// so that a failure to sign rotates no token. [`Session::standing`] says which tokens are exchanged.
pub async fn refresh(app: &App, caller: &Caller, token: &str) -> Result<SignedIn, Error> {
    let token = verify(app.keyring(KeyGroup::Sessions)?, token)?;
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
                return Err(Error::RefreshTokenReused);
            }
        }
    }
    Err(Error::unavailable("refreshing a session", "it kept changing"))
}

fn successor_of(app: &App, caller: &Caller, session: &Session, now: Timestamp) -> Session {
    let mut successor = session.clone();
    successor.generation += 1;
    successor.rotated_at = now;
    successor.last_used_at = now;
    successor.expires_at = now.plus_seconds(app.config.sessions.idle_seconds).min(session.ends_at);
    successor.client.address = caller.client_info().address;
    successor
}

/// Stores the successor, on condition that the session is still as it was read. Returns `false` if it is not.
async fn rotate(app: &App, session: &Session, successor: &Session) -> Result<bool, Error> {
    let key = keys::session(&session.user_id, &session.id);
    let set = Set::to(Session::GENERATION, successor.generation)
        .and_to(Session::ROTATED_AT, successor.rotated_at)
        .and_to(Session::LAST_USED_AT, successor.last_used_at)
        .and_to(Session::EXPIRES_AT, successor.expires_at)
        .and_to(Session::ADDRESS, successor.client.address.as_str());
    let unchanged = Condition::equal(Session::GENERATION, session.generation)
        .and(Condition::equal(Session::CREDENTIAL_VERSION, session.credential_version));
    let rotated = app.store.write("refreshing a session", &key, &set, &unchanged, |_| WriteError::Refused).await;
    Ok(WriteError::refused_as_none(rotated)?.is_some())
}

/// A use is recorded at most once a day, so that most refreshes write only one item.
const NOTE_USE_SECONDS: i64 = 86_400;

/// Records that the account is in use, because only an account that was unused for long may lose its number to the
/// number's next owner. If this fails, the next refresh records it.
async fn note_use(app: &App, user: &User, now: Timestamp) {
    if user.last_used_at.is_some_and(|at| now < at.plus_seconds(NOTE_USE_SECONDS)) {
        return;
    }
    let (key, set) = (keys::user(&user.id), Set::to(User::LAST_USED_AT, now));
    let is_there = Condition::exists(keys::PARTITION);
    let noted = app.store.write("noting a use", &key, &set, &is_there, |_| Error::NoSuchUser);
    if let Err(error) = noted.await {
        error.log_ignored("a use was not noted");
    }
}
