//! A session that goes on from another device: a stolen refresh token must not look like the owner's phone.

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::site::{Answer, PASSWORD, Person, Site, read};

const PHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19.0 Safari/604.1";
const NEWER_PHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_4 like Mac OS X) Version/19.4 Safari/605.1";
const THIEF: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36";
const WORDS: &str = "账号有一处登录已改由另一设备或浏览器使用";

async fn signed_in_on_the_phone(site: &Site, person: &Person) -> String {
    let body = json!({ "username": person.mobile, "password": PASSWORD });
    let request = site.request(Method::POST, "/users/login/").header("user-agent", PHONE);
    refresh_token(&read(request.json(&body)).await)
}

async fn refresh(site: &Site, token: &str, device: &str) -> Answer {
    let request = site.request(Method::POST, "/users/token/refresh/").header("user-agent", device);
    read(request.json(&json!({ "refresh_token": token }))).await
}

fn refresh_token(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["refresh_token"].as_str().unwrap().to_owned()
}

/// Returns how often a recipient was told of another device.
async fn told(site: &Site, to: &str) -> usize {
    let messages = site.messages_to(to).await;
    messages.iter().filter(|one| one["text"].as_str().unwrap().contains(WORDS)).count()
}

/// Returns the session of these tokens as its owner sees it.
async fn listed(site: &Site, answer: &Answer) -> Value {
    let token = answer.json()["token"].as_str().unwrap().to_owned();
    let sessions = site.send_as(&token, Method::GET, "/users/me/sessions/", &json!({})).await.json();
    sessions.as_array().unwrap().iter().find(|one| one["current"] == true).unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_goes_on_elsewhere_is_listed_there_and_told_to_the_owner() {
    let site = Site::with_settings(&[]).await;
    let person = site.register().await;
    let sms = format!("+86{}", person.mobile);
    let first = signed_in_on_the_phone(&site, &person).await;
    // A newer version is the same device.
    let own = refresh(&site, &first, NEWER_PHONE).await;
    assert_eq!(listed(&site, &own).await["device"], "Safari · iPhone");
    assert_eq!(told(&site, &sms).await, 0);
    let stolen = refresh(&site, &refresh_token(&own), THIEF).await;
    assert_eq!(listed(&site, &stolen).await["device"], "Chrome · Windows");
    assert_eq!(told(&site, &sms).await, 1);
    // The next refresh there is an ordinary one.
    let next = refresh(&site, &refresh_token(&stolen), THIEF).await;
    assert_eq!((next.status, told(&site, &sms).await), (200, 1));
    let messages = site.messages_to(&sms).await;
    let link = messages.iter().find_map(|one| one["text"].as_str().unwrap().split_once("/secure#")).expect("a link").1;
    assert_eq!(site.post("/users/secure/", &json!({ "token": link })).await.status, 200);
    refresh(&site, &refresh_token(&next), THIEF).await.is_refused(401, "session_ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_there_is_an_email_another_device_is_told_by_mail_alone() {
    let site = Site::with_settings(&[]).await;
    let (person, email) = site.register_with_email().await;
    let token = signed_in_on_the_phone(&site, &person).await;
    refresh_token(&refresh(&site, &token, THIEF).await);
    assert_eq!((told(&site, &email).await, told(&site, &format!("+86{}", person.mobile)).await), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_on_another_device_is_told_once_however_often_it_is_repeated() {
    let site = Site::with_settings(&[]).await;
    let person = site.register().await;
    let token = signed_in_on_the_phone(&site, &person).await;
    let at_once = join_all((0..10).map(|_| refresh(&site, &token, THIEF))).await;
    let repeated = refresh(&site, &token, THIEF).await;
    let successors: Vec<_> = at_once.iter().chain([&repeated]).map(refresh_token).collect();
    assert!(successors.iter().all(|one| *one == successors[0]), "one successor, never two");
    assert_eq!(told(&site, &format!("+86{}", person.mobile)).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn above_the_limit_another_device_is_not_told_and_the_refresh_succeeds() {
    let site = Site::with_settings(&[]).await;
    let person = site.register().await;
    let sms = format!("+86{}", person.mobile);
    let mut token = signed_in_on_the_phone(&site, &person).await;
    for (refreshes, device) in [THIEF, PHONE, THIEF, PHONE, THIEF].into_iter().enumerate() {
        let answer = refresh(&site, &token, device).await;
        token = refresh_token(&answer);
        let name = if device == PHONE { "Safari · iPhone" } else { "Chrome · Windows" };
        assert_eq!(listed(&site, &answer).await["device"], name);
        assert_eq!(told(&site, &sms).await, (refreshes + 1).min(3));
    }
    // A day later it is told again.
    site.advance(86_400).await;
    refresh_token(&refresh(&site, &token, PHONE).await);
    assert_eq!(told(&site, &sms).await, 4);
}
