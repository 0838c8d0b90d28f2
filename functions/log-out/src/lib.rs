//! `POST /users/logout/`: ends the session of a refresh token or, for a signed-in person, all sessions.

use shared::accounts;
use shared::config::Need;
use shared::http::{Endpoint, ErrorFormat, Reply, Request};
use shared::sessions;
use shared::{App, Caller, Error};

pub const ENDPOINT: Endpoint = Endpoint {
    name: "log-out",
    error_format: ErrorFormat::Detail,
    needs: &[Need::Table, Need::VISITORS, Need::SESSIONS, Need::TokenKeys],
    handle: |app, request| Box::pin(log_out(app, request)),
};

async fn log_out(app: &App, request: &Request) -> Result<Reply, Error> {
    let caller = request.caller(app);
    if asks_for_all(request)? {
        let principal = sessions::authorize(app, &caller, request.bearer()).await?;
        accounts::log_out_everywhere(app, &principal.user).await?;
        let user = &principal.user.id;
        return Ok(Reply::no_content().without_session_of(app, request, user).without_device_of(app, request, user));
    }
    match end(app, &caller, request).await {
        Ok(()) => Ok(Reply::no_content().without_session(app, request)),
        Err(error) => Ok(Reply::session_refused(app, request, error)),
    }
}

async fn end(app: &App, caller: &Caller, request: &Request) -> Result<(), Error> {
    accounts::log_out(app, caller, &request.refresh_token(app)?).await
}

/// Returns whether the request asks to end all sessions. A request in cookie mode has its refresh token in the cookie
/// and may have no body.
fn asks_for_all(request: &Request) -> Result<bool, Error> {
    match request.json() {
        Ok(body) => Ok(body.optional_boolean("all")?.unwrap_or(false)),
        Err(Error::BodyEmpty) if request.wants_cookie() => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn its_event_carries_a_token_that_is_not_ours() {
        let reply = shared::testing::answer(&super::ENDPOINT, include_str!("../../../events/log-out.json")).await;
        assert_eq!(
            (reply.status().as_u16(), &reply.headers()["x-error-code"]),
            (401, &"refresh_token_invalid".parse().unwrap())
        );
    }
}
