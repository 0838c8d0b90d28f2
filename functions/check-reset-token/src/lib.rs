//! `POST /users/find/password/`: returns the email of the account that a reset link is valid for.

use serde::Serialize;
use shared::accounts;
use shared::config::Need;
use shared::domain::Email;
use shared::http::{Endpoint, ErrorFormat, Reply, Request};
use shared::{App, Error};

pub const ENDPOINT: Endpoint = Endpoint {
    name: "check-reset-token",
    error_format: ErrorFormat::JsonString,
    needs: &[Need::Table, Need::LINKS],
    handle: |app, request| Box::pin(check_reset_token(app, request)),
};

#[derive(Serialize)]
struct Good {
    email: Email,
}

async fn check_reset_token(app: &App, request: &Request) -> Result<Reply, Error> {
    let body = request.json()?;
    let [token] = body.texts(["access_token"])?;
    Reply::ok(&Good { email: accounts::check_reset_link(app, token).await? })
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn its_event_carries_a_link_that_is_not_ours() {
        let reply =
            shared::testing::answer(&super::ENDPOINT, include_str!("../../../events/check-reset-token.json")).await;
        assert_eq!(
            (reply.status().as_u16(), &reply.headers()["x-error-code"]),
            (400, &"link_invalid".parse().unwrap())
        );
    }
}
