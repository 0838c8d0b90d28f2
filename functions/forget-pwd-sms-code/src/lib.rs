//! `POST /forget_pwd/sms_code/` (A3): sends a code to set a new password.

use serde::Serialize;
use shared::accounts::{self, SmsPurpose};
use shared::config::Need;
use shared::domain::{CaptchaAction, Mobile};
use shared::http::{Dialect, Endpoint, Reply, Request};
use shared::{App, Error};

/// The endpoint.
pub const ENDPOINT: Endpoint = Endpoint {
    name: "forget-pwd-sms-code",
    dialect: Dialect::Errno,
    needs: &[Need::Storage, Need::CodeSecret],
    handle: |app, request| Box::pin(forget_pwd_sms_code(app, request)),
};

#[derive(Serialize)]
struct Envelope {
    errno: &'static str,
    errmsg: &'static str,
}

async fn forget_pwd_sms_code(app: &App, request: &Request) -> Result<Reply, Error> {
    let caller = request.caller(app);
    let solved = accounts::require_captcha_pass(app, &caller, request.captcha_pass(), CaptchaAction::Sms).await?;
    let body = request.json()?;
    let [mobile] = body.texts(["mobile"])?;
    let mobile = Mobile::parse(mobile).map_err(|_| Error::MobileMalformed)?;
    accounts::send_sms_code(app, &caller, solved, &mobile, SmsPurpose::ResetPassword).await?;
    Reply::ok(&Envelope {
        errno: "0", errmsg: caller.language.pick("短信验证码发送成功", "The code was sent.")
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
