//! When storage fails, a request gets a 503 and nothing is half done, or it succeeds.

use local::faults::{Kind, Service};
use reqwest::Method;
use serde_json::json;

use crate::site::{NEW_PASSWORD, PASSWORD, Site, new_mobile, other_code, registration};

/// Starts a site with timeouts that are short, so that a call without an answer is soon given up, but still long
/// compared with an answer on a machine that runs all tests at once.
async fn site() -> Site {
    Site::with_settings(&[("AWS_ATTEMPT_TIMEOUT_MS", "2000")]).await
}

fn fail(site: &Site, kind: Kind, count: u32) {
    site.system.as_ref().unwrap().faults.set(Service::Dynamodb, kind, count);
}

/// More than all attempts of one request together.
const FOR_GOOD: u32 = 1000;

#[tokio::test(flavor = "multi_thread")]
async fn storage_that_is_down_is_503_in_each_error_format() {
    let site = site().await;
    let (person, csrf) = (site.register().await, site.csrf().await);
    for kind in [Kind::Throttle, Kind::Error, Kind::Garbage] {
        fail(&site, kind, FOR_GOOD);
        let log_in = json!({ "username": person.mobile, "password": PASSWORD });
        let forgotten = json!({ "mobile": person.mobile, "sms_code": "123456", "new_password": NEW_PASSWORD });
        let mobile = new_mobile();
        let text = "服务暂时不可用，请稍后再试。";
        let field_lists = json!({ "non_field_errors": [text] });
        let envelope = json!({ "errno": "4501", "errmsg": text });
        for (answer, body) in [
            (site.post("/users/login/", &log_in).await, field_lists.clone()),
            (site.post("/users/", &registration(&mobile, "123456")).await, field_lists),
            (site.post(&format!("/users/sms/{mobile}/"), &json!({})).await, json!({ "detail": text })),
            (site.get(&format!("/users/sms/{mobile}/")).await, json!({ "detail": text })),
            (site.get(&format!("/users/mobile/{mobile}/")).await, json!({ "detail": text })),
            (site.get("/users/find/password/?email=a@example.com").await, json!(text)),
            (site.get(&format!("/forget_pwd/mobiles/{mobile}/")).await, envelope.clone()),
            (site.post("/forget_pwd/sms_code/", &json!({ "mobile": mobile })).await, envelope.clone()),
            (site.forget_pwd(&csrf, &forgotten).await, envelope),
        ] {
            answer.refuses(503, "unavailable", &body);
            answer.says_when_to_retry(60);
        }
        fail(&site, kind, 0);
        assert!(site.messages_to(&format!("+86{mobile}")).await.is_empty(), "nothing was half done");
        let asked = site.post(&format!("/users/sms/{mobile}/"), &json!({})).await;
        assert_eq!(asked.status, 200, "and no cooldown was left behind: {answer:?}", answer = asked);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_that_keep_conflicting_are_503() {
    let (site, mobile) = (site().await, new_mobile());
    let code = site.sms_code(&mobile).await;
    fail(&site, Kind::Conflict, FOR_GOOD);
    assert_eq!(site.post(&format!("/users/sms/{}/", new_mobile()), &json!({})).await.status, 503);
    assert_eq!(site.post("/users/", &registration(&mobile, &code)).await.status, 503);
    fail(&site, Kind::Conflict, 0);
    assert_eq!(site.post("/users/", &registration(&mobile, &code)).await.status, 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn trouble_that_passes_is_not_noticed() {
    let site = site().await;
    for kind in [Kind::Throttle, Kind::Error, Kind::Conflict, Kind::Timeout, Kind::TimeoutAfterCommit] {
        let mobile = new_mobile();
        fail(&site, kind, 1);
        let asked = site.post(&format!("/users/sms/{mobile}/"), &json!({})).await;
        assert_eq!(asked.status, 200, "{kind:?}: {asked:?}");
        let messages = site.messages_to(&format!("+86{mobile}")).await;
        assert_eq!(messages.len(), 1, "{kind:?}: a lost answer that is retried makes one message");
        let code = site.code_for(&mobile).await;
        fail(&site, kind, 1);
        let answer = site.post("/users/", &registration(&mobile, &code)).await;
        assert_eq!(answer.status, 201, "{kind:?}: {answer:?}");
        let log_in = json!({ "username": mobile, "password": PASSWORD });
        fail(&site, kind, 1);
        let answer = site.post("/users/login/", &log_in).await;
        assert!(answer.json()["id"].is_string(), "{kind:?}: one user, who can sign in: {answer:?}");
        fail(&site, kind, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_whose_answer_is_lost_signs_nobody_out() {
    let site = site().await;
    let person = site.register().await;
    // The answer is lost between DynamoDB and the function. The function's own retry finds what the first attempt
    // wrote.
    fail(&site, Kind::TimeoutAfterCommit, 1);
    let first = site.refresh(&person.refresh_token).await;
    assert_eq!(first.status, 200, "{first:?}");
    fail(&site, Kind::TimeoutAfterCommit, 0);
    // The answer is lost on the way to the person. The next attempt gets the same answer.
    let again = site.refresh(&person.refresh_token).await;
    assert_eq!(again.json(), first.json());
    // While storage is down the answer is 503, and the token stays valid.
    let child = first.json()["refresh_token"].as_str().unwrap().to_owned();
    fail(&site, Kind::Error, FOR_GOOD);
    assert_eq!(site.refresh(&child).await.status, 503);
    fail(&site, Kind::Error, 0);
    // The same holds if storage goes down between two calls, and for as long as it lasts.
    site.system.as_ref().unwrap().faults.set_after(Service::Dynamodb, Kind::Error, 1, FOR_GOOD);
    assert_eq!(site.refresh(&child).await.status, 503);
    fail(&site, Kind::Error, 0);
    site.advance(60).await;
    assert_eq!(site.refresh(&child).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_in_change_in_an_outage_is_503_and_changes_nothing() {
    let site = site().await;
    let (mut person, faults) = (site.register().await, site.system.as_ref().unwrap().faults.clone());
    let changes = [
        (Method::PATCH, "/users/me/", json!({ "nickname": "新" })),
        (Method::PUT, "/users/me/password/", json!({ "password": PASSWORD, "new_password": NEW_PASSWORD })),
        (Method::POST, "/users/me/export/", json!({ "password": NEW_PASSWORD })),
        (Method::DELETE, "/users/me/", json!({ "password": NEW_PASSWORD })),
    ];
    for (method, path, body) in changes {
        let before = site.me(&person.token).await.json();
        // Storage fails from the first call on, then from the second on, and so on, until the request makes no call
        // that could fail.
        for healthy_calls in 0.. {
            assert!(healthy_calls < 10, "{path} never succeeds");
            faults.set_after(Service::Dynamodb, Kind::Error, healthy_calls, FOR_GOOD);
            let answer = site.send_as(&person.token, method.clone(), path, &body).await;
            fail(&site, Kind::Error, 0);
            if answer.status < 300 {
                assert!(healthy_calls > 1, "{path} reads and writes: {answer:?}");
                if path.ends_with("password/") {
                    person.token = answer.json()["token"].as_str().unwrap().to_owned();
                }
                break;
            }
            assert_eq!(answer.status, 503, "{path} after {healthy_calls}: {answer:?}");
            assert_eq!(site.me(&person.token).await.json(), before, "{path} after {healthy_calls}");
        }
    }
    site.me(&person.token).await.is_refused(401, "unauthorized");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_at_the_second_call_makes_one_user() {
    let site = site().await;
    let mobile = new_mobile();
    let code = site.sms_code(&mobile).await;
    // The first call counts the guess. The answer to the transaction after it is lost.
    for (kind, skip) in [(Kind::TimeoutAfterCommit, 1)] {
        site.system.as_ref().unwrap().faults.set_after(Service::Dynamodb, kind, skip, 1);
        let answer = site.post("/users/", &registration(&mobile, &code)).await;
        assert_eq!(answer.status, 201, "{answer:?}");
    }
    let again = site.post("/users/", &registration(&mobile, &code)).await;
    assert_eq!(again.header("x-error-code"), Some("code_expired"), "the code paid for one user");
}

#[tokio::test(flavor = "multi_thread")]
async fn storage_that_dies_between_the_calls_leaves_the_code_good() {
    let site = site().await;
    let mobile = new_mobile();
    let code = site.sms_code(&mobile).await;
    site.system.as_ref().unwrap().faults.set_after(Service::Dynamodb, Kind::Error, 1, FOR_GOOD);
    let answer = site.post("/users/", &registration(&mobile, &code)).await;
    assert_eq!(answer.status, 503, "{answer:?}");
    fail(&site, Kind::Error, 0);
    site.get(&format!("/users/mobile/{mobile}/")).await.is(200, &json!({ "detail": "ok" }));
    let wrong = site.post("/users/", &registration(&mobile, &other_code(&code))).await;
    assert_eq!(wrong.header("x-error-code"), Some("code_wrong"));
    let again = site.post("/users/", &registration(&mobile, &code)).await;
    assert_eq!(again.status, 201, "{again:?}");
}
