//! `POST /forget_pwd/sms_code/`: sends a code that sets a new password.

use serde::Serialize;
use shared::accounts::{self, SmsPurpose};
use shared::config::Need;
use shared::credentials;
use shared::crypto::CaptchaAction;
use shared::domain::ChallengeId;
use shared::http::{Digits, Endpoint, ErrorFormat, Reply, Request};
use shared::{App, Error};

pub const ENDPOINT: Endpoint = Endpoint {
    name: "forget-pwd-sms-code",
    error_format: ErrorFormat::ErrnoSms,
    needs: &[Need::Table, Need::VISITORS],
    handle: |app, request| Box::pin(forget_pwd_sms_code(app, request)),
};

#[derive(Serialize)]
struct Envelope<'a> {
    errno: &'a str,
    errmsg: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    handle: Option<&'a str>,
}

async fn forget_pwd_sms_code(app: &App, request: &Request) -> Result<Reply, Error> {
    let caller = request.caller(app);
    let solved = credentials::require_captcha_pass(app, &caller, request.captcha_pass(), CaptchaAction::Sms).await?;
    let body = request.json()?;
    let [mobile] = body.texts(["mobile"])?;
    let mobile = Digits::Exact.mobile(mobile)?;
    let challenge_id = body.requested_challenge_id()?;
    let purpose = SmsPurpose::ResetPassword;
    accounts::send_sms_code(app, &caller, solved, &mobile, purpose, challenge_id.clone()).await?;
    Reply::ok(&Envelope {
        errno: "0",
        errmsg: caller.language.pick("短信验证码发送成功", "The code was sent."),
        handle: challenge_id.as_ref().map(ChallengeId::as_str),
    })
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn its_event_is_accepted_up_to_the_table() {
        let reply =
            shared::testing::answer(&super::ENDPOINT, include_str!("../../../events/forget-pwd-sms-code.json")).await;
        assert_eq!(reply.status(), 503);
    }
}
