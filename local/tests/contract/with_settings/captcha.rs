//! `verify_captcha`, and `CAPTCHA_MODE=enforce`.

use reqwest::Method;
use serde_json::{Value, json};

use crate::site::{Answer, Site, new_mobile, read};

async fn solve(site: &Site, ticket: &str, more: &str) -> Answer {
    site.get(&format!("/users/captcha/?ticket={ticket}&randstr=%40abc{more}")).await
}

async fn pass(site: &Site, more: &str) -> String {
    let answer = solve(site, &format!("pass-{}", new_mobile()), more).await;
    assert_eq!((answer.status, &answer.json()["detail"]), (200, &json!(1)), "{answer:?}");
    answer.json()["captcha_pass"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn b2_a_good_ticket_gives_a_pass_and_any_other_is_refused() {
    let site = Site::with_settings(&[]).await;
    assert_eq!(solve(&site, "pass-1", "").await.status, 200);
    let refused = json!({ "detail": 0 });
    for ticket in ["pass-1", "evil-1", "x", "", "trerror_1001", "terror_1001"] {
        solve(&site, ticket, "").await.refuses(400, "captcha_refused", &refused);
    }
    site.get("/users/captcha/").await.refuses(400, "captcha_refused", &refused);
    let answer = solve(&site, "pass-2", "&action=dance").await;
    answer.refuses(400, "action_unknown", &json!({ "detail": "未知的操作。" }));
    let blind = site.request(Method::GET, "/users/captcha/?ticket=pass-3&randstr=x");
    let answer = read(blind.header("sec-fetch-mode", "navigate")).await;
    answer.refuses(403, "blind_request", &json!({ "detail": "拒绝跨站请求。" }));
}

#[tokio::test(flavor = "multi_thread")]
async fn b2_no_captcha_configured_is_503() {
    let site = Site::with_settings(&[("CAPTCHA_PROVIDER", "none")]).await;
    let answer = solve(&site, "pass-1", "").await;
    answer.refuses(503, "captcha_not_configured", &json!({ "detail": "未配置人机验证。" }));
    answer.says_when_to_retry(60);
}

#[tokio::test(flavor = "multi_thread")]
async fn b2_a_gateway_that_fails_admits_nobody() {
    let site = Site::with_settings(&[]).await;
    for kind in ["throttle", "error", "garbage", "timeout"] {
        let fault = json!({ "service": "captcha", "kind": kind, "count": 1 });
        assert_eq!(site.post("/_local/faults", &fault).await.status, 204);
        let answer = solve(&site, &format!("pass-{kind}"), "").await;
        answer.refuses(503, "unavailable", &json!({ "detail": "服务暂时不可用，请稍后再试。" }));
        answer.says_when_to_retry(60);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn enforce_asks_each_protected_call_for_a_pass_in_its_own_dialect() {
    let site = Site::with_settings(&[("CAPTCHA_MODE", "enforce")]).await;
    let (text, code) = ("请先完成人机验证。", "captcha_required");
    let sms = format!("/users/sms/{}/", new_mobile());
    for (method, path, body) in [
        (Method::POST, "/users/login/", json!({ "non_field_errors": [text] })),
        (Method::POST, "/users/", json!({ "non_field_errors": [text] })),
        (Method::GET, sms.as_str(), json!({ "detail": text })),
        (Method::POST, sms.as_str(), json!({ "detail": text })),
        (Method::GET, "/users/find/password/?email=a@example.com", json!(text)),
        (Method::POST, "/users/find/password/email/", json!(text)),
        (Method::PUT, "/users/find/password/", json!(text)),
    ] {
        read(site.request(method.clone(), path).json(&json!({}))).await.refuses(403, code, &body);
        let forged = site.request(method, path).header("x-captcha-pass", "x.y.z").json(&json!({}));
        read(forged).await.refuses(403, code, &body);
    }
    site.post("/forget_pwd/sms_code/", &json!({})).await.refuses_in_text(403, code, text);
    let csrf = site.csrf().await;
    site.forget_pwd(&csrf, &json!({})).await.refuses_in_text(403, code, text);
    let free = site.get(&format!("/users/mobile/{}/", new_mobile())).await;
    assert_eq!(free.status, 200, "what is not protected asks for none");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pass_is_good_once_for_its_address_action_and_five_minutes() {
    let site = Site::with_settings(&[("CAPTCHA_MODE", "enforce")]).await;
    let log_in = async |http: &reqwest::Client, pass: &str| -> Option<String> {
        let request = http.post(format!("{}/users/login/", site.base_url)).header("x-captcha-pass", pass);
        let answer = read(request.json(&json!({ "username": "nobody", "password": "x" }))).await;
        answer.header("x-error-code").map(str::to_owned)
    };
    let (admitted, refused) = (Some("bad_credentials".to_owned()), Some("captcha_required".to_owned()));

    let any = pass(&site, "").await;
    assert_eq!(log_in(&site.http, &any).await, admitted);
    assert_eq!(log_in(&site.http, &any).await, refused, "good once");
    assert_eq!(log_in(&site.http, &pass(&site, "&action=login").await).await, admitted);
    assert_eq!(log_in(&site.http, &pass(&site, "&action=sms").await).await, refused, "for its action");

    // This client connects from another IPv4 address of this machine.
    let elsewhere = reqwest::Client::builder().local_address("127.0.0.2".parse::<std::net::IpAddr>().ok());
    let pass_here = pass(&site, "").await;
    assert_eq!(log_in(&elsewhere.build().unwrap(), &pass_here).await, refused, "for its address");
    assert_eq!(log_in(&site.http, &pass_here).await, admitted, "and another's try does not spend it");

    let late = pass(&site, "").await;
    site.advance(300).await;
    assert_eq!(log_in(&site.http, &late).await, refused, "for five minutes");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pass_is_spent_once_by_ten_at_once() {
    let site = Site::with_settings(&[("CAPTCHA_MODE", "enforce")]).await;
    let pass = pass(&site, "").await;
    let tries = (0..10).map(|_| {
        let body = json!({ "username": "nobody", "password": "x" });
        read(site.request(Method::POST, "/users/login/").header("x-captcha-pass", &pass).json(&body))
    });
    let answers = futures_util::future::join_all(tries).await;
    let codes: Vec<Value> = answers.iter().map(|answer| answer.json()["code"].clone()).collect();
    assert_eq!(codes.iter().filter(|code| **code == "bad_credentials").count(), 1, "{codes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn enforced_a_person_registers_with_a_pass_for_each_step() {
    let site = Site::with_settings(&[("CAPTCHA_MODE", "enforce")]).await;
    let mobile = new_mobile();
    let sms = pass(&site, "&action=sms").await;
    let path = format!("/users/sms/{mobile}/");
    assert_eq!(read(site.request(Method::POST, &path).header("x-captcha-pass", sms)).await.status, 200);
    let code = site.code_for(&mobile).await;
    let register = pass(&site, "&action=register").await;
    let request = site.request(Method::POST, "/users/").header("x-captcha-pass", register);
    let answer = read(request.json(&crate::site::registration(&mobile, &code))).await;
    assert_eq!(answer.status, 201, "{answer:?}");
}
