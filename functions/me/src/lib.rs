//! `GET /users/me/` (B11): the signed-in person's account.

use serde::Serialize;
use shared::accounts;
use shared::config::Need;
use shared::domain::{Email, Nickname, UserId, Username};
use shared::http::{Dialect, Endpoint, Reply, Request};
use shared::{App, Error};

/// The endpoint.
pub const ENDPOINT: Endpoint = Endpoint {
    name: "me",
    dialect: Dialect::Detail,
    needs: &[Need::Storage, Need::TokenSecret],
    handle: |app, request| Box::pin(me(app, request)),
};

#[derive(Serialize)]
struct Account<'a> {
    id: &'a UserId,
    username: Option<&'a Username>,
    nickname: &'a Nickname,
    mobile: String,
    email: Option<&'a Email>,
    avatar: &'a str,
    has_password: bool,
}

async fn me(app: &App, request: &Request) -> Result<Reply, Error> {
    let user = accounts::authorize(app, &request.caller(app), request.bearer()).await?;
    Reply::ok(&Account {
        id: &user.id,
        username: user.username.as_ref(),
        nickname: &user.nickname,
        mobile: user.mobile.masked(),
        email: user.email.as_ref(),
        avatar: &user.avatar,
        has_password: user.password_hash.is_some(),
    })
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn its_event_carries_a_token_that_has_expired() {
        let reply = shared::testing::answer(&super::ENDPOINT, include_str!("../../../events/me.json")).await;
        assert_eq!(reply.status(), 401);
    }
}
