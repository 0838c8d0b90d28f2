//! `GET /users/me/` (B11): the signed-in person's account.

use shared::config::Need;
use shared::http::{Account, Dialect, Endpoint, Reply, Request};
use shared::sessions;
use shared::{App, Error};

/// The endpoint.
pub const ENDPOINT: Endpoint = Endpoint {
    name: "me",
    dialect: Dialect::Detail,
    needs: &[Need::Storage, Need::TokenKeys],
    handle: |app, request| Box::pin(me(app, request)),
};

async fn me(app: &App, request: &Request) -> Result<Reply, Error> {
    let who = sessions::authorize(app, &request.caller(app), request.bearer()).await?;
    Reply::ok(&Account::from(&who.user))
}
