//! `POST /users/secure/`: ends every session and the password, and mails a reset link. The "this wasn't me" link of a
//! security notification leads here, for an owner who did not make the change.

use serde::Serialize;
use shared::accounts;
use shared::config::Need;
use shared::http::{Endpoint, ErrorFormat, Reply, Request};
use shared::{App, Error};

pub const ENDPOINT: Endpoint = Endpoint {
    name: "secure-account",
    error_format: ErrorFormat::Detail,
    needs: &[Need::Table, Need::LINKS, Need::VISITORS, Need::SESSIONS],
    handle: |app, request| Box::pin(secure_account(app, request)),
};

#[derive(Serialize)]
struct Secured {
    detail: &'static str,
}

async fn secure_account(app: &App, request: &Request) -> Result<Reply, Error> {
    let caller = request.caller(app);
    let body = request.json()?;
    let [token] = body.texts(["token"])?;
    let user = accounts::secure_account(app, &caller, token).await?;
    let detail = caller.language.pick(
        "所有设备已退出登录，原密码已停用。请设置新密码。",
        "Every device was signed out, and the password no longer works. Please set a new one.",
    );
    Ok(Reply::ok(&Secured { detail })?.without_session_of(app, request, &user).without_device_of(app, request, &user))
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn its_event_carries_a_link_that_is_not_ours() {
        let reply =
            shared::testing::answer(&super::ENDPOINT, include_str!("../../../events/secure-account.json")).await;
        assert_eq!(
            (reply.status().as_u16(), &reply.headers()["x-error-code"]),
            (400, &"link_invalid".parse().unwrap())
        );
    }
}
