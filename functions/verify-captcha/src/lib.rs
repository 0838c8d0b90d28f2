//! `GET /users/captcha/`: checks a captcha ticket with the captcha service, and issues a captcha pass.

mod call;
mod tencent_cloud;
mod ticket;
mod ticket_verify;

use serde::Serialize;
use shared::config::{CaptchaProvider, Need};
use shared::credentials;
use shared::crypto::CaptchaAction;
use shared::domain::Timestamp;
use shared::http::{Endpoint, ErrorFormat, Reply, Request};
use shared::{App, Error};

use call::CallError;
use ticket::Ticket;

pub const ENDPOINT: Endpoint = Endpoint {
    name: "verify-captcha",
    error_format: ErrorFormat::Detail,
    needs: &[Need::Table, Need::VISITORS],
    handle: |app, request| Box::pin(verify_captcha(app, request)),
};

#[derive(Serialize)]
struct Passed {
    detail: u8,
    captcha_pass: String,
}

async fn verify_captcha(app: &App, request: &Request) -> Result<Reply, Error> {
    request.refuse_cross_site()?;
    let caller = request.caller(app);
    let provider = app.config.captcha.provider.as_ref().ok_or(Error::CaptchaNotConfigured)?;
    let action = match request.query("action") {
        Some(action) => Some(CaptchaAction::parse(&action).ok_or(Error::ActionUnknown)?),
        None => None,
    };
    credentials::count_captcha(app, &caller).await?;
    let ticket = Ticket {
        ticket: request.query("ticket").unwrap_or_default(),
        randstr: request.query("randstr").unwrap_or_default(),
        address: caller.address.clone(),
    };
    let passed = verify(provider, &ticket, app.clock.now()).await;
    if !passed.map_err(|source| Error::unavailable("asking the captcha gateway", source))? {
        return Err(Error::CaptchaRefused);
    }
    Reply::ok(&Passed { detail: 1, captcha_pass: credentials::issue_captcha_pass(app, &caller, action)? })
}

/// Returns whether the service accepts a ticket.
async fn verify(provider: &CaptchaProvider, ticket: &Ticket, now: Timestamp) -> Result<bool, CallError> {
    if !ticket.is_worth_asking() {
        return Ok(false);
    }
    match &provider.signer {
        Some(signer) => {
            let call = tencent_cloud::request(call::client()?, provider, signer, ticket, now);
            tencent_cloud::read(&call::answer(call).await?)
        }
        None => ticket_verify::read(&call::answer(ticket_verify::request(call::client()?, provider, ticket)).await?),
    }
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn its_event_is_answered_that_no_captcha_is_configured() {
        let reply =
            shared::testing::answer(&super::ENDPOINT, include_str!("../../../events/verify-captcha.json")).await;
        assert_eq!(reply.status(), 503);
        assert_eq!(reply.headers()["x-error-code"], "captcha_not_configured");
    }
}
