//! `POST /users/me/sms/`: sends a code for reauthentication to the signed-in person's own number.

use serde::Serialize;
use shared::accounts;
use shared::config::Need;
use shared::http::{Endpoint, ErrorFormat, Reply, Request};
use shared::sessions;
use shared::{App, Error};

pub const ENDPOINT: Endpoint = Endpoint {
    name: "send-proof-code",
    error_format: ErrorFormat::Detail,
    needs: &[Need::Table, Need::VISITORS, Need::TokenKeys],
    handle: |app, request| Box::pin(send_proof_code(app, request)),
};

#[derive(Serialize)]
struct Sent {
    detail: &'static str,
}

async fn send_proof_code(app: &App, request: &Request) -> Result<Reply, Error> {
    let caller = request.caller(app);
    let user = sessions::authorize(app, &caller, request.bearer()).await?.user;
    accounts::send_proof_code(app, &caller, &user).await?;
    let detail =
        caller.language.pick("短信已发送!请留意您的手机短信!", "The message was sent. Please check your phone.");
    Reply::ok(&Sent { detail })
}
