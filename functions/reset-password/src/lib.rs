//! `PUT /users/find/password/`: sets a new password by a mailed link.

use shared::accounts;
use shared::config::Need;
use shared::credentials;
use shared::crypto::CaptchaAction;
use shared::domain::{NewPassword, Person};
use shared::http::{Endpoint, ErrorFormat, Reply, Request};
use shared::{App, Error};

pub const ENDPOINT: Endpoint = Endpoint {
    name: "reset-password",
    error_format: ErrorFormat::JsonString,
    needs: &[Need::Table, Need::LINKS, Need::VISITORS, Need::SESSIONS, Need::PasswordHashing],
    handle: |app, request| Box::pin(reset_password(app, request)),
};

async fn reset_password(app: &App, request: &Request) -> Result<Reply, Error> {
    let caller = request.caller(app);
    credentials::require_captcha_pass(app, &caller, request.captcha_pass(), CaptchaAction::Reset).await?;
    let body = request.json()?;
    let [token, password, repeated] = body.texts(["access_token", "password", "password2"])?;
    let new_password = NewPassword::parse(password, app.config.passwords.rules, &Person::default())?;
    if password != repeated {
        return Err(Error::PasswordsDiffer);
    }
    let user = accounts::reset_password_by_link(app, &caller, token, new_password).await?;
    let said = caller.language.pick("重置密码成功！", "The password was reset.");
    Ok(Reply::ok(&said)?.without_session_of(app, request, &user).without_device_of(app, request, &user))
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn its_event_carries_a_link_that_is_not_ours() {
        let reply =
            shared::testing::answer(&super::ENDPOINT, include_str!("../../../events/reset-password.json")).await;
        assert_eq!(
            (reply.status().as_u16(), &reply.headers()["x-error-code"]),
            (400, &"link_invalid".parse().unwrap())
        );
    }
}
