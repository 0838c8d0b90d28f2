//! Counts the sequential DynamoDB round trips of a request, because a request waits for each of them.

use std::time::Duration;

use local::cloud::Call;
use reqwest::Method;
use serde_json::json;

use crate::reauthentications::{Arrival, TABLE};
use crate::site::{Answer, NEW_PASSWORD, PASSWORD, Site, new_mobile, read, registration};

/// Long compared with the time to open a connection, even on a busy machine.
const LATENCY: Duration = Duration::from_millis(150);

const REAUTHENTICATE: &str = "/users/me/reauthenticate/";

/// Returns the length of the longest chain of calls in which each began after the one before it had ended.
fn in_sequence(mut calls: Vec<Call>) -> usize {
    calls.sort_by_key(|call| call.ended);
    let (mut count, mut last_end) = (0, None);
    for call in calls {
        if last_end.is_none_or(|end| call.started >= end) {
            count += 1;
            last_end = Some(call.ended);
        }
    }
    count
}

/// Counts while only this request runs. The stream is stopped, so that `deliver` makes no calls.
async fn count(site: &Site, request: impl Future<Output = Answer>) -> (usize, Answer) {
    let system = site.system.as_ref().unwrap();
    site.get("/_local/inbox.json").await;
    let _still = system.pump.hold().await;
    let _ = system.journal.take();
    system.journal.set_latency(LATENCY);
    let answer = request.await;
    system.journal.set_latency(Duration::ZERO);
    (in_sequence(system.journal.take()), answer)
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_wait_for_few_round_trips() {
    let site = Site::with_settings(&[]).await;
    let (person, email) = site.register_with_email().await;
    let mobile = new_mobile();
    let sms = format!("/users/sms/{mobile}/");
    let mut counted = Vec::new();
    let mut note = |name: &'static str, at_most: usize, (trips, answer): (usize, Answer)| {
        assert!(answer.status < 300 && answer.header("x-error-code").is_none(), "{name}: {answer:?}");
        counted.push((name, trips, at_most));
    };
    // A message takes a read of cooldown and limits, the count at the source, and the transaction.
    note("check-mobile", 1, count(&site, site.get(&format!("/users/mobile/{mobile}/"))).await);
    note("send-sms-code", 3, count(&site, site.post(&sms, &json!({}))).await);
    site.advance(120).await;
    note("send-sms-code again", 3, count(&site, site.post(&sms, &json!({}))).await);
    let code = site.code_for(&mobile).await;
    note("register", 3, count(&site, site.post("/users/", &registration(&mobile, &code))).await);
    for name in [&person.mobile, &email] {
        let body = json!({ "username": name, "password": PASSWORD });
        note("log-in", 3, count(&site, site.post("/users/login/", &body)).await);
    }
    // The browser is signed in. Its former session ends in the same transaction.
    let by_cookie = || {
        let body = json!({ "username": person.mobile, "password": PASSWORD });
        let request = site.request(Method::POST, "/users/login/").json(&body);
        request.header("x-session", "cookie").header("origin", &site.base_url)
    };
    let former = read(by_cookie()).await;
    let cookies: Vec<_> = former.headers.get_all("set-cookie").iter().map(|line| line.to_str().unwrap()).collect();
    let cookies: Vec<_> = cookies.iter().map(|line| line.split(';').next().unwrap()).collect();
    let again = count(&site, read(by_cookie().header("cookie", cookies.join("; ")))).await;
    note("log-in, ending the former session", 3, again);
    site.me(former.json()["token"].as_str().unwrap()).await.is_refused(401, "unauthorized");
    note("me", 1, count(&site, site.send_as(&person.token, Method::GET, "/users/me/", &json!({}))).await);
    // Five minutes later the function looks for new keys, in parallel with its other reads.
    site.advance(301).await;
    let refreshed = count(&site, site.refresh(&person.refresh_token)).await;
    note("refresh-token", 2, refreshed);
    note("me, looking for new keys", 1, count(&site, site.me(&person.token)).await);
    let nothing = json!({});
    let sessions = site.send_as(&person.token, Method::GET, "/users/me/sessions/", &nothing);
    note("list-sessions", 2, count(&site, sessions).await);
    let profile = json!({ "nickname": "新" });
    let changed = site.send_as(&person.token, Method::PATCH, "/users/me/", &profile);
    note("change-profile", 2, count(&site, changed).await);
    // The proof takes two, the attempt counts by itself, and the change is one transaction.
    let profile = json!({ "username": format!("name{}", &person.mobile[2..]), "password": PASSWORD });
    let renamed = site.send_as(&person.token, Method::PATCH, "/users/me/", &profile);
    note("change-profile, username", 6, count(&site, renamed).await);
    note("well-known", 1, count(&site, site.get("/.well-known/jwks.json")).await);
    let proof = count(&site, site.send_as(&person.token, Method::POST, "/users/me/sms/", &json!({}))).await;
    note("send-proof-code", 4, proof);
    let body = json!({ "sms_code": site.code_for(&person.mobile).await });
    let by_code = count(&site, site.send_as(&person.token, Method::POST, REAUTHENTICATE, &body)).await;
    note("reauthenticate by a code", 4, by_code);
    let body = json!({ "password": PASSWORD });
    let by_password = count(&site, site.send_as(&person.token, Method::POST, REAUTHENTICATE, &body)).await;
    note("reauthenticate", 4, by_password);
    let forgotten = json!({ "email": email });
    note("send-reset-email", 4, count(&site, site.post("/users/find/password/email/", &forgotten)).await);
    let link = json!({ "access_token": site.link_for(&email).await });
    note("check-reset-token", 1, count(&site, site.post("/users/find/password/", &link)).await);
    let mut reset = link.clone();
    (reset["password"], reset["password2"]) = (NEW_PASSWORD.into(), NEW_PASSWORD.into());
    // The link's account, the count of hashes, and the transaction.
    note("reset-password", 3, count(&site, site.put("/users/find/password/", &reset)).await);
    note("forget-pwd-mobile", 1, count(&site, site.get(&format!("/forget_pwd/mobiles/{mobile}/"))).await);
    site.advance(61).await;
    let asked = json!({ "mobile": mobile });
    note("forget-pwd-sms-code", 3, count(&site, site.post("/forget_pwd/sms_code/", &asked)).await);
    let csrf = site.csrf().await;
    let body = json!({ "mobile": mobile, "sms_code": site.code_for(&mobile).await, "new_password": NEW_PASSWORD });
    note("forget-pwd", 3, count(&site, site.forget_pwd(&csrf, &body)).await);
    for (name, trips, at_most) in counted {
        assert!((1..=at_most).contains(&trips), "{name}: {trips} round trips, {at_most} at most");
    }
}

/// A reauthentication is checked without a call. Each operation makes only its own reads and writes.
#[tokio::test(flavor = "multi_thread")]
async fn a_reauthentication_costs_no_round_trip() {
    let site = Site::with_settings(&[]).await;
    for (row, expected) in TABLE.iter().zip([4, 3, 3, 4, 4, 3]) {
        let person = Arrival::of_somebody(&site).await;
        let body = row.body(&site, &person.token).await;
        let proof = json!({ "reauthentication": person.reauthentication });
        let (trips, answer) = count(&site, row.send(&site, &person.token, &body, &proof)).await;
        assert_eq!((answer.status, trips), (row.status, expected), "{}: {answer:?}", row.function);
        let person = Arrival::of_somebody(&site).await;
        let stale = json!({ "reauthentication": "stale" });
        let refused = row.send(&site, &person.token, &body, &stale);
        let (trips, answer) = count(&site, refused).await;
        assert_eq!((answer.status, trips), (400, 1), "{}: {answer:?}", row.function);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_account_costs_the_round_trips_of_a_known_one() {
    let site = Site::with_settings(&[]).await;
    let person = site.register().await;
    let mut trips = Vec::new();
    for name in [person.mobile.as_str(), &new_mobile(), "nobody@example.com", "nobody", "no such form"] {
        let body = json!({ "username": name, "password": "wrong password" });
        let (trips_of_one, answer) = count(&site, site.post("/users/login/", &body)).await;
        assert_eq!(answer.status, 400);
        trips.push(trips_of_one);
    }
    assert!(trips.windows(2).all(|pair| pair[0] == pair[1]), "{trips:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_enforced_captcha_adds_one() {
    let site = Site::with_settings(&[("CAPTCHA_MODE", "enforce")]).await;
    let pass = site.get("/users/captcha/?ticket=pass-1&randstr=x").await.json()["captcha_pass"].clone();
    let path = format!("/users/sms/{}/", new_mobile());
    let request = site.request(Method::POST, &path).header("x-captcha-pass", pass.as_str().unwrap());
    let (trips, answer) = count(&site, read(request)).await;
    assert_eq!((trips, answer.status), (4, 200));
}

/// Refusals at a known name, at another name of the same account and at an unknown one take the same calls, whether the
/// password is wrong, the name has to wait, the streak becomes full or it is full.
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_log_in_makes_the_same_calls_at_every_name() {
    let site = Site::with_settings(&[("PASSWORD_MAX_FAILURES", "12")]).await;
    let (person, email) = site.register_with_email().await;
    let names = [person.mobile.clone(), email, new_mobile(), "nobody@example.com".to_owned()];
    let attempt = async |name: &str, password: &str| {
        let body = json!({ "username": name, "password": password });
        let (trips, answer) = count(&site, site.post("/users/login/", &body)).await;
        (trips, answer.status, answer.header("x-error-code").map(str::to_owned), answer.text)
    };
    for name in &names {
        for _ in 0..9 {
            let body = json!({ "username": name, "password": "wrong password" });
            assert_eq!(site.post("/users/login/", &body).await.status, 400);
            site.advance(901).await;
        }
    }
    // The tenth is wrong, the next comes too soon, two more are wrong, and then none is compared.
    for (number, status) in [400, 429, 400, 400, 400].into_iter().enumerate() {
        if number > 1 {
            site.advance(901).await;
        }
        let password = if number == 4 { PASSWORD } else { "wrong password" };
        let mut answers = Vec::new();
        for name in &names {
            answers.push(attempt(name, password).await);
        }
        assert_eq!(answers[0].1, status, "{number}: {answers:?}");
        assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{number}: {answers:?}");
    }
}

/// With `DISCLOSE_REGISTRATION=false`, registered and unregistered names get the same status, body and headers after
/// the same number of sequential calls. The time of an answer depends on that number. (ASVS 6.3.8)
#[tokio::test(flavor = "multi_thread")]
async fn undisclosed_registration_shows_in_no_answer_and_no_wait() {
    let site = Site::with_settings(&[("DISCLOSE_REGISTRATION", "false")]).await;
    let (person, email) = site.register_with_email().await;
    let (mobile, nobody) = (new_mobile(), "nobody@example.com".to_owned());
    let shape = |(trips, answer): (usize, Answer), name: &str| {
        let mut headers: Vec<_> = answer
            .headers
            .iter()
            .map(|(name, value)| match name.as_str() {
                // These headers depend on the time of the request.
                "date" | "retry-after" => format!("{name}: …"),
                _ => format!("{name}: {value:?}"),
            })
            .collect();
        headers.sort();
        format!("{trips} {} {} {headers:?}", answer.status, answer.text.replace(name, "…"))
    };
    let by_number = |path: &'static str| move |mobile: &str| format!("{path}{mobile}/");
    for path in [by_number("/users/mobile/"), by_number("/forget_pwd/mobiles/")] {
        let known = shape(count(&site, site.get(&path(&person.mobile))).await, &person.mobile);
        let unknown = shape(count(&site, site.get(&path(&mobile))).await, &mobile);
        assert_eq!(known, unknown);
    }
    let mail = async |email: &str| {
        let body = json!({ "email": email });
        let first = shape(count(&site, site.post("/users/find/password/email/", &body)).await, email);
        let path = format!("/users/find/password/?email={email}");
        let again = shape(count(&site, site.get(&path)).await, email);
        [first, again]
    };
    assert_eq!(mail(&email).await, mail(&nobody).await);
    site.advance(61).await;
    for path in ["/forget_pwd/sms_code/", "/users/sms/"] {
        let ask = async |mobile: &str| {
            site.advance(61).await;
            let (path, body) = match path {
                "/users/sms/" => (format!("/users/sms/{mobile}/?purpose=login"), json!({})),
                _ => (path.to_owned(), json!({ "mobile": mobile })),
            };
            shape(count(&site, site.post(&path, &body)).await, mobile)
        };
        assert_eq!(ask(&person.mobile).await, ask(&mobile).await, "{path}");
    }
    // Guesses until none are left, and a reset with a wrong code.
    let csrf = site.csrf().await;
    for guess in 0..6 {
        let guess = format!("00000{guess}");
        let log_in = async |mobile: &str| {
            let body = json!({ "mobile": mobile, "sms_code": guess });
            shape(count(&site, site.post("/users/sms_login/", &body)).await, mobile)
        };
        assert_eq!(log_in(&person.mobile).await, log_in(&mobile).await, "{guess}");
        let reset = async |mobile: &str| {
            let body = json!({ "mobile": mobile, "sms_code": guess, "new_password": NEW_PASSWORD });
            shape(count(&site, site.forget_pwd(&csrf, &body)).await, mobile)
        };
        assert_eq!(reset(&person.mobile).await, reset(&mobile).await, "{guess}");
    }
}
