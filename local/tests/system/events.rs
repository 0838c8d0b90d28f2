//! Sends `events/NAME.json` to each function. The answer must be one that only this function gives. The function gets
//! the settings that it declares as its needs, and no others.

use std::collections::BTreeSet;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use deliver::{Providers, deliver};
use local::caller::access_key_of;
use local::registry::ENDPOINTS;
use reqwest::Method;
use serde_json::{Value, json};
use shared::App;
use shared::config::{Config, ConfigError, Environment, Need};
use shared::http::Endpoint;

use crate::delivery::put_item;
use crate::event_table::{Leaves, TABLE};
use crate::site::{PASSWORD, Person, Site, new_email, new_mobile};

/// A site with a person who has an email and two sessions.
struct Stage {
    site: Site,
    /// The person, with the tokens of the other session.
    person: Person,
    email: String,
    token: String,
    refresh_token: String,
}

/// Texts of the event file, each with its replacement.
type Changes = Vec<(&'static str, String)>;

/// The placeholder for an access token in the event files.
const TOKEN: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6ImF0K2p3dCJ9.eyJzdWIiOiIwIiwiZXhwIjoxfQ.AAAA";
/// The placeholder for the token of a mailed link and for a CSRF value.
const SIGNED: &str = "0a1b2c3d.eyJzdWIiOiIwIiwidmVyIjoxLCJleHAiOjF9.AAAA";
const REFRESH_TOKEN: &str = "00000000.e30.AAAA";
const CODE: &str = "123456";
const MOBILE: &str = "13800000000";
const EMAIL: &str = "xiaoming@example.com";

fn event_file(function: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../events/{function}.json"));
    std::fs::read_to_string(path).unwrap()
}

/// Returns the function's event with these replacements. Each of them must occur in the file.
fn event(function: &str, changes: &Changes) -> Value {
    let mut text = event_file(function);
    for (from, to) in changes {
        assert!(text.contains(from), "no {from} in the event of {function}");
        text = text.replace(from, to);
    }
    serde_json::from_str(&text).unwrap()
}

/// Returns the variables that meet a need.
const fn variables_of(need: Need) -> &'static [&'static str] {
    match need {
        // The published keys are in the table, so a function that needs them needs the table too.
        Need::TokenKeys => &[],
        // The cost of a hash has defaults. A function without the need hashes nothing.
        Need::PasswordHashing | Need::SeldomPasswordHashing => &[],
        Need::Table => &[
            "TABLE_NAME",
            "AWS_ENDPOINT_URL",
            "AWS_REGION",
            "AWS_ACCESS_KEY_ID",
            "AWS_SECRET_ACCESS_KEY",
            "AWS_ATTEMPT_TIMEOUT_MS",
            "AWS_CONNECT_TIMEOUT_MS",
        ],
        Need::CODES => &["CODE_SECRET"],
        Need::LINKS => &["LINK_SECRET"],
        Need::SESSIONS => &["SESSION_SECRET"],
        Need::VISITORS => &["VISITOR_SECRET"],
        Need::SEALED_KEYS => &["KEY_SECRET"],
        Need::MailSender => &["MAIL_FROM"],
        Need::ClientHost => &["CLIENT_HOST"],
    }
}

/// Returns a setting that a function gets beyond its needs. `verify-captcha` starts without a provider, but then has no
/// answer of its own.
fn beside_its_needs(site: &Site, function: &str, name: &str) -> Option<String> {
    let captcha_url = || format!("{}/_local/captcha", site.system.as_ref().unwrap().cloud_url);
    match (function, name) {
        ("verify-captcha", "CAPTCHA_PROVIDER") => Some("gateway".to_owned()),
        ("verify-captcha", "CAPTCHA_URL") => Some(captcha_url()),
        ("verify-captcha", "CAPTCHA_APP_ID" | "CAPTCHA_APP_SECRET") => Some("local".to_owned()),
        _ => None,
    }
}

/// Reads the config of a function that declares `needs` and gets only the variables for `given`.
fn config(site: &Site, function: &str, given: &[Need], needs: &[Need]) -> Result<Config, ConfigError> {
    let variables = &site.system.as_ref().unwrap().variables;
    let given: BTreeSet<_> = given.iter().flat_map(|need| variables_of(*need)).copied().collect();
    let look_up = |name: &str| {
        let value = given.contains(name).then(|| variables.get(name).cloned()).flatten();
        match value {
            // `policy` recognizes the function by its access key id.
            Some(secret) if name == "AWS_ACCESS_KEY_ID" => Some(access_key_of(&secret, function)),
            Some(value) => Some(value),
            None => beside_its_needs(site, function, name),
        }
    };
    Config::read(&Environment::new(&look_up), needs)
}

/// Returns the application of a function that gets the variables for these needs.
fn app(site: &Site, function: &str, given: &[Need]) -> App {
    App::new(config(site, function, given, given).unwrap(), site.system.as_ref().unwrap().clock.clone(), given).unwrap()
}

/// Returns the needs without one of them. Without the table, the keys of access tokens are left out too, because they
/// are in the table.
fn without(needs: &[Need], one: Need) -> Vec<Need> {
    let goes = |need: Need| need == one || (one == Need::Table && need == Need::TokenKeys);
    needs.iter().copied().filter(|need| !goes(*need)).collect()
}

fn endpoint(function: &str) -> &'static Endpoint {
    ENDPOINTS.iter().find(|endpoint| endpoint.name == function).unwrap()
}

struct Answer {
    status: u16,
    headers: Value,
    text: String,
}

/// Returns the answer to an event of a function that gets the variables for these needs.
async fn answer(site: &Site, function: &str, given: &[Need], event: Value) -> Answer {
    let app = app(site, function, given);
    let answer = endpoint(function).answer_event(&app, event, lambda_http::Context::default()).await.unwrap();
    let body = answer["body"].as_str().unwrap_or_default();
    let is_encoded = answer["isBase64Encoded"] == true;
    let text = if is_encoded { String::from_utf8(STANDARD.decode(body).unwrap()).unwrap() } else { body.to_owned() };
    let status = answer["statusCode"].as_u64().unwrap().try_into().unwrap();
    Answer { status, headers: answer["headers"].clone(), text }
}

async fn answer_with_its_needs(site: &Site, function: &str, changes: &Changes) -> Answer {
    answer(site, function, endpoint(function).needs, event(function, changes)).await
}

impl Answer {
    fn code(&self) -> Option<&str> {
        self.headers["x-error-code"].as_str()
    }
}

impl Stage {
    /// Signs in by the event of `log-in`, because the issuer of a token is the domain name in the events.
    async fn new() -> Self {
        let site = Site::with_settings(&[]).await;
        let (person, email) = site.register_with_email().await;
        let answer = answer_with_its_needs(&site, "log-in", &vec![(MOBILE, person.mobile.clone())]).await;
        let body: Value = serde_json::from_str(&answer.text).unwrap();
        let text = |name: &str| body[name].as_str().unwrap().to_owned();
        Self { token: text("token"), refresh_token: text("refresh_token"), site, person, email }
    }

    /// Performs the steps that come before the event, and returns the replacements that the event then needs.
    async fn changes(&self, function: &str) -> Changes {
        let mut changes = self.changes_but_the_token(function).await;
        if event_file(function).contains(TOKEN) {
            changes.push((TOKEN, self.token.clone()));
        }
        changes
    }

    async fn changes_but_the_token(&self, function: &str) -> Changes {
        let (site, person) = (&self.site, &self.person);
        match function {
            "log-in" | "forget-pwd-mobile" | "forget-pwd-sms-code" => vec![(MOBILE, person.mobile.clone())],
            "register" => {
                let mobile = new_mobile();
                let code = site.sms_code(&mobile).await;
                vec![(MOBILE, mobile), (CODE, code)]
            }
            "sms-log-in" => {
                let mobile = new_mobile();
                let path = format!("/users/sms/{mobile}/?purpose=login&register=true");
                vec![("13900003333", mobile.clone()), (CODE, self.code(&mobile, &path, &json!({})).await)]
            }
            "change-mobile" => {
                let mobile = new_mobile();
                let path = format!("/users/sms/{mobile}/?purpose=mobile");
                vec![("13900002222", mobile.clone()), (CODE, self.code(&mobile, &path, &json!({})).await)]
            }
            "bind-email" => {
                let email = new_email();
                let body = json!({ "email": email, "password": PASSWORD });
                vec![(EMAIL, email.clone()), (CODE, self.code(&email, "/users/me/email/", &body).await)]
            }
            "send-reset-email" => vec![(EMAIL, self.email.clone())],
            "check-reset-token" | "reset-password" => vec![(SIGNED, self.reset_link().await)],
            "forget-pwd" => {
                let asked = site.post("/forget_pwd/sms_code/", &json!({ "mobile": person.mobile })).await;
                assert_eq!(asked.status, 200, "{asked:?}");
                let code = site.code_for(&person.mobile).await;
                vec![(SIGNED, site.csrf().await), (MOBILE, person.mobile.clone()), (CODE, code)]
            }
            "secure-account" => vec![("AAAA", self.not_me_link().await)],
            "end-session" => vec![("0123456789abcdef0123456789abcdef", self.other_session().await)],
            "refresh-token" | "log-out" => vec![(REFRESH_TOKEN, self.refresh_token.clone())],
            "verify-captcha" => vec![("t03example", "pass-1".to_owned())],
            _ => Vec::new(),
        }
    }

    /// Returns the token of a link to set a new password.
    async fn reset_link(&self) -> String {
        let asked = self.site.post("/users/find/password/email/", &json!({ "email": self.email })).await;
        assert_eq!(asked.status, 200, "{asked:?}");
        self.site.link_for(&self.email).await
    }

    /// Returns the token of the "this wasn't me" link that was sent when the email was bound.
    async fn not_me_link(&self) -> String {
        let messages = self.site.messages_to(&format!("+86{}", self.person.mobile)).await;
        let mut texts = messages.iter().map(|message| message["text"].as_str().unwrap());
        let (_, rest) = texts.find_map(|text| text.split_once("/secure#")).expect("a notification has a link");
        rest.chars().take_while(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).collect()
    }

    /// Returns the id of the other session.
    async fn other_session(&self) -> String {
        let sessions =
            self.site.send_as(&self.person.token, Method::GET, "/users/me/sessions/", &json!({})).await.json();
        let mut sessions = sessions.as_array().unwrap().iter();
        sessions.find(|session| session["current"] == true).unwrap()["id"].as_str().unwrap().to_owned()
    }

    async fn left(&self) -> Leaves {
        let me = answer_with_its_needs(&self.site, "me", &vec![(TOKEN, self.token.clone())]).await;
        let password = json!({ "username": self.person.mobile, "password": PASSWORD });
        Leaves {
            token: me.status == 200,
            other_token: self.site.me(&self.person.token).await.status == 200,
            password: self.site.post("/users/login/", &password).await.status == 200,
        }
    }

    /// Replaces the values of this test in an answer by those of the event file.
    fn in_the_words_of_the_file(&self, text: &str, changes: &Changes) -> String {
        // The email contains the number, so it is replaced first.
        let own = [(EMAIL, &self.email), (MOBILE, &self.person.mobile)];
        let all = changes.iter().map(|(from, to)| (*from, to)).chain(own);
        all.fold(text.to_owned(), |text, (from, to)| text.replace(to, from))
    }

    /// Requests a code at this path and returns it.
    async fn code(&self, to: &str, path: &str, body: &Value) -> String {
        let asked = self.site.send_as(&self.person.token, Method::POST, path, body).await;
        assert_eq!(asked.status, 200, "{asked:?}");
        self.site.code_for(to).await
    }
}

#[test]
fn every_function_has_a_row_and_no_two_are_answered_alike() {
    let functions: Vec<_> = TABLE.iter().map(|row| row.function).collect();
    assert_eq!(functions, ENDPOINTS.iter().map(|endpoint| endpoint.name).collect::<Vec<_>>());
    for (index, row) in TABLE.iter().enumerate() {
        for other in &TABLE[..index] {
            let (one, two) = ((row.status, row.body, row.leaves), (other.status, other.body, other.leaves));
            assert_ne!(one, two, "{} and {}", row.function, other.function);
        }
    }
}

/// The needs without which a function still answers its event correctly. They serve a cookie or a reauthentication that
/// the event does not carry, an account in another state, or a mail that the answer does not depend on.
const NOT_IN_EVENTS: &[(&str, Need)] = &[
    ("change-password", Need::CODES),
    ("change-profile", Need::CODES),
    ("delete-account", Need::CODES),
    ("export", Need::CODES),
    ("forget-pwd", Need::SESSIONS),
    ("log-out", Need::VISITORS),
    ("reauthenticate", Need::CODES),
    ("refresh-token", Need::VISITORS),
    ("reset-password", Need::SESSIONS),
    ("secure-account", Need::SESSIONS),
    ("secure-account", Need::VISITORS),
    ("send-email-code", Need::CODES),
    ("sms-log-in", Need::SeldomPasswordHashing),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_function_answers_its_event_with_what_it_needs_and_with_nothing_less_or_more() {
    let mut not_in_events = BTreeSet::new();
    for row in TABLE {
        let endpoint = endpoint(row.function);
        let mut stage = Stage::new().await;
        let mut changes = stage.changes(row.function).await;
        for need in endpoint.needs.iter().filter(|need| **need != Need::TokenKeys) {
            let less = without(endpoint.needs, *need);
            let answer = answer(&stage.site, row.function, &less, event(row.function, &changes)).await;
            if (answer.status, answer.code()) != (500, Some("internal")) {
                assert_eq!(answer.status, row.status, "{} without {need:?}", row.function);
                not_in_events.insert(format!("{} {need:?}", row.function));
                stage = Stage::new().await;
                changes = stage.changes(row.function).await;
            }
        }
        // A refused request may have counted an attempt, so the last answer comes from a new stage.
        let stage = Stage::new().await;
        let changes = stage.changes(row.function).await;
        let answer = answer_with_its_needs(&stage.site, row.function, &changes).await;
        let text = stage.in_the_words_of_the_file(&answer.text, &changes);
        assert_eq!(answer.status, row.status, "{}: {text}", row.function);
        assert!(row.body.is(&text, &answer.headers), "{}: {text} {}", row.function, answer.headers);
        assert_eq!(stage.left().await, row.leaves, "{}", row.function);
    }
    assert_eq!(not_in_events, NOT_IN_EVENTS.iter().map(|(name, need)| format!("{name} {need:?}")).collect());
}

/// A token refused for its form does not show that its expiry is checked. These events therefore carry the same token
/// that every event is answered with above, after it has expired.
#[tokio::test(flavor = "multi_thread")]
async fn every_event_with_a_token_is_refused_once_the_token_has_expired_and_as_it_stands_in_the_file() {
    let stage = Stage::new().await;
    let functions: Vec<_> =
        TABLE.iter().map(|row| row.function).filter(|one| event_file(one).contains(TOKEN)).collect();
    let mut events = Vec::new();
    for function in functions {
        events.push((function, event(function, &stage.changes(function).await)));
    }
    let me = async || answer_with_its_needs(&stage.site, "me", &vec![(TOKEN, stage.token.clone())]).await.status;
    // This leaves a slow machine a hundred seconds.
    stage.site.advance(3500).await;
    assert_eq!(me().await, 200);
    stage.site.advance(100).await;
    assert_eq!(me().await, 401);
    for (function, expired) in events {
        for event in [expired, event(function, &Vec::new())] {
            let answer = answer(&stage.site, function, endpoint(function).needs, event).await;
            assert_eq!((answer.status, answer.code()), (401, Some("unauthorized")), "{function}");
        }
    }
}

#[test]
fn the_event_of_whoever_asks_for_a_token_carries_one() {
    for endpoint in ENDPOINTS {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../functions/{}/src/lib.rs", endpoint.name));
        let asks = std::fs::read_to_string(path).unwrap().contains("request.bearer()");
        // These functions need a token only for some requests.
        let may_ask = ["send-sms-code", "log-out"].contains(&endpoint.name);
        assert_eq!(asks, may_ask || event_file(endpoint.name).contains(TOKEN), "{}", endpoint.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_function_starts_without_what_it_needs() {
    let site = Site::with_settings(&[]).await;
    let functions = ENDPOINTS.iter().map(|endpoint| (endpoint.name, endpoint.needs));
    for (function, needs) in functions.chain([(deliver::NAME, deliver::NEEDS), (rotate_keys::NAME, rotate_keys::NEEDS)])
    {
        assert!(config(&site, function, needs, needs).is_ok(), "{function}");
        for need in needs {
            // Several needs may share a variable.
            let others: Vec<_> = needs.iter().copied().filter(|other| other.variable() != need.variable()).collect();
            let refused = config(&site, function, &others, needs).err();
            assert_eq!(refused.map(|error| error.variable), need.variable(), "{function}: {need:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_event_of_deliver_sends_its_code_once_with_what_it_needs() {
    let site = Site::with_settings(&[]).await;
    let (mobile, now) = (new_mobile(), site.system.as_ref().unwrap().clock.now().unix_seconds());
    let times = [("1795233600", now.to_string()), ("1795234200", (now + 600).to_string())];
    let event = event("deliver", &times.into_iter().chain([(MOBILE, mobile.clone())]).collect());
    // The other kind keeps the system's own pump from delivering the message.
    let mut item = event["Records"][0]["dynamodb"]["NewImage"].clone();
    item["kind"]["S"] = "a test's message".into();
    put_item(&site, &item).await;
    let app = app(&site, deliver::NAME, deliver::NEEDS);
    let providers = Providers::new(&app).unwrap();
    for invocation in ["first", "second"] {
        let event = serde_json::from_value(event.clone()).unwrap();
        let answer = deliver(&app, &providers, event, invocation).await;
        assert!(answer.batch_item_failures.is_empty(), "{answer:?}");
        let sent = site.messages_to(&format!("+86{mobile}")).await;
        assert_eq!(sent.len(), 1, "{sent:?}");
        assert!(sent[0]["text"].as_str().unwrap().contains("您正在注册"), "{sent:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_event_of_rotate_keys_finds_nothing_due_with_what_it_needs() {
    let site = Site::with_settings(&[]).await;
    let event = serde_json::from_value(event("rotate-keys", &Vec::new())).unwrap();
    let keys = site.get("/.well-known/jwks.json").await.json();
    let published: Vec<_> = keys["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap()).collect();
    let rotated = rotate_keys::rotate(&app(&site, rotate_keys::NAME, rotate_keys::NEEDS), &event).await.unwrap();
    assert_eq!(rotated.iter().map(|key| key.kid.as_str()).collect::<Vec<_>>(), published);
    assert_eq!(rotated.iter().filter(|key| key.signs_from.is_some()).count(), 1, "one signs, one stands by");
    let less = without(rotate_keys::NEEDS, Need::SEALED_KEYS);
    assert!(rotate_keys::rotate(&app(&site, rotate_keys::NAME, &less), &event).await.is_err());
}

/// The local system has no IPv6 addresses to call from, so the source stands in the event.
#[tokio::test(flavor = "multi_thread")]
async fn a_site_with_a_48_spends_a_sixth_of_the_strangers_share_in_a_day() {
    let site = Site::with_settings(&[]).await;
    // All of it happens within one day.
    site.begin_day().await;
    let from_network = async |network: u32| {
        let changes = vec![(MOBILE, new_mobile()), ("203.0.113.7", format!("2001:db8:1:{network:x}::7"))];
        answer_with_its_needs(&site, "send-sms-code", &changes).await
    };
    for hour in 0..4 {
        // Each household may use half of it, within the 60 an hour that anybody may ask for.
        for number in 0..50 {
            let sent = from_network(hour / 2).await;
            assert_eq!(sent.status, 200, "{hour} {number}: {}", sent.text);
        }
        site.advance(3600).await;
    }
    for network in [0, 1, 2] {
        let refused = from_network(network).await;
        assert_eq!((refused.status, refused.code()), (429, Some("too_many_requests")), "{network}");
    }
    let changes = vec![(MOBILE, new_mobile()), ("203.0.113.7", "2001:db8:2::7".to_owned())];
    assert_eq!(answer_with_its_needs(&site, "send-sms-code", &changes).await.status, 200, "another site goes on");
}
