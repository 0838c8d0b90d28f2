//! The cookie of our own pages' refresh token.
//!
//! Scripts cannot read it, and requests that other sites cause do not carry it. A request asks for it by
//! `X-Session: cookie`, a header that no form, image or link of another site can set.

use super::{Fields, Reply, Request};
use crate::app::App;
use crate::crypto::KeyGroup;
use crate::domain::{RefreshToken, UserId};
use crate::error::Error;
use crate::sessions::SignedIn;

/// Returns the name of the refresh token's cookie. On `https`, no other host and no plain connection can set a cookie
/// of this name (RFC 6265bis §4.1.3.2).
fn name(app: &App) -> &'static str {
    if app.config.answers.is_https() { "__Host-refresh_token" } else { "refresh_token" }
}

/// The cookie that tells the scripts of our pages whether it is worth asking for an access token. It gives access to
/// nothing.
///
/// The server sets it together with the session's cookie, because Safari keeps a cookie that a script sets for seven
/// days at most.
const HINT: &str = "signed_in";

impl Request {
    /// Returns whether the refresh token travels in a cookie.
    #[must_use]
    pub fn wants_cookie(&self) -> bool {
        self.header("x-session") == Some("cookie")
    }

    /// Returns the refresh token from the cookie, when the client asks for one, else from the body. Only requests from
    /// our own pages may use the cookie.
    pub fn refresh_token(&self, app: &App) -> Result<String, Error> {
        if self.wants_cookie() {
            if !self.is_from_own_page(app) {
                return Err(Error::OriginRefused);
            }
            return self.session_cookie(app).map(str::to_owned).ok_or(Error::RefreshTokenInvalid);
        }
        self.json().and_then(|body: Fields| Ok(body.texts(["refresh_token"])?[0].to_owned()))
    }

    /// Returns the session that the cookie names, where the request comes from our own pages. The session may have
    /// ended.
    pub(super) fn session_of_cookie(&self, app: &App) -> Option<RefreshToken> {
        let cookie = self.session_cookie(app)?;
        RefreshToken::verify(cookie, app.keyring(KeyGroup::Sessions).ok()?)
    }

    /// Returns the value of the session's cookie, valid or not, where the request comes from our own pages.
    fn session_cookie(&self, app: &App) -> Option<&str> {
        if self.is_from_own_page(app) { self.cookie(name(app)) } else { None }
    }

    /// Returns whether the request comes from one of our own pages and asks for a cookie. `SameSite` protects against
    /// other sites. The origin also protects against other hosts of our own site (ASVS 3.5.1).
    fn is_from_own_page(&self, app: &App) -> bool {
        let is_own = |origin| app.config.answers.is_own_origin(origin, self.domain_name());
        self.wants_cookie() && self.header("origin").is_some_and(is_own)
    }
}

impl Reply {
    /// Sets the session's cookie, where the request asks for it. The cookie outlives the browser session only for a
    /// person who asked to be remembered.
    #[must_use]
    pub fn with_session(self, app: &App, request: &Request, signed_in: &SignedIn) -> Self {
        if !request.wants_cookie() {
            return self;
        }
        let session = &signed_in.session;
        let life = app.clock.now().seconds_until(session.expires_at.min(session.ends_at));
        let life = if session.remembered { max_age(life) } else { String::new() };
        self.with_cookie(app, name(app), &signed_in.refresh_token, &life).with_hint(app, "1", &life)
    }

    /// Removes the session's cookie from our own pages, because its session has ended and no script can remove the
    /// cookie.
    #[must_use]
    pub fn without_session(self, app: &App, request: &Request) -> Self {
        if !request.is_from_own_page(app) {
            return self;
        }
        self.with_cookie(app, name(app), "", &max_age(0)).with_hint(app, "", &max_age(0))
    }

    /// Removes the session's cookie, where every session of this account has ended and the cookie names one of them.
    #[must_use]
    pub fn without_session_of(self, app: &App, request: &Request, user: &UserId) -> Self {
        let is_theirs = request.session_of_cookie(app).is_some_and(|session| session.user_id == *user);
        if is_theirs { self.without_session(app, request) } else { self }
    }

    /// Refuses a refresh or a sign-out, and removes the cookie where the error shows that it is worthless for good. On
    /// a shared computer it would name an account for months, and every page would ask in vain.
    ///
    /// An answer cannot say which value of a cookie it removes. If another tab signs in while this request is under
    /// way, and this answer arrives last, the new cookie is removed too. That costs one more sign-in, and gives nobody
    /// access. [`Error::CredentialsChanged`] keeps the cookie: there the race is the usual case, because the tab that
    /// changed the password receives the new cookie at the same moment, and the session lives on. The next sign-in ends
    /// it.
    #[must_use]
    pub fn session_refused(app: &App, request: &Request, error: Error) -> Self {
        let is_over = matches!(error, Error::SessionEnded | Error::RefreshTokenInvalid | Error::RefreshTokenReused);
        let takes_away = is_over && request.session_cookie(app).is_some();
        let reply = Self::refusal(error);
        if takes_away { reply.without_session(app, request) } else { reply }
    }

    /// Sets a cookie that no script can read.
    pub(super) fn with_cookie(self, app: &App, name: &str, value: &str, life: &str) -> Self {
        let secure = secure(app);
        self.with_header("set-cookie", &format!("{name}={value}; Path=/; HttpOnly{secure}; SameSite=Strict{life}"))
    }

    fn with_hint(self, app: &App, value: &str, life: &str) -> Self {
        let secure = secure(app);
        self.with_header("set-cookie", &format!("{HINT}={value}; Path=/{secure}; SameSite=Strict{life}"))
    }
}

/// Returns the `Secure` attribute, except on plain HTTP, where browsers drop such cookies (Safari even on localhost).
fn secure(app: &App) -> &'static str {
    if app.config.answers.is_https() { "; Secure" } else { "" }
}

pub(super) fn max_age(seconds: u64) -> String {
    format!("; Max-Age={seconds}")
}
