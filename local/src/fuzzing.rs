//! What fuzzing feeds: the parser of every body, of events and of stream records. `fuzz` has a target for each
//! ([cargo-fuzz]'s layout); a test runs the seeds and some changes of them with what a plain toolchain has.
//!
//! [cargo-fuzz]: https://rust-fuzz.github.io/book/

use std::path::Path;
use std::sync::LazyLock;

use serde_json::{Value, json};
use shared::App;
use shared::Clock;
use shared::config::{Config, Environment, Need};
use shared::crypto::{CsrfValue, KeyGroup};
use shared::dynamodb::items::Message;
use shared::http::{Digits, Fields};

use crate::registry::ENDPOINTS;

/// A target: its name, and what it does with bytes. It panics when something is wrong with what is made of them.
pub type Target = (&'static str, fn(&[u8]));

/// Every target; each body that is parsed before anyone is asked who they are has one, and `fields` is for the rest.
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

/// What any function needs, but for the table.
const ALL_BUT_THE_TABLE: &[Need] =
    &[Need::CODES, Need::LINKS, Need::SESSIONS, Need::VISITORS, Need::SEALED_KEYS, Need::SeldomPasswordHashing];

/// Without a table: what is accepted up to it is answered with 503.
#[expect(clippy::expect_used, reason = "used by tests and fuzzing alone")]
static APP: LazyLock<App> = LazyLock::new(|| {
    let secrets = |name: &str| ["CODE_SECRET", "KEY_SECRET"].contains(&name).then(|| "f".repeat(32));
    let config = Config::read(&Environment::new(&secrets), ALL_BUT_THE_TABLE).expect("the settings are well-formed");
    App::new(config, Clock::default(), ALL_BUT_THE_TABLE).expect("an application without a table starts")
});

#[expect(clippy::expect_used, reason = "used by tests and fuzzing alone")]
static RUNTIME: LazyLock<tokio::runtime::Runtime> =
    LazyLock::new(|| tokio::runtime::Builder::new_current_thread().build().expect("a runtime starts"));

/// A request to a function, with this body.
///
/// # Panics
/// When it is answered with anything but a success, a refusal of the contract, or that there is no table.
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
    // What is no event of API Gateway's is refused before a handler sees it.
    let Ok(answer) = answer else { return };
    let status = answer["statusCode"].as_u64().expect("an answer has a status");
    assert!((200..500).contains(&status) || status == 503, "{name} answers {status}: {answer}");
}

/// An object, asked for everything that any handler asks for.
pub fn fields(data: &[u8]) {
    let Ok(fields) = Fields::parse(data) else { return };
    let _ = fields.texts(["username", "password", "mobile", "sms_code", "email"]);
    let _ = fields.optional_text("nickname");
    let _ = fields.optional_boolean("remember");
    let _ = fields.consent(APP.clock.now());
    for digits in [Digits::Exact, Digits::Pasted] {
        let _ = (fields.proof(digits), fields.proof_by("confirm_code", digits), fields.second_proof(digits));
        let _ = fields.credential(digits);
    }
    let _ = (fields.challenge_id(), fields.requested_challenge_id());
    let _ = format!("{fields:?}");
}

/// An event of API Gateway's, to every function.
pub fn event(data: &[u8]) {
    let Ok(event) = serde_json::from_slice::<Value>(data) else { return };
    for endpoint in ENDPOINTS {
        answer(endpoint.name, event.clone());
    }
}

/// A new image in a record of the stream.
pub fn stream_record(data: &[u8]) {
    let Ok(event) = serde_json::from_slice::<aws_lambda_events::dynamodb::Event>(data) else { return };
    for record in event.records {
        let message: Result<Message, _> = serde_dynamo::from_item(record.change.new_image);
        let _ = format!("{message:?}");
    }
}
