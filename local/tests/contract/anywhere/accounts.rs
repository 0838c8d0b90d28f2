//! `register`, `check_mobile` and `me`, while nobody is signed in.

use reqwest::Method;
use serde_json::json;

use crate::site::{Site, read, registration};

#[tokio::test(flavor = "multi_thread")]
async fn b5_a_malformed_number_is_not_found() {
    let site = Site::any().await;
    for mobile in ["1380000000", "23800000000", "1380000000a", "%EF%BC%91%EF%BC%93800000000", "13800000000%0A", "%00"] {
        let answer = site.get(&format!("/users/mobile/{mobile}/")).await;
        answer.refuses(404, "not_found", &json!({ "detail": "未找到。" }));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn b3_is_told_in_english_when_english_is_preferred() {
    let site = Site::any().await;
    let request = site.request(Method::POST, "/users/").header("accept-language", "en-GB,zh;q=0.5");
    let answer = read(request.json(&registration("1380000000", "123456"))).await;
    let body = json!({ "non_field_errors": ["This is not a valid mobile number."] });
    answer.refuses(400, "mobile_malformed", &body);
}

#[tokio::test(flavor = "multi_thread")]
async fn b11_refuses_whoever_is_not_signed_in() {
    let site = Site::any().await;
    let refused = json!({ "detail": "请先登录。" });
    site.get("/users/me/").await.refuses(401, "unauthorized", &refused);
    for header in ["Bearer", "Bearer ", "Bearer x.y.z", "Basic eDp5", "eyJhbGciOiJub25lIn0.e30."] {
        let answer = read(site.request(Method::GET, "/users/me/").header("authorization", header)).await;
        answer.refuses(401, "unauthorized", &refused);
    }
}
