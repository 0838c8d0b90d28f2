//! `PATCH /users/me/`: changes nickname and username.

use shared::accounts;
use shared::config::Need;
use shared::domain::{Nickname, Username};
use shared::http::{Account, Endpoint, ErrorFormat, Reply, Request};
use shared::sessions;
use shared::{App, Error};

pub const ENDPOINT: Endpoint = Endpoint {
    name: "change-profile",
    error_format: ErrorFormat::Detail,
    needs: &[Need::Table, Need::TokenKeys],
    handle: |app, request| Box::pin(change_profile(app, request)),
};

async fn change_profile(app: &App, request: &Request) -> Result<Reply, Error> {
    let principal = sessions::authorize(app, &request.caller(app), request.bearer()).await?;
    let body = request.json()?;
    let nickname = body.optional_text("nickname")?.map(Nickname::parse).transpose()?;
    let username = body.optional_text("username")?.map(Username::parse).transpose()?;
    let user = accounts::change_profile(app, principal.user, nickname, username).await?;
    Reply::ok(&Account::new(app, &user))
}
