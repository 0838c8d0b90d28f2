//! Refusals of `send_reset_email`.

use reqwest::Method;
use serde_json::json;

use crate::site::{Site, read};

#[tokio::test(flavor = "multi_thread")]
async fn b6_refuses_unknown_and_malformed_addresses_and_blind_requests() {
    let site = Site::any().await;
    let unknown = json!("当前邮箱对应的用户不存在！");
    site.get("/users/find/password/?email=nobody@example.com").await.refuses(400, "email_unknown", &unknown);
    // An address contains no space, so a space in the query stands for a plus.
    for query in ["tag+1@example.com", "tag%201@example.com", "tag%2B1@example.com", "+nobody@example.com%20"] {
        let answer = site.get(&format!("/users/find/password/?email={query}")).await;
        answer.refuses(400, "email_unknown", &unknown);
    }
    let body = json!({ "email": "nobody@example.com" });
    site.post("/users/find/password/email/", &body).await.refuses(400, "email_unknown", &unknown);
    let malformed = json!("邮箱地址格式不正确！");
    site.get("/users/find/password/?email=nobody").await.refuses(400, "email_malformed", &malformed);
    site.get("/users/find/password/").await.refuses(400, "email_malformed", &malformed);
    let missing = json!("email: 该字段是必填项。");
    site.post("/users/find/password/email/", &json!({})).await.refuses(400, "field_required", &missing);
    let blind = site.request(Method::GET, "/users/find/password/?email=a@example.com");
    read(blind.header("sec-fetch-mode", "no-cors")).await.refuses(403, "blind_request", &json!("拒绝跨站请求。"));
}
