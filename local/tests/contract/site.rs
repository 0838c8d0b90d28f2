//! The site that a contract test runs against: a temporary system of the test's own, or, with `LATCHKEY_BASE_URL`, a
//! site that already runs elsewhere. A test fails if it needs more than that site offers.

#[path = "logs.rs"]
pub mod logs;
#[path = "openapi.rs"]
pub mod openapi;

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
    /// The test's own system, if it has one.
    pub system: Option<System>,
    /// Whether the test may read messages and move the clock. A test in `anywhere` may not, even where it could.
    may_read_inbox: bool,
}

/// An answer that has been read in full.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

/// A person who has registered.
#[derive(Clone)]
pub struct Person {
    pub id: String,
    pub mobile: String,
    pub token: String,
    pub refresh_token: String,
}

pub const PASSWORD: &str = "correct horse battery";
pub const NEW_PASSWORD: &str = "staple tractor violin";

impl Site {
    /// Returns a site that offers only the contract.
    pub async fn any() -> Self {
        let site = match elsewhere() {
            Some(base_url) => Self::at(base_url),
            None => Self::own(&[]).await,
        };
        Self { may_read_inbox: false, ..site }
    }

    /// Returns a site whose messages can be read and whose clock can be moved.
    pub async fn with_inbox() -> Self {
        let Some(base_url) = elsewhere() else { return Self::own(&[]).await };
        let site = Self::at(base_url);
        let status = site.get("/_local/inbox.json").await.status;
        assert_eq!(status, 200, "{} has no inbox: run `contract anywhere::` there", site.base_url);
        site
    }

    /// Starts a system of the test's own with these settings.
    pub async fn with_settings(settings: &[(&str, &str)]) -> Self {
        refuse_elsewhere();
        Self::own(settings).await
    }

    /// Starts a system that also serves pages of these origins.
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
        // The hash is cheap, because these tests are about answers. The tests of `password_hash` cover the hash. The
        // limits of a source are high, because all requests of a test come from one address. `limits` tests those
        // limits.
        let mut variables: BTreeMap<String, String> = [
            ("ARGON2_MEMORY_KIB", "64"),
            ("ARGON2_PASSES", "1"),
            ("LIMIT_RECIPIENT", "30/h"),
            ("LIMIT_RECIPIENT_SOURCE", "30/h"),
            ("LIMIT_SOURCE", "100000/h"),
            ("LIMIT_LOG_IN_SOURCE", "100000/h"),
            ("LIMIT_HASHES", "100000/h"),
            ("LIMIT_NEW_ADDRESSES", "30/h"),
            ("SMS_DAILY_BUDGET", "1000000"),
            ("MAIL_DAILY_BUDGET", "1000000"),
            ("LIMIT_PROBE_SOURCE", "100000/h"),
            ("LIMIT_CAPTCHA_SOURCE", "100000/h"),
        ]
        .map(|(k, v)| (k.into(), v.into()))
        .into();
        variables.extend(settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let options = Options { variables, strict_slashes: strict_slashes(), ..options };
        let system = System::start(options).await.unwrap();
        if std::env::var_os("LATCHKEY_CONFLICTS").is_some() {
            system.conflicts.enable();
        }
        Self::of(system)
    }

    /// Wraps a system that the test has started.
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

    /// Sends a request with an access token.
    pub async fn send_as(&self, token: &str, method: Method, path: &str, body: &Value) -> Answer {
        read(self.request(method, path).bearer_auth(token).json(body)).await
    }

    /// Signs in with the password that every person registers with. Returns the whole answer.
    pub async fn log_in(&self, name: &str) -> Value {
        let answer = self.post("/users/login/", &json!({ "username": name, "password": PASSWORD })).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    /// Signs in by a code to the person's number.
    pub async fn log_in_by_code(&self, person: &Person) -> Value {
        self.advance(61).await;
        let path = format!("/users/sms/{}/?purpose=login", person.mobile);
        assert_eq!(self.post(&path, &json!({})).await.status, 200);
        let code = self.code_for(&person.mobile).await;
        let answer = self.post("/users/sms_login/", &json!({ "mobile": person.mobile, "sms_code": code })).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    pub async fn refresh(&self, refresh_token: &str) -> Answer {
        self.post("/users/token/refresh/", &json!({ "refresh_token": refresh_token })).await
    }

    /// Sends a `me` request with this token.
    pub async fn me(&self, token: &str) -> Answer {
        read(self.request(Method::GET, "/users/me/").bearer_auth(token)).await
    }

    /// Waits out the resend cooldown, requests a code to the account's own number with `send_proof_code`, and returns
    /// the code.
    pub async fn proof_code(&self, person: &Person) -> String {
        self.advance(61).await;
        let asked = self.send_as(&person.token, Method::POST, "/users/me/sms/", &json!({})).await;
        assert_eq!(asked.status, 200, "{asked:?}");
        self.code_for(&person.mobile).await
    }

    fn needs_inbox(&self) {
        assert!(self.may_read_inbox, "a test that reads messages or moves the clock starts with `Site::with_inbox`");
    }

    /// Moves the clock forward.
    pub async fn advance(&self, seconds: u32) {
        self.needs_inbox();
        let answer = self.post("/_local/clock", &json!({ "advance_seconds": seconds })).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }

    /// Moves the clock to the beginning of a day (UTC), so that no window of a limit ends during the test.
    pub async fn begin_day(&self) {
        let now = self.system.as_ref().unwrap().clock.now().unix_seconds();
        self.advance(u32::try_from(86_400 - now % 86_400).unwrap()).await;
    }

    /// Returns the messages to a number or an address, newest first.
    pub async fn messages_to(&self, to: &str) -> Vec<Value> {
        self.needs_inbox();
        let all = self.get("/_local/inbox.json").await.json();
        all.as_array().unwrap().iter().filter(|message| message["to"] == to).cloned().collect()
    }

    /// Asserts that some message to a number or an address contains these words. Not only the newest one counts,
    /// because two messages of the same moment arrive in either order.
    pub async fn was_told(&self, to: &str, words: &str) {
        let told = self.messages_to(to).await;
        assert!(told.iter().any(|one| one["text"].as_str().unwrap().contains(words)), "{words}: {told:?}");
    }

    /// Returns the code in the newest message with a code to a number or an address.
    pub async fn code_for(&self, to: &str) -> String {
        let to = if to.contains('@') { to.to_owned() } else { format!("+86{to}") };
        let messages = self.messages_to(&to).await;
        // A security notification of the same moment may be newer.
        let code = messages.iter().find_map(|message| find_code(message["text"].as_str().unwrap()));
        code.expect("a message with a code was sent")
    }

    /// Returns the token of the newest mailed link to an address.
    pub async fn link_for(&self, email: &str) -> String {
        let messages = self.messages_to(email).await;
        // A security notification of the same moment may be newer.
        let texts = messages.iter().map(|message| message["text"].as_str().unwrap());
        let link = texts.flat_map(str::lines).find_map(|line| line.split_once("access_token="));
        link.expect("a mail has a link").1.to_owned()
    }

    /// Requests a registration code by SMS and returns it.
    pub async fn sms_code(&self, mobile: &str) -> String {
        let answer = self.post(&format!("/users/sms/{mobile}/"), &json!({})).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        self.code_for(mobile).await
    }

    /// Registers a new number and moves the clock past its resend cooldown.
    pub async fn register(&self) -> Person {
        let mobile = new_mobile();
        let code = self.sms_code(&mobile).await;
        let answer = self.post("/users/", &registration(&mobile, &code)).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        self.advance(61).await;
        let text = |name: &str| answer.json()[name].as_str().unwrap().to_owned();
        Person { id: text("id"), token: text("token"), refresh_token: text("refresh_token"), mobile }
    }

    /// Registers a new number and binds an email.
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

    /// Returns the CSRF value that the page of `forget_pwd` sets.
    pub async fn csrf(&self) -> String {
        let answer = self.get("/forget_pwd/").await;
        let cookie = answer.headers["set-cookie"].to_str().unwrap();
        cookie.strip_prefix("csrf_token=").unwrap().split(';').next().unwrap().to_owned()
    }

    /// Sends a `forget_pwd` request with the CSRF cookie and header.
    pub async fn forget_pwd(&self, csrf: &str, body: &Value) -> Answer {
        let request = self.request(Method::POST, "/forget_pwd/").header("cookie", format!("csrf_token={csrf}"));
        read(request.header("x-csrftoken", csrf).json(body)).await
    }
}

/// Returns the URL of the site that runs elsewhere, if there is one.
fn elsewhere() -> Option<String> {
    std::env::var("LATCHKEY_BASE_URL").ok()
}

fn refuse_elsewhere() {
    if let Some(base_url) = elsewhere() {
        panic!("{base_url} has settings of its own: run `contract anywhere:: with_inbox::` there");
    }
}

/// Returns whether the test's own systems treat a path that ends in a slash as a different path.
fn strict_slashes() -> bool {
    std::env::var("LATCHKEY_STRICT_SLASHES").is_ok_and(|value| value == "1")
}

/// Builds a client that follows the 308 from a path ending in a slash to the same path and query without the slash, if
/// the gateway may answer so. It follows no other redirect, so a test sees one in place of the answer it expects.
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

/// Sends a request and reads its answer. Both must be as the API's description says.
pub async fn read(request: RequestBuilder) -> Answer {
    let (client, request) = request.build_split();
    let request = request.unwrap();
    let (method, url, sent) = (request.method().clone(), request.url().clone(), request.headers().clone());
    let body = request.body().and_then(reqwest::Body::as_bytes).unwrap_or_default().to_vec();
    let response = client.execute(request).await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let answer = Answer { status, headers, text: response.text().await.unwrap() };
    let path = url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
    openapi::check(method.as_str(), &path, (&sent, &body), (answer.status, &answer.headers, &answer.text));
    answer
}

pub fn registration(mobile: &str, code: &str) -> Value {
    json!({ "nickname": "小明", "mobile": mobile, "sms_code": code, "password": PASSWORD })
}

/// Returns a number that nobody has used. Tests run in parallel, and also against a site that keeps its data.
pub fn new_mobile() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let seed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos();
    let number = u64::try_from(seed % 1_000_000_000).unwrap() + NEXT.fetch_add(1, Ordering::Relaxed);
    format!("19{:09}", number % 1_000_000_000)
}

/// Returns an address that nobody has used.
pub fn new_email() -> String {
    format!("li{}@example.com", new_mobile())
}

fn find_code(text: &str) -> Option<String> {
    text.split(|c: char| !c.is_ascii_digit()).find(|run| run.len() == 6).map(str::to_owned)
}

/// Returns a well-formed code other than this one.
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

    /// Asserts a success with this status and this whole body.
    #[track_caller]
    pub fn is(&self, status: u16, body: &Value) {
        assert_eq!((self.status, &self.json()), (status, body), "{self:?}");
        assert_eq!(self.header("x-error-code"), None, "{self:?}");
        self.is_an_api_answer();
    }

    /// Asserts a refusal with this status, this whole body and this `X-Error-Code`. If the body is an object, it must
    /// contain the code too.
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

    /// Asserts a refusal with this plain text.
    #[track_caller]
    pub fn refuses_in_text(&self, status: u16, code: &str, text: &str) {
        assert_eq!((self.status, self.text.as_str()), (status, text), "{self:?}");
        assert_eq!(self.header("x-error-code"), Some(code), "{self:?}");
        assert_eq!(self.header("content-type"), Some("text/plain; charset=utf-8"));
        assert_eq!(self.header("cache-control"), Some("no-store"));
    }

    /// Asserts a 204 without a body.
    #[track_caller]
    pub fn is_done(&self) {
        assert_eq!((self.status, self.text.as_str()), (204, ""), "{self:?}");
        assert_eq!(self.header("cache-control"), Some("no-store"), "{self:?}");
    }

    /// Asserts a refusal with this status and code, in the error format of the operations for signed-in users. The text
    /// is not compared.
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

    /// Asserts that `Retry-After` is a whole number of seconds between 1 and this one.
    #[track_caller]
    pub fn says_when_to_retry(&self, at_most: u64) {
        let seconds: u64 = self.header("retry-after").expect("Retry-After").parse().unwrap();
        assert!((1..=at_most).contains(&seconds), "{seconds}");
    }
}
