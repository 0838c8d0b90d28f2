//! `PUT /users/me/mobile/`: changes the account's mobile number.

use serde::Serialize;
use shared::accounts;
use shared::config::Need;
use shared::http::{Account, Digits, Endpoint, ErrorFormat, Renewed, Reply, Request};
use shared::sessions;
use shared::{App, Error};

pub const ENDPOINT: Endpoint = Endpoint {
    name: "change-mobile",
    error_format: ErrorFormat::Detail,
    needs: &[
        Need::Table,
        Need::CODES,
        Need::VISITORS,
        Need::SESSIONS,
        Need::TokenKeys,
        Need::SEALED_KEYS,
        Need::PasswordHashing,
    ],
    handle: |app, request| Box::pin(change_mobile(app, request)),
};

#[derive(Serialize)]
struct Moved<'a> {
    #[serde(flatten)]
    account: Account<'a>,
    #[serde(flatten)]
    renewed: Renewed<'a>,
}

async fn change_mobile(app: &App, request: &Request) -> Result<Reply, Error> {
    let caller = request.caller(app);
    let principal = sessions::authorize(app, &caller, request.bearer()).await?;
    let body = request.json()?;
    let [mobile, code] = body.texts(["mobile", "sms_code"])?;
    let mobile = Digits::Pasted.mobile(mobile)?;
    let code = Digits::Pasted.code(code)?;
    let proof = body.proof_by("confirm_code", Digits::Pasted)?;
    let signed_in = accounts::change_mobile(app, &caller, principal, mobile, &code, &proof).await?;
    let (account, renewed) = (Account::new(app, &signed_in.user), Renewed::new(&signed_in, request));
    Ok(Reply::ok(&Moved { account, renewed })?.with_device(app, request, &signed_in))
}
