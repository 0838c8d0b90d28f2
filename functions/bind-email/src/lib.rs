//! `PUT /users/me/email/`: binds the address that the code was sent to.

use serde::Serialize;
use shared::accounts;
use shared::config::Need;
use shared::domain::Email;
use shared::http::{Digits, Endpoint, ErrorFormat, Renewed, Reply, Request};
use shared::sessions;
use shared::{App, Error};

pub const ENDPOINT: Endpoint = Endpoint {
    name: "bind-email",
    error_format: ErrorFormat::Detail,
    needs: &[Need::Table, Need::CODES, Need::VISITORS, Need::SESSIONS, Need::TokenKeys, Need::SEALED_KEYS],
    handle: |app, request| Box::pin(bind_email(app, request)),
};

#[derive(Serialize)]
struct Bound<'a> {
    email: Option<&'a Email>,
    #[serde(flatten)]
    renewed: Renewed<'a>,
}

async fn bind_email(app: &App, request: &Request) -> Result<Reply, Error> {
    let caller = request.caller(app);
    let principal = sessions::authorize(app, &caller, request.bearer()).await?;
    let body = request.json()?;
    let [email, code] = body.texts(["email", "email_code"])?;
    let email = Email::parse(email).map_err(|_| Error::EmailMalformed)?;
    let code = Digits::Exact.code(code)?;
    let signed_in = accounts::bind_email(app, &caller, principal, email, &code).await?;
    let renewed = Renewed::new(&signed_in, request);
    let reply = Reply::ok(&Bound { email: signed_in.user.email.as_ref(), renewed })?;
    Ok(reply.with_device(app, request, &signed_in))
}
