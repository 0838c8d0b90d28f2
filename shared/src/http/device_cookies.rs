//! Known devices in requests and answers: cookies, and the header `X-Device` for clients without cookies.
//!
//! Each account that was signed in to in a browser has a cookie of its own, with a lifetime of its own. Its name has the
//! device's random id, so that two sign-ins at the same moment do not overwrite each other.

use super::session_cookie::max_age;
use super::{Reply, Request};
use crate::app::App;
use crate::crypto::{KeyGroup, KnownDevice};
use crate::domain::{ExposeSecret, UserId};
use crate::sessions::SignedIn;

/// The start of the cookies' names on plain HTTP, and the one on `https`, where no other host and no plain connection
/// can set a cookie of this name (RFC 6265bis §4.1.3.2).
const PREFIX: &str = "device_";
const PUBLIC_PREFIX: &str = "__Host-device_";
/// How many accounts stay known in one browser. The device that was issued first goes first. Browsers and gateways
/// limit the length of all cookies together.
const MAX_ACCOUNTS: usize = 8;
/// How long browsers keep a cookie at most, in seconds: 400 days (RFC 6265bis §5.5).
const MAX_COOKIE_SECONDS: u64 = 400 * 86_400;
/// How many values of a request are examined.
const MAX_EXAMINED: usize = 2 * MAX_ACCOUNTS;

fn prefix(app: &App) -> &'static str {
    if app.config.answers.is_https() { PUBLIC_PREFIX } else { PREFIX }
}

impl Request {
    /// Returns the devices whose values the request carries, each with the name of its cookie, if it is one.
    ///
    /// On `https` no other host can plant a cookie of this name. A client without cookies that serves several accounts may
    /// repeat the header.
    pub(super) fn devices(&self, app: &App) -> impl Iterator<Item = (Option<&str>, KnownDevice)> {
        let (keyring, now) = (app.keyring(KeyGroup::Visitors).ok(), app.clock.now());
        let prefix = prefix(app);
        let cookies = self.cookies().filter(move |(name, _)| name.starts_with(prefix));
        let cookies = cookies.map(|(name, value)| (Some(name), value));
        // API Gateway joins headers of one name by commas.
        let headers = self.headers_of("x-device").flat_map(|values| values.split(','));
        let headers = headers.map(|value| (None, value.trim()));
        let values = headers.chain(cookies).take(MAX_EXAMINED);
        values.filter_map(move |(name, value)| Some((name, KnownDevice::open(value, keyring?, now)?)))
    }

    /// Returns the names of the cookies whose device belongs to this account.
    fn device_cookies_of(&self, app: &App, user: &UserId) -> Vec<String> {
        let theirs = self.devices(app).filter(|(_, device)| device.user_id == *user);
        theirs.filter_map(|(name, _)| name.map(str::to_owned)).collect()
    }
}

impl Reply {
    /// Sets the device's cookie after a sign-in or a change of credentials, and removes those that it replaces.
    ///
    /// Where the person did not ask to be remembered, the cookie goes with the browser session.
    #[must_use]
    pub fn with_device(self, app: &App, request: &Request, signed_in: &SignedIn) -> Self {
        let Some(issued) = &signed_in.device else { return self };
        let device = &issued.device;
        let name = format!("{}{}", prefix(app), device.id);
        let mut removed = request.device_cookies_of(app, &device.user_id);
        let others = request.devices(app).filter(|(name, other)| name.is_some() && other.user_id != device.user_id);
        let mut others: Vec<_> = others.collect();
        others.sort_by_key(|(_, other)| std::cmp::Reverse(other.issued_at));
        removed.extend(others.iter().skip(MAX_ACCOUNTS - 1).filter_map(|(name, _)| name.map(str::to_owned)));
        let reply = removed.iter().filter(|one| **one != name).fold(self, |reply, one| reply.without_cookie(app, one));
        let life = app.clock.now().seconds_until(device.expires_at).min(MAX_COOKIE_SECONDS);
        let life = if device.is_lasting { max_age(life) } else { String::new() };
        reply.with_cookie(app, &name, issued.value.expose_secret(), &life)
    }

    /// Removes the cookies of an account's device, which the account no longer knows.
    #[must_use]
    pub fn without_device_of(self, app: &App, request: &Request, user: &UserId) -> Self {
        request.device_cookies_of(app, user).iter().fold(self, |reply, name| reply.without_cookie(app, name))
    }

    fn without_cookie(self, app: &App, name: &str) -> Self {
        self.with_cookie(app, name, "", &max_age(0))
    }
}
