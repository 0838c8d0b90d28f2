//! A stand-in for the captcha gateway. It answers under `/_local`, and also at the address of the local AWS, because
//! functions in containers can reach only that one.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use serde_json::json;

use crate::faults::{Faults, Kind, Service};

/// The gateway. It remembers the tickets it has seen, so that each passes only once.
#[derive(Clone, Debug, Default)]
pub struct CaptchaGateway {
    pub faults: Faults,
    used_tickets: Arc<Mutex<HashSet<String>>>,
}

impl CaptchaGateway {
    #[must_use]
    pub fn new(faults: Faults) -> Self {
        Self { faults, used_tickets: Arc::default() }
    }

    /// Answers in the captcha gateway's protocol. A ticket that starts with `pass-` passes once. One that starts with
    /// `evil-` gets response 1 with a level of 100. Any other ticket fails.
    pub async fn answer(&self, body: &[u8]) -> Response {
        match self.faults.take(Service::Captcha) {
            Some(Kind::Timeout | Kind::TimeoutAfterCommit) => tokio::time::sleep(Duration::from_secs(120)).await,
            Some(Kind::Throttle | Kind::Conflict) => {
                return StatusCode::TOO_MANY_REQUESTS.into_response();
            }
            Some(Kind::Error) => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
            Some(Kind::Garbage) => return Html("<html>It works!</html>").into_response(),
            None => {}
        }
        let ticket = form_urlencoded::parse(body).find(|(key, _)| key == "Ticket").map(|(_, value)| value.into_owned());
        let ticket = ticket.unwrap_or_default();
        let answer = |response, level, message| {
            Json(json!({ "response": response, "evil_level": level, "err_msg": message })).into_response()
        };
        if ticket.starts_with("evil-") {
            return answer("1", "100", "OK");
        }
        let fresh = self.used_tickets.lock().unwrap_or_else(PoisonError::into_inner).insert(ticket.clone());
        match (ticket.starts_with("pass-"), fresh) {
            (true, true) => answer("1", "0", "OK"),
            (true, false) => answer("9", "0", "ticket reused"),
            (false, _) => answer("0", "0", "verify fail"),
        }
    }
}
