//! Cookies: the refresh token, for our own pages, out of reach of scripts and of requests that other sites cause; and
//! the device, by which an owner is told from strangers.
//!
//! A request asks for it by `X-Session: cookie`, a header that no form, image or link of another site can set.

use super::{Fields, Reply, Request};
use crate::app::App;
use crate::crypto::{KeyGroup, KnownDevice};
use crate::domain::{RefreshToken, UserId};
use crate::error::Error;
use crate::sessions::SignedIn;

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
/// Tells the scripts of our pages whether it is worth asking for an access token; it admits to nothing. Safari keeps a cookie
/// that a script sets for seven days at most, so the server sets it, beside the session's.
const HINT: &str = "signed_in";

impl Request {
    /// Whether the refresh token travels in a cookie.
    #[must_use]
    pub fn wants_cookie(&self) -> bool {
        self.header("x-session") == Some("cookie")
    }

    /// The refresh token: from the cookie, when the request comes from our own pages, else from the body.
    pub fn refresh_token(&self, app: &App) -> Result<String, Error> {
        if self.wants_cookie() {
            if !self.is_from_own_page(app) {
                return Err(Error::OriginRefused);
            }
            return self.session_cookie(app).map(str::to_owned).ok_or(Error::RefreshTokenInvalid);
        }
        self.json().and_then(|body: Fields| Ok(body.texts(["refresh_token"])?[0].to_owned()))
    }

    /// The device, where an account was signed in to on it. Under either name: it is signed, and one that someone planted
    /// is of another account.
    #[must_use]
    pub fn device(&self, app: &App) -> Option<KnownDevice> {
        let cookie = self.cookie(PUBLIC_DEVICE).or_else(|| self.cookie(DEVICE))?;
        KnownDevice::verify(cookie, app.keyring(KeyGroup::Sessions).ok()?, app.clock.now())
    }

    /// The session that the cookie of a request from our own pages names. It may be over.
    pub(super) fn session_of_cookie(&self, app: &App) -> Option<RefreshToken> {
        let cookie = self.session_cookie(app)?;
        RefreshToken::verify(cookie, app.keyring(KeyGroup::Sessions).ok()?)
    }

    /// The session's cookie, whatever it holds, where the request comes from our own pages.
    fn session_cookie(&self, app: &App) -> Option<&str> {
        if self.is_from_own_page(app) { self.cookie(name(app, REFRESH_TOKEN)) } else { None }
    }

    /// `SameSite` guards against other sites; the origin also against other hosts of our own (ASVS 3.5.1).
    fn is_from_own_page(&self, app: &App) -> bool {
        let is_own = |origin| app.config.answers.is_own_origin(origin, self.domain_name());
        self.wants_cookie() && self.header("origin").is_some_and(is_own)
    }
}

impl Reply {
    /// Remembers the device of a sign-in, and sets the session's cookie where that is asked for.
    ///
    /// Where the person did not ask to be remembered, the device is forgotten with the browser session, and after that session's
    /// hours at the latest. A device that the same account chose to be remembered on before stays known as it was: one
    /// sign-in without the tick must not take an owner's reserve away on their own device. That of another account never
    /// stays.
    pub fn with_sign_in(self, app: &App, request: &Request, signed_in: &SignedIn) -> Result<Self, Error> {
        let (session, now) = (&signed_in.session, app.clock.now());
        let known = request.device(app).filter(|device| device.user_id == session.user_id);
        let device = KnownDevice::after_sign_in(known, session, now);
        let life = if device.is_lasting { max_age(now.seconds_until(device.expires_at)) } else { String::new() };
        let device = device.sign(app.keyring(KeyGroup::Sessions)?);
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
        let life = if session.remembered { max_age(life) } else { String::new() };
        self.with_cookie(app, REFRESH_TOKEN, &signed_in.refresh_token, &life).with_hint(app, "1", &life)
    }

    /// Takes the session's cookie away from our own pages: its session is over, and no script can remove it.
    #[must_use]
    pub fn without_session(self, app: &App, request: &Request) -> Self {
        if !request.is_from_own_page(app) {
            return self;
        }
        self.with_cookie(app, REFRESH_TOKEN, "", &max_age(0)).with_hint(app, "", &max_age(0))
    }

    /// The same, where every session of this account is over and the cookie names one of them.
    #[must_use]
    pub fn without_session_of(self, app: &App, request: &Request, user: &UserId) -> Self {
        let is_theirs = request.session_of_cookie(app).is_some_and(|session| session.user_id == *user);
        if is_theirs { self.without_session(app, request) } else { self }
    }

    /// Takes away what the device is known by to an account that is gone.
    #[must_use]
    pub fn without_device_of(self, app: &App, request: &Request, user: &UserId) -> Self {
        let is_theirs = request.device(app).is_some_and(|device| device.user_id == *user);
        let takes_away = is_theirs && request.is_from_own_page(app);
        if takes_away { self.with_cookie(app, DEVICE, "", &max_age(0)) } else { self }
    }

    /// A refused refresh or sign-out. Where the error says that the cookie that was sent is worthless for good, it is taken
    /// away: on a shared computer it would name an account for months, and every page would ask in vain.
    ///
    /// No answer can say which value of a cookie it takes away. If another tab signs in while this request is under way, and
    /// this answer arrives last, the new cookie goes too. That costs one more sign-in, and it admits nobody to anything.
    /// [`Error::CredentialsChanged`] keeps the cookie: there the race is the usual case, because the tab that changed the
    /// password receives the new cookie at the same moment, and the session lives on. The next sign-in ends it.
    #[must_use]
    pub fn session_refused(app: &App, request: &Request, error: Error) -> Self {
        let is_over = matches!(error, Error::SessionEnded | Error::RefreshTokenInvalid | Error::RefreshTokenReused);
        let takes_away = is_over && request.session_cookie(app).is_some();
        let reply = Self::refusal(error);
        if takes_away { reply.without_session(app, request) } else { reply }
    }

    fn with_cookie(self, app: &App, cookie: &'static str, value: &str, life: &str) -> Self {
        let (name, secure) = (name(app, cookie), secure(app));
        self.with_header("set-cookie", &format!("{name}={value}; Path=/; HttpOnly{secure}; SameSite=Strict{life}"))
    }

    fn with_hint(self, app: &App, value: &str, life: &str) -> Self {
        let secure = secure(app);
        self.with_header("set-cookie", &format!("{HINT}={value}; Path=/{secure}; SameSite=Strict{life}"))
    }
}

/// A browser keeps no `Secure` cookie of a plain-HTTP address (Safari not even of localhost).
fn secure(app: &App) -> &'static str {
    if app.config.answers.is_https() { "; Secure" } else { "" }
}

fn max_age(seconds: u64) -> String {
    format!("; Max-Age={seconds}")
}
