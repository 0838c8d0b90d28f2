//! The fuzz targets: the parser of every request body, of API Gateway events and of stream records. The folder `fuzz`
//! has a binary for each target, in the layout of [cargo-fuzz]. A test runs the seeds and some mutations of them with a
//! plain toolchain.
//!
//! [cargo-fuzz]: https://rust-fuzz.github.io/book/

use std::path::Path;
use std::sync::LazyLock;

use serde_json::{Value, json};
use shared::App;
use shared::Clock;
use shared::config::{Config, Environment, Need};
use shared::crypto::{CsrfValue, KeyGroup};
use shared::dynamodb::Store;
use shared::dynamodb::items::Message;
use shared::http::{Digits, Fields};

use crate::registry::ENDPOINTS;

/// A target's name, and the function that takes the bytes. The function panics if the result is wrong.
pub type Target = (&'static str, fn(&[u8]));

/// Every target. Each body that is parsed before the caller is authenticated has a target of its own. The target
/// `fields` covers the rest.
pub const TARGETS: &[Target] = &[
    ("log-in", |data| body("log-in", data)),
    ("register", |data| body("register", data)),
    ("sms-log-in", |data| body("sms-log-in", data)),
    ("send-sms-code", |data| body("send-sms-code", data)),
    ("send-reset-email", |data| body("send-reset-email", data)),
    ("check-reset-token", |data| body("check-reset-token", data)),
    ("reset-password", |data| body("reset-password", data)),
    ("secure-account", |data| body("secure-account", data)),
    ("refresh-token", |data| body("refresh-token", data)),
    ("log-out", |data| body("log-out", data)),
    ("forget-pwd", |data| body("forget-pwd", data)),
    ("forget-pwd-sms-code", |data| body("forget-pwd-sms-code", data)),
    ("fields", fields),
    ("event", event),
    ("stream-record", stream_record),
];

/// Everything that a function may need, except for the table.
const ALL_BUT_THE_TABLE: &[Need] =
    &[Need::CODES, Need::LINKS, Need::SESSIONS, Need::VISITORS, Need::SEALED_KEYS, Need::SeldomPasswordHashing];

/// An application without a table. A request that would reach the table gets a 503.
#[expect(clippy::expect_used, reason = "used by tests and fuzzing alone")]
static APP: LazyLock<App> = LazyLock::new(|| {
    let is_secret = |name: &str| name.ends_with("_SECRET") && name != "ORIGIN_SECRET";
    let secrets = |name: &str| is_secret(name).then(|| "f".repeat(32));
    let config = Config::read(&Environment::new(&secrets), ALL_BUT_THE_TABLE).expect("the settings are well-formed");
    let mut app = App::new(config, Clock::default(), ALL_BUT_THE_TABLE).expect("an application without a table starts");
    app.store = Store::down();
    app
});

#[expect(clippy::expect_used, reason = "used by tests and fuzzing alone")]
static RUNTIME: LazyLock<tokio::runtime::Runtime> =
    LazyLock::new(|| tokio::runtime::Builder::new_current_thread().build().expect("a runtime starts"));

/// Sends a request with this body to a function.
///
/// # Panics
/// If the answer is a server error other than 503, which means that there is no table.
#[expect(clippy::expect_used, reason = "a panic is how a target says no")]
pub fn body(name: &str, data: &[u8]) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../events/{name}.json"));
    let text = std::fs::read_to_string(file).expect("each function has an event");
    let mut event: Value = serde_json::from_str(&text).expect("it is JSON");
    event["body"] = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, data).into();
    event["isBase64Encoded"] = true.into();
    event["headers"]["content-type"] = "application/json".into();
    if let Ok(keyring) = APP.keyring(KeyGroup::Visitors) {
        let csrf = CsrfValue::issue(keyring, APP.clock.now());
        event["headers"]["x-csrftoken"] = csrf.as_str().into();
        event["cookies"] = json!([format!("csrf_token={csrf}")]);
    }
    answer(name, event);
}

#[expect(clippy::expect_used, reason = "a panic is how a target says no")]
fn answer(name: &str, event: Value) {
    let endpoint = ENDPOINTS.iter().find(|endpoint| endpoint.name == name).expect("a function's name");
    let answer = RUNTIME.block_on(endpoint.answer_event(&APP, event, lambda_http::Context::default()));
    // An error means that the bytes are no event of API Gateway. No handler sees them.
    let Ok(answer) = answer else { return };
    let status = answer["statusCode"].as_u64().expect("an answer has a status");
    assert!((200..500).contains(&status) || status == 503, "{name} answers {status}: {answer}");
}

/// Parses an object and reads every kind of field that a handler reads.
pub fn fields(data: &[u8]) {
    let Ok(fields) = Fields::parse(data) else { return };
    let _ = fields.texts(["username", "password", "mobile", "sms_code", "email"]);
    let _ = fields.optional_text("nickname");
    let _ = fields.optional_boolean("remember");
    let _ = fields.consent(&APP.config.consent, APP.clock.now());
    for digits in [Digits::Exact, Digits::Pasted] {
        let _ = (fields.proof(digits), fields.proof_by("confirm_code", digits), fields.second_proof(digits));
        let _ = fields.credential(digits);
    }
    let _ = (fields.challenge_id(), fields.requested_challenge_id());
    let _ = format!("{fields:?}");
}

/// Sends an event of API Gateway to every function.
pub fn event(data: &[u8]) {
    let Ok(event) = serde_json::from_slice::<Value>(data) else { return };
    for endpoint in ENDPOINTS {
        answer(endpoint.name, event.clone());
    }
}

/// Parses the new image of each stream record as a message.
pub fn stream_record(data: &[u8]) {
    let Ok(event) = serde_json::from_slice::<aws_lambda_events::dynamodb::Event>(data) else { return };
    for record in event.records {
        let message: Result<Message, _> = serde_dynamo::from_item(record.change.new_image);
        let _ = format!("{message:?}");
    }
}
