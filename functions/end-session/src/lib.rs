//! `DELETE /users/me/sessions/{id}/` (C4): signs one device out.

use shared::accounts;
use shared::config::Need;
use shared::http::{Dialect, Endpoint, Reply, Request};
use shared::{App, Error};

/// The endpoint.
pub const ENDPOINT: Endpoint = Endpoint {
    name: "end-session",
    dialect: Dialect::Detail,
    needs: &[Need::Storage, Need::TokenKeys],
    handle: |app, request| Box::pin(end_session(app, request)),
};

async fn end_session(app: &App, request: &Request) -> Result<Reply, Error> {
    let who = accounts::authorize(app, &request.caller(app), request.bearer()).await?;
    let session = request.session_in_path()?;
    accounts::end_session(app, &who.user, &session).await?;
    let reply = Reply::no_content();
    Ok(if session == who.session.id { reply.without_session(app, request) } else { reply })
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn its_event_carries_a_token_that_has_expired() {
        let reply = shared::testing::answer(&super::ENDPOINT, include_str!("../../../events/end-session.json")).await;
        assert_eq!(reply.status(), 401);
    }
}
