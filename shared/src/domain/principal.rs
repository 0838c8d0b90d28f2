//! Whoever sent an access token that is good.

use super::{Session, User};

/// A person, and the session that they ask in.
#[derive(Debug)]
pub struct Principal {
    pub user: User,
    pub session: Session,
}
