//! `forget_pwd_mobile` when registration is not disclosed.

use serde_json::json;

use crate::site::{Site, new_mobile};

#[tokio::test(flavor = "multi_thread")]
async fn a2_tells_nothing_when_registration_is_not_disclosed() {
    let site = Site::with_settings(&[("DISCLOSE_REGISTRATION", "false")]).await;
    let mobile = new_mobile();
    let answer = site.get(&format!("/forget_pwd/mobiles/{mobile}/")).await;
    answer.is(200, &json!({ "errno": "0", "errmsg": "", "data": { "mobile": mobile, "count": 1 } }));
}
