//! `GET /users/mobile/{mobile}/`: returns whether a mobile number can be registered.

use serde::Serialize;
use shared::accounts;
use shared::config::Need;
use shared::http::{Endpoint, ErrorFormat, Reply, Request};
use shared::{App, Error};

pub const ENDPOINT: Endpoint = Endpoint {
    name: "check-mobile",
    error_format: ErrorFormat::Detail,
    needs: &[Need::Table, Need::VISITORS],
    handle: |app, request| Box::pin(check_mobile(app, request)),
};

#[derive(Serialize)]
struct Free {
    detail: &'static str,
}

async fn check_mobile(app: &App, request: &Request) -> Result<Reply, Error> {
    let mobile = request.mobile_in_path()?;
    if accounts::is_mobile_free(app, &request.caller(app), &mobile).await? {
        Reply::ok(&Free { detail: "ok" })
    } else {
        Err(Error::MobileTaken)
    }
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn its_event_is_accepted_up_to_the_table() {
        let reply = shared::testing::answer(&super::ENDPOINT, include_str!("../../../events/check-mobile.json")).await;
        assert_eq!(reply.status(), 503);
    }
}
