//! `GET /users/captcha/` (B2): checks a captcha's ticket with its gateway, and hands out a pass.

mod gateway;
mod tencent_cloud;

use serde::Serialize;
use shared::config::Need;
use shared::credentials;
use shared::crypto::CaptchaAction;
use shared::http::{Endpoint, ErrorFormat, Reply, Request};
use shared::{App, Error};

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
    let ticket = gateway::Ticket {
        ticket: request.query("ticket").unwrap_or_default(),
        randstr: request.query("randstr").unwrap_or_default(),
        address: caller.address.clone(),
    };
    let passed = gateway::verify(provider, &ticket, app.clock.now()).await;
    if !passed.map_err(|source| Error::unavailable("asking the captcha gateway", source))? {
        return Err(Error::CaptchaRefused);
    }
    Reply::ok(&Passed { detail: 1, captcha_pass: credentials::issue_captcha_pass(app, &caller, action)? })
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
