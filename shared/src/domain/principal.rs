//! The sender of a valid access token.

use super::{Session, User};

/// A signed-in user, and the session in which they make a request.
#[derive(Debug)]
pub struct Principal {
    pub user: User,
    pub session: Session,
}
