//! Refresh tokens.

use serde::{Deserialize, Serialize};

use super::{SessionId, UserId};

/// A refresh token: a session (128 random bits in its id, ASVS 7.2.3), and how often it had been refreshed when this was
/// made. It says what is asked for; whether it is granted, the stored session says. The same session and generation
/// give the same text, so that an answer that was lost can be given again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefreshToken {
    #[serde(rename = "sub")]
    pub user_id: UserId,
    #[serde(rename = "sid")]
    pub session_id: SessionId,
    /// The session's generation when this was made.
    #[serde(rename = "gen")]
    pub generation: u64,
}
