//! `GET /users/find/password/` and `POST /users/find/password/email/`: mail a link that sets a new password.

use lambda_http::http::Method;
use shared::accounts;
use shared::config::Need;
use shared::credentials;
use shared::crypto::CaptchaAction;
use shared::domain::Email;
use shared::http::{Endpoint, ErrorFormat, Reply, Request};
use shared::{App, Error};

pub const ENDPOINT: Endpoint = Endpoint {
    name: "send-reset-email",
    error_format: ErrorFormat::JsonString,
    needs: &[Need::Table, Need::VISITORS],
    handle: |app, request| Box::pin(send_reset_email(app, request)),
};

async fn send_reset_email(app: &App, request: &Request) -> Result<Reply, Error> {
    request.refuse_cross_site()?;
    let caller = request.caller(app);
    let solved = credentials::require_captcha_pass(app, &caller, request.captcha_pass(), CaptchaAction::Mail).await?;
    let email = if *request.method() == Method::GET {
        with_plus(&request.query("email").unwrap_or_default())
    } else {
        let body = request.json()?;
        let [email] = body.texts(["email"])?;
        email.to_owned()
    };
    let email = Email::parse(&email).map_err(|_| Error::EmailMalformed)?;
    accounts::send_reset_link(app, &caller, solved, &email).await?;
    Reply::ok(&caller.language.pick("邮件已经发送，请留意您的邮箱", "The mail was sent. Please check your mailbox."))
}

/// Restores the `+` of an address in a query. It stands for a space there, and old clients do not encode it. An address
/// has no spaces, so a space within it was a plus. A space at its ends was added by a keyboard.
fn with_plus(address: &str) -> String {
    address.trim_matches([' ', '\t', '\u{a0}', '\u{3000}']).replace(' ', "+")
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_space_within_an_address_was_a_plus() {
        for (query, address) in [
            ("tag 1@example.com", "tag+1@example.com"),
            ("a b  c@example.com", "a+b++c@example.com"),
            (" a@example.com ", "a@example.com"),
            ("a@example.com\u{3000}", "a@example.com"),
            ("a+1@example.com", "a+1@example.com"),
            (" a@example.com\n", "a@example.com\n"),
            ("", ""),
        ] {
            assert_eq!(super::with_plus(query), address);
        }
    }

    #[tokio::test]
    async fn its_event_is_accepted_up_to_the_table() {
        let reply =
            shared::testing::answer(&super::ENDPOINT, include_str!("../../../events/send-reset-email.json")).await;
        assert_eq!(reply.status(), 503);
    }
}
