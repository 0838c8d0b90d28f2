//! `reauthenticate`, and the use of a reauthentication in place of a proof.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use crate::reauthentications::{Arrival, TABLE};
use crate::site::{
    Answer, NEW_PASSWORD, PASSWORD, Person, Site, new_email, new_mobile, other_code, read, registration,
};

const REAUTHENTICATE: &str = "/users/me/reauthenticate/";

pub fn by(value: &str) -> Value {
    json!({ "reauthentication": value })
}

fn owner(person: &Arrival) -> Person {
    Person {
        id: person.id.clone(),
        mobile: person.mobile.clone(),
        token: person.token.clone(),
        refresh_token: person.refresh_token.clone(),
    }
}

async fn reauthenticate(site: &Site, token: &str, body: &Value) -> Answer {
    site.send_as(token, Method::POST, REAUTHENTICATE, body).await
}

/// Returns values that an attacker in the session of `person` may obtain without the password and without the phone.
async fn worthless(site: &Site, person: &Arrival) -> Vec<(&'static str, String)> {
    let (other, elsewhere) = (Arrival::of_somebody(site).await, Arrival::again(site, &person.mobile).await);
    let refreshed = site.refresh(&person.refresh_token).await.json();
    assert!(refreshed.get("reauthentication").is_none(), "{refreshed}");
    let own = &person.reauthentication;
    let (signed, mac) = own.rsplit_once('.').unwrap();
    let mut values = vec![
        ("nothing", String::new()),
        ("an access token", person.token.clone()),
        ("a refresh token", person.refresh_token.clone()),
        ("a refreshed access token", refreshed["token"].as_str().unwrap().to_owned()),
        ("a refreshed refresh token", refreshed["refresh_token"].as_str().unwrap().to_owned()),
        ("a CSRF value", site.csrf().await),
        ("a truncated one", own[..own.len() - 1].to_owned()),
        ("one without its MAC", signed.to_owned()),
        ("one with half its MAC", format!("{signed}.{}", &mac[..mac.len() / 2])),
        ("one with another's MAC", format!("{signed}.{}", other.reauthentication.rsplit_once('.').unwrap().1)),
        ("another user's", other.reauthentication),
        ("another session's", elsewhere.reauthentication.clone()),
    ];
    // The other session ends. Its access token is refused from then on, and its reauthentication is worthless in every
    // other session.
    let out = site.post("/users/logout/", &json!({ "refresh_token": elsewhere.refresh_token })).await;
    out.is_done();
    values.push(("an ended session's", elsewhere.reauthentication.clone()));
    let ended = reauthenticate(site, &elsewhere.token, &by(&elsewhere.reauthentication)).await;
    ended.is_refused(401, "unauthorized");
    values
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_but_a_good_reauthentication_stands_for_a_proof() {
    let site = Site::with_inbox().await;
    for row in TABLE {
        let person = Arrival::of_somebody(&site).await;
        let body = row.body(&site, &person.token).await;
        row.send(&site, &person.token, &body, &json!({})).await.is_refused(400, "field_required");
        row.send(&site, &person.token, &body, &json!({ "reauthentication": 1 })).await.is_refused(400, "field_type");
        for (what, value) in worthless(&site, &person).await {
            let answer = row.send(&site, &person.token, &body, &by(&value)).await;
            assert_eq!(answer.header("x-error-code"), Some("reauthentication_refused"), "{} {what}", row.function);
            answer.is_refused(400, "reauthentication_refused");
        }
        // The refused requests did nothing and were not counted as attempts: the password is still compared at once.
        assert_eq!(site.me(&person.token).await.status, 200, "{}", row.function);
        site.log_in(&person.mobile).await;
        let granted = row.send(&site, &person.token, &body, &by(&person.reauthentication)).await;
        assert_eq!(granted.status, row.status, "{}: {granted:?}", row.function);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reauthentication_dies_with_a_change_of_password_and_after_five_minutes() {
    let site = Site::with_inbox().await;
    for row in TABLE {
        let mut person = Arrival::of_somebody(&site).await;
        let change = json!({ "password": PASSWORD, "new_password": PASSWORD });
        let changed = site.send_as(&person.token, Method::PUT, "/users/me/password/", &change).await;
        assert_eq!(changed.status, 200, "{changed:?}");
        changed.json()["token"].as_str().unwrap().clone_into(&mut person.token);
        let body = row.body(&site, &person.token).await;
        let dead = row.send(&site, &person.token, &body, &by(&person.reauthentication)).await;
        dead.is_refused(400, "reauthentication_refused");

        let fresh = Arrival::again(&site, &person.mobile).await;
        // The 15 seconds allow for a slow machine.
        site.advance(285).await;
        let body = row.body(&site, &fresh.token).await;
        let young = Arrival::again(&site, &person.mobile).await;
        site.advance(15).await;
        let late = row.send(&site, &fresh.token, &body, &by(&fresh.reauthentication)).await;
        late.is_refused(400, "reauthentication_refused");
        site.advance(240).await;
        let body = row.body(&site, &young.token).await;
        let granted = row.send(&site, &young.token, &body, &by(&young.reauthentication)).await;
        assert_eq!(granted.status, row.status, "{}: {granted:?}", row.function);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_reauthentication_goes_before_other_proofs_and_spares_them() {
    let site = Site::with_inbox().await;
    for row in TABLE {
        let person = Arrival::of_somebody(&site).await;
        let code = site.proof_code(&owner(&person)).await;
        let body = row.body(&site, &person.token).await;
        let both = |value: &str, name: &str, proof: &str| json!({ "reauthentication": value, name: proof });
        let send = async |proof: Value| row.send(&site, &person.token, &body, &proof).await;
        // If the reauthentication is refused, the other proof decides. The form of the other proof is checked in every
        // case.
        send(both("stale", "password", "wrong password")).await.is_refused(400, "proof_wrong");
        let wrong = send(both("stale", row.code, &other_code(&code))).await;
        wrong.is_refused(400, if row.code == "sms_code" { "code_wrong" } else { "confirm_code_wrong" });
        send(both(&person.reauthentication, row.code, "12345")).await.is_refused(400, "code_malformed");
        send(both(&person.reauthentication, "password", "")).await.is_refused(400, "field_required");
        let granted = send(both(&person.reauthentication, row.code, &other_code(&code))).await;
        assert_eq!(granted.status, row.status, "{}: {granted:?}", row.function);
    }
    // No code and no password is compared beside a valid reauthentication. More wrong ones than any limit allows
    // therefore do no harm.
    let person = Arrival::of_somebody(&site).await;
    let code = site.proof_code(&owner(&person)).await;
    let wrong = json!({ "reauthentication": person.reauthentication, "sms_code": other_code(&code) });
    let guess = json!({ "reauthentication": person.reauthentication, "password": "wrong password" });
    let export = async |body: &Value| site.send_as(&person.token, Method::POST, "/users/me/export/", body).await;
    for index in 0..12 {
        let answer = export(if index % 2 == 0 { &wrong } else { &guess }).await;
        assert_eq!(answer.status, if index < 3 { 200 } else { 429 }, "{answer:?}");
    }
    assert_eq!(reauthenticate(&site, &person.token, &json!({ "password": PASSWORD })).await.status, 200);
    assert_eq!(reauthenticate(&site, &person.token, &json!({ "sms_code": code })).await.status, 200);
    // A correct password beside a stale reauthentication is enough.
    let stale = json!({ "reauthentication": "stale", "password": PASSWORD });
    site.send_as(&person.token, Method::DELETE, "/users/me/", &stale).await.is_done();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_answers_a_reauthentication_and_a_renewal_does_not() {
    let site = Site::with_inbox().await;
    let mobile = new_mobile();
    let registered = site.post("/users/", &registration(&mobile, &site.sms_code(&mobile).await)).await;
    let by_password = site.log_in(&mobile).await;
    site.advance(61).await;
    assert_eq!(site.post(&format!("/users/sms/{mobile}/?purpose=login"), &json!({})).await.status, 200);
    let by_sms = json!({ "mobile": mobile, "sms_code": site.code_for(&mobile).await });
    let by_sms = site.post("/users/sms_login/", &by_sms).await;
    for answer in [&registered.json(), &by_password, &by_sms.json()] {
        let arrival = Arrival::new(&mobile, answer);
        let proof = by(&arrival.reauthentication);
        let export = site.send_as(&arrival.token, Method::POST, "/users/me/export/", &proof).await;
        assert_eq!(export.status, 200, "{export:?}");
    }
    let person = Arrival::again(&site, &mobile).await;
    let refreshed = site.refresh(&person.refresh_token).await;
    let repeated = site.refresh(&person.refresh_token).await;
    let email = new_email();
    let asked = json!({ "email": email, "reauthentication": person.reauthentication });
    assert_eq!(site.send_as(&person.token, Method::POST, "/users/me/email/", &asked).await.status, 200);
    let bind = json!({ "email": email, "email_code": site.code_for(&email).await });
    let bound = site.send_as(&person.token, Method::PUT, "/users/me/email/", &bind).await;
    let token = bound.json()["token"].as_str().unwrap().to_owned();
    let change = json!({ "password": PASSWORD, "new_password": NEW_PASSWORD });
    let changed = site.send_as(&token, Method::PUT, "/users/me/password/", &change).await;
    let token = changed.json()["token"].as_str().unwrap().to_owned();
    let new = new_mobile();
    let path = format!("/users/sms/{new}/?purpose=mobile");
    assert_eq!(site.send_as(&token, Method::POST, &path, &json!({})).await.status, 200);
    let change = json!({ "mobile": new, "sms_code": site.code_for(&new).await, "password": NEW_PASSWORD });
    let moved = site.send_as(&token, Method::PUT, "/users/me/mobile/", &change).await;
    for answer in [refreshed, repeated, bound, changed, moved] {
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(answer.json().get("reauthentication").is_none(), "{answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn c13_exchanges_a_password_or_a_code_for_as_many_things_as_five_minutes_hold() {
    let site = Site::with_inbox().await;
    let person = site.register().await;
    let code = site.proof_code(&person).await;
    for proof in [json!({ "password": PASSWORD }), json!({ "sms_code": code })] {
        let answer = reauthenticate(&site, &person.token, &proof).await;
        let value = answer.json()["reauthentication"].as_str().unwrap().to_owned();
        answer.is(200, &json!({ "reauthentication": value, "expires_in": 300 }));
        let export = site.send_as(&person.token, Method::POST, "/users/me/export/", &by(&value)).await;
        assert_eq!(export.status, 200, "{export:?}");
        let asked = json!({ "email": new_email(), "reauthentication": value });
        assert_eq!(site.send_as(&person.token, Method::POST, "/users/me/email/", &asked).await.status, 200);
        // A reauthentication cannot be exchanged for a new one. It ends five minutes after the password was entered.
        reauthenticate(&site, &person.token, &by(&value)).await.is_refused(400, "field_required");
    }
    reauthenticate(&site, &person.token, &json!({ "sms_code": code })).await.is_refused(400, "code_expired");
}

#[tokio::test(flavor = "multi_thread")]
async fn c13_counts_what_it_is_offered_as_every_proof_does() {
    let site = Site::with_inbox().await;
    let person = site.register().await;
    let offer = async |body: Value| reauthenticate(&site, &person.token, &body).await;
    offer(json!({})).await.is_refused(400, "field_required");
    offer(json!({ "sms_code": "12345" })).await.is_refused(400, "code_malformed");
    read(site.request(Method::POST, REAUTHENTICATE).json(&json!({ "password": PASSWORD })))
        .await
        .is_refused(401, "unauthorized");
    let code = site.proof_code(&person).await;
    for _ in 0..5 {
        offer(json!({ "sms_code": other_code(&code) })).await.is_refused(400, "code_wrong");
    }
    offer(json!({ "sms_code": code })).await.is_refused(400, "code_expired");
    for _ in 0..5 {
        offer(json!({ "password": "wrong password" })).await.is_refused(400, "proof_wrong");
    }
    let waits = offer(json!({ "password": PASSWORD })).await;
    waits.is_refused(429, "too_many_requests");
    waits.says_when_to_retry(2);
    let log_in = json!({ "username": person.mobile, "password": PASSWORD });
    assert_eq!(site.post("/users/login/", &log_in).await.status, 200, "the log-in does not wait");
}

#[test]
fn every_function_that_takes_a_proof_is_in_the_table() {
    let functions = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../functions")).unwrap();
    let takes_a_proof = functions.map(|entry| entry.unwrap().path()).filter(|function| {
        let source = std::fs::read_to_string(function.join("src/lib.rs")).unwrap();
        [".proof(", ".proof_by("].iter().any(|call| source.contains(call))
    });
    let found: BTreeSet<_> = takes_a_proof.map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect();
    assert_eq!(found, TABLE.iter().map(|row| row.function.to_owned()).collect());
}
