//! Listing the devices that a person is signed in on.

use crate::app::App;
use crate::domain::{MAX_SESSIONS, Session, User};
use crate::dynamodb::{Effect, keys};
use crate::error::Error;
use crate::sessions::{MAX_REMOVED, all_of};

/// Returns the live sessions of a user, the most recently used first.
pub async fn list_sessions(app: &App, user: &User) -> Result<Vec<Session>, Error> {
    let now = app.clock.now();
    let mut sessions = all_of(app, &user.id).await?;
    sessions.retain(|session| session.is_live(user, now));
    sessions.sort_by_key(|session| std::cmp::Reverse(session.created_at));
    // Simultaneous sign-ins may have left more than twenty. Every live session must be listed, so the excess ends.
    let excess = sessions.split_off(sessions.len().min(MAX_SESSIONS));
    if !excess.is_empty() {
        let ended = excess.iter().take(MAX_REMOVED);
        let ended = ended.map(|session| Effect::remove(keys::session(&user.id, &session.id)));
        app.store.apply("ending sessions", ended).await?;
    }
    sessions.sort_by_key(|session| std::cmp::Reverse(session.last_used_at));
    Ok(sessions)
}
