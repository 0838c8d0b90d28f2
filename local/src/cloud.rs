//! AWS on this machine, at one address: DynamoDB's engine, and what answers as SNS and SES do.
//!
//! DynamoDB calls are passed on to the engine, written in a journal that tests count round trips in, and made to fail
//! on demand. A web page cannot reach it: a request with an `Origin`, or for another `Host`, is refused.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use shared::domain::Clock;

use crate::faults::{Faults, Kind, Service};
use crate::holds::Holds;
use crate::mailbox::{Mailbox, Sent};
use crate::policy::Policies;

/// Longer than any client of ours waits.
const NEVER: Duration = Duration::from_secs(120);

/// One call to DynamoDB.
#[derive(Clone, Debug)]
pub struct Call {
    /// `GetItem`, `TransactWriteItems`, …
    pub operation: String,
    /// When it came in.
    pub started: Instant,
    /// When it was answered.
    pub ended: Instant,
}

/// The calls to DynamoDB, in the order they ended.
#[derive(Clone, Debug, Default)]
pub struct Journal {
    calls: Arc<Mutex<Vec<Call>>>,
    latency_ms: Arc<AtomicU64>,
}

impl Journal {
    /// Takes out what was written so far.
    #[must_use]
    pub fn take(&self) -> Vec<Call> {
        std::mem::take(&mut *self.calls.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn write(&self, call: Call) {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).push(call);
    }

    /// Makes every call take this long at least, as a network does: calls that do not wait for each other then overlap,
    /// whatever the machine is doing.
    pub fn set_latency(&self, latency: Duration) {
        self.latency_ms.store(u64::try_from(latency.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    async fn wait(&self) {
        let milliseconds = self.latency_ms.load(Ordering::Relaxed);
        if milliseconds > 0 {
            tokio::time::sleep(Duration::from_millis(milliseconds)).await;
        }
    }
}

/// What the address serves.
#[derive(Clone, Debug)]
pub struct Cloud {
    /// Where the engine itself listens.
    pub engine_url: String,
    /// Passes calls on.
    pub http: reqwest::Client,
    /// Counts them.
    pub journal: Journal,
    /// Says who may make them.
    pub policies: Policies,
    /// Makes them fail.
    pub faults: Faults,
    /// Makes them wait.
    pub holds: Holds,
    /// Takes messages in.
    pub mailbox: Mailbox,
    /// Dates them.
    pub clock: Clock,
}

/// The service at one address.
pub fn router(cloud: Cloud) -> Router {
    Router::new().fallback(answer).with_state(Arc::new(cloud))
}

async fn answer(
    State(cloud): State<Arc<Cloud>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if !crate::control::is_from_this_machine(&headers) || headers.contains_key("origin") {
        return (StatusCode::FORBIDDEN, "Web pages may not call this address.").into_response();
    }
    let target = headers.get("x-amz-target").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let denied = |status| dynamodb_error(status, "AccessDeniedException", json!({}));
    if let Some((_, operation)) = target.split_once("DynamoDB_20120810.") {
        if !cloud.policies.allow_dynamodb(&headers, operation, &body) {
            tracing::error!(operation, "the function's policy in template.yaml does not allow this");
            return denied(400);
        }
        return dynamodb(&cloud, operation.to_owned(), headers.clone(), body).await;
    }
    match (method, uri.path()) {
        (Method::POST, "/v2/email/outbound-emails") if !cloud.policies.allow(&headers, "ses:SendEmail") => denied(403),
        (Method::POST, "/") if !cloud.policies.allow(&headers, "sns:Publish") => denied(403),
        (Method::POST, "/v2/email/outbound-emails") => ses(&cloud, &body).await,
        (Method::POST, "/") => sns(&cloud, &body).await,
        _ => (StatusCode::NOT_FOUND, "This address answers for DynamoDB, SNS Publish and SESv2 SendEmail.")
            .into_response(),
    }
}

async fn dynamodb(cloud: &Cloud, operation: String, headers: HeaderMap, body: Bytes) -> Response {
    let started = Instant::now();
    cloud.holds.pass(&operation, &body).await;
    cloud.journal.wait().await;
    // No transaction is in the way of a single read.
    let reads = operation == "GetItem";
    let fault = cloud.faults.take_if(Service::Dynamodb, |kind| !(reads && kind == Kind::Conflict));
    let answer = match fault {
        Some(Kind::Throttle) => dynamodb_error(400, "ProvisionedThroughputExceededException", json!({})),
        Some(Kind::Error) => dynamodb_error(500, "InternalServerError", json!({})),
        Some(Kind::Garbage) => (StatusCode::OK, "<html>It works!</html>").into_response(),
        Some(Kind::Conflict) => conflict(&operation, &body),
        Some(Kind::Timeout) => never().await,
        Some(Kind::TimeoutAfterCommit) => {
            let _ = pass_on(cloud, headers, body).await;
            never().await
        }
        None => pass_on(cloud, headers, body).await,
    };
    cloud.journal.write(Call { operation, started, ended: Instant::now() });
    answer
}

async fn pass_on(cloud: &Cloud, mut headers: HeaderMap, body: Bytes) -> Response {
    headers.remove("host");
    let Ok(answer) = cloud.http.post(&cloud.engine_url).headers(headers).body(body).send().await else {
        return StatusCode::BAD_GATEWAY.into_response();
    };
    let (status, headers) = (answer.status(), answer.headers().clone());
    let Ok(body) = answer.bytes().await else {
        return StatusCode::BAD_GATEWAY.into_response();
    };
    (status, headers, body).into_response()
}

fn dynamodb_error(status: u16, code: &str, mut more: Value) -> Response {
    more["__type"] = format!("com.amazonaws.dynamodb.v20120810#{code}").into();
    more["message"] = "made to fail".into();
    amazon_json(status, &more)
}

fn conflict(operation: &str, body: &[u8]) -> Response {
    if operation != "TransactWriteItems" {
        return dynamodb_error(400, "TransactionConflictException", json!({}));
    }
    let request: Value = serde_json::from_slice(body).unwrap_or_default();
    let writes = request["TransactItems"].as_array().map_or(1, Vec::len);
    let mut reasons = vec![json!({ "Code": "None" }); writes];
    reasons[0] = json!({ "Code": "TransactionConflict", "Message": "made to fail" });
    dynamodb_error(400, "TransactionCanceledException", json!({ "CancellationReasons": reasons }))
}

fn amazon_json(status: u16, body: &Value) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let content_type = HeaderValue::from_static("application/x-amz-json-1.0");
    (status, [("content-type", content_type)], body.to_string()).into_response()
}

async fn never() -> Response {
    tokio::time::sleep(NEVER).await;
    StatusCode::GATEWAY_TIMEOUT.into_response()
}

async fn sns(cloud: &Cloud, body: &[u8]) -> Response {
    let field = |name: &str| {
        let mut pairs = form_urlencoded::parse(body);
        pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
    };
    if field("Action") != "Publish" || field("PhoneNumber").is_empty() {
        return xml(400, "<ErrorResponse><Error><Code>InvalidAction</Code></Error></ErrorResponse>");
    }
    let refused = |status, code: &str| {
        xml(
            status,
            &format!(
                "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>made to fail</Message></Error></ErrorResponse>"
            ),
        )
    };
    match cloud.faults.take(Service::Sms) {
        Some(Kind::Throttle | Kind::Conflict) => return refused(429, "Throttled"),
        Some(Kind::Error) => return refused(500, "InternalError"),
        Some(Kind::Garbage) => return xml(200, "<html>It works!</html>"),
        Some(Kind::Timeout | Kind::TimeoutAfterCommit) => return never().await,
        None => {}
    }
    cloud.mailbox.put(Sent {
        channel: "sms",
        to: field("PhoneNumber"),
        text: field("Message"),
        html: None,
        subject: None,
        attributes: sns_attributes(body),
        at: cloud.clock.now().rfc3339(),
    });
    xml(
        200,
        "<PublishResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><PublishResult>\
         <MessageId>local</MessageId></PublishResult></PublishResponse>",
    )
}

/// The query protocol numbers them: `MessageAttributes.entry.1.Name`, `….Value.StringValue`.
fn sns_attributes(body: &[u8]) -> BTreeMap<String, String> {
    let fields: BTreeMap<_, _> = form_urlencoded::parse(body).into_owned().collect();
    let names = fields.iter().filter_map(|(key, name)| Some((key.strip_suffix(".Name")?, name)));
    let value = |entry: &str| fields.get(&format!("{entry}.Value.StringValue")).cloned().unwrap_or_default();
    names.map(|(entry, name)| (name.clone(), value(entry))).collect()
}

fn xml(status: u16, body: &str) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, [("content-type", HeaderValue::from_static("text/xml"))], body.to_owned()).into_response()
}

async fn ses(cloud: &Cloud, body: &[u8]) -> Response {
    let refused = |status: u16, code: &'static str| {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, [("x-amzn-errortype", HeaderValue::from_static(code))], r#"{"message":"made to fail"}"#)
            .into_response()
    };
    match cloud.faults.take(Service::Email) {
        Some(Kind::Throttle | Kind::Conflict) => return refused(429, "TooManyRequestsException"),
        Some(Kind::Error) => return refused(500, "InternalServiceError"),
        Some(Kind::Garbage) => return (StatusCode::OK, "<html>It works!</html>").into_response(),
        Some(Kind::Timeout | Kind::TimeoutAfterCommit) => return never().await,
        None => {}
    }
    let mail: Value = serde_json::from_slice(body).unwrap_or_default();
    let Some(to) = mail["Destination"]["ToAddresses"][0].as_str() else {
        return refused(400, "BadRequestException");
    };
    let content = &mail["Content"]["Simple"];
    let text = |value: &Value| value["Data"].as_str().map(str::to_owned);
    cloud.mailbox.put(Sent {
        channel: "email",
        to: to.to_owned(),
        text: text(&content["Body"]["Text"]).unwrap_or_default(),
        html: text(&content["Body"]["Html"]),
        subject: text(&content["Subject"]),
        attributes: [("From".to_owned(), mail["FromEmailAddress"].as_str().unwrap_or_default().to_owned())].into(),
        at: cloud.clock.now().rfc3339(),
    });
    amazon_json(200, &json!({ "MessageId": "local" }))
}
