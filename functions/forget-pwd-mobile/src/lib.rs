//! `GET /forget_pwd/mobiles/{mobile}/`: returns how many accounts a mobile number has.

use serde::Serialize;
use shared::accounts;
use shared::config::Need;
use shared::domain::Mobile;
use shared::http::{Endpoint, ErrorFormat, Reply, Request};
use shared::{App, Error};

pub const ENDPOINT: Endpoint = Endpoint {
    name: "forget-pwd-mobile",
    error_format: ErrorFormat::Errno,
    needs: &[Need::Table, Need::VISITORS],
    handle: |app, request| Box::pin(forget_pwd_mobile(app, request)),
};

#[derive(Serialize)]
struct Envelope<'a> {
    errno: &'static str,
    errmsg: &'static str,
    data: Count<'a>,
}

#[derive(Serialize)]
struct Count<'a> {
    mobile: &'a Mobile,
    count: u8,
}

async fn forget_pwd_mobile(app: &App, request: &Request) -> Result<Reply, Error> {
    let mobile = request.mobile_in_path()?;
    let count = accounts::count_registered(app, &request.caller(app), &mobile).await?;
    Reply::ok(&Envelope { errno: "0", errmsg: "", data: Count { mobile: &mobile, count } })
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn its_event_is_accepted_up_to_the_table() {
        let reply =
            shared::testing::answer(&super::ENDPOINT, include_str!("../../../events/forget-pwd-mobile.json")).await;
        assert_eq!(reply.status(), 503);
    }
}
