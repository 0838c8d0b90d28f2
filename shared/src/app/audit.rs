//! Security events: one structured line each, known by its field `audit` (ASVS 16.3). They name accounts by their
//! random id, and contain the network address of the caller. They contain no token, code, mobile number or email.

use crate::app::Caller;
use crate::domain::{SessionId, UserId};

/// A rotated refresh token was used again: it was stolen, or its thief used it first. The session was ended.
pub fn refresh_token_reused(caller: &Caller, user_id: &UserId, session_id: &SessionId) {
    let (request_id, source) = (&caller.request_id, &caller.address);
    tracing::warn!(audit = "refresh_token_reused", %user_id, %session_id, source, request_id, "session ended");
}

/// An owner stopped what they had not done, by the "this wasn't me" link of a security notification.
pub fn account_secured(caller: &Caller, user_id: &UserId) {
    let (request_id, source) = (&caller.request_id, &caller.address);
    tracing::warn!(audit = "account_secured", %user_id, source, request_id, "sessions and password ended");
}

/// All that is left of an account that was deleted.
pub fn account_deleted(caller: &Caller, user_id: &UserId) {
    tracing::info!(audit = "account_deleted", %user_id, request_id = &caller.request_id, "tombstone");
}
