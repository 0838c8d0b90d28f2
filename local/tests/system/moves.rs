//! The changes by which an account gives up a name. They are prepared so that one call commits them while another
//! request is held.

use std::fmt::Debug;

use aws_sdk_dynamodb::types::AttributeValue;
use reqwest::Method;
use serde_json::{Value, json};
use shared::domain::UserId;
use shared::dynamodb::keys;

use crate::site::{Answer, NEW_PASSWORD, PASSWORD, Person, Site, new_email, new_mobile, registration};

pub const READ: &str = "GetItem";
pub const COUNT: &str = "UpdateItem";
pub const WRITE: &str = "TransactWriteItems";

pub struct Account {
    pub person: Person,
    pub email: String,
    pub username: String,
}

pub async fn site() -> Site {
    // A held call must not time out meanwhile.
    Site::with_settings(&[("AWS_ATTEMPT_TIMEOUT_MS", "60000")]).await
}

impl Account {
    pub async fn new(site: &Site) -> Self {
        let (person, email) = site.register_with_email().await;
        let username = format!("li{}", &person.mobile[2..]);
        let body = json!({ "username": username, "password": PASSWORD });
        let named = site.send_as(&person.token, Method::PATCH, "/users/me/", &body).await;
        assert_eq!(named.status, 200, "{named:?}");
        // Waits until the security notification about the email has been sent. Otherwise it could arrive before or
        // after a code.
        site.get("/_local/inbox.json").await;
        Self { person, email, username }
    }

    pub fn names(&self) -> [&str; 3] {
        [&self.person.mobile, &self.email, &self.username]
    }

    /// Returns the partition key of the account's own item.
    pub fn partition(&self) -> String {
        keys::user(&self.id()).partition().to_owned()
    }

    fn id(&self) -> UserId {
        UserId::from(self.person.id.clone())
    }

    pub async fn delete(&self, site: &Site) {
        let proof = json!({ "password": PASSWORD });
        site.send_as(&self.person.token, Method::DELETE, "/users/me/", &proof).await.is_done();
    }

    /// Makes the account look long unused, its number long unproved, and its email long bound.
    pub async fn become_dormant(&self, site: &Site) {
        let client = local::dynamodb(&site.system.as_ref().unwrap().variables).unwrap();
        let update = client.update_item().table_name(local::TABLE).set_key(Some(keys::user(&self.id()).attributes()));
        let update = update.update_expression(
            "SET last_used_at = :long_ago, mobile_proved_at = :long_ago, email_changed_at = :long_ago",
        );
        update.expression_attribute_values(":long_ago", AttributeValue::N("1".into())).send().await.unwrap();
    }
}

/// The name that is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Name {
    Mobile,
    Email,
    Username,
}

/// An account's move to another name, prepared up to its last request.
pub struct Move {
    token: String,
    path: &'static str,
    method: Method,
    body: Value,
    /// The account's new name.
    pub to: String,
}

impl Move {
    pub async fn ready(site: &Site, account: &Account, name: Name) -> Self {
        let token = &account.person.token;
        let (path, method, body, to) = match name {
            Name::Mobile => {
                let to = new_mobile();
                let asked = format!("/users/sms/{to}/?purpose=mobile");
                assert_eq!(site.send_as(token, Method::POST, &asked, &json!({})).await.status, 200);
                let code = site.code_for(&to).await;
                let body = json!({ "mobile": to, "sms_code": code, "password": PASSWORD });
                ("/users/me/mobile/", Method::PUT, body, to)
            }
            Name::Email => {
                let to = new_email();
                let asked = json!({ "email": to, "password": PASSWORD });
                assert_eq!(site.send_as(token, Method::POST, "/users/me/email/", &asked).await.status, 200);
                let body = json!({ "email": to, "email_code": site.code_for(&to).await });
                ("/users/me/email/", Method::PUT, body, to)
            }
            Name::Username => {
                let to = format!("han{}", &new_mobile()[2..]);
                ("/users/me/", Method::PATCH, json!({ "username": to, "password": PASSWORD }), to)
            }
        };
        Self { token: token.clone(), path, method, body, to }
    }

    /// Sends the last request and returns a token that is valid after it.
    pub async fn commit(&self, site: &Site) -> String {
        let answer = site.send_as(&self.token, self.method.clone(), self.path, &self.body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["token"].as_str().unwrap_or(&self.token).to_owned()
    }
}

/// The next owner of a number: a person with a code sent to it and another password.
pub struct NextOwner {
    mobile: String,
    code: String,
}

impl NextOwner {
    pub async fn ready(site: &Site, mobile: &str) -> Self {
        let code = site.sms_code(mobile).await;
        site.advance(61).await;
        Self { mobile: mobile.to_owned(), code }
    }

    /// Signs up and returns the id of the new account.
    pub async fn sign_up(&self, site: &Site) -> String {
        let mut body = registration(&self.mobile, &self.code);
        body["password"] = NEW_PASSWORD.into();
        let answer = site.post("/users/", &body).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.json()["id"].as_str().unwrap().to_owned()
    }
}

/// Runs `meanwhile` between two calls of a request, just before its next call of this operation on this partition.
pub async fn between<T: Debug, U>(
    site: &Site,
    (operation, partition): (&'static str, String),
    request: impl Future<Output = T>,
    meanwhile: impl Future<Output = U>,
) -> (T, U) {
    let mut held = site.system.as_ref().unwrap().holds.hold(operation, partition);
    let mut request = std::pin::pin!(request);
    tokio::select! {
        answer = &mut request => panic!("no {operation} was held: {answer:?}"),
        reached = held.reached() => assert!(reached),
    }
    let done = meanwhile.await;
    held.release();
    (request.await, done)
}

/// Returns the number of sessions of the token's account.
pub async fn sessions(site: &Site, token: &str) -> usize {
    let answer = site.send_as(token, Method::GET, "/users/me/sessions/", &json!({})).await;
    answer.json().as_array().unwrap().len()
}

/// Returns whether a name and a password sign in.
pub async fn password_opens(site: &Site, name: &str, password: &str) -> bool {
    site.post("/users/login/", &json!({ "username": name, "password": password })).await.status == 200
}

/// Waits out the resend cooldown, requests a code to sign in by SMS, and returns it.
pub async fn log_in_code(site: &Site, mobile: &str) -> String {
    site.advance(61).await;
    let answer = site.post(&format!("/users/sms/{mobile}/?purpose=login"), &json!({})).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    site.code_for(mobile).await
}

/// Asserts that two answers have the same status, error code and body.
#[track_caller]
pub fn assert_alike(one: &Answer, other: &Answer) {
    let shape =
        |answer: &Answer| (answer.status, answer.header("x-error-code").map(str::to_owned), answer.text.clone());
    assert_eq!(shape(one), shape(other));
}
