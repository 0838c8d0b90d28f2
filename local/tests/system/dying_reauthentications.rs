//! A reauthentication that is valid when it is checked, but becomes invalid before the operation is written. Nothing is
//! done.

use reqwest::Method;
use serde_json::{Value, json};
use shared::domain::UserId;
use shared::dynamodb::keys;

use crate::moves::{WRITE, between, password_opens, site};
use crate::reauthentications::{Arrival, Row, TABLE};
use crate::site::{NEW_PASSWORD, PASSWORD, Site};

const THIRD_PASSWORD: &str = "gravel sunrise piano";

/// The event, in another session, that invalidates the reauthentication.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Death {
    ChangeOfPassword,
    EndOfSession,
}

impl Death {
    /// Causes the event and returns a token that is valid after it.
    async fn happen(self, site: &Site, elsewhere: &Arrival) -> String {
        match self {
            Self::ChangeOfPassword => {
                let body = json!({ "password": PASSWORD, "new_password": THIRD_PASSWORD });
                let changed = site.send_as(&elsewhere.token, Method::PUT, "/users/me/password/", &body).await;
                changed.json()["token"].as_str().unwrap().to_owned()
            }
            Self::EndOfSession => {
                for session in sessions(site, &elsewhere.token).await {
                    if session["current"] == false {
                        let path = format!("/users/me/sessions/{}/", session["id"].as_str().unwrap());
                        site.send_as(&elsewhere.token, Method::DELETE, &path, &json!({})).await.is_done();
                    }
                }
                elsewhere.token.clone()
            }
        }
    }

    fn password(self) -> &'static str {
        if self == Self::ChangeOfPassword { THIRD_PASSWORD } else { PASSWORD }
    }
}

async fn sessions(site: &Site, token: &str) -> Vec<Value> {
    let answer = site.send_as(token, Method::GET, "/users/me/sessions/", &json!({})).await;
    answer.json().as_array().unwrap().clone()
}

async fn assert_nothing_done(site: &Site, row: &Row, (mobile, token): (&str, &str), (death, body): (Death, &Value)) {
    let what = format!("{} after {death:?}", row.function);
    assert!(password_opens(site, mobile, death.password()).await, "{what}");
    assert!(!password_opens(site, mobile, NEW_PASSWORD).await, "{what}");
    if let Some(email) = body["email"].as_str() {
        assert!(site.messages_to(email).await.is_empty(), "{what}");
    }
    if row.function == "change-profile" {
        let me = site.me(token).await.json();
        assert_eq!(me["username"], Value::Null, "{what}");
    }
    // The refused request used up neither an export nor a code.
    let body = if row.function == "change-mobile" { body } else { &json!({}) };
    let again = match row.function {
        "export" => 3,
        "change-mobile" => 1,
        _ => 0,
    };
    for _ in 0..again {
        let granted = row.send(site, token, body, &json!({ "password": death.password() })).await;
        if row.function == "change-mobile" && death == Death::ChangeOfPassword {
            // The code to the new number is from before the change.
            granted.is_refused(400, "code_expired");
        } else {
            assert_eq!(granted.status, 200, "{what}: {granted:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_dies_between_check_and_write_changes_nothing() {
    let site = site().await;
    for death in [Death::ChangeOfPassword, Death::EndOfSession] {
        for row in TABLE {
            let person = Arrival::of_somebody(&site).await;
            let elsewhere = Arrival::again(&site, &person.mobile).await;
            let body = row.body(&site, &person.token).await;
            let partition = keys::user(&UserId::from(person.id.clone())).partition().to_owned();
            let proof = json!({ "reauthentication": person.reauthentication });
            let request = row.send(&site, &person.token, &body, &proof);
            let (answer, token) = between(&site, (WRITE, partition), request, death.happen(&site, &elsewhere)).await;
            let code = answer.header("x-error-code");
            assert_eq!((answer.status, code), (409, Some("account_changed")), "{} after {death:?}", row.function);
            assert_nothing_done(&site, row, (&person.mobile, &token), (death, &body)).await;
        }
    }
}

/// Other proofs are not bound to the session. The credentials they were compared with must still be the account's.
#[tokio::test(flavor = "multi_thread")]
async fn no_export_and_no_mail_by_a_code_once_the_credentials_changed() {
    let site = site().await;
    for row in TABLE.iter().filter(|row| ["export", "send-email-code"].contains(&row.function)) {
        let person = site.register().await;
        let elsewhere = Arrival::again(&site, &person.mobile).await;
        let (code, body) = (site.proof_code(&person).await, row.body(&site, &person.token).await);
        let partition = keys::user(&UserId::from(person.id.clone())).partition().to_owned();
        let proof = json!({ "sms_code": code });
        let request = row.send(&site, &person.token, &body, &proof);
        let death = Death::ChangeOfPassword;
        let (answer, token) = between(&site, (WRITE, partition), request, death.happen(&site, &elsewhere)).await;
        answer.is_refused(409, "account_changed");
        assert_nothing_done(&site, row, (&person.mobile, &token), (death, &body)).await;
        // The code is from before the change.
        row.send(&site, &token, &body, &proof).await.is_refused(400, "code_expired");
    }
}
