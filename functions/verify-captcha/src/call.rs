//! Calls to a captcha service. A slow, broken, huge or empty answer is an error, and after an error no pass is issued
//! (ASVS 16.5.3).

use std::sync::OnceLock;
use std::time::Duration;

use reqwest::{Client, RequestBuilder, Response};

/// The timeout of a call, from connecting to the last byte of the answer.
const TIMEOUT: Duration = Duration::from_secs(3);
/// The maximum length of an answer. Real ones have a few hundred bytes.
const MAX_ANSWER_BYTES: usize = 16 * 1024;

/// The error for a call without a reliable answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    #[error("the HTTP client cannot be set up")]
    Client,
    #[error("the call failed")]
    Call(#[source] reqwest::Error),
    #[error("the service answered with status {0}")]
    Status(u16),
    #[error("the answer is too long")]
    TooLong,
    #[error("the answer is not what the protocol says")]
    Garbage,
    #[error("the service refused the call: {0}")]
    Refused(String),
}

/// Sends a call and returns the body of its answer.
pub(crate) async fn answer(call: RequestBuilder) -> Result<Vec<u8>, CallError> {
    let mut response = call.send().await.map_err(without_url)?;
    if !response.status().is_success() {
        return Err(CallError::Status(response.status().as_u16()));
    }
    read_body(&mut response).await
}

async fn read_body(response: &mut Response) -> Result<Vec<u8>, CallError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(without_url)? {
        if body.len() + chunk.len() > MAX_ANSWER_BYTES {
            return Err(CallError::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn without_url(error: reqwest::Error) -> CallError {
    CallError::Call(error.without_url())
}

pub(crate) fn client() -> Result<&'static Client, CallError> {
    static CLIENT: OnceLock<Option<Client>> = OnceLock::new();
    let build = || {
        // This fails if a provider is already installed. Then that one is used.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Client::builder().timeout(TIMEOUT).redirect(reqwest::redirect::Policy::none()).build().ok()
    };
    CLIENT.get_or_init(build).as_ref().ok_or(CallError::Client)
}
