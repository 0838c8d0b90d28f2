//! The requests of `outages`: one for each use case, with the evidence that it was granted.

use crate::outages::{Asked, Shows, sessions};
use crate::site::{NEW_PASSWORD, PASSWORD, Site, new_email, new_mobile, registration};
use reqwest::Method;
use serde_json::json;

fn sms(mobile: &str) -> String {
    format!("+86{mobile}")
}

pub async fn message(site: &Site, to: String) -> Shows {
    let before = site.messages_to(&to).await.len();
    Shows::Message(to, before)
}

pub async fn bind_email(site: &Site) -> Asked {
    let (person, email) = (site.register().await, new_email());
    let asked = json!({ "email": email, "password": PASSWORD });
    site.send_as(&person.token, Method::POST, "/users/me/email/", &asked).await;
    let body = json!({ "email": email, "email_code": site.code_for(&email).await });
    let shows = Shows::LogIn { name: email, password: PASSWORD };
    Asked::new(Method::PUT, "/users/me/email/", body, shows).by(&person.token)
}

pub async fn change_mobile(site: &Site) -> Asked {
    let (person, mobile) = (site.register().await, new_mobile());
    site.send_as(&person.token, Method::POST, &format!("/users/sms/{mobile}/?purpose=mobile"), &json!({})).await;
    let body = json!({ "mobile": mobile, "sms_code": site.code_for(&mobile).await, "password": PASSWORD });
    let shows = Shows::LogIn { name: mobile, password: PASSWORD };
    Asked::new(Method::PUT, "/users/me/mobile/", body, shows).by(&person.token)
}

pub async fn change_password(site: &Site) -> Asked {
    let person = site.register().await;
    let body = json!({ "password": PASSWORD, "new_password": NEW_PASSWORD });
    let shows = Shows::LogIn { name: person.mobile, password: NEW_PASSWORD };
    Asked::new(Method::PUT, "/users/me/password/", body, shows).by(&person.token)
}

pub async fn change_profile(site: &Site) -> Asked {
    let person = site.register().await;
    let username = format!("name{}", &person.mobile[2..]);
    let body = json!({ "nickname": "新", "username": username, "password": PASSWORD });
    let shows = Shows::Nickname(person.token.clone(), "新");
    Asked::new(Method::PATCH, "/users/me/", body, shows).by(&person.token)
}

pub async fn change_nickname(site: &Site) -> Asked {
    let person = site.register().await;
    let shows = Shows::Nickname(person.token.clone(), "新");
    Asked::new(Method::PATCH, "/users/me/", json!({ "nickname": "新" }), shows).by(&person.token)
}

pub async fn check_mobile(_: &Site) -> Asked {
    Asked::new(Method::GET, format!("/users/mobile/{}/", new_mobile()), json!({}), Shows::Nothing)
}

pub async fn check_reset_token(site: &Site) -> Asked {
    let body = json!({ "access_token": reset_link(site).await.1 });
    Asked::new(Method::POST, "/users/find/password/", body, Shows::Nothing)
}

/// Requests a link to set a password. Returns the number of the person and the token of the link.
pub async fn reset_link(site: &Site) -> (String, String) {
    let (person, email) = site.register_with_email().await;
    site.post("/users/find/password/email/", &json!({ "email": email })).await;
    (person.mobile, site.link_for(&email).await)
}

pub async fn delete_account(site: &Site) -> Asked {
    let person = site.register().await;
    let shows = Shows::Refused(person.token.clone());
    Asked::new(Method::DELETE, "/users/me/", json!({ "password": PASSWORD }), shows).by(&person.token)
}

pub async fn end_session(site: &Site) -> Asked {
    let person = site.register().await;
    let other = site.log_in(&person.mobile).await;
    let all = site.send_as(&person.token, Method::GET, "/users/me/sessions/", &json!({})).await.json();
    let of_other = all.as_array().unwrap().iter().find(|one| one["current"] == false).unwrap();
    let path = format!("/users/me/sessions/{}/", of_other["id"].as_str().unwrap());
    let shows = Shows::Ended(other["refresh_token"].as_str().unwrap().to_owned());
    Asked::new(Method::DELETE, path, json!({}), shows).by(&person.token)
}

pub async fn export(site: &Site) -> Asked {
    let person = site.register().await;
    Asked::new(Method::POST, "/users/me/export/", json!({ "password": PASSWORD }), Shows::Nothing).by(&person.token)
}

pub async fn forget_pwd(site: &Site) -> Asked {
    let person = site.register().await;
    site.advance(61).await;
    site.post("/forget_pwd/sms_code/", &json!({ "mobile": person.mobile })).await;
    let (code, csrf) = (site.code_for(&person.mobile).await, site.csrf().await);
    let body = json!({ "mobile": person.mobile, "sms_code": code, "new_password": NEW_PASSWORD });
    let shows = Shows::LogIn { name: person.mobile, password: NEW_PASSWORD };
    let mut asked = Asked::new(Method::POST, "/forget_pwd/", body, shows);
    asked.headers.extend([("cookie", format!("csrf_token={csrf}")), ("x-csrftoken", csrf)]);
    asked
}

pub async fn forget_pwd_mobile(_: &Site) -> Asked {
    Asked::new(Method::GET, format!("/forget_pwd/mobiles/{}/", new_mobile()), json!({}), Shows::Nothing)
}

pub async fn forget_pwd_sms_code(site: &Site) -> Asked {
    let person = site.register().await;
    site.advance(61).await;
    let shows = message(site, sms(&person.mobile)).await;
    Asked::new(Method::POST, "/forget_pwd/sms_code/", json!({ "mobile": person.mobile }), shows)
}

pub async fn list_sessions(site: &Site) -> Asked {
    let person = site.register().await;
    Asked::new(Method::GET, "/users/me/sessions/", json!({}), Shows::Nothing).by(&person.token)
}

/// The browser is already signed in. The former session must end together with the sign-in, or not at all.
pub async fn log_in(site: &Site) -> Asked {
    let person = site.register().await;
    let body = json!({ "username": person.mobile, "password": PASSWORD });
    let cookie = format!("refresh_token={}", person.refresh_token);
    let headers = vec![("x-session", "cookie".to_owned()), ("origin", site.base_url.clone()), ("cookie", cookie)];
    let mut asked = Asked::new(Method::POST, "/users/login/", body, Shows::Refused(person.token));
    asked.headers = headers;
    asked
}

pub async fn log_out(site: &Site) -> Asked {
    let person = site.register().await;
    let (body, shows) = (json!({ "refresh_token": person.refresh_token }), Shows::Refused(person.token));
    Asked::new(Method::POST, "/users/logout/", body, shows)
}

pub async fn me(site: &Site) -> Asked {
    let person = site.register().await;
    Asked::new(Method::GET, "/users/me/", json!({}), Shows::Nothing).by(&person.token)
}

pub async fn refresh_token(site: &Site) -> Asked {
    let person = site.register().await;
    let body = json!({ "refresh_token": person.refresh_token });
    Asked::new(Method::POST, "/users/token/refresh/", body, Shows::Nothing)
}

pub async fn register(site: &Site) -> Asked {
    let mobile = new_mobile();
    let body = registration(&mobile, &site.sms_code(&mobile).await);
    Asked::new(Method::POST, "/users/", body, Shows::LogIn { name: mobile, password: PASSWORD })
}

pub async fn reset_password(site: &Site) -> Asked {
    let (mobile, token) = reset_link(site).await;
    let body = json!({ "access_token": token, "password": NEW_PASSWORD, "password2": NEW_PASSWORD });
    let shows = Shows::LogIn { name: mobile, password: NEW_PASSWORD };
    Asked::new(Method::PUT, "/users/find/password/", body, shows)
}

pub async fn secure_account(site: &Site) -> Asked {
    // A link to set a password is mailed only to an email that was not bound recently.
    let (person, _) = site.register_with_email().await;
    site.advance(6 * 86_400).await;
    let token = site.log_in(&person.mobile).await["token"].as_str().unwrap().to_owned();
    let change = json!({ "password": PASSWORD, "new_password": NEW_PASSWORD });
    let changed = site.send_as(&token, Method::PUT, "/users/me/password/", &change).await;
    let token = changed.json()["token"].as_str().unwrap().to_owned();
    let told = site.messages_to(&sms(&person.mobile)).await;
    let text = told.iter().find_map(|one| one["text"].as_str().unwrap().split_once("/secure#")).unwrap().1.to_owned();
    let shows = Shows::Refused(token);
    Asked::new(Method::POST, "/users/secure/", json!({ "token": text }), shows)
}

pub async fn send_email_code(site: &Site) -> Asked {
    let (person, email) = (site.register().await, new_email());
    let (body, shows) = (json!({ "email": email, "password": PASSWORD }), message(site, email.clone()).await);
    Asked::new(Method::POST, "/users/me/email/", body, shows).by(&person.token)
}

pub async fn send_proof_code(site: &Site) -> Asked {
    let person = site.register().await;
    site.advance(61).await;
    let shows = message(site, sms(&person.mobile)).await;
    Asked::new(Method::POST, "/users/me/sms/", json!({}), shows).by(&person.token)
}

pub async fn send_reset_email(site: &Site) -> Asked {
    let (_, email) = site.register_with_email().await;
    let shows = message(site, email.clone()).await;
    Asked::new(Method::POST, "/users/find/password/email/", json!({ "email": email }), shows)
}

pub async fn send_sms_code(site: &Site) -> Asked {
    let mobile = new_mobile();
    let shows = message(site, sms(&mobile)).await;
    Asked::new(Method::POST, format!("/users/sms/{mobile}/"), json!({}), shows)
}

pub async fn sms_log_in(site: &Site) -> Asked {
    let person = site.register().await;
    site.advance(61).await;
    site.post(&format!("/users/sms/{}/?purpose=login", person.mobile), &json!({})).await;
    let body = json!({ "mobile": person.mobile, "sms_code": site.code_for(&person.mobile).await });
    let shows = Shows::Sessions(person.token.clone(), sessions(site, &person.token).await + 1);
    Asked::new(Method::POST, "/users/sms_login/", body, shows)
}

/// Sets a password by a code to the account's own number.
pub async fn first_password(site: &Site) -> Asked {
    let person = site.register().await;
    let body = json!({ "sms_code": site.proof_code(&person).await, "new_password": NEW_PASSWORD });
    let shows = Shows::LogIn { name: person.mobile, password: NEW_PASSWORD };
    Asked::new(Method::PUT, "/users/me/password/", body, shows).by(&person.token)
}

pub async fn sms_sign_up(site: &Site) -> Asked {
    let mobile = new_mobile();
    site.post(&format!("/users/sms/{mobile}/?purpose=login&register=true"), &json!({})).await;
    let body = json!({ "mobile": mobile, "sms_code": site.code_for(&mobile).await, "register": true });
    Asked::new(Method::POST, "/users/sms_login/", body, Shows::Taken(mobile))
}

/// Returns the number of an account that has not been used for a long time.
pub async fn reissued(site: &Site) -> String {
    let person = site.register().await;
    site.advance(180 * 86_400).await;
    person.mobile
}

pub async fn take_over(site: &Site) -> Asked {
    let mobile = reissued(site).await;
    let mut body = registration(&mobile, &site.sms_code(&mobile).await);
    body["password"] = NEW_PASSWORD.into();
    Asked::new(Method::POST, "/users/", body, Shows::LogIn { name: mobile, password: NEW_PASSWORD })
}

pub async fn second_proof(site: &Site) -> Asked {
    let mobile = reissued(site).await;
    site.post(&format!("/users/sms/{mobile}/?purpose=login"), &json!({})).await;
    let body = json!({ "mobile": mobile, "sms_code": site.code_for(&mobile).await, "password": PASSWORD });
    Asked::new(Method::POST, "/users/sms_login/", body, Shows::Used(mobile))
}

/// Sends the cookie of another person's device. Its reserve, the messages set aside for known devices of an account,
/// does not apply, so the message counts against the limits for everybody.
pub async fn send_on_a_device(site: &Site) -> Asked {
    let person = site.register().await;
    let log_in = json!({ "username": person.mobile, "password": PASSWORD });
    let signed_in = site.post("/users/login/", &log_in).await;
    let mut asked = send_sms_code(site).await;
    asked.headers.push(("cookie", signed_in.header("set-cookie").unwrap().split(';').next().unwrap().to_owned()));
    asked
}

pub async fn refresh_after_a_day(site: &Site) -> Asked {
    let asked = refresh_token(site).await;
    site.advance(86_400).await;
    asked
}

/// The session was opened on a device without a name. The owner is told of the device with one.
pub async fn refresh_on_another_device(site: &Site) -> Asked {
    let person = site.register().await;
    let body = json!({ "refresh_token": person.refresh_token });
    let shows = message(site, sms(&person.mobile)).await;
    let mut asked = Asked::new(Method::POST, "/users/token/refresh/", body, shows);
    asked.headers.push(("user-agent", "curl/8.14.1".to_owned()));
    asked
}

pub async fn verify_captcha(_: &Site) -> Asked {
    let path = format!("/users/captcha/?ticket=pass-{}&randstr=x", new_mobile());
    Asked::new(Method::GET, path, json!({}), Shows::Answer)
}

pub async fn well_known(_: &Site) -> Asked {
    Asked::new(Method::GET, "/.well-known/jwks.json", json!({}), Shows::Nothing)
}
