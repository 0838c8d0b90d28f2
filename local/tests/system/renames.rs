//! Changes of username: the proof, the limits, the notification, and the reservation of the name given up.

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;
use shared::domain::UserId;
use shared::dynamodb::keys;

use crate::moves::{WRITE, between};
use crate::site::{Answer, PASSWORD, Person, Site, new_mobile};

const DAY: u32 = 86_400;

/// Returns a username that nobody has.
fn new_name() -> String {
    format!("name{}", &new_mobile()[2..])
}

async fn rename(site: &Site, token: &str, name: &str) -> Answer {
    let body = json!({ "username": name, "password": PASSWORD });
    site.send_as(token, Method::PATCH, "/users/me/", &body).await
}

#[track_caller]
fn assert_renamed(answer: &Answer, name: &str) {
    assert_eq!((answer.status, &answer.json()["username"]), (200, &json!(name)), "{answer:?}");
}

/// Returns a new access token. The one before has expired when days have passed.
async fn token(site: &Site, person: &Person) -> String {
    site.log_in(&person.mobile).await["token"].as_str().unwrap().to_owned()
}

async fn refused_to_sign_in(site: &Site, name: &str) -> String {
    let answer = site.post("/users/login/", &json!({ "username": name, "password": PASSWORD })).await;
    answer.header("x-error-code").unwrap_or_default().to_owned()
}

async fn delete(site: &Site, token: &str) -> Answer {
    site.send_as(token, Method::DELETE, "/users/me/", &json!({ "password": PASSWORD })).await
}

/// Returns the names that are claimed in the table: those in use, and those that are reserved.
async fn claims(site: &Site) -> (Vec<String>, Vec<String>) {
    let client = local::dynamodb(&site.system.as_ref().unwrap().variables).unwrap();
    let items = client.scan().table_name(local::TABLE).send().await.unwrap().items.unwrap();
    let (mut used, mut reserved) = (Vec::new(), Vec::new());
    for item in items {
        if let Some(name) = item["pk"].as_s().unwrap().strip_prefix("USERNAME#") {
            if item.contains_key("expires_at") { &mut reserved } else { &mut used }.push(name.to_owned());
        }
    }
    used.sort();
    (used, reserved)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stolen_access_token_renames_nobody_and_an_owner_is_told_of_a_rename() {
    let site = Site::with_settings(&[]).await;
    let person = site.register().await;
    let (first, second, to) = (new_name(), new_name(), format!("+86{}", person.mobile));
    let before = site.messages_to(&to).await.len();
    let stolen = site.send_as(&person.token, Method::PATCH, "/users/me/", &json!({ "username": first })).await;
    stolen.is_refused(400, "field_required");
    assert_eq!(site.messages_to(&to).await.len(), before);
    assert_renamed(&rename(&site, &person.token, &first).await, &first);
    site.was_told(&to, "账号已设置用户名").await;
    assert_renamed(&rename(&site, &person.token, &second).await, &second);
    site.was_told(&to, "账号已更改用户名").await;
    let told = site.messages_to(&to).await;
    assert_eq!(told.len(), before + 2, "{told:?}");
    // The link in it stops a thief who knows the password.
    let link = told[0]["text"].as_str().unwrap().split_once("/secure#").expect("a link").1;
    assert_eq!(site.post("/users/secure/", &json!({ "token": link })).await.status, 200);
    site.me(&person.token).await.is_refused(401, "unauthorized");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_renamed_three_times_in_thirty_days() {
    let site = Site::with_settings(&[]).await;
    let person = site.register().await;
    let name = new_name();
    // A change of case counts too.
    for name in [name.clone(), name.to_uppercase(), new_name()] {
        assert_renamed(&rename(&site, &person.token, &name).await, &name);
    }
    let fourth = rename(&site, &person.token, &new_name()).await;
    fourth.is_refused(429, "too_many_requests");
    fourth.says_when_to_retry(u64::from(30 * DAY));
    let nickname = json!({ "nickname": "小红" });
    assert_eq!(site.send_as(&person.token, Method::PATCH, "/users/me/", &nickname).await.status, 200);
    site.advance(30 * DAY + 1).await;
    let (token, name) = (token(&site, &person).await, new_name());
    assert_renamed(&rename(&site, &token, &name).await, &name);
}

#[tokio::test(flavor = "multi_thread")]
async fn taken_names_count_as_attempts_and_ten_a_day_are_all() {
    let site = Site::with_settings(&[]).await;
    let (holder, person) = (site.register().await, site.register().await);
    let taken = new_name();
    assert_renamed(&rename(&site, &holder.token, &taken).await, &taken);
    // Without a proof nothing is looked at and nothing counts.
    for _ in 0..3 {
        let wrong = json!({ "username": taken, "reauthentication": "stale" });
        let refused = site.send_as(&person.token, Method::PATCH, "/users/me/", &wrong).await;
        refused.is_refused(400, "reauthentication_refused");
    }
    for _ in 0..10 {
        rename(&site, &person.token, &taken).await.is_refused(400, "username_taken");
    }
    // A free name is answered as a taken one.
    for name in [&taken, &new_name()] {
        let refused = rename(&site, &person.token, name).await;
        refused.is_refused(429, "too_many_requests");
        refused.says_when_to_retry(u64::from(DAY));
    }
    site.advance(DAY).await;
    let (token, name) = (token(&site, &person).await, new_name());
    assert_renamed(&rename(&site, &token, &name).await, &name);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_given_up_is_reserved_for_its_owner_for_thirty_days() {
    let site = Site::with_settings(&[]).await;
    let (person, other) = (site.register().await, site.register().await);
    let (old, new) = (new_name(), new_name());
    assert_renamed(&rename(&site, &person.token, &old).await, &old);
    assert_renamed(&rename(&site, &person.token, &new).await, &new);
    assert_eq!(refused_to_sign_in(&site, &old).await, "bad_credentials");
    site.log_in(&new).await;
    let export = json!({ "password": PASSWORD });
    let account =
        site.send_as(&person.token, Method::POST, "/users/me/export/", &export).await.json()["account"].clone();
    assert_eq!((&account["username"], &account["reserved_username"]), (&json!(new), &json!(old)), "{account}");
    assert!(account["username_reserved_until"].as_str().is_some_and(|until| until.ends_with('Z')), "{account}");
    rename(&site, &other.token, &old).await.is_refused(400, "username_taken");
    site.advance(30 * DAY - 60).await;
    rename(&site, &token(&site, &other).await, &old.to_uppercase()).await.is_refused(400, "username_taken");
    // The former owner takes it back, and the other name is now the reserved one.
    let back = token(&site, &person).await;
    assert_renamed(&rename(&site, &back, &old).await, &old);
    assert_eq!(site.log_in(&old).await["id"], person.id.as_str());
    assert_eq!(refused_to_sign_in(&site, &new).await, "bad_credentials");
    assert_eq!(claims(&site).await, (vec![old.clone()], vec![new.clone()]));
    site.advance(30 * DAY).await;
    let taker = token(&site, &other).await;
    rename(&site, &taker, &old).await.is_refused(400, "username_taken");
    assert_renamed(&rename(&site, &taker, &new).await, &new);
    assert_eq!(site.log_in(&new).await["id"], other.id.as_str());
    // The former owner's account still names the reservation that is over. It frees nothing of the new holder.
    let name = new_name();
    assert_renamed(&rename(&site, &token(&site, &person).await, &name).await, &name);
    site.log_in(&new).await;
    assert_eq!(delete(&site, &token(&site, &person).await).await.status, 204);
    site.log_in(&new).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_last_name_is_reserved_and_deletion_frees_it() {
    let site = Site::with_settings(&[]).await;
    let (person, other) = (site.register().await, site.register().await);
    let names = [new_name(), new_name(), new_name()];
    for name in &names {
        assert_renamed(&rename(&site, &person.token, name).await, name);
    }
    assert_renamed(&rename(&site, &other.token, &names[0]).await, &names[0]);
    rename(&site, &other.token, &names[1]).await.is_refused(400, "username_taken");
    assert_eq!(delete(&site, &person.token).await.status, 204);
    for name in &names[1..] {
        assert_renamed(&rename(&site, &other.token, name).await, name);
    }
}

/// An attempt at a reserved name counts as one at a name that nobody has, and keeps nobody waiting.
#[tokio::test(flavor = "multi_thread")]
async fn a_reserved_name_waits_like_an_unknown_one() {
    let site = Site::with_settings(&[]).await;
    let person = site.register().await;
    let (old, new) = (new_name(), new_name());
    assert_renamed(&rename(&site, &person.token, &old).await, &old);
    assert_renamed(&rename(&site, &person.token, &new).await, &new);
    let mut answers = Vec::new();
    for name in [&old, &new_name()] {
        let mut codes = Vec::new();
        for _ in 0..5 {
            codes.push(refused_to_sign_in(&site, name).await);
        }
        // The wait grows to minutes, so that even a slow machine does not outlast it.
        for doubling in 0..8 {
            site.advance((1 << doubling) + 1).await;
            codes.push(refused_to_sign_in(&site, name).await);
        }
        codes.push(refused_to_sign_in(&site, name).await);
        answers.push(codes);
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0].last().map(String::as_str), Some("too_many_requests"));
    site.log_in(&new).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_take_a_name_whose_reservation_is_over_one_gets_it() {
    let site = Site::with_settings(&[]).await;
    let people = [site.register().await, site.register().await, site.register().await];
    let (old, new) = (new_name(), new_name());
    assert_renamed(&rename(&site, &people[0].token, &old).await, &old);
    assert_renamed(&rename(&site, &people[0].token, &new).await, &new);
    // While it is reserved, neither of the others gets it.
    for answer in join_all(people[1..].iter().map(|person| rename(&site, &person.token, &old))).await {
        answer.is_refused(400, "username_taken");
    }
    site.advance(30 * DAY).await;
    let mut tokens = Vec::new();
    for person in &people {
        tokens.push(token(&site, person).await);
    }
    let answers = join_all(tokens.iter().map(|token| rename(&site, token, &old))).await;
    let (got, rest): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 200);
    assert_eq!(got.len(), 1, "{got:?} {rest:?}");
    rest.iter().for_each(|answer| answer.is_refused(400, "username_taken"));
    assert_eq!(site.log_in(&old).await["id"], got[0].json()["id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_renames_at_once_leave_one_name_and_one_reservation() {
    // A held call must not time out meanwhile.
    let site = Site::with_settings(&[("AWS_ATTEMPT_TIMEOUT_MS", "60000"), ("LIMIT_RENAMES", "9/d")]).await;
    let person = site.register().await;
    let partition = keys::user(&UserId::from(person.id.clone())).partition().to_owned();
    let [first, second, third, late] = [new_name(), new_name(), new_name(), new_name()];
    assert_renamed(&rename(&site, &person.token, &first).await, &first);
    // The password proof also commits on the account's item, so the code is the proof of the request that is held.
    let code = site.proof_code(&person).await;
    let held = json!({ "username": late, "sms_code": code });
    let request = site.send_as(&person.token, Method::PATCH, "/users/me/", &held);
    // Away and back again: the username is as the held request read it, and the reservation is not.
    let meanwhile = async {
        assert_renamed(&rename(&site, &person.token, &second).await, &second);
        assert_renamed(&rename(&site, &person.token, &first).await, &first);
    };
    let (answer, ()) = between(&site, (WRITE, partition), request, meanwhile).await;
    answer.is_refused(409, "account_changed");
    assert_eq!(claims(&site).await, (vec![first.clone()], vec![second]));
    // The refused request used up no code.
    let again = json!({ "username": third, "sms_code": code });
    assert_renamed(&site.send_as(&person.token, Method::PATCH, "/users/me/", &again).await, &third);
    assert_eq!(claims(&site).await, (vec![third], vec![first]));
}

#[tokio::test(flavor = "multi_thread")]
async fn deletion_against_a_rename_frees_every_name() {
    let site = Site::with_settings(&[]).await;
    for _ in 0..4 {
        let person = site.register().await;
        let (old, new, newest) = (new_name(), new_name(), new_name());
        assert_renamed(&rename(&site, &person.token, &old).await, &old);
        assert_renamed(&rename(&site, &person.token, &new).await, &new);
        let (deleted, renamed) = tokio::join!(delete(&site, &person.token), rename(&site, &person.token, &newest));
        match deleted.status {
            204 => assert_eq!(claims(&site).await, (vec![], vec![]), "{renamed:?}"),
            _ => {
                deleted.is_refused(409, "account_changed");
                assert_renamed(&renamed, &newest);
                assert_eq!(claims(&site).await, (vec![newest], vec![new]));
                assert_eq!(delete(&site, &person.token).await.status, 204);
            }
        }
    }
}

/// An end of the reservation that has passed before the deletion leaves nothing either.
#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_account_leaves_no_reservation_that_is_over() {
    let site = Site::with_settings(&[("NAME_RESERVED_DAYS", "0")]).await;
    let (person, other) = (site.register().await, site.register().await);
    let (old, new) = (new_name(), new_name());
    assert_renamed(&rename(&site, &person.token, &old).await, &old);
    assert_renamed(&rename(&site, &person.token, &new).await, &new);
    assert_eq!(delete(&site, &person.token).await.status, 204);
    assert_eq!(claims(&site).await, (vec![], vec![]));
    // Where no name is reserved, the next person has it at once.
    assert_renamed(&rename(&site, &other.token, &old).await, &old);
}
