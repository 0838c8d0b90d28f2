//! Every operation that takes a proof, and a body for each in which only the proof is missing.

use reqwest::Method;
use serde_json::{Value, json};

use crate::site::{Answer, NEW_PASSWORD, Site, new_email, new_mobile};

pub struct Row {
    pub function: &'static str,
    method: &'static str,
    path: &'static str,
    /// The field for a code to the account's own number.
    pub code: &'static str,
    /// The status of a granted request.
    pub status: u16,
}

const fn row(
    function: &'static str,
    (method, path): (&'static str, &'static str),
    code: &'static str,
    status: u16,
) -> Row {
    Row { function, method, path, code, status }
}

/// `every_function_that_takes_a_proof_is_in_the_table` fails if an operation is missing here.
pub const TABLE: &[Row] = &[
    row("send-email-code", ("POST", "/users/me/email/"), "sms_code", 200),
    row("change-password", ("PUT", "/users/me/password/"), "sms_code", 200),
    row("change-profile", ("PATCH", "/users/me/"), "sms_code", 200),
    row("change-mobile", ("PUT", "/users/me/mobile/"), "confirm_code", 200),
    row("delete-account", ("DELETE", "/users/me/"), "sms_code", 204),
    row("export", ("POST", "/users/me/export/"), "sms_code", 200),
];

impl Row {
    /// Returns the body without the proof.
    pub async fn body(&self, site: &Site, token: &str) -> Value {
        match self.function {
            "send-email-code" => json!({ "email": new_email() }),
            "change-password" => json!({ "new_password": NEW_PASSWORD }),
            "change-profile" => json!({ "username": format!("name{}", &new_mobile()[2..]) }),
            "change-mobile" => {
                let mobile = new_mobile();
                let path = format!("/users/sms/{mobile}/?purpose=mobile");
                let sent = site.send_as(token, Method::POST, &path, &json!({})).await;
                assert_eq!(sent.status, 200, "{sent:?}");
                json!({ "mobile": mobile, "sms_code": site.code_for(&mobile).await })
            }
            _ => json!({}),
        }
    }

    /// Sends the body with the fields of the proof added.
    pub async fn send(&self, site: &Site, token: &str, body: &Value, proof: &Value) -> Answer {
        let mut body = body.clone();
        body.as_object_mut().unwrap().extend(proof.as_object().unwrap().clone());
        site.send_as(token, self.method.parse().unwrap(), self.path, &body).await
    }
}

/// A person who has just signed in, with the values from the answer.
pub struct Arrival {
    pub id: String,
    pub mobile: String,
    pub token: String,
    pub refresh_token: String,
    pub reauthentication: String,
}

impl Arrival {
    pub fn new(mobile: &str, body: &Value) -> Self {
        let text = |name: &str| body[name].as_str().unwrap_or_else(|| panic!("{name}: {body}")).to_owned();
        Self {
            id: text("id"),
            mobile: mobile.to_owned(),
            token: text("token"),
            refresh_token: text("refresh_token"),
            reauthentication: text("reauthentication"),
        }
    }

    pub async fn of_somebody(site: &Site) -> Self {
        let mobile = site.register().await.mobile;
        Self::again(site, &mobile).await
    }

    /// Signs in once more, in another session of the same account.
    pub async fn again(site: &Site, mobile: &str) -> Self {
        Self::new(mobile, &site.log_in(mobile).await)
    }
}
