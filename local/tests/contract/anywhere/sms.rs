//! Refusals of `send_sms_code`.

use reqwest::Method;
use serde_json::json;

use crate::site::{Site, new_mobile, read};

#[tokio::test(flavor = "multi_thread")]
async fn b4_a_malformed_number_is_not_found_and_an_unknown_purpose_is_400() {
    let site = Site::any().await;
    site.get("/users/sms/1380000000/").await.refuses(404, "not_found", &json!({ "detail": "未找到。" }));
    let unknown = json!({ "detail": "未知的验证码用途。" });
    let path = format!("/users/sms/{}/?purpose=forget", new_mobile());
    site.post(&path, &json!({})).await.refuses(400, "purpose_unknown", &unknown);
    let path = format!("/users/sms/{}/?purpose=mobile", new_mobile());
    site.post(&path, &json!({})).await.refuses(401, "unauthorized", &json!({ "detail": "请先登录。" }));
}

#[tokio::test(flavor = "multi_thread")]
async fn b4_by_get_refuses_what_a_page_of_another_site_can_make_a_browser_send() {
    let site = Site::any().await;
    let path = format!("/users/sms/{}/", new_mobile());
    for (name, value) in [
        ("sec-fetch-mode", "no-cors"),
        ("sec-fetch-mode", "navigate"),
        ("sec-purpose", "prefetch;prerender"),
        ("purpose", "prefetch"),
    ] {
        let answer = read(site.request(Method::GET, &path).header(name, value)).await;
        answer.refuses(403, "blind_request", &json!({ "detail": "拒绝跨站请求。" }));
    }
    let by_head = read(site.request(Method::HEAD, &path)).await;
    assert_eq!(by_head.status, 405, "HEAD never acts");
}
