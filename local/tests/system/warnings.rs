//! The words and the language of security notifications.

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::site::{NEW_PASSWORD, PASSWORD, Site, new_email, new_mobile, read, registration};

fn in_english(request: RequestBuilder) -> RequestBuilder {
    request.header("accept-language", "en")
}

async fn was_never_told(site: &Site, to: &str, words: &str) {
    let told = site.messages_to(to).await;
    assert!(told.iter().all(|one| !one["text"].as_str().unwrap().contains(words)), "{words}: {told:?}");
}

fn text(body: &Value, name: &str) -> String {
    body[name].as_str().unwrap_or_else(|| panic!("{name}: {body}")).to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_warning_is_in_the_language_of_the_sign_up_and_not_of_the_thief() {
    let site = Site::with_settings(&[]).await;
    let person = site.register().await;
    // The thief signs in and changes the password, both in English. Neither changes the language of the account.
    let log_in = json!({ "username": person.mobile, "password": PASSWORD });
    let signed_in = read(in_english(site.request(Method::POST, "/users/login/")).json(&log_in)).await.json();
    let change = json!({ "password": PASSWORD, "new_password": NEW_PASSWORD });
    let request = in_english(site.request(Method::PUT, "/users/me/password/")).bearer_auth(text(&signed_in, "token"));
    assert_eq!(read(request.json(&change)).await.status, 200);
    let sms = format!("+86{}", person.mobile);
    site.was_told(&sms, "登录密码已修改").await;
    was_never_told(&site, &sms, "password").await;

    // A person who signed up in English is warned in English.
    let mobile = new_mobile();
    let body = registration(&mobile, &site.sms_code(&mobile).await);
    let signed_up = read(in_english(site.request(Method::POST, "/users/")).json(&body)).await.json();
    let token = text(&signed_up, "token");
    let export = site.send_as(&token, Method::POST, "/users/me/export/", &json!({ "password": PASSWORD })).await;
    assert_eq!(export.json()["account"]["language"], "en");
    let changed = site.send_as(&token, Method::PUT, "/users/me/password/", &change).await;
    assert_eq!(changed.status, 200, "{changed:?}");
    site.was_told(&format!("+86{mobile}"), "The password of your account was changed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn first_names_and_passwords_are_told_as_what_they_are() {
    let site = Site::with_settings(&[]).await;
    let mobile = new_mobile();
    let sms = format!("+86{mobile}");
    site.post(&format!("/users/sms/{mobile}/?purpose=login&register=true"), &json!({})).await;
    let body = json!({ "mobile": mobile, "sms_code": site.code_for(&mobile).await, "register": true });
    let signed_up = site.post("/users/sms_login/", &body).await.json();
    let mut token = text(&signed_up, "token");

    let reauthentication = json!({ "reauthentication": signed_up["reauthentication"] });
    token = bind_an_email(&site, &token, &reauthentication).await;
    site.was_told(&sms, "账号已绑定邮箱").await;

    site.advance(61).await;
    let asked = site.send_as(&token, Method::POST, "/users/me/sms/", &json!({})).await;
    assert_eq!(asked.status, 200, "{asked:?}");
    let first = json!({ "sms_code": site.code_for(&mobile).await, "new_password": PASSWORD });
    token = text(&site.send_as(&token, Method::PUT, "/users/me/password/", &first).await.json(), "token");
    site.was_told(&sms, "账号已设置登录密码").await;
    for change in ["登录密码已修改", "邮箱已更换"] {
        was_never_told(&site, &sms, change).await;
    }

    token = bind_an_email(&site, &token, &json!({ "password": PASSWORD })).await;
    site.was_told(&sms, "账号绑定的邮箱已更换").await;
    let change = json!({ "password": PASSWORD, "new_password": NEW_PASSWORD });
    assert_eq!(site.send_as(&token, Method::PUT, "/users/me/password/", &change).await.status, 200);
    site.was_told(&sms, "登录密码已修改").await;
}

/// Binds a new email and returns the new access token.
async fn bind_an_email(site: &Site, token: &str, proof: &Value) -> String {
    let email = new_email();
    let mut asked = json!({ "email": email });
    asked.as_object_mut().unwrap().extend(proof.as_object().unwrap().clone());
    let sent = site.send_as(token, Method::POST, "/users/me/email/", &asked).await;
    assert_eq!(sent.status, 200, "{sent:?}");
    let bind = json!({ "email": email, "email_code": site.code_for(&email).await });
    text(&site.send_as(token, Method::PUT, "/users/me/email/", &bind).await.json(), "token")
}

/// A number that was not proved for long may be another person's, who must not be able to end the owner's sessions.
#[tokio::test(flavor = "multi_thread")]
async fn a_number_not_proved_for_long_is_sent_no_link_that_ends_sessions() {
    let site = Site::with_settings(&[]).await;
    let person = site.register().await;
    let change = async |days: u32| {
        site.advance(days * 86_400).await;
        let token = text(&site.log_in(&person.mobile).await, "token");
        let body = json!({ "password": PASSWORD, "new_password": PASSWORD });
        assert_eq!(site.send_as(&token, Method::PUT, "/users/me/password/", &body).await.status, 200);
        text(&site.messages_to(&format!("+86{}", person.mobile)).await[0], "text")
    };
    let lately = change(10).await;
    assert!(lately.contains("登录密码已修改") && lately.contains("/secure#"), "{lately}");
    let long_ago = change(80).await;
    assert!(long_ago.contains("登录密码已修改") && !long_ago.contains("/secure#"), "{long_ago}");
}

/// The holder of a number that was reissued asks for a code. The owner is mailed a second one, in the owner's language.
#[tokio::test(flavor = "multi_thread")]
async fn what_an_account_is_mailed_unasked_is_in_its_own_language() {
    let site = Site::with_settings(&[]).await;
    let (person, email) = site.register_with_email().await;
    site.advance(100 * 86_400).await;
    site.post(&format!("/users/sms/{}/?purpose=login", person.mobile), &json!({})).await;
    let body = json!({ "mobile": person.mobile, "sms_code": site.code_for(&person.mobile).await });
    let asked = read(in_english(site.request(Method::POST, "/users/sms_login/")).json(&body)).await;
    asked.is_refused(403, "second_proof_required");
    site.was_told(&email, "您正在验证身份以使用账号").await;
    was_never_told(&site, &email, "is your code").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_bound_after_the_last_one_was_taken_over_is_told_as_a_first_one() {
    let site = Site::with_settings(&[]).await;
    let (old, email) = site.register_with_email().await;
    site.advance(180 * 86_400).await;
    let code = site.sms_code(&old.mobile).await;
    assert_eq!(site.post("/users/", &registration(&old.mobile, &code)).await.status, 201);
    site.was_told(&email, "请登录后绑定新手机号").await;
    let token = text(&site.log_in(&email).await, "token");
    let mobile = new_mobile();
    site.send_as(&token, Method::POST, &format!("/users/sms/{mobile}/?purpose=mobile"), &json!({})).await;
    let body = json!({ "mobile": mobile, "sms_code": site.code_for(&mobile).await, "password": PASSWORD });
    assert_eq!(site.send_as(&token, Method::PUT, "/users/me/mobile/", &body).await.status, 200);
    site.was_told(&email, "账号已绑定手机号").await;
}
