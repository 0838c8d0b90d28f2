//! `PUT /users/me/password/`: changes the password or sets the first one. Every other session ends.

use shared::accounts;
use shared::config::Need;
use shared::domain::{NewPassword, Person};
use shared::http::{Digits, Endpoint, ErrorFormat, Reply, Request, Tokens};
use shared::sessions;
use shared::{App, Error};

pub const ENDPOINT: Endpoint = Endpoint {
    name: "change-password",
    error_format: ErrorFormat::Detail,
    needs: &[
        Need::Table,
        Need::CODES,
        Need::VISITORS,
        Need::SESSIONS,
        Need::TokenKeys,
        Need::SEALED_KEYS,
        Need::PasswordHashing,
    ],
    handle: |app, request| Box::pin(change_password(app, request)),
};

async fn change_password(app: &App, request: &Request) -> Result<Reply, Error> {
    let caller = request.caller(app);
    let principal = sessions::authorize(app, &caller, request.bearer()).await?;
    let body = request.json()?;
    let proof = body.proof(Digits::Pasted)?;
    let [password] = body.texts(["new_password"])?;
    let password = NewPassword::parse(password, app.config.passwords.rules, &Person::default())?;
    let signed_in = accounts::change_password(app, &caller, principal, &proof, password).await?;
    let reply = Reply::ok(&Tokens::new(&signed_in, request))?;
    Ok(reply.with_device(app, request, &signed_in).with_session(app, request, &signed_in))
}
