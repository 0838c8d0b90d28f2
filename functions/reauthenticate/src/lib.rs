//! `POST /users/me/reauthenticate/`: exchanges a password or a code for a reauthentication token, which is valid for
//! five minutes.

use serde::Serialize;
use shared::accounts;
use shared::config::Need;
use shared::crypto::ReauthenticationToken;
use shared::domain::ExposeSecret;
use shared::http::{Digits, Endpoint, ErrorFormat, Reply, Request};
use shared::sessions;
use shared::{App, Error};

pub const ENDPOINT: Endpoint = Endpoint {
    name: "reauthenticate",
    error_format: ErrorFormat::Detail,
    needs: &[Need::Table, Need::CODES, Need::VISITORS, Need::SESSIONS, Need::TokenKeys, Need::PasswordHashing],
    handle: |app, request| Box::pin(reauthenticate(app, request)),
};

#[derive(Serialize)]
struct Reauthenticated<'a> {
    reauthentication: &'a str,
    expires_in: i64,
}

async fn reauthenticate(app: &App, request: &Request) -> Result<Reply, Error> {
    let caller = request.caller(app);
    let principal = sessions::authorize(app, &caller, request.bearer()).await?;
    let credential = request.json()?.credential(Digits::Pasted)?;
    let reauthentication = accounts::reauthenticate(app, &caller, &principal, &credential).await?;
    Reply::ok(&Reauthenticated {
        reauthentication: reauthentication.expose_secret(),
        expires_in: ReauthenticationToken::LIFE_SECONDS,
    })
}
