//! Where the contract is tested: a throw-away system of the test's own, or, with `LATCHKEY_BASE_URL`, one that runs
//! elsewhere. A test that needs more of its site than that one offers fails.

#[path = "logs.rs"]
pub mod logs;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use local::{Options, System};
use reqwest::header::HeaderMap;
use reqwest::redirect::Policy;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};

pub struct Site {
    pub base_url: String,
    pub http: Client,
    /// The system, when it is the test's own.
    pub system: Option<System>,
    /// Whether the test may read messages and move the clock. One that runs anywhere may not, even where it could.
    may_read_inbox: bool,
}

/// An answer, read whole.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

/// Someone who has registered.
pub struct Person {
    pub id: String,
    pub mobile: String,
    pub token: String,
    pub refresh_token: String,
}

pub const PASSWORD: &str = "correct horse battery";
pub const NEW_PASSWORD: &str = "staple tractor violin";

impl Site {
    /// A site of which a test asks nothing but the contract.
    pub async fn any() -> Self {
        let site = match elsewhere() {
            Some(base_url) => Self::at(base_url),
            None => Self::own(&[]).await,
        };
        Self { may_read_inbox: false, ..site }
    }

    /// A site whose messages can be read and whose clock can be moved.
    pub async fn with_inbox() -> Self {
        let Some(base_url) = elsewhere() else { return Self::own(&[]).await };
        let site = Self::at(base_url);
        let status = site.get("/_local/inbox.json").await.status;
        assert_eq!(status, 200, "{} has no inbox: run `contract anywhere::` there", site.base_url);
        site
    }

    /// A system of the test's own with these settings.
    pub async fn with_settings(settings: &[(&str, &str)]) -> Self {
        refuse_elsewhere();
        Self::own(settings).await
    }

    /// The same, for pages of other origins.
    pub async fn with_cors(origins: &[&str]) -> Self {
        refuse_elsewhere();
        let cors = origins.iter().map(|origin| (*origin).to_owned()).collect();
        Self::start(&[], Options { cors, ..Options::default() }).await
    }

    fn at(base_url: String) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self { base_url, http: client(), system: None, may_read_inbox: true }
    }

    async fn own(settings: &[(&str, &str)]) -> Self {
        Self::start(settings, Options::default()).await
    }

    async fn start(settings: &[(&str, &str)], options: Options) -> Self {
        logs::keep();
        // A cheap hash: the tests are about what is answered, and `password_hash` tests the hash.
        // And no limit on what one address causes: all of a test comes from one. `limits` tests those.
        let mut variables: BTreeMap<String, String> = [
            ("ARGON2_MEMORY_KIB", "64"),
            ("ARGON2_PASSES", "1"),
            ("LIMIT_RECIPIENT", "30/h"),
            ("LIMIT_RECIPIENT_SOURCE", "30/h"),
            ("LIMIT_SOURCE", "100000/h"),
            ("LIMIT_LOG_IN_SOURCE", "100000/h"),
            ("LIMIT_PROBE_SOURCE", "100000/h"),
            ("LIMIT_CAPTCHA_SOURCE", "100000/h"),
        ]
        .map(|(k, v)| (k.into(), v.into()))
        .into();
        variables.extend(settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        Self::of(System::start(Options { variables, strict_slashes: strict_slashes(), ..options }).await.unwrap())
    }

    /// A system that the test has started itself.
    pub fn of(system: System) -> Self {
        Self { base_url: system.base_url.clone(), http: client(), system: Some(system), may_read_inbox: true }
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base_url))
    }

    pub async fn get(&self, path: &str) -> Answer {
        read(self.request(Method::GET, path)).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        read(self.request(Method::POST, path).json(body)).await
    }

    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        read(self.request(Method::PUT, path).json(body)).await
    }

    /// As a signed-in person.
    pub async fn send_as(&self, token: &str, method: Method, path: &str, body: &Value) -> Answer {
        read(self.request(method, path).bearer_auth(token).json(body)).await
    }

    /// Signs in with the password everyone registers with; the whole answer.
    pub async fn log_in(&self, name: &str) -> Value {
        let answer = self.post("/users/login/", &json!({ "username": name, "password": PASSWORD })).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    pub async fn refresh(&self, refresh_token: &str) -> Answer {
        self.post("/users/token/refresh/", &json!({ "refresh_token": refresh_token })).await
    }

    /// The status of B11 with this token.
    pub async fn me(&self, token: &str) -> Answer {
        read(self.request(Method::GET, "/users/me/").bearer_auth(token)).await
    }

    /// Asks, signed in, for a code to the account's own number, past the cooldown, and reads it.
    pub async fn proof_code(&self, person: &Person) -> String {
        self.advance(61).await;
        let asked = self.send_as(&person.token, Method::POST, "/users/me/sms/", &json!({})).await;
        assert_eq!(asked.status, 200, "{asked:?}");
        self.code_for(&person.mobile).await
    }

    fn needs_inbox(&self) {
        assert!(self.may_read_inbox, "a test that reads messages or moves the clock starts with `Site::with_inbox`");
    }

    /// Moves the clock on.
    pub async fn advance(&self, seconds: u32) {
        self.needs_inbox();
        let answer = self.post("/_local/clock", &json!({ "advance_seconds": seconds })).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }

    /// The messages to a number or an address, newest first.
    pub async fn messages_to(&self, to: &str) -> Vec<Value> {
        self.needs_inbox();
        let all = self.get("/_local/inbox.json").await.json();
        all.as_array().unwrap().iter().filter(|message| message["to"] == to).cloned().collect()
    }

    /// Insists that some message to a number or an address has these words: two of one moment arrive in either order.
    pub async fn was_told(&self, to: &str, words: &str) {
        let told = self.messages_to(to).await;
        assert!(told.iter().any(|one| one["text"].as_str().unwrap().contains(words)), "{words}: {told:?}");
    }

    /// The code in the newest message to a number or an address.
    pub async fn code_for(&self, to: &str) -> String {
        let to = if to.contains('@') { to.to_owned() } else { format!("+86{to}") };
        let messages = self.messages_to(&to).await;
        // A notice of the same moment may have come after it.
        let code = messages.iter().find_map(|message| find_code(message["text"].as_str().unwrap()));
        code.expect("a message with a code was sent")
    }

    /// The token of the newest mailed link to an address.
    pub async fn link_for(&self, email: &str) -> String {
        let messages = self.messages_to(email).await;
        // A notice of the same moment may have come after it.
        let texts = messages.iter().map(|message| message["text"].as_str().unwrap());
        let link = texts.flat_map(str::lines).find_map(|line| line.split_once("access_token="));
        link.expect("a mail has a link").1.to_owned()
    }

    /// Asks for a code by SMS and reads it.
    pub async fn sms_code(&self, mobile: &str) -> String {
        let answer = self.post(&format!("/users/sms/{mobile}/"), &json!({})).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        self.code_for(mobile).await
    }

    /// Registers a new number, and moves the clock past its cooldown.
    pub async fn register(&self) -> Person {
        let mobile = new_mobile();
        let code = self.sms_code(&mobile).await;
        let answer = self.post("/users/", &registration(&mobile, &code)).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        self.advance(61).await;
        let text = |name: &str| answer.json()[name].as_str().unwrap().to_owned();
        Person { id: text("id"), token: text("token"), refresh_token: text("refresh_token"), mobile }
    }

    /// Registers, and binds an email.
    pub async fn register_with_email(&self) -> (Person, String) {
        let mut person = self.register().await;
        let email = format!("li{}@example.com", person.mobile);
        let asked = json!({ "email": email, "password": PASSWORD });
        let answer = self.send_as(&person.token, Method::POST, "/users/me/email/", &asked).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let bound = json!({ "email": email, "email_code": self.code_for(&email).await });
        let answer = self.send_as(&person.token, Method::PUT, "/users/me/email/", &bound).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        person.token = answer.json()["token"].as_str().unwrap().to_owned();
        self.advance(61).await;
        (person, email)
    }

    /// The CSRF value that the page of a forgotten password sets.
    pub async fn csrf(&self) -> String {
        let answer = self.get("/forget_pwd/").await;
        let cookie = answer.headers["set-cookie"].to_str().unwrap();
        cookie.strip_prefix("csrf_token=").unwrap().split(';').next().unwrap().to_owned()
    }

    /// A4, with cookie and header.
    pub async fn forget_pwd(&self, csrf: &str, body: &Value) -> Answer {
        let request = self.request(Method::POST, "/forget_pwd/").header("cookie", format!("csrf_token={csrf}"));
        read(request.header("x-csrftoken", csrf).json(body)).await
    }
}

/// The site that runs elsewhere, if the tests are to run against one.
fn elsewhere() -> Option<String> {
    std::env::var("LATCHKEY_BASE_URL").ok()
}

fn refuse_elsewhere() {
    if let Some(base_url) = elsewhere() {
        panic!("{base_url} has settings of its own: run `contract anywhere:: with_inbox::` there");
    }
}

/// Whether the tests' own systems have a gateway that takes a path with a slash at its end for another path.
fn strict_slashes() -> bool {
    std::env::var("LATCHKEY_STRICT_SLASHES").is_ok_and(|value| value == "1")
}

/// Follows the 308 from a path with a slash at its end to the same path and query without it, where the gateway may
/// answer so. Any other redirect is not followed: a test sees it in place of the answer it expects.
fn client() -> Client {
    let may_redirect = strict_slashes() || elsewhere().is_some();
    let policy = Policy::custom(move |attempt| {
        let [from] = attempt.previous() else { return attempt.stop() };
        let mut without = from.clone();
        without.set_path(from.path().strip_suffix('/').unwrap_or("/"));
        let is_right = attempt.status() == 308 && *attempt.url() == without;
        if may_redirect && is_right { attempt.follow() } else { attempt.stop() }
    });
    Client::builder().redirect(policy).referer(false).build().unwrap()
}

pub async fn read(request: RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Answer { status, headers, text: response.text().await.unwrap() }
}

pub fn registration(mobile: &str, code: &str) -> Value {
    json!({ "nickname": "小明", "mobile": mobile, "sms_code": code, "password": PASSWORD })
}

/// A number nobody has used: tests run beside each other, and against a site that remembers.
pub fn new_mobile() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let seed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos();
    let number = u64::try_from(seed % 1_000_000_000).unwrap() + NEXT.fetch_add(1, Ordering::Relaxed);
    format!("19{:09}", number % 1_000_000_000)
}

/// An address nobody has used.
pub fn new_email() -> String {
    format!("li{}@example.com", new_mobile())
}

fn find_code(text: &str) -> Option<String> {
    text.split(|c: char| !c.is_ascii_digit()).find(|run| run.len() == 6).map(str::to_owned)
}

/// A well-formed code that is not this one.
pub fn other_code(code: &str) -> String {
    format!("{:06}", (code.parse::<u32>().unwrap() + 1) % 1_000_000)
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// Success: status and whole body.
    #[track_caller]
    pub fn is(&self, status: u16, body: &Value) {
        assert_eq!((self.status, &self.json()), (status, body), "{self:?}");
        assert_eq!(self.header("x-error-code"), None, "{self:?}");
        self.is_an_api_answer();
    }

    /// Refusal: status, whole body and `X-Error-Code`; a body that is an object carries the code too.
    #[track_caller]
    pub fn refuses(&self, status: u16, code: &str, body: &Value) {
        let mut body = body.clone();
        if let Some(object) = body.as_object_mut() {
            object.insert("code".to_owned(), code.into());
        }
        assert_eq!((self.status, &self.json()), (status, &body), "{self:?}");
        assert_eq!(self.header("x-error-code"), Some(code), "{self:?}");
        self.is_an_api_answer();
    }

    /// Refusal by plain text.
    #[track_caller]
    pub fn refuses_in_text(&self, status: u16, code: &str, text: &str) {
        assert_eq!((self.status, self.text.as_str()), (status, text), "{self:?}");
        assert_eq!(self.header("x-error-code"), Some(code), "{self:?}");
        assert_eq!(self.header("content-type"), Some("text/plain; charset=utf-8"));
        assert_eq!(self.header("cache-control"), Some("no-store"));
    }

    /// 204, without a body.
    #[track_caller]
    pub fn is_done(&self) {
        assert_eq!((self.status, self.text.as_str()), (204, ""), "{self:?}");
        assert_eq!(self.header("cache-control"), Some("no-store"), "{self:?}");
    }

    /// Refusal by this status and code, in the words of any row of section 3.
    #[track_caller]
    pub fn is_refused(&self, status: u16, code: &str) {
        assert_eq!((self.status, self.header("x-error-code")), (status, Some(code)), "{self:?}");
        assert_eq!(self.json()["code"], code, "{self:?}");
        assert!(self.json()["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{self:?}");
        self.is_an_api_answer();
    }

    #[track_caller]
    fn is_an_api_answer(&self) {
        assert_eq!(self.header("cache-control"), Some("no-store"), "{self:?}");
        assert_eq!(self.header("content-type"), Some("application/json; charset=utf-8"), "{self:?}");
    }

    /// Too soon: `Retry-After` is whole seconds, from 1 to this many.
    #[track_caller]
    pub fn says_when_to_retry(&self, at_most: u64) {
        let seconds: u64 = self.header("retry-after").expect("Retry-After").parse().unwrap();
        assert!((1..=at_most).contains(&seconds), "{seconds}");
    }
}
