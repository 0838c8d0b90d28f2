//! Many at once: conditions in DynamoDB decide, not the order of requests.

use futures_util::future::join_all;
use serde_json::json;

use crate::site::{NEW_PASSWORD, Site, new_mobile, other_code, registration};

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_sign_ups_of_one_number_make_one_user() {
    let site = Site::with_settings(&[]).await.unwrap();
    let mobile = new_mobile();
    let code = site.sms_code(&mobile).await;
    let body = registration(&mobile, &code);
    let answers = join_all((0..100).map(|_| site.post("/users/", &body))).await;
    let made: Vec<_> = answers.iter().filter(|answer| answer.status == 201).collect();
    assert_eq!(made.len(), 1);
    assert!(answers.iter().all(|answer| answer.status == 201 || answer.status == 400), "never a 5xx");
    let system = site.system.as_ref().unwrap();
    let client = local::dynamodb(&system.variables).unwrap();
    let items = client.scan().table_name(local::TABLE).send().await.unwrap().items.unwrap();
    let users = items.iter().filter(|item| item["pk"].as_s().unwrap().starts_with("USER#")).count();
    assert_eq!(users, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_guesses_at_once_are_five() {
    let site = Site::with_settings(&[]).await.unwrap();
    let mobile = new_mobile();
    let code = site.sms_code(&mobile).await;
    let body = registration(&mobile, &other_code(&code));
    let answers = join_all((0..50).map(|_| site.post("/users/", &body))).await;
    let count = |code: &str| answers.iter().filter(|answer| answer.header("x-error-code") == Some(code)).count();
    assert_eq!((count("code_wrong"), count("code_expired")), (5, 45));
    let right = site.post("/users/", &registration(&mobile, &code)).await;
    assert_eq!(right.header("x-error-code"), Some("code_expired"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_sends_at_once_are_one_message() {
    let site = Site::with_settings(&[]).await.unwrap();
    let mobile = new_mobile();
    let (path, body) = (format!("/users/sms/{mobile}/"), json!({}));
    let answers = join_all((0..100).map(|_| site.post(&path, &body))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    assert!(answers.iter().all(|answer| answer.status == 200 || answer.status == 429), "never a 5xx");
    assert_eq!(site.messages_to(&format!("+86{mobile}")).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_code_twice_at_once_sets_one_password() {
    let site = Site::with_settings(&[]).await.unwrap();
    let person = site.register().await;
    site.post("/forget_pwd/sms_code/", &json!({ "mobile": person.mobile })).await;
    let (code, csrf) = (site.code_for(&person.mobile).await, site.csrf().await);
    let body = json!({ "mobile": person.mobile, "sms_code": code, "new_password": NEW_PASSWORD });
    let answers = join_all((0..4).map(|_| site.forget_pwd(&csrf, &body))).await;
    let done = answers.iter().filter(|answer| answer.json()["errno"] == "0").count();
    assert_eq!(done, 1, "{answers:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_used_by_many_at_once_sets_one_password() {
    let site = Site::with_settings(&[]).await.unwrap();
    let (_, email) = site.register_with_email().await;
    site.post("/users/find/password/email/", &json!({ "email": email })).await;
    let token = site.link_for(&email).await;
    let body = json!({ "access_token": token, "password": NEW_PASSWORD, "password2": NEW_PASSWORD });
    let answers = join_all((0..10).map(|_| site.put("/users/find/password/", &body))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    assert!(answers.iter().all(|answer| answer.status == 200 || answer.status == 400), "never a 5xx");
}
