//! `GET /users/me/`: returns the signed-in person's account.

use shared::config::Need;
use shared::http::{Account, Endpoint, ErrorFormat, Reply, Request};
use shared::sessions;
use shared::{App, Error};

pub const ENDPOINT: Endpoint = Endpoint {
    name: "me",
    error_format: ErrorFormat::Detail,
    needs: &[Need::Table, Need::TokenKeys],
    handle: |app, request| Box::pin(me(app, request)),
};

async fn me(app: &App, request: &Request) -> Result<Reply, Error> {
    let principal = sessions::authorize(app, &request.caller(app), request.bearer()).await?;
    Reply::ok(&Account::new(app, &principal.user))
}
