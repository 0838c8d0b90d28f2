//! Security notifications about a change, and the "this wasn't me" link in them, by which owners undo a change that
//! they did not make. ASVS 6.3.7, 7.4.3; OWASP Forgot Password cheat sheet.

use reqwest::Method;
use serde_json::{Value, json};

use crate::site::{NEW_PASSWORD, PASSWORD, Person, Site, new_email, read};

/// Returns the token of the link in the newest security notification to a number or an address.
async fn token_for(site: &Site, to: &str) -> String {
    let messages = site.messages_to(to).await;
    let texts: Vec<_> = messages.iter().map(|message| message["text"].as_str().unwrap()).collect();
    let (page, token) = texts.iter().find_map(|text| text.split_once("/secure#")).expect("a notice has a link");
    assert!(page.ends_with(&format!("请打开 {}", site.base_url)), "{page}");
    token.to_owned()
}

async fn secure(site: &Site, token: &str) -> crate::site::Answer {
    site.post("/users/secure/", &json!({ "token": token })).await
}

async fn change_password(site: &Site, person: &mut Person, from: &str, to: &str) -> crate::site::Answer {
    let body = json!({ "password": from, "new_password": to });
    let answer = site.send_as(&person.token, Method::PUT, "/users/me/password/", &body).await;
    if let (200, Value::String(token)) = (answer.status, answer.json()["token"].clone()) {
        person.token = token;
    }
    answer
}

/// Returns a person whose email was bound some time ago, and who has just changed the password.
async fn someone(site: &Site) -> (Person, String) {
    let (mut person, email) = site.register_with_email().await;
    site.advance(6 * 86_400).await;
    let signed_in = site.log_in(&person.mobile).await;
    person.token = signed_in["token"].as_str().unwrap().to_owned();
    person.refresh_token = signed_in["refresh_token"].as_str().unwrap().to_owned();
    assert_eq!(change_password(site, &mut person, PASSWORD, NEW_PASSWORD).await.status, 200);
    (person, email)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_link_in_a_notice_ends_all_sessions_and_the_password_once() {
    let site = Site::with_settings(&[]).await;
    let (mut person, email) = someone(&site).await;
    let link = token_for(&site, &format!("+86{}", person.mobile)).await;
    assert!(!token_for(&site, &email).await.is_empty(), "the email is told too");
    // A scanner that opens the link has no effect, and neither has a wrong token.
    for method in [Method::GET, Method::HEAD] {
        read(site.request(method.clone(), "/secure/")).await;
        read(site.request(method, &format!("/users/secure/?token={link}"))).await;
    }
    for wrong in ["AAAA", &link[1..], &format!("{link}A"), &person.token, ""] {
        assert_eq!(secure(&site, wrong).await.status, 400, "{wrong}");
    }
    assert_eq!(site.me(&person.token).await.status, 200);
    // The thief makes more changes. The link survives them.
    for (from, to) in [(NEW_PASSWORD, PASSWORD), (PASSWORD, NEW_PASSWORD)] {
        assert_eq!(change_password(&site, &mut person, from, to).await.status, 200);
    }
    secure(&site, &link).await.is(200, &json!({ "detail": "所有设备已退出登录，原密码已停用。请设置新密码。" }));
    site.me(&person.token).await.is_refused(401, "unauthorized");
    site.refresh(&person.refresh_token).await.is_refused(401, "session_ended");
    for password in [PASSWORD, NEW_PASSWORD] {
        let body = json!({ "username": person.mobile, "password": password });
        assert_eq!(site.post("/users/login/", &body).await.header("x-error-code"), Some("bad_credentials"));
    }
    secure(&site, &link).await.is_refused(400, "link_invalid");
    // The mailed reset link sets a password.
    let reset = site.link_for(&email).await;
    let body = json!({ "access_token": reset, "password": PASSWORD, "password2": PASSWORD });
    site.put("/users/find/password/", &body).await.is(200, &json!("重置密码成功！"));
    site.log_in(&person.mobile).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_in_a_notice_is_good_for_three_days() {
    let site = Site::with_settings(&[]).await;
    let (person, email) = someone(&site).await;
    let link = token_for(&site, &email).await;
    site.advance(3 * 86_400 + 1).await;
    secure(&site, &link).await.is_refused(400, "link_invalid");
    let body = json!({ "username": person.mobile, "password": NEW_PASSWORD });
    assert_eq!(site.post("/users/login/", &body).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_took_an_account_over_is_handed_neither_link_nor_reset() {
    let site = Site::with_settings(&[]).await;
    let mut person = site.register().await;
    // A thief who has a session and the password binds an address of their own.
    let email = new_email();
    let asked = json!({ "email": email, "password": PASSWORD });
    site.send_as(&person.token, Method::POST, "/users/me/email/", &asked).await;
    let bind = json!({ "email": email, "email_code": site.code_for(&email).await });
    let bound = site.send_as(&person.token, Method::PUT, "/users/me/email/", &bind).await;
    person.token = bound.json()["token"].as_str().unwrap().to_owned();
    let link = token_for(&site, &format!("+86{}", person.mobile)).await;
    change_password(&site, &mut person, PASSWORD, NEW_PASSWORD).await;
    assert_eq!(secure(&site, &link).await.status, 200);
    let to_thief = site.messages_to(&email).await;
    assert!(to_thief.iter().any(|one| one["text"].as_str().unwrap().contains("登录密码已修改")), "{to_thief:?}");
    let all = format!("{to_thief:?}");
    assert!(!all.contains("/secure#") && !all.contains("access_token="), "{all}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_is_no_other_value_and_no_other_value_is_a_link() {
    let site = Site::with_settings(&[]).await;
    let (person, email) = someone(&site).await;
    let token = token_for(&site, &email).await;
    site.me(&token).await.is_refused(401, "unauthorized");
    site.refresh(&token).await.is_refused(401, "refresh_token_invalid");
    let answer = site.post("/users/find/password/", &json!({ "access_token": token })).await;
    assert_eq!(answer.header("x-error-code"), Some("link_invalid"));
    site.post("/users/find/password/email/", &json!({ "email": email })).await;
    let reset = site.link_for(&email).await;
    for other in [&reset, &person.token, &person.refresh_token, &site.csrf().await] {
        secure(&site, other).await.is_refused(400, "link_invalid");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_changes_ten_times_a_day_and_a_reset_goes_through_all_the_same() {
    let site = Site::with_settings(&[]).await;
    let mut person = site.register().await;
    let passwords = [PASSWORD, NEW_PASSWORD];
    for change in 0..10 {
        let (from, to) = (passwords[change % 2], passwords[(change + 1) % 2]);
        assert_eq!(change_password(&site, &mut person, from, to).await.status, 200, "{change}");
    }
    let refused = change_password(&site, &mut person, PASSWORD, NEW_PASSWORD).await;
    refused.is_refused(429, "too_many_requests");
    refused.says_when_to_retry(86_400);
    let told = site.messages_to(&format!("+86{}", person.mobile)).await.len();
    assert_eq!(told, 11, "a code and ten notices");
    let email = new_email();
    site.send_as(&person.token, Method::POST, "/users/me/email/", &json!({ "email": email, "password": PASSWORD }))
        .await;
    let bind = json!({ "email": email, "email_code": site.code_for(&email).await });
    let refused = site.send_as(&person.token, Method::PUT, "/users/me/email/", &bind).await;
    refused.is_refused(429, "too_many_requests");
    site.post("/forget_pwd/sms_code/", &json!({ "mobile": person.mobile })).await;
    let (code, csrf) = (site.code_for(&person.mobile).await, site.csrf().await);
    let reset = json!({ "mobile": person.mobile, "sms_code": code, "new_password": NEW_PASSWORD });
    assert_eq!(site.forget_pwd(&csrf, &reset).await.json()["errno"], "0");
    site.advance(86_400).await;
    let log_in = json!({ "username": person.mobile, "password": NEW_PASSWORD });
    person.token = site.post("/users/login/", &log_in).await.json()["token"].as_str().unwrap().to_owned();
    assert_eq!(change_password(&site, &mut person, NEW_PASSWORD, PASSWORD).await.status, 200);
}
