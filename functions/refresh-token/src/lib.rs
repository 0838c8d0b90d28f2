//! `POST /users/token/refresh/`: exchanges a refresh token for its successor and a new access token.

use shared::accounts;
use shared::config::Need;
use shared::http::{Endpoint, ErrorFormat, Reply, Request, Tokens};
use shared::sessions::SignedIn;
use shared::{App, Error};

pub const ENDPOINT: Endpoint = Endpoint {
    name: "refresh-token",
    error_format: ErrorFormat::Detail,
    needs: &[Need::Table, Need::VISITORS, Need::SESSIONS, Need::TokenKeys, Need::SEALED_KEYS],
    handle: |app, request| Box::pin(refresh_token(app, request)),
};

async fn refresh_token(app: &App, request: &Request) -> Result<Reply, Error> {
    match refresh(app, request).await {
        Ok(signed_in) => Ok(Reply::ok(&Tokens::new(&signed_in, request))?.with_session(app, request, &signed_in)),
        Err(error) => Ok(Reply::session_refused(app, request, error)),
    }
}

async fn refresh(app: &App, request: &Request) -> Result<SignedIn, Error> {
    accounts::refresh(app, &request.caller(app), &request.refresh_token(app)?).await
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn its_event_carries_a_token_that_is_not_ours() {
        let reply = shared::testing::answer(&super::ENDPOINT, include_str!("../../../events/refresh-token.json")).await;
        assert_eq!(
            (reply.status().as_u16(), &reply.headers()["x-error-code"]),
            (401, &"refresh_token_invalid".parse().unwrap())
        );
    }
}
