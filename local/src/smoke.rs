//! A smoke test of a deployed stack. It requests every route of the template, with and without a trailing slash. The
//! functions refuse these requests, or only read.
//!
//! It answers a question that no test on this machine can: which of the two forms the real gateway routes to a function
//! by itself.

use std::io::Write;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, LOCATION, X_CONTENT_TYPE_OPTIONS};
use reqwest::{Client, Method, StatusCode, Url, redirect};
use shared::error_chain;

use crate::template::{Template, TemplateError};

/// A path that no route has.
const UNKNOWN_PATH: &str = "/smoke-test/no-such-path";
/// API Gateway gives up after 30 seconds. The test waits longer, so that it sees the gateway's own answer.
const TIMEOUT: Duration = Duration::from_secs(35);

/// The address of a stack: scheme, host and port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address(Url);

impl Address {
    /// Parses an address as people paste it, with or without a trailing slash.
    pub fn parse(text: &str) -> Result<Self, SmokeError> {
        let url = Url::parse(text).ok().filter(|url| ["http", "https"].contains(&url.scheme()));
        let url = url.filter(|url| url.path() == "/" && url.query().is_none() && url.fragment().is_none());
        let url = url.filter(|url| url.username().is_empty() && url.password().is_none());
        url.map(Self).ok_or_else(|| SmokeError::Address(text.to_owned()))
    }
}

/// The reason why a smoke test did not run, worded for the person who started it.
#[derive(Debug, thiserror::Error)]
pub enum SmokeError {
    #[error("smoke takes http:// or https:// and a host, such as https://id.example.com. It was given {0:?}.")]
    Address(String),
    #[error("{url} cannot be reached: {reason}")]
    Unreachable { url: Url, reason: String },
    #[error(transparent)]
    Template(#[from] TemplateError),
    #[error("the result cannot be printed: {0}")]
    Output(#[from] std::io::Error),
}

/// The number of paths for each outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Both forms of the path reach the function.
    pub same: usize,
    /// The form with the slash is redirected to the form without it.
    pub redirected: usize,
    pub failed: usize,
}

/// Requests every route of a stack and writes a line about each.
pub async fn run(address: &Address, out: &mut impl Write) -> Result<Counts, SmokeError> {
    // This fails if a provider is already installed. That provider is then used.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let unreachable = |reason: String| SmokeError::Unreachable { url: address.0.clone(), reason };
    let client = Client::builder().redirect(redirect::Policy::none()).referer(false).timeout(TIMEOUT);
    let http = client.build().map_err(|error| unreachable(error_chain(&error)))?;
    let stack = Stack { address, http };
    let home = stack.ask(&Method::GET, "/").await.map_err(unreachable)?;
    let mut routes = Template::load()?.routes()?;
    routes.retain(|route| route.path != "$default");
    routes.sort_by(|one, other| (&one.path, &one.method).cmp(&(&other.path, &other.method)));
    let mut counts = Counts::default();
    for route in &routes {
        let method = Method::from_bytes(route.method.as_bytes()).unwrap_or_default();
        let outcome = match sample(&route.path, &home.body) {
            Ok(path) => stack.compare(&method, &path, refusal_of_route).await,
            Err(reason) => Outcome::failed(&route.path, reason),
        };
        outcome.tell(&method, &mut counts, out)?;
    }
    let unknown = stack.compare(&Method::GET, UNKNOWN_PATH, refusal_of_unknown).await;
    unknown.tell(&Method::GET, &mut counts, out)?;
    let Counts { same, redirected, failed } = counts;
    let all = same + redirected + failed;
    writeln!(out, "{all} paths on {}: {same} same, {redirected} redirected, {failed} failed", address.0)?;
    Ok(counts)
}

/// Returns a path of the route that names no real account or session. For `/assets` it is a file that the home page
/// loads.
fn sample(route: &str, home: &str) -> Result<String, String> {
    if route.starts_with("/assets/") {
        let file = home.split('"').find(|part| part.starts_with("/assets/") && part.matches('/').count() == 3);
        return file.map(str::to_owned).ok_or_else(|| "the home page loads no file of /assets/".to_owned());
    }
    let path = route.replace("{mobile}", "13800000000").replace("{id}", &"0".repeat(32));
    if path.contains('{') { Err("smoke.rs has no sample for a parameter of this route".to_owned()) } else { Ok(path) }
}

/// A stack and a client for it.
struct Stack<'a> {
    address: &'a Address,
    http: Client,
}

/// The parts of an answer that are checked.
#[derive(Debug)]
struct Answer {
    status: StatusCode,
    code: Option<String>,
    location: Option<String>,
    /// All our functions send `nosniff` with every answer. The gateway's own answers do not have this header.
    is_from_a_function: bool,
    body: String,
}

/// Returns why an answer to this method is not the expected one.
type Check = fn(&Method, &Answer) -> Option<String>;

impl Stack<'_> {
    fn url(&self, path: &str) -> Url {
        let mut url = self.address.0.clone();
        url.set_path(path);
        url
    }

    /// Sends a request that cannot change anything. Its body is not JSON, and it is marked as a cross-site request,
    /// which routes that act on GET refuse.
    async fn ask(&self, method: &Method, path: &str) -> Result<Answer, String> {
        let mut request = self.http.request(method.clone(), self.url(path)).header("sec-fetch-mode", "no-cors");
        // HEAD never acts, and a body with it has no meaning (RFC 9110 §9.3.2).
        if ![Method::GET, Method::HEAD].contains(method) {
            request = request.header(CONTENT_TYPE, "text/plain").body("x");
        }
        let response = request.send().await.map_err(|error| error_chain(&error.without_url()))?;
        let (status, headers) = (response.status(), response.headers());
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let (code, location) = (text("x-error-code"), text(LOCATION.as_str()));
        let is_from_a_function = headers.contains_key(X_CONTENT_TYPE_OPTIONS);
        let body = response.text().await.map_err(|error| error_chain(&error.without_url()))?;
        Ok(Answer { status, code, location, is_from_a_function, body })
    }

    /// Requests both forms of a path.
    async fn compare(&self, method: &Method, path: &str, check: Check) -> Outcome {
        let without = match self.ask(method, path).await {
            Ok(answer) => answer,
            Err(reason) => return Outcome::failed(path, reason),
        };
        let slash = match check(method, &without) {
            Some(reason) => Slash::Failed(format!("without the slash {reason}")),
            None if path == "/" => Slash::Same,
            None => self.with_the_slash(method, path, &without, check).await,
        };
        Outcome { path: path.to_owned(), answer: Some(without), slash }
    }

    async fn with_the_slash(&self, method: &Method, path: &str, without: &Answer, check: Check) -> Slash {
        let failed = |reason: String| Slash::Failed(format!("with the slash {reason}"));
        let with_slash = format!("{path}/");
        let mut with = match self.ask(method, &with_slash).await {
            Ok(answer) => answer,
            Err(reason) => return failed(reason),
        };
        let is_redirected = with.status == StatusCode::PERMANENT_REDIRECT;
        if is_redirected {
            let location = with.location.unwrap_or_default();
            if self.url(&with_slash).join(&location).ok() != Some(self.url(path)) {
                return failed(format!("it leads to {location:?} in place of {path}"));
            }
            with = match self.ask(method, path).await {
                Ok(answer) => answer,
                Err(reason) => return failed(reason),
            };
        }
        match check(method, &with) {
            Some(reason) => failed(reason),
            None if (with.status, &with.code) != (without.status, &without.code) => {
                failed(format!("it answers {}", with.in_short()))
            }
            None if is_redirected => Slash::Redirected,
            None => Slash::Same,
        }
    }
}

impl Answer {
    fn in_short(&self) -> String {
        let code = self.code.as_ref().map(|code| format!(" {code}"));
        format!("{}{}", self.status.as_u16(), code.unwrap_or_default())
    }
}

/// Returns why the answer does not show that the route's function answered and changed nothing.
fn refusal_of_route(method: &Method, answer: &Answer) -> Option<String> {
    let status = answer.status;
    let reason = match answer.code.as_deref() {
        Some("past_cloudfront") => "ask by the domain of the stack's CloudFront",
        Some("not_found" | "method_not_allowed") => "the gateway does not know this route",
        _ if status.is_server_error() => "the stack is in trouble",
        _ if !answer.is_from_a_function => "no function of ours answers",
        None if status.is_client_error() || status.is_redirection() => "no function of ours answers so",
        _ if status.is_success() && ![Method::GET, Method::HEAD].contains(method) => {
            "the request is taken, though it should be refused"
        }
        _ => return None,
    };
    Some(format!("it answers {}: {reason}", answer.in_short()))
}

/// Returns why the answer is not the 404 of `not-found`.
fn refusal_of_unknown(_: &Method, answer: &Answer) -> Option<String> {
    let is_right = answer.status == StatusCode::NOT_FOUND && answer.code.as_deref() == Some("not_found");
    (!is_right).then(|| format!("it answers {}: an unknown path should be 404 not_found", answer.in_short()))
}

/// The result for one path.
struct Outcome {
    path: String,
    answer: Option<Answer>,
    slash: Slash,
}

enum Slash {
    Same,
    Redirected,
    Failed(String),
}

impl Outcome {
    fn failed(path: &str, reason: String) -> Self {
        Self { path: path.to_owned(), answer: None, slash: Slash::Failed(reason) }
    }

    fn tell(&self, method: &Method, counts: &mut Counts, out: &mut impl Write) -> std::io::Result<()> {
        let (count, slash) = match &self.slash {
            Slash::Same => (&mut counts.same, "same".to_owned()),
            Slash::Redirected => (&mut counts.redirected, "redirected".to_owned()),
            Slash::Failed(reason) => (&mut counts.failed, format!("FAILED {reason}")),
        };
        *count += 1;
        let answer = self.answer.as_ref().map_or_else(|| "-".to_owned(), Answer::in_short);
        writeln!(out, "{:<6} {:<36} {answer:<26} slash: {slash}", method.as_str(), self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_scheme_and_a_host_with_or_without_a_slash() {
        for text in ["http://127.0.0.1:3000", "https://id.example.com/", "HTTPS://id.example.com:8443"] {
            assert!(Address::parse(text).is_ok(), "{text}");
        }
        for text in [
            "",
            "id.example.com",
            "ftp://id.example.com",
            "file:///etc/passwd",
            "http://",
            "https://id.example.com/prod",
            "https://id.example.com/?a",
            "https://id.example.com/#a",
            "https://me@id.example.com",
            "https://:secret@id.example.com",
        ] {
            let problem = Address::parse(text).unwrap_err().to_string();
            assert!(problem.contains("smoke takes http:// or https://") && problem.contains(text), "{problem}");
        }
    }

    #[test]
    fn a_sample_needs_a_value_for_each_parameter() {
        assert_eq!(sample("/users/sms/{mobile}", "").unwrap(), "/users/sms/13800000000");
        let home = r#"<link href="/assets/1f/style.css"><script src="/assets/1f/home.js">"#;
        assert_eq!(sample("/assets/{version}/{file}", home).unwrap(), "/assets/1f/style.css");
        assert!(sample("/assets/{version}/{file}", "<p>").is_err());
        assert!(sample("/users/{nobody}", "").is_err());
    }
}
