//! Answers that several endpoints share.

use serde::Serialize;

use super::Request;
use crate::domain::{Email, ExposeSecret, Mobile, Nickname, User, UserId, Username};
use crate::sessions::SignedIn;

/// The account as its owner sees it (`me`, `change_profile`, `change_mobile`).
#[derive(Debug, Serialize)]
pub struct Account<'a> {
    id: &'a UserId,
    username: Option<&'a Username>,
    nickname: &'a Nickname,
    mobile: Option<String>,
    email: Option<&'a Email>,
    avatar: &'a str,
    has_password: bool,
}

impl<'a> From<&'a User> for Account<'a> {
    fn from(user: &'a User) -> Self {
        Self {
            id: &user.id,
            username: user.username.as_ref(),
            nickname: &user.nickname,
            mobile: user.mobile.as_ref().map(Mobile::masked),
            email: user.email.as_ref(),
            avatar: &user.avatar,
            has_password: user.password_hash.is_some(),
        }
    }
}

/// The answer to a sign-in (`log_in`, `sms_log_in`).
#[derive(Serialize)]
pub struct LoggedIn<'a> {
    #[serde(flatten)]
    tokens: Tokens<'a>,
    id: &'a UserId,
    username: &'a str,
    avatar: &'a str,
}

impl<'a> LoggedIn<'a> {
    /// Creates the answer to this request.
    #[must_use]
    pub fn new(signed_in: &'a SignedIn, request: &Request) -> Self {
        Self {
            tokens: Tokens::new(signed_in, request),
            id: &signed_in.user.id,
            username: signed_in.user.display_name(),
            avatar: &signed_in.user.avatar,
        }
    }
}

/// The new access token after a change that invalidated the old one (`bind_email`, `change_mobile`). The refresh token
/// stays valid.
#[derive(Serialize)]
pub struct Renewed<'a> {
    token: &'a str,
    expires_in: i64,
}

impl<'a> From<&'a SignedIn> for Renewed<'a> {
    fn from(signed_in: &'a SignedIn) -> Self {
        Self { token: &signed_in.token, expires_in: signed_in.expires_in_seconds }
    }
}

/// The tokens of a session (`log_in`, `register`, `refresh_token`, `change_password`, `sms_log_in`), and after a
/// sign-in the reauthentication token. The refresh token is left out where it travels in a cookie.
#[derive(Serialize)]
pub struct Tokens<'a> {
    token: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'a str>,
    expires_in: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    reauthentication: Option<&'a str>,
}

impl<'a> Tokens<'a> {
    /// Creates the answer to this request.
    #[must_use]
    pub fn new(signed_in: &'a SignedIn, request: &Request) -> Self {
        Self {
            token: &signed_in.token,
            refresh_token: (!request.wants_cookie()).then_some(signed_in.refresh_token.as_str()),
            expires_in: signed_in.expires_in_seconds,
            reauthentication: signed_in.reauthentication.as_ref().map(ExposeSecret::expose_secret),
        }
    }
}
