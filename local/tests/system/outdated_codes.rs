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
    ResetBySms,
    ResetByMail,
    NotMe,
    Email,
}

const CHANGES: [Change; 6] =
    [Change::Password, Change::LogOutEverywhere, Change::ResetBySms, Change::ResetByMail, Change::NotMe, Change::Email];

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

/// Makes the change as the account's owner. Returns the token of a session after it, and the password.
async fn change(site: &Site, (person, email): (&Person, &str), change: Change) -> (String, &'static str) {
    let as_owner = async |method: Method, path: &str, body: Value| {
        let answer = site.send_as(&person.token, method, path, &body).await;
        assert!(answer.status < 300, "{change:?}: {answer:?}");
    };
    let password = match change {
        Change::Password => {
            let body = json!({ "password": PASSWORD, "new_password": NEW_PASSWORD });
            as_owner(Method::PUT, "/users/me/password/", body).await;
            NEW_PASSWORD
        }
        Change::LogOutEverywhere => {
            as_owner(Method::POST, "/users/logout/", json!({ "all": true })).await;
            PASSWORD
        }
        Change::ResetBySms => {
            reset_by_sms(site, person).await;
            NEW_PASSWORD
        }
        Change::ResetByMail => {
            site.advance(61).await;
            assert_eq!(site.post("/users/find/password/email/", &json!({ "email": email })).await.status, 200);
            let token = site.link_for(email).await;
            let body = json!({ "access_token": token, "password": NEW_PASSWORD, "password2": NEW_PASSWORD });
            let reset = site.put("/users/find/password/", &body).await;
            assert_eq!(reset.status, 200, "{reset:?}");
            NEW_PASSWORD
        }
        Change::NotMe => {
            let body = json!({ "password": PASSWORD, "new_password": PASSWORD });
            as_owner(Method::PUT, "/users/me/password/", body).await;
            let told = site.messages_to(email).await;
            let link = told.iter().find_map(|one| one["text"].as_str().unwrap().split_once("/secure#")).unwrap().1;
            assert_eq!(site.post("/users/secure/", &json!({ "token": link })).await.status, 200);
            // The password ended too, so the owner signs in by a code.
            return (site.log_in_by_code(person).await["token"].as_str().unwrap().to_owned(), PASSWORD);
        }
        Change::Email => {
            let email = new_email();
            as_owner(Method::POST, "/users/me/email/", json!({ "email": email, "password": PASSWORD })).await;
            let body = json!({ "email": email, "email_code": site.code_for(&email).await });
            as_owner(Method::PUT, "/users/me/email/", body).await;
            PASSWORD
        }
    };
    let again = site.post("/users/login/", &json!({ "username": person.mobile, "password": password })).await;
    (again.json()["token"].as_str().unwrap().to_owned(), password)
}

async fn reset_by_sms(site: &Site, person: &Person) {
    site.advance(61).await;
    // Under a handle, so that it is another code than one that was asked for without.
    let asked = json!({ "mobile": person.mobile, "handle": "new" });
    let asked = site.post("/forget_pwd/sms_code/", &asked).await.json();
    let body = json!({
        "mobile": person.mobile, "sms_code": site.code_for(&person.mobile).await, "new_password": NEW_PASSWORD,
        "handle": asked["handle"],
    });
    let reset = site.forget_pwd(&site.csrf().await, &body).await;
    assert_eq!(reset.json()["errno"], "0", "{asked:?}: {reset:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_from_before_a_change_of_credentials_is_worth_nothing() {
    let site = Site::with_settings(&[]).await;
    for kind in KINDS {
        for one in CHANGES {
            let (person, email) = site.register_with_email().await;
            site.advance(7 * 86_400).await;
            let token = site.log_in(&person.mobile).await["token"].as_str().unwrap().to_owned();
            let person = Person { token, ..person };
            let sent = ask(&site, &person, kind).await;
            let (token, password) = change(&site, (&person, &email), one).await;
            let refused = redeem(&site, &person.mobile, &token, password, kind, &sent).await;
            let code = refused.header("x-error-code");
            // "This wasn't me" leaves no password, which a move to a new number would need beside the code.
            let expected = match (one, kind) {
                (Change::NotMe, Kind::ChangeMobile) => "proof_wrong",
                _ => "code_expired",
            };
            assert_eq!(code, Some(expected), "{kind:?} after {one:?}: {refused:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_to_the_old_number_is_worth_nothing_after_a_move() {
    let site = Site::with_settings(&[]).await;
    for kind in [Kind::LogIn, Kind::ResetPassword] {
        let person = site.register().await;
        let moved = ask(&site, &person, Kind::ChangeMobile).await;
        let sent = ask(&site, &person, kind).await;
        let answer = redeem(&site, &person.mobile, &person.token, PASSWORD, Kind::ChangeMobile, &moved).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let refused = redeem(&site, &person.mobile, "", PASSWORD, kind, &sent).await;
        assert_eq!(refused.header("x-error-code"), Some("no_such_user"), "{kind:?}: {refused:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mailed_second_proof_from_before_a_change_is_worth_nothing() {
    let site = Site::with_settings(&[]).await;
    for one in [Change::Password, Change::LogOutEverywhere] {
        let (person, email) = site.register_with_email().await;
        site.advance(95 * 86_400).await;
        let token = site.log_in(&person.mobile).await["token"].as_str().unwrap().to_owned();
        let person = Person { token, ..person };
        let sent = ask(&site, &person, Kind::LogIn).await;
        redeem(&site, &person.mobile, "", PASSWORD, Kind::LogIn, &sent).await.is_refused(403, "second_proof_required");
        let mailed = site.code_for(&email).await;
        change(&site, (&person, &email), one).await;
        site.advance(61).await;
        let sent = ask(&site, &person, Kind::LogIn).await;
        let body = json!({ "mobile": person.mobile, "sms_code": sent.code, "email_code": mailed });
        site.post("/users/sms_login/", &body).await.is_refused(400, "confirm_code_expired");
    }
}

/// The stream may bring a message late. It must not become a good code for the new credentials.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_asked_for_before_a_change_is_not_sent_after_it() {
    let site = Site::with_settings(&[]).await;
    let (person, email) = site.register_with_email().await;
    site.advance(61).await;
    let (sms, before) = (format!("+86{}", person.mobile), site.messages_to(&email).await.len());
    let texts = site.messages_to(&sms).await.len();
    {
        let _still = site.system.as_ref().unwrap().pump.hold().await;
        let path = format!("/users/sms/{}/?purpose=login", person.mobile);
        assert_eq!(site.post(&path, &json!({})).await.status, 200);
        assert_eq!(site.post("/users/find/password/email/", &json!({ "email": email })).await.status, 200);
        site.advance(2).await;
        let body = json!({ "password": PASSWORD, "new_password": NEW_PASSWORD });
        assert_eq!(site.send_as(&person.token, Method::PUT, "/users/me/password/", &body).await.status, 200);
    }
    // Only the security notification arrives.
    for (to, before) in [(&sms, texts), (&email, before)] {
        let messages = site.messages_to(to).await;
        assert_eq!(messages.len(), before + 1, "{messages:?}");
        assert!(messages[0]["text"].as_str().unwrap().contains("登录密码已修改"), "{messages:?}");
    }
    // What is asked for now is sent.
    site.advance(61).await;
    let sent = ask(&site, &person, Kind::LogIn).await;
    assert_eq!(redeem(&site, &person.mobile, "", NEW_PASSWORD, Kind::LogIn, &sent).await.status, 200);
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

#[tokio::test(flavor = "multi_thread")]
async fn asking_for_a_second_number_voids_the_first_code() {
    let site = Site::with_settings(&[]).await;
    let person = site.register().await;
    let sent = [ask(&site, &person, Kind::ChangeMobile).await, ask(&site, &person, Kind::ChangeMobile).await];
    let first = redeem(&site, "", &person.token, PASSWORD, Kind::ChangeMobile, &sent[0]).await;
    first.is_refused(400, "code_expired");
    assert_eq!(redeem(&site, "", &person.token, PASSWORD, Kind::ChangeMobile, &sent[1]).await.status, 200);
}
