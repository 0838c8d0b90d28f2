//! Cookies: the refresh token, for our own pages, out of reach of scripts and of requests that other sites cause; and
//! the device, by which an owner is told from strangers.
//!
//! A request asks for it by `X-Session: cookie`, a header that no form, image or link of another site can set.

use super::{Fields, Reply, Request};
use crate::accounts::SignedIn;
use crate::app::App;
use crate::domain::Device;
use crate::error::Error;

/// Names a cookie of ours. A page served by `https` has a name that no other host and no plain connection can set (RFC 6265bis §4.1.3.2).
fn name(app: &App, name: &'static str) -> &'static str {
    match (name, app.config.answers.is_https()) {
        (DEVICE, true) => PUBLIC_DEVICE,
        (_, true) => "__Host-refresh_token",
        (name, false) => name,
    }
}

const REFRESH_TOKEN: &str = "refresh_token";
const DEVICE: &str = "device";
const PUBLIC_DEVICE: &str = "__Host-device";

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
            return self.cookie(name(app, REFRESH_TOKEN)).map(str::to_owned).ok_or(Error::RefreshTokenInvalid);
        }
        self.json().and_then(|body: Fields| Ok(body.texts(["refresh_token"])?[0].to_owned()))
    }

    /// The device, where an account was signed in to on it. Under either name: it is signed, and one that someone planted
    /// is of another account.
    #[must_use]
    pub fn device(&self, app: &App) -> Option<Device> {
        let cookie = self.cookie(PUBLIC_DEVICE).or_else(|| self.cookie(DEVICE))?;
        Device::verify(cookie, app.keyring().ok()?, app.clock.now())
    }

    /// `SameSite` guards against other sites; this also against other hosts of our own (ASVS 3.5.1).
    fn require_own_origin(&self, app: &App) -> Result<(), Error> {
        let is_own = |origin| app.config.answers.is_own_origin(origin, self.domain_name());
        if self.header("origin").is_some_and(is_own) { Ok(()) } else { Err(Error::OriginRefused) }
    }
}

impl Reply {
    /// Remembers the device of a sign-in, and sets the session's cookie where that is asked for.
    pub fn with_sign_in(self, app: &App, request: &Request, signed_in: &SignedIn) -> Result<Self, Error> {
        let (keyring, now) = (app.keyring()?, app.clock.now());
        let known = request.device(app).filter(|device| device.user_id == signed_in.user.id);
        let device = known.unwrap_or_else(|| Device::new(&signed_in.user.id, now)).sign(keyring);
        let life = format!("; Max-Age={}", Device::LIFE_SECONDS);
        Ok(self.with_cookie(app, DEVICE, &device, &life).with_session(app, request, signed_in))
    }

    /// Sets the cookie, where the request asks for it. It outlives the browser only for who asked to be remembered.
    #[must_use]
    pub fn with_session(self, app: &App, request: &Request, signed_in: &SignedIn) -> Self {
        if !request.wants_cookie() {
            return self;
        }
        let session = &signed_in.session;
        let life = app.clock.now().seconds_until(session.expires_at.min(session.ends_at));
        let life = if session.remembered { format!("; Max-Age={life}") } else { String::new() };
        self.with_cookie(app, REFRESH_TOKEN, &signed_in.refresh_token, &life)
    }

    /// Takes the cookie away, where the request came with it.
    #[must_use]
    pub fn without_session(self, app: &App, request: &Request) -> Self {
        if request.wants_cookie() { self.with_cookie(app, REFRESH_TOKEN, "", "; Max-Age=0") } else { self }
    }

    fn with_cookie(self, app: &App, cookie: &'static str, value: &str, life: &str) -> Self {
        let name = name(app, cookie);
        // A browser keeps no `Secure` cookie of a plain-HTTP address (Safari not even of localhost).
        let secure = if app.config.answers.is_https() { "; Secure" } else { "" };
        self.with_header("set-cookie", &format!("{name}={value}; Path=/; HttpOnly{secure}; SameSite=Strict{life}"))
    }
}
