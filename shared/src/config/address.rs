//! Addresses in settings.

use url::Url;

use super::environment::{ConfigError, Environment};

/// The names of the local machine in an address.
pub(super) const LOOPBACK_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

impl Environment<'_> {
    /// Reads an address that must be `https://`, or `http://` on the local machine, so that no request crosses a
    /// network unencrypted. Returns it as it was written.
    pub fn url(&self, variable: &'static str) -> Result<Option<String>, ConfigError> {
        let Some(text) = self.optional(variable) else { return Ok(None) };
        let problem = || "must be an https:// address (http:// for this machine alone), without a user".to_owned();
        let is_safe = parse(&text).is_some_and(|url| is_safe(&url));
        is_safe.then_some(Some(text)).ok_or_else(|| ConfigError { variable, problem: problem() })
    }

    /// Reads an address that paths are appended to and that clients compare. It must have no slash at the end. Its
    /// origin is returned as browsers write it: in lower case, without a default port.
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

    /// Reads origins, separated by commas. Each must be written as browsers write it, because API Gateway compares it
    /// with what they send.
    pub(super) fn origins(&self, variable: &'static str) -> Result<Vec<String>, ConfigError> {
        let text = self.optional(variable).unwrap_or_default();
        let origins: Vec<_> = text.split(',').filter(|_| !text.is_empty()).map(str::to_owned).collect();
        if origins.iter().all(|origin| is_origin(origin)) {
            return Ok(origins);
        }
        let problem = "must be origins such as https://shop.example, in lower case, separated by commas".to_owned();
        Err(ConfigError { variable, problem })
    }

    /// Reads the address of an AWS service or of a substitute for it. `http://` is allowed for every host, because a
    /// substitute in a network of containers can have any name.
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

/// Parses the address of a host. It refuses forms that the URL parser would silently repair (a backslash, a third
/// slash, an embedded line break). It also refuses a user: the host of `http://localhost:x@evil.example/` is not the
/// local machine.
fn parse(text: &str) -> Option<Url> {
    let after_scheme = text.split_once("://")?.1;
    let is_plain = text.bytes().all(|b| b.is_ascii_graphic() && !b"\"'<>\\".contains(&b));
    let authority = after_scheme.split(['/', '?', '#']).next()?;
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "https" | "http"))?;
    (is_plain && !authority.is_empty() && !authority.contains('@')).then_some(url)
}

/// Returns whether a text is an origin: `https://` or `http://`, a host in lower case, and a port or none.
#[must_use]
pub fn is_origin(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let Some(rest) = rest else { return false };
    let (host, port) = rest.split_once(':').map_or((rest, None), |(host, port)| (host, Some(port)));
    let is_host = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'.' || b == b'-';
    let is_port = |port: &str| (1..=5).contains(&port.len()) && port.bytes().all(|b| b.is_ascii_digit());
    !host.is_empty() && host.bytes().all(is_host) && port.is_none_or(is_port)
}

/// Returns whether an origin is that of a page on this machine, on any port.
#[must_use]
pub fn is_of_this_machine(origin: &str) -> bool {
    let is_number = |port: &str| port.parse::<u16>().is_ok_and(|number| number.to_string() == port);
    let is_port = |rest: &str| rest.strip_prefix(':').is_some_and(is_number);
    ["http://localhost", "http://127.0.0.1"]
        .iter()
        .filter_map(|machine| origin.strip_prefix(machine))
        .any(|rest| rest.is_empty() || is_port(rest))
}

/// Returns whether the address is `https://`, or `http://` on the local machine.
fn is_safe(url: &Url) -> bool {
    // Containers reach the local machine by the name `host.docker.internal`.
    let is_this_machine =
        url.host_str().is_some_and(|host| LOOPBACK_NAMES.contains(&host) || host == "host.docker.internal");
    url.scheme() == "https" || is_this_machine
}
