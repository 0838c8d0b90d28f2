//! `sms_log_in` when consent is required.

use serde_json::{Value, json};

use crate::site::{Site, new_mobile, registration};
use crate::with_inbox::sms_log_in::code;

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_up_without_consent_is_refused_where_it_is_required() {
    let site = Site::with_settings(&[("REQUIRE_CONSENT", "true")]).await;
    let (mobile, by_sms) = (new_mobile(), new_mobile());
    let mut body = registration(&mobile, &site.sms_code(&mobile).await);
    let refused = json!({ "consent": ["请先阅读并同意用户协议和隐私政策。"] });
    site.post("/users/", &body).await.refuses(400, "consent_required", &refused);
    for malformed in [json!(true), json!({}), json!({ "terms": "1" }), json!({ "terms": "1", "privacy": 2 })] {
        body["consent"] = malformed;
        let answer = site.post("/users/", &body).await;
        answer.refuses(400, "field_type", &json!({ "consent": ["格式不正确。"] }));
    }
    body["consent"] = json!({ "terms": "1", "privacy": "1" });
    assert_eq!(site.post("/users/", &body).await.status, 201);

    let code = code(&site, &by_sms, "&register=true").await;
    let mut body: Value = json!({ "mobile": by_sms, "sms_code": code, "register": true });
    site.post("/users/sms_login/", &body).await.is_refused(400, "consent_required");
    body["consent"] = json!({ "terms": "1", "privacy": "1" });
    assert_eq!(site.post("/users/sms_login/", &body).await.status, 200);
}
