//! `ticket/verify`, the older protocol of Tencent's captcha.

use reqwest::{Client, RequestBuilder};
use serde::Deserialize;
use serde_json::Value;
use shared::config::CaptchaProvider;
use shared::domain::ExposeSecret;

use crate::call::CallError;
use crate::ticket::Ticket;

/// Returns the call. It is a POST, so that the secret is not part of a URL, which may be logged.
pub(crate) fn request(client: &Client, provider: &CaptchaProvider, ticket: &Ticket) -> RequestBuilder {
    client.post(&provider.url).form(&[
        ("aid", provider.app_id.as_str()),
        ("AppSecretKey", provider.app_secret.expose_secret()),
        ("Ticket", &ticket.ticket),
        ("Randstr", &ticket.randstr),
        ("UserIP", &ticket.address),
    ])
}

/// The answer of the old gateway. Its fields are strings or numbers.
#[derive(Deserialize)]
struct Answer {
    response: Value,
    #[serde(default)]
    evil_level: Value,
}

/// Returns whether the service accepted the ticket.
pub(crate) fn read(body: &[u8]) -> Result<bool, CallError> {
    let answer: Answer = serde_json::from_slice(body).map_err(|_| CallError::Garbage)?;
    let passed = number(&answer.response).ok_or(CallError::Garbage)? == 1;
    // A missing level counts as harmless. A level that is not a number makes the answer unreliable.
    let evil_level =
        if answer.evil_level.is_null() { 0 } else { number(&answer.evil_level).ok_or(CallError::Garbage)? };
    Ok(passed && evil_level < 100)
}

fn number(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_clear_pass_is_one() {
        for (body, passed) in [
            (r#"{"response":"1","evil_level":"0","err_msg":"OK"}"#, true),
            (r#"{"response":1,"evil_level":0,"err_msg":"OK"}"#, true),
            (r#"{"response":"1"}"#, true),
            (r#"{"response":"1","evil_level":"100"}"#, false),
            (r#"{"response":1,"evil_level":100}"#, false),
            (r#"{"response":"0","evil_level":"0","err_msg":"verify fail"}"#, false),
            (r#"{"response":6}"#, false),
        ] {
            assert_eq!(read(body.as_bytes()).unwrap(), passed, "{body}");
        }
        for garbage in ["", "<html>", "{}", "[]", r#"{"response":null}"#, r#"{"response":"1","evil_level":"high"}"#] {
            assert!(read(garbage.as_bytes()).is_err(), "{garbage}");
        }
    }
}
