//! `POST /forget_pwd/`: sets a new password by a code.

use serde::Serialize;
use shared::accounts;
use shared::config::Need;
use shared::credentials;
use shared::crypto::{CaptchaAction, CsrfValue, KeyGroup};
use shared::domain::{Language, NewPassword, Person};
use shared::http::{Digits, Endpoint, ErrorFormat, Reply, Request};
use shared::{App, Caller, Error};

pub const ENDPOINT: Endpoint = Endpoint {
    name: "forget-pwd",
    error_format: ErrorFormat::ErrnoForm,
    needs: &[Need::Table, Need::CODES, Need::VISITORS, Need::SESSIONS, Need::PasswordHashing],
    handle: |app, request| Box::pin(forget_pwd(app, request)),
};

#[derive(Serialize)]
struct Envelope {
    errno: &'static str,
    errmsg: &'static str,
}

async fn forget_pwd(app: &App, request: &Request) -> Result<Reply, Error> {
    require_csrf_value(app, request)?;
    let caller = request.caller(app);
    credentials::require_captcha_pass(app, &caller, request.captcha_pass(), CaptchaAction::Reset).await?;
    let body = request.json()?;
    let [mobile, code, password] = body.texts(["mobile", "sms_code", "new_password"])?;
    let mobile = Digits::Exact.mobile(mobile)?;
    let code = Digits::Exact.code(code)?;
    let (challenge_id, second_proof) = (body.challenge_id()?, body.second_proof(Digits::Exact)?);
    let person = Person { mobile: Some(&mobile), ..Person::default() };
    let password = NewPassword::parse(password, app.config.passwords.rules, &person)?;
    let code = (&code, challenge_id);
    let reset = accounts::reset_password_by_code(app, &caller, &mobile, code, second_proof.as_ref(), password).await;
    let user = match reset {
        Err(error @ Error::SecondProofRequired) => return Ok(lead_to_own_page(app, &caller).refusing(error)),
        reset => reset?,
    };
    let errmsg = caller.language.pick("恭喜你修改成功", "The password was changed.");
    Ok(Reply::ok(&Envelope { errno: "0", errmsg })?
        .without_session_of(app, request, &user)
        .without_device_of(app, request, &user))
}

/// Names our own page to a person who needs a second proof. The old client can send none.
fn lead_to_own_page(app: &App, caller: &Caller) -> Reply {
    let host = app.config.answers.client_host.as_ref().unwrap_or(&caller.issuer);
    let text = match caller.language {
        Language::Zh => format!(
            "该手机号已很久没有验证。请打开 {host}/forget_pwd/ ，用密码或发送到绑定邮箱的验证码再次确认。都没有的，请联系我们。"
        ),
        Language::En => format!(
            "This number was not confirmed for long. Open {host}/forget_pwd/ and confirm who you are by your password or \
             by the code that was mailed to you. If you have neither, contact us."
        ),
    };
    Reply::text(403, &text)
}

/// Refuses a cross-site request, by a signed double-submit cookie. A page of another site can make a browser send the
/// cookie, but it cannot read the value and repeat it in a header.
fn require_csrf_value(app: &App, request: &Request) -> Result<(), Error> {
    let (cookie, header) = (request.cookie("csrf_token"), request.header("x-csrftoken"));
    let (Some(cookie), Some(header)) = (cookie, header) else {
        return Err(Error::CsrfRefused);
    };
    let accepted = CsrfValue::accepts(cookie, header, app.keyring(KeyGroup::Visitors)?, app.clock.now());
    if accepted { Ok(()) } else { Err(Error::CsrfRefused) }
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn its_event_carries_a_csrf_value_that_is_not_ours() {
        let reply = shared::testing::answer(&super::ENDPOINT, include_str!("../../../events/forget-pwd.json")).await;
        assert_eq!(
            (reply.status().as_u16(), &reply.headers()["x-error-code"]),
            (403, &"csrf_refused".parse().unwrap())
        );
    }
}
