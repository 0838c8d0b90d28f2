//! `check_mobile` when registration is not disclosed.

use serde_json::json;

use crate::site::Site;

#[tokio::test(flavor = "multi_thread")]
async fn b5_tells_nothing_when_registration_is_not_disclosed() {
    let site = Site::with_settings(&[("DISCLOSE_REGISTRATION", "false")]).await;
    let person = site.register().await;
    site.get(&format!("/users/mobile/{}/", person.mobile)).await.is(200, &json!({ "detail": "ok" }));
}
