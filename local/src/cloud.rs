//! AWS on this machine, at one address: the DynamoDB engine, and stand-ins for SNS and SES.
//!
//! DynamoDB calls go to the engine. They are also recorded in a journal, in which tests count round trips, and they
//! fail on demand. Pages of other sites and programs of other users are kept out: a request is refused if it has an
//! `Origin`, names another `Host`, or lacks the secret in its access key id.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use dynoxide::Database;
use serde_json::{Value, json};
use shared::Clock;

use crate::caller;
use crate::captcha::CaptchaGateway;
use crate::conflicts::{Conflict, Conflicts};
use crate::database_file::Traces;
use crate::engine::{self, Answer};
use crate::faults::{Faults, Kind, Service};
use crate::holds::Holds;
use crate::mailbox::{Mailbox, Sent};
use crate::policy::Policies;
use crate::refusals::Refusals;
use crate::streams;
use crate::units::Units;

const AMAZON_JSON: &str = "application/x-amz-json-1.0";
/// Longer than any of our clients waits.
const NEVER: Duration = Duration::from_secs(120);

/// One call to DynamoDB.
#[derive(Clone, Debug)]
pub struct Call {
    /// For example `GetItem` or `TransactWriteItems`.
    pub operation: String,
    pub units: Units,
    pub started: Instant,
    pub ended: Instant,
}

/// The calls to DynamoDB, in the order in which they ended.
#[derive(Clone, Debug, Default)]
pub struct Journal {
    calls: Arc<Mutex<Vec<Call>>>,
    latency_ms: Arc<AtomicU64>,
}

impl Journal {
    /// Removes and returns the calls recorded so far.
    #[must_use]
    pub fn take(&self) -> Vec<Call> {
        std::mem::take(&mut *self.calls.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn write(&self, call: Call) {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).push(call);
    }

    /// Makes every call take at least this long, as a network would. Calls that do not wait for each other then
    /// overlap, however busy the machine is.
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

/// The state behind the address.
#[derive(Clone)]
pub struct Cloud {
    pub database: Database,
    /// Removes the traces of deleted accounts.
    pub(crate) traces: Traces,
    /// The start of the access key id of every call.
    pub secret: String,
    /// The name by which containers call, if they may.
    pub host_of_containers: Option<&'static str>,
    pub journal: Journal,
    /// Decides which calls each caller may make.
    pub policies: Policies,
    pub faults: Faults,
    pub holds: Holds,
    pub conflicts: Conflicts,
    pub refusals: Refusals,
    pub mailbox: Mailbox,
    /// Checks captcha tickets for functions that cannot reach `/_local`.
    pub captcha: CaptchaGateway,
    pub clock: Clock,
}

pub fn router(cloud: Cloud) -> Router {
    Router::new().fallback(answer).with_state(Arc::new(cloud))
}

/// The protocol of a call, which is also the protocol of its error: each SDK reads errors in its own protocol only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protocol {
    Json,
    Query,
    /// The protocol of SESv2, and of every other request that has a path.
    RestJson,
}

impl Protocol {
    fn of(headers: &HeaderMap, uri: &Uri) -> Self {
        let is_form = || {
            let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
            content_type.is_some_and(|text| text.starts_with("application/x-www-form-urlencoded"))
        };
        match () {
            () if headers.contains_key("x-amz-target") => Self::Json,
            () if uri.path() == "/" && is_form() => Self::Query,
            () => Self::RestJson,
        }
    }

    fn refuse(self, status: u16, code: &str, message: &str) -> Response {
        match self {
            Self::Json => {
                let name = format!("com.amazonaws.dynamodb.v20120810#{code}");
                amazon_json(status, &json!({ "__type": name, "message": message }))
            }
            Self::Query => xml(
                status,
                &format!(
                    "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>\
                     <RequestId>local</RequestId></ErrorResponse>"
                ),
            ),
            Self::RestJson => {
                let mut response = amazon_json(status, &json!({ "message": message }));
                let headers = response.headers_mut();
                headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
                if let Ok(code) = HeaderValue::from_str(code) {
                    headers.insert("x-amzn-errortype", code);
                }
                response
            }
        }
    }
}

async fn answer(
    State(cloud): State<Arc<Cloud>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let protocol = Protocol::of(&headers, &uri);
    let host = crate::control::host_name(&headers);
    let is_known_host = crate::control::is_loopback_name(host) || cloud.host_of_containers == Some(host);
    if !is_known_host || headers.contains_key(header::ORIGIN) {
        return protocol.refuse(403, "AccessDeniedException", "Web pages may not call this address.");
    }
    if method == Method::POST && uri.path() == "/_local/captcha" {
        return cloud.captcha.answer(&body).await;
    }
    let Some(caller) = caller::identify(&headers, &cloud.secret) else {
        let message =
            "Sign with the access key id of the running system: it is in the file credentials of its data folder.";
        return protocol.refuse(403, "UnrecognizedClientException", message);
    };
    let denied =
        || protocol.refuse(403, "AccessDeniedException", "The function's policy in template.yaml forbids this.");
    let target = headers.get("x-amz-target").and_then(|value| value.to_str().ok()).unwrap_or_default();
    if let Some((_, operation)) = target.split_once("DynamoDB_20120810.") {
        if !cloud.policies.allow_dynamodb(&caller, operation, &body) {
            tracing::error!(operation, ?caller, "the function's policy in template.yaml does not allow this");
            return protocol.refuse(
                400,
                "AccessDeniedException",
                "The function's policy in template.yaml forbids this.",
            );
        }
        return dynamodb(&cloud, operation.to_owned(), &body).await;
    }
    if let Some(operation) = target.strip_prefix(streams::TARGET) {
        if !cloud.policies.allow(&caller, &format!("dynamodb:{operation}")) {
            return denied();
        }
        return engine_answer(operation, streams::call(&cloud.database, operation, &body));
    }
    match (method, uri.path()) {
        (Method::POST, "/v2/email/outbound-emails") if !cloud.policies.allow(&caller, "ses:SendEmail") => denied(),
        (Method::POST, "/") if protocol == Protocol::Query && !cloud.policies.allow(&caller, "sns:Publish") => denied(),
        (Method::POST, "/v2/email/outbound-emails") => ses(&cloud, &body).await,
        (Method::POST, "/") if protocol == Protocol::Query => sns(&cloud, &body).await,
        _ => protocol.refuse(404, "UnknownOperationException", NOT_BUILT),
    }
}

/// The message for a service or an operation that is not served here.
const NOT_BUILT: &str =
    "This address answers for DynamoDB, DynamoDB Streams, SNS Publish by number and SESv2 SendEmail alone.";

async fn dynamodb(cloud: &Cloud, operation: String, body: &[u8]) -> Response {
    let started = Instant::now();
    cloud.holds.pass(&operation, body).await;
    cloud.journal.wait().await;
    // A read outside a transaction never conflicts with one.
    let reads = ["GetItem", "BatchGetItem", "Query", "Scan"].contains(&operation.as_str());
    let fault = cloud.faults.take_if(Service::Dynamodb, |kind| !(reads && kind == Kind::Conflict));
    let answer = match fault {
        Some(Kind::Throttle) => dynamodb_error(400, "ProvisionedThroughputExceededException", json!({})),
        Some(Kind::Error) => dynamodb_error(500, "InternalServerError", json!({})),
        Some(Kind::Garbage) => (StatusCode::OK, "<html>It works!</html>").into_response(),
        Some(Kind::Conflict) => conflict(&operation, body),
        Some(Kind::Timeout) => never().await,
        Some(Kind::TimeoutAfterCommit) => {
            pass_on(cloud, &operation, body);
            never().await
        }
        None => match cloud.conflicts.begin(&operation, body).await {
            Err(Conflict) => conflict(&operation, body),
            Ok(_under_way) => match cloud.refusals.answer(&operation, body, &cloud.database) {
                Some(refusal) => amazon_json(400, &refusal),
                None => pass_on(cloud, &operation, body),
            },
        },
    };
    let units = Units::of(&operation, body);
    cloud.journal.write(Call { operation, units, started, ended: Instant::now() });
    answer
}

fn pass_on(cloud: &Cloud, operation: &str, body: &[u8]) -> Response {
    let answer = engine::call(&cloud.database, operation, body);
    if answer.as_ref().is_some_and(|(status, _)| *status == StatusCode::OK) {
        cloud.traces.note(operation, body);
    }
    engine_answer(operation, answer)
}

/// Turns the engine's answer into a response. `None` means that the engine lacks the operation.
fn engine_answer(operation: &str, answer: Option<Answer>) -> Response {
    let Some((status, answer)) = answer else {
        return Protocol::Json.refuse(400, "UnknownOperationException", &format!("{operation} is not served here."));
    };
    (status, [(header::CONTENT_TYPE, HeaderValue::from_static(AMAZON_JSON))], answer).into_response()
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
    (status, [(header::CONTENT_TYPE, HeaderValue::from_static(AMAZON_JSON))], body.to_string()).into_response()
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
    if field("Action") == "GetCallerIdentity" {
        // SAM asks for this at every start.
        return xml(
            200,
            "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>\
             <Arn>arn:aws:iam::000000000000:user/local</Arn><UserId>local</UserId><Account>000000000000</Account>\
             </GetCallerIdentityResult></GetCallerIdentityResponse>",
        );
    }
    if field("Action") != "Publish" || field("PhoneNumber").is_empty() {
        return Protocol::Query.refuse(400, "InvalidAction", NOT_BUILT);
    }
    let refused = |status, code| Protocol::Query.refuse(status, code, "made to fail");
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

/// Reads the attributes, which the query protocol numbers: `MessageAttributes.entry.1.Name`, `….Value.StringValue`.
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
    let refused = |status, code| Protocol::RestJson.refuse(status, code, "made to fail");
    match cloud.faults.take(Service::Email) {
        Some(Kind::Throttle | Kind::Conflict) => return refused(429, "TooManyRequestsException"),
        Some(Kind::Error) => return refused(500, "InternalServiceError"),
        Some(Kind::Garbage) => return (StatusCode::OK, "<html>It works!</html>").into_response(),
        Some(Kind::Timeout | Kind::TimeoutAfterCommit) => return never().await,
        None => {}
    }
    let mail: Value = serde_json::from_slice(body).unwrap_or_default();
    let Some(to) = mail["Destination"]["ToAddresses"][0].as_str() else {
        return Protocol::RestJson.refuse(400, "BadRequestException", "The message has no recipient in ToAddresses.");
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
