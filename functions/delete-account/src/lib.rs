//! `DELETE /users/me/`: deletes the account and releases its number, username and email.

use shared::accounts;
use shared::config::Need;
use shared::http::{Digits, Endpoint, ErrorFormat, Reply, Request};
use shared::sessions;
use shared::{App, Error};

pub const ENDPOINT: Endpoint = Endpoint {
    name: "delete-account",
    error_format: ErrorFormat::Detail,
    needs: &[Need::Table, Need::CODES, Need::VISITORS, Need::SESSIONS, Need::TokenKeys, Need::PasswordHashing],
    handle: |app, request| Box::pin(delete_account(app, request)),
};

async fn delete_account(app: &App, request: &Request) -> Result<Reply, Error> {
    let caller = request.caller(app);
    let principal = sessions::authorize(app, &caller, request.bearer()).await?;
    let proof = request.json()?.proof(Digits::Pasted)?;
    accounts::delete_account(app, &caller, &principal, &proof).await?;
    let gone = &principal.user.id;
    Ok(Reply::no_content().without_session_of(app, request, gone).without_device_of(app, request, gone))
}
