//! What stands in for the captcha gateway. It answers under `/_local`, and at the address of the local AWS, where functions
//! in containers reach it.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use serde_json::json;

use crate::faults::{Faults, Kind, Service};

/// The gateway, with the tickets that have passed.
#[derive(Clone, Debug, Default)]
pub struct CaptchaGateway {
    pub faults: Faults,
    used_tickets: Arc<Mutex<HashSet<String>>>,
}

impl CaptchaGateway {
    /// A gateway that has seen no ticket.
    #[must_use]
    pub fn new(faults: Faults) -> Self {
        Self { faults, used_tickets: Arc::default() }
    }

    /// The captcha gateway's protocol: a ticket that starts with `pass-` passes once, `evil-` is answered 1 with a level of
    /// 100, and anything else fails.
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
