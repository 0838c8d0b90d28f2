//! Refresh tokens.

use serde::{Deserialize, Serialize};

use super::{SessionId, UserId};

/// A refresh token: a session, whose id has 128 random bits (ASVS 7.2.3), and the session's generation.
///
/// The token only names a session and a generation. The stored session decides whether it is valid. The same session
/// and generation give the same text, so that a lost answer can be repeated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefreshToken {
    #[serde(rename = "sub")]
    pub user_id: UserId,
    #[serde(rename = "sid")]
    pub session_id: SessionId,
    /// The session's generation when the token was issued.
    #[serde(rename = "gen")]
    pub generation: u64,
}
