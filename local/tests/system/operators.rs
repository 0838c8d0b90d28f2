//! The operators' commands, against a running system.

use local::operator::{OperatorAction, OperatorError, Target, act};
use local::{Options, System};
use reqwest::Method;
use serde_json::json;
use shared::crypto::Rotation;

use crate::site::{PASSWORD, Site, read};

/// Starts a system with a data folder, as operators find it.
pub async fn site() -> (Site, Target, std::path::PathBuf) {
    let folder = std::env::temp_dir().join(format!("latchkey-operators-{}", shared::crypto::random_hex::<8>()));
    let variables = [("ARGON2_MEMORY_KIB", "64"), ("ARGON2_PASSES", "1")].map(|(k, v)| (k.into(), v.into())).into();
    let system = System::start(Options { data: Some(folder.clone()), variables, ..Options::default() }).await.unwrap();
    (Site::of(system), Target::Local(folder.clone()), folder)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_finds_locks_and_unlocks_an_account() {
    let (site, target, folder) = site().await;
    let (person, email) = site.register_with_email().await;
    let shown = act(&OperatorAction::Find(email.clone()), &target, "anna").await.unwrap().join("\n");
    assert!(shown.contains(&person.id) && shown.contains("state       enabled"), "{shown}");
    assert!(shown.contains("sessions    1"), "{shown}");
    assert!(!shown.contains(&person.mobile) && !shown.contains(&email) && !shown.contains("小明"), "masked: {shown}");

    act(&OperatorAction::Disable(person.mobile.clone()), &target, "anna").await.unwrap();
    site.me(&person.token).await.is_refused(401, "unauthorized");
    let refresh = site.request(Method::POST, "/users/token/refresh/").header("x-session", "cookie");
    let refresh =
        refresh.header("origin", &site.base_url).header("cookie", format!("refresh_token={}", person.refresh_token));
    let refused = read(refresh).await;
    refused.is_refused(401, "session_ended");
    assert!(refused.header("set-cookie").is_some_and(|cookie| cookie.ends_with("; Max-Age=0")), "{refused:?}");
    let body = json!({ "username": person.mobile, "password": PASSWORD });
    let answer = site.post("/users/login/", &body).await;
    assert_eq!(answer.header("x-error-code"), Some("bad_credentials"));
    site.advance(61).await;
    site.post(&format!("/users/sms/{}/?purpose=login", person.mobile), &json!({})).await;
    let newest = site.messages_to(&format!("+86{}", person.mobile)).await[0]["text"].as_str().unwrap().to_owned();
    assert!(!newest.contains("您正在登录"), "who is locked is sent no code: {newest}");

    let shown = act(&OperatorAction::Enable(person.mobile.clone()), &target, "anna").await.unwrap().join("\n");
    assert!(shown.contains("state       enabled") && shown.contains("sessions    0"), "{shown}");
    let again = site.log_in(&person.mobile).await;
    act(&OperatorAction::EndSessions(person.mobile.clone()), &target, "anna").await.unwrap();
    site.me(again["token"].as_str().unwrap()).await.is_refused(401, "unauthorized");
    std::fs::remove_dir_all(folder).unwrap();
}

/// A person who has nothing but the number, which was not proved for long.
#[tokio::test(flavor = "multi_thread")]
async fn an_operator_lets_the_holder_of_a_number_in_after_the_owner_could_stop_it() {
    let (site, target, folder) = site().await;
    let (person, email) = site.register_with_email().await;
    site.advance(100 * 86_400).await;
    let token = site.log_in(&email).await["token"].as_str().unwrap().to_owned();
    let recover = OperatorAction::Recover(person.mobile.clone());
    let pending = async |token: &str| site.me(token).await.json()["pending_recovery"].clone();
    assert_eq!(pending(&token).await, json!(null));
    let by_code = async |status: u16| {
        site.advance(61).await;
        site.post(&format!("/users/sms/{}/?purpose=login", person.mobile), &json!({})).await;
        let body = json!({ "mobile": person.mobile, "sms_code": site.code_for(&person.mobile).await });
        let answer = site.post("/users/sms_login/", &body).await;
        assert_eq!(answer.status, status, "{answer:?}");
    };
    let shown = act(&recover, &target, "anna").await.unwrap().join("\n");
    assert!(shown.contains("recovery    opens "), "{shown}");
    // The owner is told by mail and in every session, and stops it.
    site.was_told(&email, "正在人工找回").await;
    assert!(pending(&token).await["until"].is_string());
    by_code(403).await;
    site.send_as(&token, Method::POST, "/users/logout/", &json!({ "all": true })).await.is_done();
    let token = site.log_in(&email).await["token"].as_str().unwrap().to_owned();
    assert_eq!(pending(&token).await, json!(null));
    site.advance(86_400).await;
    by_code(403).await;
    // Nobody stops it the next time. It opens after a day, for seven days.
    act(&recover, &target, "anna").await.unwrap();
    site.advance(86_000).await;
    by_code(403).await;
    site.advance(401).await;
    by_code(200).await;
    site.advance(91 * 86_400).await;
    act(&recover, &target, "anna").await.unwrap();
    site.advance(8 * 86_400).await;
    by_code(403).await;
    let missing = act(&OperatorAction::Recover(email.clone()), &target, "anna").await;
    assert!(missing.is_ok(), "by any name: {missing:?}");
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_use_leaves_a_line() {
    let (site, target, folder) = site().await;
    let person = site.register().await;
    act(&OperatorAction::Find(person.mobile.clone()), &target, "anna").await.unwrap();
    act(&OperatorAction::Disable(person.mobile.clone()), &target, "bert").await.unwrap();
    act(&OperatorAction::RotateKeys(Rotation::Now), &target, "anna").await.unwrap();
    let client = local::dynamodb(&site.system.as_ref().unwrap().variables).unwrap();
    let items = client.scan().table_name(local::TABLE).send().await.unwrap().items.unwrap();
    let acts = items.iter().filter(|item| item["pk"].as_s().unwrap().starts_with("AUDIT#"));
    let mut acts: Vec<_> =
        acts.map(|item| ["operator", "act"].map(|name| item[name].as_s().unwrap().clone()).join(" ")).collect();
    acts.sort();
    assert_eq!(acts, ["anna find", "anna rotate_keys", "bert disable"]);
    assert!(
        items
            .iter()
            .filter(|item| item["pk"].as_s().unwrap().starts_with("AUDIT#"))
            .all(|item| { !format!("{item:?}").contains(&person.mobile) })
    );
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_rotated_by_one_command() {
    let (site, target, folder) = site().await;
    let person = site.register().await;
    let published = async || site.get("/.well-known/jwks.json").await.json()["keys"].as_array().unwrap().len();
    assert_eq!(published().await, 2);
    let listed = act(&OperatorAction::RotateKeys(Rotation::Now), &target, "anna").await.unwrap();
    assert_eq!(listed.len(), 3);
    site.advance(301).await;
    assert_eq!(published().await, 3);
    assert_eq!(site.send_as(&person.token, Method::GET, "/users/me/", &json!({})).await.status, 200);
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_wrong_is_said_in_plain_words() {
    let (site, target, folder) = site().await;
    let unknown = act(&OperatorAction::Find("13800000000".into()), &target, "anna").await.unwrap_err();
    assert!(matches!(unknown, OperatorError::NoAccount), "{unknown}");
    let wrong =
        act(&OperatorAction::RotateKeys(Rotation::Drop("nope".into())), &target, "anna").await.unwrap_err().to_string();
    assert!(wrong.contains("no key has the id nope; those that are there: "), "{wrong}");
    let nowhere = Target::Local(folder.join("nowhere"));
    let problem = act(&OperatorAction::Find("13800000000".into()), &nowhere, "anna").await.unwrap_err().to_string();
    assert!(problem.contains("cargo run"), "{problem}");
    drop(site);
    let problem = act(&OperatorAction::Find("13800000000".into()), &target, "anna").await.unwrap_err().to_string();
    assert!(problem.starts_with("no local system is running on "), "{problem}");
    std::fs::remove_dir_all(folder).unwrap();
}
