//! `POST /users/login/`: exchanges an account name and a password for tokens.

use shared::accounts;
use shared::config::Need;
use shared::credentials;
use shared::crypto::CaptchaAction;
use shared::domain::Password;
use shared::http::{Endpoint, ErrorFormat, LoggedIn, Reply, Request};
use shared::{App, Error};

pub const ENDPOINT: Endpoint = Endpoint {
    name: "log-in",
    error_format: ErrorFormat::FieldLists,
    needs: &[Need::Table, Need::VISITORS, Need::SESSIONS, Need::TokenKeys, Need::SEALED_KEYS, Need::PasswordHashing],
    handle: |app, request| Box::pin(log_in(app, request)),
};

async fn log_in(app: &App, request: &Request) -> Result<Reply, Error> {
    let caller = request.caller(app);
    credentials::require_captcha_pass(app, &caller, request.captcha_pass(), CaptchaAction::Login).await?;
    let body = request.json()?;
    let [username, password] = body.texts(["username", "password"])?;
    let remembered = body.optional_boolean("remember")?.unwrap_or(true);
    let password = Password::new(password);
    let signed_in = accounts::log_in(app, &caller, username, &password, remembered).await?;
    let reply = Reply::ok(&LoggedIn::new(&signed_in, request))?;
    Ok(reply.with_device(app, request, &signed_in).with_session(app, request, &signed_in))
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn its_event_is_accepted_up_to_the_table() {
        let reply = shared::testing::answer(&super::ENDPOINT, include_str!("../../../events/log-in.json")).await;
        assert_eq!(reply.status(), 503);
    }
}
