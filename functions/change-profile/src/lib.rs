//! `PATCH /users/me/`: changes nickname and username. A username takes a proof.

use shared::accounts;
use shared::config::Need;
use shared::domain::{Nickname, Username};
use shared::http::{Account, Digits, Endpoint, ErrorFormat, Reply, Request};
use shared::sessions;
use shared::{App, Error};

pub const ENDPOINT: Endpoint = Endpoint {
    name: "change-profile",
    error_format: ErrorFormat::Detail,
    needs: &[Need::Table, Need::CODES, Need::VISITORS, Need::SESSIONS, Need::TokenKeys, Need::SeldomPasswordHashing],
    handle: |app, request| Box::pin(change_profile(app, request)),
};

async fn change_profile(app: &App, request: &Request) -> Result<Reply, Error> {
    let caller = request.caller(app);
    let principal = sessions::authorize(app, &caller, request.bearer()).await?;
    let body = request.json()?;
    let nickname = body.optional_text("nickname")?.map(Nickname::parse).transpose()?;
    let username = body.optional_text("username")?.map(Username::parse).transpose()?;
    // The present username counts as not given, so that a form can send all its fields.
    let user = match username.filter(|username| principal.user.username.as_ref() != Some(username)) {
        None => accounts::change_nickname(app, principal.user, nickname).await?,
        Some(username) => {
            let proof = body.proof(Digits::Pasted)?;
            accounts::rename(app, &caller, principal, &proof, username, nickname).await?
        }
    };
    Reply::ok(&Account::new(app, &user))
}
