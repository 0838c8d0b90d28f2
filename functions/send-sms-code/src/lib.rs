//! `GET` and `POST /users/sms/{mobile}/` (B4): sends a code by SMS, for the purpose that is asked.

use serde::Serialize;
use shared::accounts::{self, SmsPurpose};
use shared::config::Need;
use shared::domain::CaptchaAction;
use shared::http::{Dialect, Endpoint, Reply, Request};
use shared::{App, Error};

/// The endpoint.
pub const ENDPOINT: Endpoint = Endpoint {
    name: "send-sms-code",
    dialect: Dialect::SmsDetail,
    needs: &[Need::Storage, Need::CodeSecret, Need::TokenKeys],
    handle: |app, request| Box::pin(send_sms_code(app, request)),
};

#[derive(Serialize)]
struct Sent {
    detail: &'static str,
    message: &'static str,
}

async fn send_sms_code(app: &App, request: &Request) -> Result<Reply, Error> {
    request.refuse_blind_get()?;
    let caller = request.caller(app);
    let solved = accounts::require_captcha_pass(app, &caller, request.captcha_pass(), CaptchaAction::Sms).await?;
    let mobile = request.mobile_in_path()?;
    let purpose = match request.query("purpose").as_deref() {
        None | Some("register") => SmsPurpose::Register,
        Some("login") => SmsPurpose::LogIn { register: request.query("register").as_deref() == Some("true") },
        Some("mobile") => SmsPurpose::ChangeMobile(accounts::authorize(app, &caller, request.bearer()).await?.user.id),
        Some(_) => return Err(Error::PurposeUnknown),
    };
    accounts::send_sms_code(app, &caller, solved, &mobile, purpose).await?;
    let detail =
        caller.language.pick("短信已发送!请留意您的手机短信!", "The message was sent. Please check your phone.");
    Reply::ok(&Sent { detail, message: "OK" })
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn its_event_is_accepted_up_to_the_table() {
        let reply = shared::testing::answer(&super::ENDPOINT, include_str!("../../../events/send-sms-code.json")).await;
        assert_eq!(reply.status(), 503);
    }
}
