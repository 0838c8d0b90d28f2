//! What is counted against those who try too often: limits of requests, and attempts at passwords.

pub(crate) mod attempts;
pub(crate) mod limits;
