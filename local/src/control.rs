//! `/_local`: the inbox, the clock, the faults, and the captcha gateway's stand-in. No function knows of it.
//!
//! It shows codes, so no page of another site may read it. It accepts only this machine's own names as `Host`, and only
//! its own address as `Origin`.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::json;
use shared::Clock;

use crate::captcha::CaptchaGateway;
use crate::faults::{Faults, Kind, Service};
use crate::mailbox::{Mailbox, Sent};
use crate::openapi;
use crate::schedule::Schedule;
use crate::stream::Pump;

const INBOX: &str = include_str!("inbox.html");
const WIDGET: &str = include_str!("captcha_widget.js");

/// The state behind `/_local`.
#[derive(Clone)]
pub struct Control {
    pub mailbox: Mailbox,
    /// The program's clock. An engine in memory follows it too.
    pub clock: Clock,
    pub faults: Faults,
    /// Settled before the inbox is shown, so that nobody waits for a message.
    pub pump: Arc<Pump>,
    /// Runs if the moved clock has passed its next run.
    pub schedule: Arc<Schedule>,
    /// Called after the clock has moved.
    pub clock_moved: Arc<dyn Fn() + Send + Sync>,
    pub captcha: CaptchaGateway,
}

pub fn router(control: Control) -> axum::Router {
    axum::Router::new()
        .route("/docs", get(docs))
        .route("/_local/inbox", get(async || Html(INBOX)))
        .route("/_local/inbox.json", get(inbox))
        .route("/_local/undelivered.json", get(undelivered))
        .route("/_local/resend", post(resend))
        .route("/_local/clock", post(move_clock))
        .route("/_local/faults", post(set_fault))
        .route("/_local/captcha", post(captcha))
        .route("/_local/captcha.js", get(widget))
        .route("/_local/terms", get(async || placeholder("用户协议", "Terms")))
        .route("/_local/privacy", get(async || placeholder("隐私政策", "Privacy policy")))
        .layer(middleware::from_fn(refuse_foreign))
        .with_state(control)
}

async fn docs() -> Response {
    match openapi::page() {
        Ok(page) => Html(page).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

/// Serves the widget's stand-in: the same interface with a plain dialog. Its ticket passes the gateway's stand-in.
async fn widget() -> Response {
    ([(header::CONTENT_TYPE, "text/javascript; charset=utf-8")], WIDGET).into_response()
}

fn placeholder(zh: &str, en: &str) -> Html<String> {
    Html(format!(
        "<!doctype html><meta charset=utf-8><title>{zh} · {en}</title><h1>{zh} · {en}</h1>\
         <p>TERMS_URL, PRIVACY_URL: configure the addresses of your own."
    ))
}

/// Returns the host that a request was sent to, without its port.
#[must_use]
pub fn host_name(headers: &HeaderMap) -> &str {
    let host = headers.get(header::HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
    host.rsplit_once(':').filter(|(_, port)| !port.ends_with(']')).map_or(host, |(name, _)| name)
}

/// Returns whether a name is one of this machine's own.
#[must_use]
pub fn is_loopback_name(name: &str) -> bool {
    ["127.0.0.1", "localhost", "[::1]"].contains(&name)
}

/// Refuses requests from elsewhere. A page of another site can make a browser on this machine send requests, and with
/// `--host` other machines can send requests themselves.
async fn refuse_foreign(ConnectInfo(from): ConnectInfo<SocketAddr>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let own_origin = match (text(header::ORIGIN), text(header::HOST)) {
        (Some(origin), Some(host)) => origin == format!("http://{host}"),
        (origin, _) => origin.is_none(),
    };
    // A script or an image that another page loads is requested without `Origin`, but newer browsers send this header.
    let is_cross_site =
        matches!(text(header::HeaderName::from_static("sec-fetch-site")), Some("cross-site" | "same-site"));
    if !from.ip().to_canonical().is_loopback() || is_cross_site || !is_loopback_name(host_name(headers)) || !own_origin
    {
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

/// Sends all unsent notifications again and empties the queue, as an operator does after an outage.
async fn resend(State(control): State<Control>) -> Result<Json<deliver::Resent>, (StatusCode, String)> {
    let resent = control.schedule.resend(deliver::Resend::All).await;
    let resent = resent.map_err(|error| (StatusCode::INTERNAL_SERVER_ERROR, shared::error_chain(&error)))?;
    control.pump.forget_undelivered().await;
    Ok(Json(resent))
}

#[derive(Deserialize)]
struct Advance {
    advance_seconds: u32,
}

async fn move_clock(State(control): State<Control>, body: Bytes) -> Result<Response, (StatusCode, String)> {
    let advance: Advance = parse(&body, r#"{"advance_seconds": 60}"#)?;
    let moved = Clock::default().now().seconds_until(control.clock.now());
    if u32::try_from(moved + u64::from(advance.advance_seconds)).is_err() {
        return Err((StatusCode::BAD_REQUEST, "The clock may be moved by 136 years at most.\n".to_owned()));
    }
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

async fn captcha(State(control): State<Control>, body: Bytes) -> Response {
    control.captcha.answer(&body).await
}
