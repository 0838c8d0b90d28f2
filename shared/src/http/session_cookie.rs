//! The refresh token in a cookie, for our own pages: out of reach of scripts, and of requests that other sites cause.
//!
//! A request asks for it by `X-Session: cookie`, a header that no form, image or link of another site can set.

use super::{Fields, Reply, Request};
use crate::accounts::SignedIn;
use crate::app::App;
use crate::error::Error;

/// A page served by `https` has a name that no other host and no plain connection can set (RFC 6265bis §4.1.3.2).
fn name(app: &App) -> &'static str {
    if app.config.answers.client_host.starts_with("https://") { "__Host-refresh_token" } else { "refresh_token" }
}

impl Request {
    /// Whether the refresh token travels in a cookie.
    #[must_use]
    pub fn wants_cookie(&self) -> bool {
        self.header("x-session") == Some("cookie")
    }

    /// The refresh token: from the cookie, when the request comes from our own pages, else from the body.
    pub fn refresh_token(&self, app: &App) -> Result<String, Error> {
        if self.wants_cookie() {
            self.require_own_origin(app)?;
            return self.cookie(name(app)).map(str::to_owned).ok_or(Error::RefreshTokenInvalid);
        }
        self.json().and_then(|body: Fields| Ok(body.texts(["refresh_token"])?[0].to_owned()))
    }

    /// `SameSite` guards against other sites; this also against other hosts of our own (ASVS 3.5.1).
    fn require_own_origin(&self, app: &App) -> Result<(), Error> {
        let own = app.config.answers.client_origin();
        if self.header("origin") == Some(own) { Ok(()) } else { Err(Error::OriginRefused) }
    }
}

impl Reply {
    /// Sets the cookie, where the request asks for it. It outlives the browser only for who asked to be remembered.
    #[must_use]
    pub fn with_session(self, app: &App, request: &Request, signed_in: &SignedIn) -> Self {
        if !request.wants_cookie() {
            return self;
        }
        let session = &signed_in.session;
        let life = app.clock.now().seconds_until(session.expires_at.min(session.ends_at));
        let life = if session.remembered { format!("; Max-Age={life}") } else { String::new() };
        self.with_cookie(app, &signed_in.refresh_token, &life)
    }

    /// Takes the cookie away, where the request came with it.
    #[must_use]
    pub fn without_session(self, app: &App, request: &Request) -> Self {
        if request.wants_cookie() { self.with_cookie(app, "", "; Max-Age=0") } else { self }
    }

    fn with_cookie(self, app: &App, value: &str, life: &str) -> Self {
        let name = name(app);
        self.with_header("set-cookie", &format!("{name}={value}; Path=/; HttpOnly; Secure; SameSite=Strict{life}"))
    }
}
