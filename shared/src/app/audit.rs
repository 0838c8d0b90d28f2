//! Security events. Each is one structured log line, recognized by its field `audit` (ASVS 16.3). The lines name
//! accounts by their random id. They contain no token, code, mobile number or email.

use crate::app::Caller;
use crate::domain::{SessionId, UserId};

/// Logs that a rotated refresh token was used again and its session was ended. Either a thief used the token now, or a
/// thief used it first and its owner followed.
pub fn refresh_token_reused(caller: &Caller, user_id: &UserId, session_id: &SessionId) {
    let (request_id, source) = (&caller.request_id, &caller.address);
    tracing::warn!(audit = "refresh_token_reused", %user_id, %session_id, source, request_id, "session ended");
}

/// Logs that so many wrong passwords were given to reauthenticate in a session that it was ended.
pub fn session_guessed_out(caller: &Caller, user_id: &UserId, session_id: &SessionId) {
    let (request_id, source) = (&caller.request_id, &caller.address);
    tracing::warn!(audit = "session_guessed_out", %user_id, %session_id, source, request_id, "session ended");
}

/// Logs that an owner used the "this wasn't me" link of a security notification to secure the account.
pub fn account_secured(caller: &Caller, user_id: &UserId) {
    let (request_id, source) = (&caller.request_id, &caller.address);
    tracing::warn!(audit = "account_secured", %user_id, source, request_id, "sessions and password ended");
}

/// Logs that an account was deleted. Where the request came from stands in the request's own line, and there only its
/// network: see [`Who::note_deleted`](super::Who::note_deleted).
pub fn account_deleted(caller: &Caller, user_id: &UserId) {
    tracing::info!(audit = "account_deleted", %user_id, request_id = &caller.request_id, "tombstone");
}
