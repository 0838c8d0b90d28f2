//! A code that was asked for before the credentials changed is worth nothing afterwards: whoever changed them ends what
//! somebody else may have been sent.

use reqwest::Method;
use serde_json::{Value, json};

use crate::site::{Answer, NEW_PASSWORD, PASSWORD, Person, Site, new_email, new_mobile};

/// A code that an account's owner, or a thief, was sent.
#[derive(Clone, Copy, Debug)]
enum Kind {
    LogIn,
    ResetPassword,
    Reauthentication,
    BindEmail,
    ChangeMobile,
}

const KINDS: [Kind; 5] =
    [Kind::LogIn, Kind::ResetPassword, Kind::Reauthentication, Kind::BindEmail, Kind::ChangeMobile];

/// A change that moves the credential version on.
#[derive(Clone, Copy, Debug)]
enum Change {
    Password,
    LogOutEverywhere,
}

/// The recipient of a code, and the code.
struct Sent {
    to: String,
    code: String,
}

async fn ask(site: &Site, person: &Person, kind: Kind) -> Sent {
    let (mobile, email) = (new_mobile(), new_email());
    let (to, answer) = match kind {
        Kind::LogIn => {
            let path = format!("/users/sms/{}/?purpose=login", person.mobile);
            (person.mobile.clone(), site.post(&path, &json!({})).await)
        }
        Kind::ResetPassword => {
            let asked = site.post("/forget_pwd/sms_code/", &json!({ "mobile": person.mobile })).await;
            (person.mobile.clone(), asked)
        }
        Kind::Reauthentication => {
            let asked = site.send_as(&person.token, Method::POST, "/users/me/sms/", &json!({})).await;
            (person.mobile.clone(), asked)
        }
        Kind::BindEmail => {
            let body = json!({ "email": email, "password": PASSWORD });
            (email, site.send_as(&person.token, Method::POST, "/users/me/email/", &body).await)
        }
        Kind::ChangeMobile => {
            let path = format!("/users/sms/{mobile}/?purpose=mobile");
            (mobile, site.send_as(&person.token, Method::POST, &path, &json!({})).await)
        }
    };
    assert_eq!(answer.status, 200, "{kind:?}: {answer:?}");
    let code = site.code_for(&to).await;
    Sent { to, code }
}

async fn redeem(site: &Site, mobile: &str, token: &str, password: &str, kind: Kind, sent: &Sent) -> Answer {
    let as_owner = async |method: Method, path: &str, body: Value| site.send_as(token, method, path, &body).await;
    match kind {
        Kind::LogIn => site.post("/users/sms_login/", &json!({ "mobile": mobile, "sms_code": sent.code })).await,
        Kind::ResetPassword => {
            let body = json!({ "mobile": mobile, "sms_code": sent.code, "new_password": "another new password" });
            site.forget_pwd(&site.csrf().await, &body).await
        }
        Kind::Reauthentication => {
            let body = json!({ "sms_code": sent.code });
            as_owner(Method::POST, "/users/me/reauthenticate/", body).await
        }
        Kind::BindEmail => {
            let body = json!({ "email": sent.to, "email_code": sent.code });
            as_owner(Method::PUT, "/users/me/email/", body).await
        }
        Kind::ChangeMobile => {
            let body = json!({ "mobile": sent.to, "sms_code": sent.code, "password": password });
            as_owner(Method::PUT, "/users/me/mobile/", body).await
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_from_before_a_change_of_credentials_is_worth_nothing() {
    let site = Site::with_settings(&[]).await;
    for kind in KINDS {
        for change in [Change::Password, Change::LogOutEverywhere] {
            let person = site.register().await;
            let sent = ask(&site, &person, kind).await;
            let password = match change {
                Change::Password => {
                    let body = json!({ "password": PASSWORD, "new_password": NEW_PASSWORD });
                    let changed = site.send_as(&person.token, Method::PUT, "/users/me/password/", &body).await;
                    assert_eq!(changed.status, 200, "{changed:?}");
                    NEW_PASSWORD
                }
                Change::LogOutEverywhere => {
                    let body = json!({ "all": true });
                    assert_eq!(site.send_as(&person.token, Method::POST, "/users/logout/", &body).await.status, 204);
                    PASSWORD
                }
            };
            let again = site.post("/users/login/", &json!({ "username": person.mobile, "password": password })).await;
            let token = again.json()["token"].as_str().unwrap().to_owned();
            let refused = redeem(&site, &person.mobile, &token, password, kind, &sent).await;
            assert_eq!(refused.header("x-error-code"), Some("code_expired"), "{kind:?} after {change:?}: {refused:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_is_asked_for_again_after_a_change_is_another_and_good() {
    let site = Site::with_settings(&[]).await;
    let person = site.register().await;
    let before = ask(&site, &person, Kind::LogIn).await;
    let body = json!({ "password": PASSWORD, "new_password": NEW_PASSWORD });
    let changed = site.send_as(&person.token, Method::PUT, "/users/me/password/", &body).await;
    assert_eq!(changed.status, 200, "{changed:?}");
    site.advance(61).await;
    let after = ask(&site, &person, Kind::LogIn).await;
    assert_ne!(before.code, after.code, "a live code is kept only while the credentials are those it was issued for");
    let signed_in = redeem(&site, &person.mobile, "", PASSWORD, Kind::LogIn, &after).await;
    assert_eq!(signed_in.status, 200, "{signed_in:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn asking_for_a_second_address_voids_the_first_code() {
    let site = Site::with_settings(&[]).await;
    let person = site.register().await;
    let mut sent = Vec::new();
    for email in [new_email(), new_email()] {
        let asked = json!({ "email": email, "password": PASSWORD });
        assert_eq!(site.send_as(&person.token, Method::POST, "/users/me/email/", &asked).await.status, 200);
        sent.push((email.clone(), site.code_for(&email).await));
    }
    let bind = async |(email, code): &(String, String)| {
        let body = json!({ "email": email, "email_code": code });
        site.send_as(&person.token, Method::PUT, "/users/me/email/", &body).await
    };
    bind(&sent[0]).await.is_refused(400, "code_expired");
    assert_eq!(bind(&sent[1]).await.status, 200);
}
