//! `POST /users/me/email/`: sends a code to an address that the signed-in person wants to bind.

use serde::Serialize;
use shared::accounts;
use shared::config::Need;
use shared::domain::Email;
use shared::http::{Digits, Endpoint, ErrorFormat, Reply, Request};
use shared::sessions;
use shared::{App, Error};

pub const ENDPOINT: Endpoint = Endpoint {
    name: "send-email-code",
    error_format: ErrorFormat::Detail,
    needs: &[Need::Table, Need::CODES, Need::VISITORS, Need::SESSIONS, Need::TokenKeys, Need::PasswordHashing],
    handle: |app, request| Box::pin(send_email_code(app, request)),
};

#[derive(Serialize)]
struct Sent {
    detail: &'static str,
}

async fn send_email_code(app: &App, request: &Request) -> Result<Reply, Error> {
    let caller = request.caller(app);
    let principal = sessions::authorize(app, &caller, request.bearer()).await?;
    let body = request.json()?;
    let [email] = body.texts(["email"])?;
    let email = Email::parse(email).map_err(|_| Error::EmailMalformed)?;
    let proof = body.proof(Digits::Exact)?;
    accounts::send_email_code(app, &caller, &principal, &email, &proof).await?;
    Reply::ok(&Sent {
        detail: caller.language.pick("验证码已发送到您的邮箱", "The code was sent to your mailbox.")
    })
}
