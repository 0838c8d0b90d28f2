//! Asking a gateway whether a ticket is good. Whatever is not clearly a pass is none: a slow, broken, huge or empty
//! answer is an error, and errors admit nobody (ASVS 16.5.3).

use std::sync::OnceLock;
use std::time::Duration;

use reqwest::{Client, RequestBuilder, Response};
use serde::Deserialize;
use serde_json::Value;
use shared::config::CaptchaProvider;
use shared::domain::Timestamp;

use crate::tencent_cloud;

/// How long the gateway may take, from connecting to the last byte.
const BUDGET: Duration = Duration::from_secs(3);
/// A gateway's answer is a few hundred bytes.
const MAX_ANSWER_BYTES: usize = 16 * 1024;
/// Tickets are a few hundred characters; more is not sent on.
const MAX_TICKET_CHARACTERS: usize = 2048;

/// What the captcha's widget gave the page, and who sent it.
pub(crate) struct Ticket {
    pub ticket: String,
    pub randstr: String,
    pub address: String,
}

/// The gateway gave no answer that can be relied on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GatewayError {
    #[error("the HTTP client cannot be set up")]
    Client,
    #[error("the call failed")]
    Call(#[source] reqwest::Error),
    #[error("the gateway answered with status {0}")]
    Status(u16),
    #[error("the answer is too long")]
    TooLong,
    #[error("the answer is not what the protocol says")]
    Garbage,
    #[error("the gateway refused the call: {0}")]
    Refused(String),
}

/// Whether a ticket is good.
pub(crate) async fn verify(provider: &CaptchaProvider, ticket: &Ticket, now: Timestamp) -> Result<bool, GatewayError> {
    if !is_worth_asking(ticket) {
        return Ok(false);
    }
    match &provider.signer {
        Some(signer) => {
            let call = tencent_cloud::request(client()?, provider, signer, ticket, now);
            tencent_cloud::read(&answer(call).await?)
        }
        None => read(&answer(request(client()?, provider, ticket)).await?),
    }
}

/// The widget makes a `trerror_` ticket by itself when it cannot reach its servers: anyone can write one.
fn is_worth_asking(ticket: &Ticket) -> bool {
    let forged = ["trerror_", "terror_"].iter().any(|prefix| ticket.ticket.to_ascii_lowercase().starts_with(prefix));
    let fits = |text: &str| !text.is_empty() && text.len() <= MAX_TICKET_CHARACTERS;
    !forged && fits(&ticket.ticket) && fits(&ticket.randstr)
}

/// By POST, so that the secret stands in no URL and no gateway's log of them.
fn request(client: &Client, provider: &CaptchaProvider, ticket: &Ticket) -> RequestBuilder {
    client.post(&provider.url).form(&[
        ("aid", provider.app_id.as_str()),
        ("AppSecretKey", provider.app_secret.expose()),
        ("Ticket", &ticket.ticket),
        ("Randstr", &ticket.randstr),
        ("UserIP", &ticket.address),
    ])
}

/// The old gateway's answer: fields are strings or numbers.
#[derive(Deserialize)]
struct Answer {
    response: Value,
    #[serde(default)]
    evil_level: Value,
}

fn read(body: &[u8]) -> Result<bool, GatewayError> {
    let answer: Answer = serde_json::from_slice(body).map_err(|_| GatewayError::Garbage)?;
    let passed = number(&answer.response).ok_or(GatewayError::Garbage)? == 1;
    // A level the gateway left out says nothing bad; one that cannot be read is not relied on.
    let evil_level =
        if answer.evil_level.is_null() { 0 } else { number(&answer.evil_level).ok_or(GatewayError::Garbage)? };
    Ok(passed && evil_level < 100)
}

fn number(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.trim().parse().ok())
}

async fn answer(call: RequestBuilder) -> Result<Vec<u8>, GatewayError> {
    let mut response = call.send().await.map_err(without_url)?;
    if !response.status().is_success() {
        return Err(GatewayError::Status(response.status().as_u16()));
    }
    read_body(&mut response).await
}

async fn read_body(response: &mut Response) -> Result<Vec<u8>, GatewayError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(without_url)? {
        if body.len() + chunk.len() > MAX_ANSWER_BYTES {
            return Err(GatewayError::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn without_url(error: reqwest::Error) -> GatewayError {
    GatewayError::Call(error.without_url())
}

fn client() -> Result<&'static Client, GatewayError> {
    static CLIENT: OnceLock<Option<Client>> = OnceLock::new();
    let build = || {
        // Fails when a provider is installed already, which is then used.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Client::builder().timeout(BUDGET).redirect(reqwest::redirect::Policy::none()).build().ok()
    };
    CLIENT.get_or_init(build).as_ref().ok_or(GatewayError::Client)
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

    #[test]
    fn a_ticket_made_in_the_browser_is_never_asked_about() {
        let ticket = |ticket: &str, randstr: &str| Ticket {
            ticket: ticket.into(),
            randstr: randstr.into(),
            address: "1.2.3.4".into(),
        };
        assert!(is_worth_asking(&ticket("t03abc", "@x")));
        for forged in ["trerror_1001_2", "terror_1", "TRERROR_1", "", &"x".repeat(2049)] {
            assert!(!is_worth_asking(&ticket(forged, "@x")), "{forged}");
        }
        assert!(!is_worth_asking(&ticket("t03abc", "")));
    }
}
