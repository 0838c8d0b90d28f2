//! Answers that several endpoints share.

use serde::Serialize;

use super::Request;
use crate::app::App;
use crate::domain::{Email, ExposeSecret, Mobile, Nickname, Timestamp, User, UserId, Username};
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
    /// When a code last proved that the number is the person's.
    mobile_proved_at: Option<String>,
    /// When guesses at the password led to the refusal of unknown devices.
    guessed_at: Option<String>,
    pending_recovery: Option<PendingRecovery>,
}

/// A recovery that an operator began. An operator has no device and no network that would tell the owner anything.
#[derive(Debug, Serialize)]
struct PendingRecovery {
    asked_at: String,
    until: String,
    device: Option<String>,
    network: Option<String>,
}

impl<'a> Account<'a> {
    #[must_use]
    pub fn new(app: &App, user: &'a User) -> Self {
        let now = app.clock.now();
        let blocked_since = now.plus_seconds(-app.config.guessing.streak_seconds);
        let pending = user.current_recovery(now).map(|recovery| PendingRecovery {
            asked_at: recovery.asked_at.rfc3339(),
            until: recovery.opens_at.rfc3339(),
            device: None,
            network: None,
        });
        Self {
            id: &user.id,
            username: user.username.as_ref(),
            nickname: &user.nickname,
            mobile: user.mobile.as_ref().map(Mobile::masked),
            email: user.email.as_ref(),
            avatar: &user.avatar,
            has_password: user.password_hash.is_some(),
            mobile_proved_at: user.mobile.as_ref().map(|_| user.number_proved_at().rfc3339()),
            guessed_at: user.guessed_at.filter(|at| *at > blocked_since).map(Timestamp::rfc3339),
            pending_recovery: pending,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<&'a str>,
}

impl<'a> Renewed<'a> {
    /// Creates the answer to this request.
    #[must_use]
    pub fn new(signed_in: &'a SignedIn, request: &Request) -> Self {
        Self { token: &signed_in.token, expires_in: signed_in.expires_in_seconds, device: device(signed_in, request) }
    }
}

/// Returns the value of the known device, unless it travels in a cookie.
fn device<'a>(signed_in: &'a SignedIn, request: &Request) -> Option<&'a str> {
    let issued = signed_in.device.as_ref().filter(|_| !request.wants_cookie())?;
    Some(issued.value.expose_secret())
}

/// The tokens of a session (`log_in`, `register`, `refresh_token`, `change_password`, `sms_log_in`), and after a
/// sign-in the reauthentication token and the known device. The refresh token and the device are left out where they
/// travel in cookies.
#[derive(Serialize)]
pub struct Tokens<'a> {
    token: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'a str>,
    expires_in: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    reauthentication: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<&'a str>,
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
            device: device(signed_in, request),
        }
    }
}
