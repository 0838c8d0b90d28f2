//! `POST /users/sms_login/`: signs in by a code sent to the mobile number, and signs up in the same step.

use shared::accounts::{self, SmsLogIn, SmsSignUp};
use shared::config::Need;
use shared::domain::Nickname;
use shared::http::{Digits, Endpoint, ErrorFormat, Fields, LoggedIn, Reply, Request};
use shared::{App, Error};

pub const ENDPOINT: Endpoint = Endpoint {
    name: "sms-log-in",
    error_format: ErrorFormat::Detail,
    needs: &[
        Need::Table,
        Need::CODES,
        Need::VISITORS,
        Need::SESSIONS,
        Need::TokenKeys,
        Need::SEALED_KEYS,
        Need::SeldomPasswordHashing,
    ],
    handle: |app, request| Box::pin(sms_log_in(app, request)),
};

async fn sms_log_in(app: &App, request: &Request) -> Result<Reply, Error> {
    let log_in = parse(app, &request.json()?)?;
    let signed_in = accounts::sms_log_in(app, &request.caller(app), log_in).await?;
    let reply = Reply::ok(&LoggedIn::new(&signed_in, request))?;
    Ok(reply.with_device(app, request, &signed_in).with_session(app, request, &signed_in))
}

fn parse(app: &App, body: &Fields) -> Result<SmsLogIn, Error> {
    let [mobile, code] = body.texts(["mobile", "sms_code"])?;
    let mobile = Digits::Pasted.mobile(mobile)?;
    let nickname = body.optional_text("nickname")?.map(Nickname::parse).transpose()?;
    let consent = body.consent(&app.config.consent, app.clock.now())?;
    let signs_up = body.optional_boolean("register")?.unwrap_or(false);
    let remembered = body.optional_boolean("remember")?.unwrap_or(true);
    let code = Digits::Pasted.code(code)?;
    let (challenge_id, second_proof) = (body.challenge_id()?, body.second_proof(Digits::Pasted)?);
    let sign_up = signs_up.then_some(SmsSignUp { nickname, consent });
    Ok(SmsLogIn { mobile, code, challenge_id, second_proof, remembered, sign_up })
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn its_event_is_accepted_up_to_the_table() {
        let reply = shared::testing::answer(&super::ENDPOINT, include_str!("../../../events/sms-log-in.json")).await;
        assert_eq!(reply.status(), 503);
    }
}
