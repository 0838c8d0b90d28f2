//! `POST /users/`: makes an account with a mobile number and the code sent to it.

use serde::Serialize;
use shared::accounts::{self, Registration};
use shared::config::Need;
use shared::credentials;
use shared::crypto::CaptchaAction;
use shared::domain::{NewPassword, Nickname, Person, UserId};
use shared::http::{Digits, Endpoint, ErrorFormat, Fields, Reply, Request, Tokens};
use shared::{App, Error};

pub const ENDPOINT: Endpoint = Endpoint {
    name: "register",
    error_format: ErrorFormat::FieldLists,
    needs: &[
        Need::Table,
        Need::CODES,
        Need::VISITORS,
        Need::SESSIONS,
        Need::TokenKeys,
        Need::SEALED_KEYS,
        Need::PasswordHashing,
    ],
    handle: |app, request| Box::pin(register(app, request)),
};

#[derive(Serialize)]
struct Registered<'a> {
    id: &'a UserId,
    username: &'a str,
    nickname: &'a Nickname,
    #[serde(flatten)]
    tokens: Tokens<'a>,
}

async fn register(app: &App, request: &Request) -> Result<Reply, Error> {
    let caller = request.caller(app);
    credentials::require_captcha_pass(app, &caller, request.captcha_pass(), CaptchaAction::Register).await?;
    let registration = parse(app, &request.json()?)?;
    let signed_in = accounts::register(app, &caller, registration).await?;
    let reply = Reply::json(
        201,
        &Registered {
            id: &signed_in.user.id,
            username: signed_in.user.display_name(),
            nickname: &signed_in.user.nickname,
            tokens: Tokens::new(&signed_in, request),
        },
    )?;
    Ok(reply.with_device(app, request, &signed_in).with_session(app, request, &signed_in))
}

fn parse(app: &App, body: &Fields) -> Result<Registration, Error> {
    let [nickname, mobile, code, password] = body.texts(["nickname", "mobile", "sms_code", "password"])?;
    let mobile = Digits::Exact.mobile(mobile)?;
    let nickname = Nickname::parse(nickname)?;
    let consent = body.consent(&app.config.consent, app.clock.now())?;
    let code = Digits::Exact.code(code)?;
    let challenge_id = body.challenge_id()?;
    let person = Person { mobile: Some(&mobile), nickname: Some(&nickname), ..Person::default() };
    let password = NewPassword::parse(password, app.config.passwords.rules, &person)?;
    Ok(Registration { nickname, mobile, code, challenge_id, password, consent })
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn its_event_is_accepted_up_to_the_table() {
        let reply = shared::testing::answer(&super::ENDPOINT, include_str!("../../../events/register.json")).await;
        assert_eq!(reply.status(), 503);
    }
}
