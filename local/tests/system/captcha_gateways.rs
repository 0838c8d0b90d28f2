//! Captcha gateways other than the local stand-in: Tencent Cloud's, and gateways whose answers are wrong.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::http::HeaderMap;
use serde_json::{Value, json};

use crate::site::{Answer, Site};

type Calls = Arc<Mutex<Vec<(HeaderMap, Value)>>>;

/// Starts a gateway that gives one answer to every request and keeps the requests.
async fn gateway(answer: String) -> (String, Calls) {
    let calls = Calls::default();
    let kept = Arc::clone(&calls);
    let app = Router::new().fallback(async move |headers: HeaderMap, body: Bytes| {
        kept.lock().unwrap().push((headers, serde_json::from_slice(&body).unwrap_or_default()));
        answer
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    (url, calls)
}

async fn solve(settings: &[(&str, &str)], ticket: &str) -> Answer {
    let site = Site::with_settings(settings).await;
    site.get(&format!("/users/captcha/?ticket={ticket}&randstr=%40abc")).await
}

async fn solve_by_tencent_cloud(answer: &Value) -> (Answer, Calls) {
    let (url, calls) = gateway(answer.to_string()).await;
    let settings = [
        ("CAPTCHA_PROVIDER", "tencent_cloud"),
        ("CAPTCHA_URL", url.as_str()),
        ("CAPTCHA_APP_ID", "2000000001"),
        ("TENCENT_CLOUD_SECRET_ID", "AKIDexample"),
        ("TENCENT_CLOUD_SECRET_KEY", "example-key"),
    ];
    (solve(&settings, "t03ticket").await, calls)
}

#[tokio::test(flavor = "multi_thread")]
async fn tencent_cloud_is_asked_as_its_api_wants_it() {
    let passed = json!({ "Response": { "CaptchaCode": 1, "CaptchaMsg": "OK", "EvilLevel": 0, "RequestId": "r" } });
    let (answer, calls) = solve_by_tencent_cloud(&passed).await;
    assert_eq!((answer.status, &answer.json()["detail"]), (200, &json!(1)), "{answer:?}");
    let calls = calls.lock().unwrap();
    let (headers, body) = &calls[0];
    let header = |name: &str| headers[name].to_str().unwrap();
    assert_eq!((header("x-tc-action"), header("x-tc-version")), ("DescribeCaptchaResult", "2019-07-22"));
    assert!(header("authorization").starts_with("TC3-HMAC-SHA256 Credential=AKIDexample/"));
    assert!(header("x-tc-timestamp").parse::<u64>().is_ok());
    assert_eq!(
        body,
        &json!({
            "CaptchaType": 9, "Ticket": "t03ticket", "Randstr": "@abc", "UserIp": "127.0.0.1",
            "CaptchaAppId": 2_000_000_001_u64, "AppSecretKey": "local",
        })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn tencent_clouds_refusals_are_refusals_and_its_errors_are_503() {
    let response = |fields: Value| json!({ "Response": fields });
    for (answer, status) in [
        (response(json!({ "CaptchaCode": 9, "CaptchaMsg": "ticket reused" })), 400),
        (response(json!({ "CaptchaCode": 1, "EvilLevel": 100 })), 400),
        (response(json!({ "Error": { "Code": "AuthFailure.SignatureFailure", "Message": "m" } })), 503),
        (json!({}), 503),
    ] {
        let (told, _) = solve_by_tencent_cloud(&answer).await;
        assert_eq!(told.status, status, "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_a_huge_and_a_foreign_answer_admit_nobody() {
    let padding = " ".repeat(1024 * 1024);
    let huge = format!(r#"{{"response":"1","evil_level":"0"{padding}}}"#);
    for body in [String::new(), huge, "<html>login</html>".into(), "1".into(), r#"{"response":true}"#.into()] {
        let (url, _) = gateway(body.clone()).await;
        let answer = solve(&[("CAPTCHA_URL", url.as_str())], "pass-1").await;
        assert_eq!((answer.status, answer.header("x-error-code")), (503, Some("unavailable")), "{:.20}", body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_is_not_there_admits_nobody() {
    let answer = solve(&[("CAPTCHA_URL", "http://127.0.0.1:9/")], "pass-1").await;
    assert_eq!(answer.status, 503);
}
