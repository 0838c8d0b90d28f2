//! A message to an account's number or email is valid only while the account has that number or email. A message
//! requested before a move carries nothing to the old address, and one sent before the move is worthless.

use reqwest::Method;
use serde_json::{Value, json};

use crate::moves::{Account, Move, Name, NextOwner, READ, between, log_in_code, password_opens, site};
use crate::site::{Answer, NEW_PASSWORD, PASSWORD, Site};

/// Returns the texts sent to a number or an address.
async fn texts(site: &Site, to: &str) -> Vec<String> {
    let to = if to.contains('@') { to.to_owned() } else { format!("+86{to}") };
    let messages = site.messages_to(&to).await;
    messages.iter().map(|message| message["text"].as_str().unwrap().to_owned()).collect()
}

/// Requests a message, and returns the texts sent to the account's old name. The account moves away from that name
/// between the two reads by which `deliver` finds the account.
async fn sent_to_old(
    site: &Site,
    account: &Account,
    moving: &Move,
    old: &str,
    asked: impl Future<Output = Answer>,
) -> Vec<String> {
    let request = async {
        let answer = asked.await;
        assert_eq!(answer.status, 200, "{answer:?}");
        texts(site, old).await
    };
    between(site, (READ, account.partition()), request, moving.commit(site)).await.0
}

fn any_has(texts: &[String], words: &str) -> bool {
    texts.iter().any(|text| text.contains(words))
}

#[tokio::test(flavor = "multi_thread")]
async fn no_reset_link_is_mailed_to_an_email_that_is_given_up_meanwhile() {
    let site = site().await;
    let account = Account::new(&site).await;
    let moving = Move::ready(&site, &account, Name::Email).await;
    let old = &account.email;
    let body = json!({ "email": old });
    let asked = site.post("/users/find/password/email/", &body);
    let sent = sent_to_old(&site, &account, &moving, old, asked).await;
    assert!(!any_has(&sent, "access_token="), "{sent:?}");
    site.advance(61).await;
    let again = site.post("/users/find/password/email/", &body).await;
    assert_eq!(again.header("x-error-code"), Some("email_unknown"), "{again:?}");
    let body = json!({ "email": moving.to });
    assert_eq!(site.post("/users/find/password/email/", &body).await.status, 200);
    let link =
        json!({ "access_token": site.link_for(&moving.to).await, "password": NEW_PASSWORD, "password2": NEW_PASSWORD });
    assert_eq!(site.put("/users/find/password/", &link).await.status, 200);
    assert!(password_opens(&site, &moving.to, NEW_PASSWORD).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_reset_link_of_a_deleted_account_is_mailed() {
    let site = site().await;
    let account = Account::new(&site).await;
    let request = async {
        let body = json!({ "email": account.email });
        assert_eq!(site.post("/users/find/password/email/", &body).await.status, 200);
        texts(&site, &account.email).await
    };
    let (sent, ()) = between(&site, (READ, account.partition()), request, account.delete(&site)).await;
    assert!(!any_has(&sent, "access_token="), "{sent:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_code_is_sent_to_a_number_that_is_given_up_meanwhile() {
    let site = site().await;
    for (path, words) in [
        ("/forget_pwd/sms_code/", "重置密码"),
        ("/users/sms/{}/?purpose=login", "登录，"),
        ("/users/me/sms/", "验证身份"),
    ] {
        for taken in [false, true] {
            let account = Account::new(&site).await;
            let old = &account.person.mobile;
            let next = NextOwner::ready(&site, old).await;
            let moving = Move::ready(&site, &account, Name::Mobile).await;
            site.advance(61).await;
            let ask = async |mobile: &str, token: &str| {
                let body = json!({ "mobile": mobile });
                site.send_as(token, Method::POST, &path.replace("{}", mobile), &body).await
            };
            let request = async {
                let asked = ask(old, &account.person.token).await;
                assert_eq!(asked.status, 200, "{path}: {asked:?}");
                texts(&site, old).await
            };
            let meanwhile = async {
                let token = moving.commit(&site).await;
                if taken {
                    next.sign_up(&site).await;
                }
                token
            };
            let (sent, token) = between(&site, (READ, account.partition()), request, meanwhile).await;
            assert!(!any_has(&sent, words), "{path}: {sent:?}");
            site.advance(61).await;
            assert_eq!(ask(&moving.to, &token).await.status, 200, "{path}");
            assert!(any_has(&texts(&site, &moving.to).await, words), "{path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_second_proof_is_mailed_to_an_email_that_is_given_up_meanwhile() {
    let site = site().await;
    let account = Account::new(&site).await;
    let moving = Move::ready(&site, &account, Name::Email).await;
    let code = log_in_code(&site, &account.person.mobile).await;
    account.become_dormant(&site).await;
    let body = json!({ "mobile": account.person.mobile, "sms_code": code });
    // The stream stops until the code is requested, so that the read which is held is one of `deliver`.
    let pump = site.system.as_ref().unwrap().pump.clone();
    let still = pump.hold().await;
    site.post("/users/sms_login/", &body).await.is_refused(403, "second_proof_required");
    let request = async {
        drop(still);
        texts(&site, &account.email).await
    };
    let (sent, _) = between(&site, (READ, account.partition()), request, moving.commit(&site)).await;
    assert!(!any_has(&sent, "验证身份以使用账号"), "{sent:?}");
    // The new address is mailed a code, and that code opens the account.
    account.become_dormant(&site).await;
    site.advance(61).await;
    let code = log_in_code(&site, &account.person.mobile).await;
    let mut body = json!({ "mobile": account.person.mobile, "sms_code": code });
    site.post("/users/sms_login/", &body).await.is_refused(403, "second_proof_required");
    body["email_code"] = site.code_for(&moving.to).await.into();
    assert_eq!(site.post("/users/sms_login/", &body).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_in_hand_proves_nothing_once_the_number_is_given_up() {
    let site = site().await;
    let account = Account::new(&site).await;
    let moving = Move::ready(&site, &account, Name::Mobile).await;
    let old_code = site.proof_code(&account.person).await;
    let token = moving.commit(&site).await;
    let body = |code: &str| json!({ "sms_code": code, "new_password": NEW_PASSWORD });
    let change = async |code: &str| site.send_as(&token, Method::PUT, "/users/me/password/", &body(code)).await;
    change(&old_code).await.is_refused(400, "code_expired");
    site.advance(61).await;
    assert_eq!(site.send_as(&token, Method::POST, "/users/me/sms/", &json!({})).await.status, 200);
    let new_code = site.code_for(&moving.to).await;
    assert_ne!(new_code, old_code, "the new number is sent a code of its own");
    assert_eq!(change(&new_code).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mailed_code_in_hand_opens_nothing_once_the_email_is_given_up() {
    let site = site().await;
    let account = Account::new(&site).await;
    let moving = Move::ready(&site, &account, Name::Email).await;
    let code = log_in_code(&site, &account.person.mobile).await;
    account.become_dormant(&site).await;
    let mut body = json!({ "mobile": account.person.mobile, "sms_code": code });
    site.post("/users/sms_login/", &body).await.is_refused(403, "second_proof_required");
    body["email_code"] = site.code_for(&account.email).await.into();
    moving.commit(&site).await;
    account.become_dormant(&site).await;
    // The code by SMS is from before the change, too.
    site.post("/users/sms_login/", &body).await.is_refused(400, "code_expired");
    site.advance(61).await;
    body["sms_code"] = log_in_code(&site, &account.person.mobile).await.into();
    site.post("/users/sms_login/", &body).await.is_refused(400, "confirm_code_expired");
    body["email_code"] = Value::Null;
    body["password"] = PASSWORD.into();
    assert_eq!(site.post("/users/sms_login/", &body).await.status, 200);
}
