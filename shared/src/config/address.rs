//! Addresses in settings.

use url::Url;

use super::environment::{ConfigError, Environment};

/// The names of this machine, as they are written in an address.
pub(super) const LOOPBACK_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

impl Environment<'_> {
    /// An address that nothing crosses a network in clear to, as it was written.
    pub fn url(&self, variable: &'static str) -> Result<Option<String>, ConfigError> {
        let Some(text) = self.optional(variable) else { return Ok(None) };
        let problem = || "must be an https:// address (http:// for this machine alone), without a user".to_owned();
        let is_safe = parse(&text).is_some_and(|url| is_safe(&url));
        is_safe.then_some(Some(text)).ok_or_else(|| ConfigError { variable, problem: problem() })
    }

    /// An address that paths are appended to and that others compare: without a slash at its end, and its origin as
    /// browsers write it (lower case, no default port).
    pub(super) fn base_url(&self, variable: &'static str) -> Result<Option<String>, ConfigError> {
        let Some(text) = self.optional(variable) else { return Ok(None) };
        let is_base = |url: &Url| url.query().is_none() && url.fragment().is_none() && !text.ends_with('/');
        let url = parse(&text).filter(|url| is_safe(url) && is_base(url)).ok_or_else(|| ConfigError {
            variable,
            problem:
                "must be an https:// address (http:// for this machine alone), without a user, a query or a slash \
                      at its end"
                    .to_owned(),
        })?;
        Ok(Some(format!("{}{}", url.origin().ascii_serialization(), url.path().trim_end_matches('/'))))
    }

    /// Where a service of AWS is, or a stand-in for it: in a network of containers its name is any.
    pub(super) fn endpoint(&self, own: &'static str) -> Result<Option<String>, ConfigError> {
        for variable in [own, "AWS_ENDPOINT_URL"] {
            if let Some(text) = self.optional(variable) {
                let problem = || "must be an https:// or http:// address, without a user".to_owned();
                let checked = parse(&text).map(|_| text);
                return checked.map(Some).ok_or_else(|| ConfigError { variable, problem: problem() });
            }
        }
        Ok(None)
    }
}

/// An address of a host. Refused is what the parser repairs (a backslash, a third slash, a line break within), and a user:
/// `http://localhost:x@evil.example/` is not this machine.
fn parse(text: &str) -> Option<Url> {
    let after_scheme = text.split_once("://")?.1;
    let is_plain = text.bytes().all(|b| b.is_ascii_graphic() && !b"\"'<>\\".contains(&b));
    let authority = after_scheme.split(['/', '?', '#']).next()?;
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "https" | "http"))?;
    (is_plain && !authority.is_empty() && !authority.contains('@')).then_some(url)
}

/// Whether it is `https://`, or `http://` on this machine: nothing of ours crosses a network in clear.
fn is_safe(url: &Url) -> bool {
    // The last one is this machine as its containers know it.
    let is_this_machine =
        url.host_str().is_some_and(|host| LOOPBACK_NAMES.contains(&host) || host == "host.docker.internal");
    url.scheme() == "https" || is_this_machine
}
