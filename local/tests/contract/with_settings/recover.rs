//! `send_reset_email` when registration is not disclosed.

use serde_json::json;

use crate::site::Site;

#[tokio::test(flavor = "multi_thread")]
async fn b6_tells_nothing_when_registration_is_not_disclosed() {
    let site = Site::with_settings(&[("DISCLOSE_REGISTRATION", "false")]).await;
    let (_, email) = site.register_with_email().await;
    let sent = json!("邮件已经发送，请留意您的邮箱");
    for address in [email.as_str(), "nobody@example.com"] {
        let path = format!("/users/find/password/?email={address}");
        site.get(&path).await.is(200, &sent);
        let again = site.get(&path).await;
        again.refuses(429, "too_many_requests", &json!("对不起, 发送邮件过于频繁!"));
    }
    assert!(site.messages_to("nobody@example.com").await.is_empty());
    assert_eq!(site.messages_to(&email).await.len(), 2, "the code to bind it, and the link");
}
