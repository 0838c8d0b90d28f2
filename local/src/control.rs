//! `/_local`: the inbox, the clock, faults, the captcha gateway's stand-in. No function knows of it.
//!
//! It shows codes, so a web page elsewhere must not read it: only this machine's own names are accepted as `Host`, and
//! only this address as `Origin`.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::json;
use shared::domain::Clock;

use crate::faults::{Faults, Kind, Service};
use crate::mailbox::{Mailbox, Sent};
use crate::schedule::Schedule;
use crate::stream::Pump;

const INBOX: &str = include_str!("inbox.html");
const WIDGET: &str = include_str!("captcha_widget.js");

/// What `/_local` works on.
#[derive(Clone)]
pub struct Control {
    /// The messages.
    pub mailbox: Mailbox,
    /// The clock of the program, and of an engine in memory.
    pub clock: Clock,
    /// Trouble on demand.
    pub faults: Faults,
    /// Carried before the inbox is shown, so that nobody waits for a message.
    pub pump: Arc<Pump>,
    /// Run when the clock has moved past its time.
    pub schedule: Arc<Schedule>,
    /// Called when the clock has moved.
    pub clock_moved: Arc<dyn Fn() + Send + Sync>,
    /// Captcha tickets that have passed.
    pub spent_tickets: Arc<Mutex<HashSet<String>>>,
}

/// The paths under `/_local`.
pub fn router(control: Control) -> axum::Router {
    axum::Router::new()
        .route("/_local/inbox", get(async || Html(INBOX)))
        .route("/_local/inbox.json", get(inbox))
        .route("/_local/undelivered.json", get(undelivered))
        .route("/_local/clock", post(move_clock))
        .route("/_local/faults", post(set_fault))
        .route("/_local/captcha", post(captcha))
        .route("/_local/captcha.js", get(widget))
        .route("/_local/terms", get(async || placeholder("用户协议", "Terms")))
        .route("/_local/privacy", get(async || placeholder("隐私政策", "Privacy policy")))
        .layer(middleware::from_fn(refuse_foreign))
        .with_state(control)
}

/// The widget's stand-in: the same interface, a plain dialog, and a ticket that the gateway's stand-in passes.
async fn widget() -> Response {
    ([(header::CONTENT_TYPE, "text/javascript; charset=utf-8")], WIDGET).into_response()
}

fn placeholder(zh: &str, en: &str) -> Html<String> {
    Html(format!(
        "<!doctype html><meta charset=utf-8><title>{zh} · {en}</title><h1>{zh} · {en}</h1>\
         <p>TERMS_URL, PRIVACY_URL: configure the addresses of your own."
    ))
}

/// Whether the request was made to this machine by one of its own names.
#[must_use]
pub fn is_from_this_machine(headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    ["127.0.0.1", "localhost", "[::1]"].contains(&name)
}

async fn refuse_foreign(request: Request, next: Next) -> Response {
    let headers = request.headers();
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let own_origin = match (text(header::ORIGIN), text(header::HOST)) {
        (Some(origin), Some(host)) => origin == format!("http://{host}"),
        (origin, _) => origin.is_none(),
    };
    if !is_from_this_machine(headers) || !own_origin {
        return (StatusCode::FORBIDDEN, "Only this machine may use /_local.").into_response();
    }
    let mut response = next.run(request).await;
    response.headers_mut().insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    response
}

async fn inbox(State(control): State<Control>) -> Result<Json<Vec<Sent>>, (StatusCode, String)> {
    let settled = control.pump.settle().await;
    settled.map_err(|error| (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
    Ok(Json(control.mailbox.all()))
}

async fn undelivered(State(control): State<Control>) -> Json<serde_json::Value> {
    Json(control.pump.undelivered().await.into())
}

#[derive(Deserialize)]
struct Advance {
    advance_seconds: u32,
}

async fn move_clock(State(control): State<Control>, body: Bytes) -> Result<Response, (StatusCode, String)> {
    let advance: Advance = parse(&body, r#"{"advance_seconds": 60}"#)?;
    control.clock.advance_seconds(advance.advance_seconds);
    (control.clock_moved)();
    let settled = control.schedule.settle().await;
    settled.map_err(|error| (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
    Ok(Json(json!({ "now": control.clock.now().rfc3339() })).into_response())
}

#[derive(Deserialize)]
struct Fault {
    service: Service,
    kind: Kind,
    count: u32,
}

async fn set_fault(State(control): State<Control>, body: Bytes) -> Result<StatusCode, (StatusCode, String)> {
    let fault: Fault = parse(&body, r#"{"service": "dynamodb", "kind": "throttle", "count": 1}"#)?;
    control.faults.set(fault.service, fault.kind, fault.count);
    Ok(StatusCode::NO_CONTENT)
}

fn parse<T: serde::de::DeserializeOwned>(body: &[u8], example: &str) -> Result<T, (StatusCode, String)> {
    serde_json::from_slice(body).map_err(|error| (StatusCode::BAD_REQUEST, format!("{error}. Send, say, {example}\n")))
}

/// The captcha gateway's protocol: a ticket that starts with `pass-` passes once, `evil-` is answered 1 with a level of
/// 100, and anything else fails.
async fn captcha(State(control): State<Control>, body: Bytes) -> Response {
    match control.faults.take(Service::Captcha) {
        Some(Kind::Timeout | Kind::TimeoutAfterCommit) => tokio::time::sleep(Duration::from_secs(120)).await,
        Some(Kind::Throttle | Kind::Conflict) => {
            return StatusCode::TOO_MANY_REQUESTS.into_response();
        }
        Some(Kind::Error) => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        Some(Kind::Garbage) => return Html("<html>It works!</html>").into_response(),
        None => {}
    }
    let ticket = form_urlencoded::parse(&body).find(|(key, _)| key == "Ticket").map(|(_, value)| value.into_owned());
    let ticket = ticket.unwrap_or_default();
    let answer = |response, level, message| {
        Json(json!({ "response": response, "evil_level": level, "err_msg": message })).into_response()
    };
    if ticket.starts_with("evil-") {
        return answer("1", "100", "OK");
    }
    let fresh = control.spent_tickets.lock().unwrap_or_else(PoisonError::into_inner).insert(ticket.clone());
    match (ticket.starts_with("pass-"), fresh) {
        (true, true) => answer("1", "0", "OK"),
        (true, false) => answer("9", "0", "ticket reused"),
        (false, _) => answer("0", "0", "verify fail"),
    }
}
