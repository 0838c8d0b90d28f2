//! The answer of each use case when the condition of one of its writes fails, alone or together with that of another
//! write.
//!
//! The snapshot holds the answers, sorted, because the order of writes in a transaction does not matter. A change that
//! is not meant to change an answer leaves the snapshot as it is. If an answer has to change, `INSTA_UPDATE=always`
//! writes the new snapshot, which must then be reviewed.

use std::collections::BTreeSet;

use local::refusals::Writes;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::site::{NEW_PASSWORD, PASSWORD, Person, Site, new_email, new_mobile, registration};

/// The use cases. Each runs in a system of its own, so that system-wide limits are not used up.
const CASES: &[&str] = &[
    "log_in",
    "log_in on a known device",
    "register",
    "register with a reissued number",
    "sms_log_in",
    "sms_log_in of a new number",
    "sms_log_in of a dormant account",
    "send_sms_code to register",
    "send_sms_code to log in",
    "send_sms_code to log in on a known device",
    "send_sms_code to change the number",
    "send_proof_code",
    "forget_pwd_sms_code",
    "forget_pwd",
    "forget_pwd of a dormant account",
    "send_reset_email",
    "reset_password",
    "send_email_code by password",
    "send_email_code by code",
    "send_email_code by reauthentication",
    "bind_email",
    "bind_email in place of another",
    "change_mobile by password",
    "change_mobile by code",
    "change_mobile by reauthentication",
    "change_password by password",
    "change_password by code",
    "change_password by reauthentication",
    "reauthenticate by code",
    "change_nickname",
    "change_username",
    "change_username by reauthentication",
    "change_username in place of another",
    "change_username in place of another, and one is reserved",
    "delete_account by password",
    "delete_account by code",
    "delete_account by reauthentication",
    "export by password",
    "export by code",
    "export by reauthentication",
    "refresh_token",
    "refresh_token on another device",
    "log_out",
    "log_out everywhere",
    "end_session",
    "secure_account",
];

async fn sms_code(site: &Site, mobile: &str, purpose: &str) -> String {
    let answer = site.post(&format!("/users/sms/{mobile}/?purpose={purpose}"), &json!({})).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    site.code_for(mobile).await
}

/// Requests a code to the account's future number.
async fn new_number(site: &Site, person: &Person) -> (String, String) {
    let mobile = new_mobile();
    let path = format!("/users/sms/{mobile}/?purpose=mobile");
    let answer = site.send_as(&person.token, Method::POST, &path, &json!({})).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let code = site.code_for(&mobile).await;
    (mobile, code)
}

async fn reauthentication(site: &Site, person: &Person) -> Value {
    let path = "/users/me/reauthenticate/";
    let answer = site.send_as(&person.token, Method::POST, path, &json!({ "password": PASSWORD })).await;
    answer.json()["reauthentication"].clone()
}

async fn device(site: &Site, person: &Person) -> String {
    let body = json!({ "username": person.mobile, "password": PASSWORD });
    let answer = site.post("/users/login/", &body).await;
    answer.header("set-cookie").unwrap().split(';').next().unwrap().to_owned()
}

/// Performs all steps before the request of a case, for a new person, and returns the request.
async fn prepare(site: &Site, case: &str) -> RequestBuilder {
    let post = |path: &str, body: Value| site.request(Method::POST, path).json(&body);
    match case {
        "register" => {
            let mobile = new_mobile();
            let code = site.sms_code(&mobile).await;
            post("/users/", registration(&mobile, &code))
        }
        "sms_log_in of a new number" => {
            let mobile = new_mobile();
            let code = sms_code(site, &mobile, "login&register=true").await;
            post("/users/sms_login/", json!({ "mobile": mobile, "sms_code": code, "register": true }))
        }
        "send_sms_code to register" => post(&format!("/users/sms/{}/", new_mobile()), json!({})),
        _ => prepare_of_account(site, case).await,
    }
}

async fn prepare_of_account(site: &Site, case: &str) -> RequestBuilder {
    let person = site.register().await;
    let mobile = &person.mobile;
    let post = |path: &str, body: Value| site.request(Method::POST, path).json(&body);
    match case {
        "log_in" => post("/users/login/", json!({ "username": mobile, "password": PASSWORD })),
        "log_in on a known device" => {
            let body = json!({ "username": mobile, "password": PASSWORD });
            post("/users/login/", body).header("cookie", device(site, &person).await)
        }
        "sms_log_in" => {
            let code = sms_code(site, mobile, "login").await;
            post("/users/sms_login/", json!({ "mobile": mobile, "sms_code": code }))
        }
        "send_sms_code to log in" => post(&format!("/users/sms/{mobile}/?purpose=login"), json!({})),
        "send_sms_code to log in on a known device" => {
            let path = format!("/users/sms/{mobile}/?purpose=login");
            post(&path, json!({})).header("cookie", device(site, &person).await)
        }
        "send_sms_code to change the number" => {
            post(&format!("/users/sms/{}/?purpose=mobile", new_mobile()), json!({})).bearer_auth(person.token)
        }
        "forget_pwd_sms_code" => post("/forget_pwd/sms_code/", json!({ "mobile": mobile })),
        "forget_pwd" => {
            site.post("/forget_pwd/sms_code/", &json!({ "mobile": mobile })).await;
            let (code, csrf) = (site.code_for(mobile).await, site.csrf().await);
            let body = json!({ "mobile": mobile, "sms_code": code, "new_password": NEW_PASSWORD });
            post("/forget_pwd/", body).header("cookie", format!("csrf_token={csrf}")).header("x-csrftoken", csrf)
        }
        "refresh_token on another device" => {
            let body = json!({ "refresh_token": person.refresh_token });
            post("/users/token/refresh/", body).header("user-agent", "curl/8.14.1")
        }
        "refresh_token" => post("/users/token/refresh/", json!({ "refresh_token": person.refresh_token })),
        "log_out" => post("/users/logout/", json!({ "refresh_token": person.refresh_token })),
        "log_out everywhere" => post("/users/logout/", json!({ "all": true })).bearer_auth(person.token),
        "end_session" => {
            site.log_in(mobile).await;
            let sessions = site.send_as(&person.token, Method::GET, "/users/me/sessions/", &json!({})).await.json();
            let other = sessions.as_array().unwrap().iter().find(|session| session["current"] == false).unwrap();
            let path = format!("/users/me/sessions/{}/", other["id"].as_str().unwrap());
            site.request(Method::DELETE, &path).bearer_auth(person.token)
        }
        "register with a reissued number" | "sms_log_in of a dormant account" | "forget_pwd of a dormant account" => {
            prepare_of_dormant(site, case).await
        }
        _ if case.contains("email") || case.contains("reset_password") || case.contains("secure") => {
            prepare_of_email(site, case, person).await
        }
        _ => prepare_of_signed_in(site, case, person).await,
    }
}

/// Cases of an account that has not been used for longer than `DORMANT_DAYS`.
async fn prepare_of_dormant(site: &Site, case: &str) -> RequestBuilder {
    let (person, email) = site.register_with_email().await;
    site.advance(180 * 86_400).await;
    let mobile = &person.mobile;
    let post = |path: &str, body: Value| site.request(Method::POST, path).json(&body);
    match case {
        "register with a reissued number" => {
            let code = site.sms_code(mobile).await;
            post("/users/", registration(mobile, &code))
        }
        "sms_log_in of a dormant account" => {
            let mut body = json!({ "mobile": mobile, "sms_code": sms_code(site, mobile, "login").await });
            // This request is refused, and mails the second code that is needed.
            site.post("/users/sms_login/", &body).await;
            body["email_code"] = site.code_for(&email).await.into();
            post("/users/sms_login/", body)
        }
        _ => {
            site.post("/forget_pwd/sms_code/", &json!({ "mobile": mobile })).await;
            let (code, csrf) = (site.code_for(mobile).await, site.csrf().await);
            let mut body = json!({ "mobile": mobile, "sms_code": code, "new_password": NEW_PASSWORD });
            site.forget_pwd(&csrf, &body).await;
            body["email_code"] = site.code_for(&email).await.into();
            post("/forget_pwd/", body).header("cookie", format!("csrf_token={csrf}")).header("x-csrftoken", csrf)
        }
    }
}

/// Cases that involve mail.
async fn prepare_of_email(site: &Site, case: &str, person: Person) -> RequestBuilder {
    let (person, email) = match case {
        "bind_email" => (person, new_email()),
        _ if case.starts_with("send_email_code") => (person, new_email()),
        _ => site.register_with_email().await,
    };
    let post = |path: &str, body: Value| site.request(Method::POST, path).json(&body);
    match case {
        "send_reset_email" => post("/users/find/password/email/", json!({ "email": email })),
        "reset_password" => {
            site.post("/users/find/password/email/", &json!({ "email": email })).await;
            let body = json!({
                "access_token": site.link_for(&email).await, "password": NEW_PASSWORD, "password2": NEW_PASSWORD,
            });
            site.request(Method::PUT, "/users/find/password/").json(&body)
        }
        "send_email_code by password" => {
            post("/users/me/email/", json!({ "email": email, "password": PASSWORD })).bearer_auth(person.token)
        }
        "send_email_code by code" => {
            let code = site.proof_code(&person).await;
            post("/users/me/email/", json!({ "email": email, "sms_code": code })).bearer_auth(person.token)
        }
        "send_email_code by reauthentication" => {
            let proof = reauthentication(site, &person).await;
            let body = json!({ "email": email, "reauthentication": proof });
            post("/users/me/email/", body).bearer_auth(person.token)
        }
        "secure_account" => {
            let body = json!({ "password": PASSWORD, "new_password": NEW_PASSWORD });
            site.send_as(&person.token, Method::PUT, "/users/me/password/", &body).await;
            let told = site.messages_to(&format!("+86{}", person.mobile)).await;
            let texts: Vec<_> = told.iter().map(|one| one["text"].as_str().unwrap()).collect();
            let token = texts.iter().find_map(|text| text.split_once("/secure#")).expect("a link").1.to_owned();
            post("/users/secure/", json!({ "token": token }))
        }
        _ => {
            let email = new_email();
            let body = json!({ "email": email, "password": PASSWORD });
            site.send_as(&person.token, Method::POST, "/users/me/email/", &body).await;
            let body = json!({ "email": email, "email_code": site.code_for(&email).await });
            site.request(Method::PUT, "/users/me/email/").json(&body).bearer_auth(person.token)
        }
    }
}

/// Cases of a signed-in person.
async fn prepare_of_signed_in(site: &Site, case: &str, person: Person) -> RequestBuilder {
    let request =
        |method: Method, path: &str, body: Value| site.request(method, path).json(&body).bearer_auth(&person.token);
    let name = |prefix: &str| format!("{prefix}{}", person.mobile.replace('1', "x"));
    let profile = |prefix: &str| json!({ "username": name(prefix), "password": PASSWORD });
    let proof_name = if case.starts_with("change_mobile") { "confirm_code" } else { "sms_code" };
    let mut body = match case {
        _ if case.ends_with("by password") => json!({ "password": PASSWORD }),
        _ if case.ends_with("by code") => json!({ proof_name: site.proof_code(&person).await }),
        _ if case.ends_with("by reauthentication") => {
            json!({ "reauthentication": reauthentication(site, &person).await })
        }
        _ => json!({}),
    };
    match case {
        "send_proof_code" => request(Method::POST, "/users/me/sms/", body),
        "change_nickname" => request(Method::PATCH, "/users/me/", json!({ "nickname": "新名字" })),
        "change_username" => request(Method::PATCH, "/users/me/", profile("b")),
        "change_username by reauthentication" => {
            body["username"] = name("b").into();
            request(Method::PATCH, "/users/me/", body)
        }
        "change_username in place of another" => {
            site.send_as(&person.token, Method::PATCH, "/users/me/", &profile("a")).await;
            request(Method::PATCH, "/users/me/", profile("b"))
        }
        "change_username in place of another, and one is reserved" => {
            for former in ["a", "c"] {
                site.send_as(&person.token, Method::PATCH, "/users/me/", &profile(former)).await;
            }
            request(Method::PATCH, "/users/me/", profile("b"))
        }
        _ if case.starts_with("change_password") => {
            body["new_password"] = NEW_PASSWORD.into();
            request(Method::PUT, "/users/me/password/", body)
        }
        "reauthenticate by code" => request(Method::POST, "/users/me/reauthenticate/", body),
        _ if case.starts_with("change_mobile") => {
            let (mobile, code) = new_number(site, &person).await;
            (body["mobile"], body["sms_code"]) = (mobile.into(), code.into());
            request(Method::PUT, "/users/me/mobile/", body)
        }
        _ if case.starts_with("delete_account") => {
            site.send_as(&person.token, Method::PATCH, "/users/me/", &profile("a")).await;
            request(Method::DELETE, "/users/me/", body)
        }
        _ if case.starts_with("export") => request(Method::POST, "/users/me/export/", body),
        other => panic!("no case {other}"),
    }
}

/// Sends a request and returns its status, error code and wait.
async fn answer(request: RequestBuilder) -> String {
    let answer = request.send().await.unwrap();
    let header = |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
    let mut line = answer.status().as_u16().to_string();
    if let Some(code) = header("x-error-code") {
        line += &format!(" {code}");
    }
    if let Some(seconds) = header("retry-after") {
        // Longer waits depend on the time of day.
        line += &match seconds.parse::<u32>().unwrap() {
            seconds @ 0..20 => format!(", retry after {seconds} s"),
            20..=60 => ", retry after a minute at most".to_owned(),
            61..=3600 => ", retry after an hour at most".to_owned(),
            _ => ", retry after a day at most".to_owned(),
        };
    }
    line
}

/// Moves the clock into the next hour if the present one ends soon. Hourly limits would otherwise return different
/// waits.
async fn leave_the_end_of_the_hour(site: &Site) {
    let left = 3600 - site.system.as_ref().unwrap().clock.now().unix_seconds() % 3600;
    if left < 400 {
        site.advance(401).await;
    }
}

/// Returns the positions of every conditional write, alone and in pairs.
fn pairs(call: &Writes) -> Vec<Vec<usize>> {
    let places: Vec<_> = (0..call.0.len()).filter(|place| call.0[*place].is_conditional).collect();
    let alone = places.iter().map(|place| vec![*place]);
    let together = places.iter().flat_map(|one| places.iter().map(move |other| vec![*one, *other]));
    alone.chain(together.filter(|pair| pair[0] < pair[1])).collect()
}

async fn characterize(case: &str) -> String {
    let site = Site::with_settings(&[]).await;
    let system = site.system.as_ref().unwrap();
    let request = prepare(&site, case).await;
    let calls: BTreeSet<_> = {
        // `deliver` does not write meanwhile.
        let _still = system.pump.hold().await;
        system.refusals.record();
        let answered = answer(request).await;
        assert!(answered.starts_with('2'), "{case}: {answered}");
        system.refusals.recorded().into_iter().collect()
    };
    let mut told = BTreeSet::new();
    for call in calls {
        for places in pairs(&call) {
            leave_the_end_of_the_hour(&site).await;
            let request = prepare(&site, case).await;
            let _still = system.pump.hold().await;
            system.refusals.refuse(call.clone(), places.clone());
            let answered = answer(request).await;
            assert!(!system.refusals.take_back(), "{case}: {call:?} did not come again");
            let mut names: Vec<_> = places.iter().map(|place| call.0[*place].name.as_str()).collect();
            names.sort_unstable();
            told.insert(format!("  {}: {answered}\n", names.join(" + ")));
        }
    }
    format!("{case}\n{}", String::from_iter(told))
}

#[tokio::test(flavor = "multi_thread")]
async fn each_pair_of_refused_writes_is_answered_as_it_was() {
    let mut told = String::new();
    for case in CASES {
        told += &characterize(case).await;
        told += "\n";
    }
    insta::assert_snapshot!(told);
}
