//! `DELETE /users/me/sessions/{id}/`: signs one device out.

use shared::accounts;
use shared::config::Need;
use shared::http::{Endpoint, ErrorFormat, Reply, Request};
use shared::sessions;
use shared::{App, Error};

pub const ENDPOINT: Endpoint = Endpoint {
    name: "end-session",
    error_format: ErrorFormat::Detail,
    needs: &[Need::Table, Need::TokenKeys],
    handle: |app, request| Box::pin(end_session(app, request)),
};

async fn end_session(app: &App, request: &Request) -> Result<Reply, Error> {
    let principal = sessions::authorize(app, &request.caller(app), request.bearer()).await?;
    let session = request.session_in_path()?;
    accounts::end_session(app, &principal.user, &session).await?;
    let reply = Reply::no_content();
    Ok(if session == principal.session.id { reply.without_session(app, request) } else { reply })
}
