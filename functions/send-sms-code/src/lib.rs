//! `GET` and `POST /users/sms/{mobile}/`: send a code by SMS for the given purpose.

use serde::Serialize;
use shared::accounts::{self, SmsPurpose};
use shared::config::Need;
use shared::credentials;
use shared::crypto::CaptchaAction;
use shared::domain::ChallengeId;
use shared::http::{Endpoint, ErrorFormat, Reply, Request};
use shared::sessions;
use shared::{App, Error};

pub const ENDPOINT: Endpoint = Endpoint {
    name: "send-sms-code",
    error_format: ErrorFormat::SmsDetail,
    needs: &[Need::Table, Need::VISITORS, Need::TokenKeys],
    handle: |app, request| Box::pin(send_sms_code(app, request)),
};

#[derive(Serialize)]
struct Sent<'a> {
    detail: &'a str,
    message: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    handle: Option<&'a str>,
}

async fn send_sms_code(app: &App, request: &Request) -> Result<Reply, Error> {
    request.refuse_cross_site()?;
    request.refuse_foreign_origin(app)?;
    let caller = request.caller(app);
    let solved = credentials::require_captcha_pass(app, &caller, request.captcha_pass(), CaptchaAction::Sms).await?;
    let mobile = request.mobile_in_path()?;
    let purpose = match request.query("purpose").as_deref() {
        None | Some("register") => SmsPurpose::Register,
        Some("login") => SmsPurpose::LogIn { register: request.query("register").as_deref() == Some("true") },
        Some("mobile") => {
            let principal = sessions::authorize(app, &caller, request.bearer()).await?;
            SmsPurpose::ChangeMobile(Box::new(principal.user))
        }
        Some(_) => return Err(Error::PurposeUnknown),
    };
    // Refuses a request that a form on another site can send, in old browsers too.
    request.refuse_form()?;
    match request.json() {
        Ok(_) | Err(Error::BodyEmpty) => {}
        Err(error) => return Err(error),
    }
    let challenge_id =
        request.query("handle").map(|text| ChallengeId::requested(&text).ok_or(Error::malformed("handle")));
    // A code to a new number belongs to the account that asked for it, so nobody else can guess at it.
    let challenge_id = challenge_id.transpose()?.filter(|_| !matches!(purpose, SmsPurpose::ChangeMobile(_)));
    accounts::send_sms_code(app, &caller, solved, &mobile, purpose, challenge_id.clone()).await?;
    let detail =
        caller.language.pick("短信已发送!请留意您的手机短信!", "The message was sent. Please check your phone.");
    Reply::ok(&Sent { detail, message: "OK", handle: challenge_id.as_ref().map(ChallengeId::as_str) })
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn its_event_is_accepted_up_to_the_table() {
        let reply = shared::testing::answer(&super::ENDPOINT, include_str!("../../../events/send-sms-code.json")).await;
        assert_eq!(reply.status(), 503);
    }
}
