//! `POST /users/me/reauthenticate/` (C13): exchanges a password or a code for a reauthentication, good for five minutes.

use serde::Serialize;
use shared::accounts;
use shared::config::Need;
use shared::crypto::Reauthentication;
use shared::http::{Dialect, Digits, Endpoint, Reply, Request};
use shared::sessions;
use shared::{App, Error};

/// The endpoint.
pub const ENDPOINT: Endpoint = Endpoint {
    name: "reauthenticate",
    dialect: Dialect::Detail,
    needs: &[Need::Storage, Need::CodeSecret, Need::TokenKeys, Need::PasswordHashing],
    handle: |app, request| Box::pin(reauthenticate(app, request)),
};

#[derive(Serialize)]
struct Reauthenticated<'a> {
    reauthentication: &'a str,
    expires_in: i64,
}

async fn reauthenticate(app: &App, request: &Request) -> Result<Reply, Error> {
    let who = sessions::authorize(app, &request.caller(app), request.bearer()).await?;
    let credential = request.json()?.credential(Digits::Pasted)?;
    let reauthentication = accounts::reauthenticate(app, &who, &credential).await?;
    Reply::ok(&Reauthenticated {
        reauthentication: reauthentication.expose(),
        expires_in: Reauthentication::LIFE_SECONDS,
    })
}
