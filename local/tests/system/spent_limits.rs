//! What a refusal costs. Strangers can ask without end, so a refusal must be cheap: a message that is refused writes
//! nothing, and a password that a limit would refuse anyway is not hashed.

use local::units::Units;
use reqwest::Method;
use serde_json::json;

use crate::site::{Answer, NEW_PASSWORD, PASSWORD, Person, Site, new_mobile, read, registration};

/// Counts the units of DynamoDB while only this request is under way.
async fn units(site: &Site, request: impl Future<Output = Answer>) -> (Units, Answer) {
    let system = site.system.as_ref().unwrap();
    site.get("/_local/inbox.json").await;
    let _still = system.pump.hold().await;
    let _ = system.journal.take();
    let answer = request.await;
    (system.journal.take().into_iter().map(|call| call.units).sum(), answer)
}

async fn device_of(site: &Site, person: &Person) -> String {
    site.log_in(&person.mobile).await["device"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_message_writes_nothing_whatever_refuses_it() {
    let settings = [("LIMIT_RECIPIENT", "2/h"), ("LIMIT_RECIPIENT_SOURCE", "2/h"), ("LIMIT_SOURCE", "10/h")];
    let site = Site::with_settings(&settings).await;
    let person = site.register().await;
    let device = device_of(&site, &person).await;
    let ask = |mobile: &str, device: &str| {
        let path = format!("/users/sms/{mobile}/?purpose=login");
        read(site.request(Method::POST, &path).header("x-device", device).json(&json!({})))
    };
    let mut refusals = Vec::new();
    // The resend cooldown, as a stranger, on the owner's device and on the device of another account.
    assert_eq!(ask(&person.mobile, "").await.status, 200);
    let other = new_mobile();
    assert_eq!(ask(&other, "").await.status, 200);
    for (mobile, device, most) in [(&person.mobile, "", 4.5), (&person.mobile, &*device, 6.5), (&other, &*device, 6.5)]
    {
        refusals.push(("cooldown", units(&site, ask(mobile, device)).await, most));
    }
    // The limit of the recipient, and then that of the source.
    site.advance(61).await;
    refusals.push(("recipient", units(&site, ask(&person.mobile, "")).await, 4.5));
    while ask(&new_mobile(), "").await.status == 200 {}
    refusals.push(("source", units(&site, ask(&new_mobile(), "")).await, 4.5));
    for (what, (units, answer), most) in refusals {
        assert!([429, 403].contains(&answer.status), "{what}: {answer:?}");
        assert!(units.write == 0 && units.read <= most, "{what}: {units:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn correct_log_ins_are_hashed_so_often_for_an_account_and_apart_on_a_known_device() {
    let site = Site::with_settings(&[("LIMIT_HASHES", "8/5m")]).await;
    let (person, email) = site.register_with_email().await;
    let device = device_of(&site, &person).await;
    let second_device = device_of(&site, &person).await;
    site.advance(300).await;
    let log_in = |name: &str, device: &str| {
        let body = json!({ "username": name, "password": PASSWORD });
        read(site.request(Method::POST, "/users/login/").header("x-device", device).json(&body))
    };
    for _ in 0..8 {
        assert_eq!(log_in(&person.mobile, "").await.status, 200);
    }
    // The account has one count, whichever of its names is tried.
    for name in [&person.mobile, &email] {
        let refused = log_in(name, "").await;
        assert_eq!((refused.status, refused.header("x-error-code")), (429, Some("too_many_requests")));
        refused.says_when_to_retry(300);
    }
    // Nobody else behind the address waits, and the owner's known device has its own count.
    site.log_in(&site.register().await.mobile).await;
    for _ in 0..8 {
        assert_eq!(log_in(&person.mobile, &device).await.status, 200);
    }
    assert_eq!(log_in(&person.mobile, &device).await.status, 429);
    assert_eq!(log_in(&person.mobile, &second_device).await.status, 429, "every sign-in can add one");
    site.advance(300).await;
    assert_eq!(log_in(&person.mobile, "").await.status, 200, "what was not compared is no wrong attempt");
}

/// Strangers use up the attempts at a number and go on in many networks. The owner signs in by the other names.
#[tokio::test(flavor = "multi_thread")]
async fn strangers_in_many_networks_use_up_no_hashes_of_the_account() {
    let site = Site::with_settings(&[("LIMIT_HASHES", "8/5m"), ("PASSWORD_MAX_FAILURES", "5")]).await;
    let (person, email) = site.register_with_email().await;
    let wrong = |name: &str| json!({ "username": name, "password": "wrong password" });
    for name in [&person.mobile, &new_mobile()] {
        for number in 101..=120 {
            let answer = crate::budgets::from(&site, number, "/users/login/", &wrong(name)).await;
            assert_eq!(answer.status, 400, "{name} from {number}: {answer:?}");
        }
    }
    let body = json!({ "username": email, "password": PASSWORD });
    assert_eq!(site.post("/users/login/", &body).await.status, 200);
}

/// One link sets one password, but many requests with it can come at once. A new password is refused here before it is
/// hashed, and after it is counted.
#[tokio::test(flavor = "multi_thread")]
async fn a_link_buys_few_hashes() {
    let site = Site::with_settings(&[("LIMIT_HASHES", "3/5m")]).await;
    let (_, email) = site.register_with_email().await;
    assert_eq!(site.post("/users/find/password/email/", &json!({ "email": email })).await.status, 200);
    let link = site.link_for(&email).await;
    let set = async |password: &str| {
        let body = json!({ "access_token": link, "password": password, "password2": password });
        site.put("/users/find/password/", &body).await
    };
    for _ in 0..3 {
        assert_eq!(set(&email).await.header("x-error-code"), Some("password_personal"));
    }
    assert_eq!(set(NEW_PASSWORD).await.header("x-error-code"), Some("too_many_requests"));
    site.advance(300).await;
    assert_eq!(set(NEW_PASSWORD).await.status, 200);
}

/// An unknown name is counted like a known one, so that the limit tells nobody who has an account.
#[tokio::test(flavor = "multi_thread")]
async fn the_limit_of_hashes_is_alike_at_a_known_and_an_unknown_name() {
    let site = Site::with_settings(&[("LIMIT_HASHES", "3/5m")]).await;
    let person = site.register().await;
    for name in [&person.mobile, &new_mobile()] {
        let body = json!({ "username": name, "password": "wrong password" });
        let mut statuses = Vec::new();
        for _ in 0..4 {
            statuses.push(site.post("/users/login/", &body).await.status);
        }
        assert_eq!(statuses, [400, 400, 400, 429], "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn correct_proofs_are_hashed_so_often_and_end_no_session() {
    let site = Site::with_settings(&[("LIMIT_HASHES", "4/5m")]).await;
    let person = site.register().await;
    let prove = async |password: &str| {
        let body = json!({ "password": password });
        site.send_as(&person.token, Method::POST, "/users/me/reauthenticate/", &body).await
    };
    for _ in 0..4 {
        assert_eq!(prove(PASSWORD).await.status, 200);
    }
    // More than the ten wrong ones that end a session.
    for _ in 0..12 {
        prove("wrong password").await.is_refused(429, "too_many_requests");
    }
    site.advance(300).await;
    assert_eq!(prove(PASSWORD).await.status, 200);
}

/// A thief with a stolen token tries passwords all the time. Most attempts come too soon, and those count nowhere.
#[tokio::test(flavor = "multi_thread")]
async fn proofs_that_are_not_compared_keep_the_owner_from_no_log_in() {
    let site = Site::with_settings(&[("LIMIT_HASHES", "12/5m")]).await;
    let person = site.register().await;
    for _ in 0..30 {
        let wrong = json!({ "password": "wrong password" });
        let refused = site.send_as(&person.token, Method::POST, "/users/me/reauthenticate/", &wrong).await;
        assert!([400, 429].contains(&refused.status), "{refused:?}");
    }
    site.log_in(&person.mobile).await;
}

/// Returns a reauthentication token.
async fn reauthentication(site: &Site, token: &str) -> String {
    let body = json!({ "password": NEW_PASSWORD });
    let answer = site.send_as(token, Method::POST, "/users/me/reauthenticate/", &body).await;
    answer.json()["reauthentication"].as_str().unwrap_or_else(|| panic!("{answer:?}")).to_owned()
}

/// The password is wrong or the new one is refused, but the answer is that of the limit: neither was looked at.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_limit_refuses_is_refused_before_a_password_is_compared() {
    let site =
        Site::with_settings(&[("LIMIT_CHANGES", "1/d"), ("LIMIT_EXPORTS", "1/d"), ("LIMIT_RENAMES", "1/d")]).await;
    let person = site.register().await;
    let device = device_of(&site, &person).await;
    let change = json!({ "password": PASSWORD, "new_password": NEW_PASSWORD });
    let changed = site.send_as(&person.token, Method::PUT, "/users/me/password/", &change).await;
    let token = changed.json()["token"].as_str().unwrap().to_owned();
    let name = format!("anna{}", &person.mobile[3..]);
    let rename = |name: &str, password: &str| json!({ "username": name, "password": password });
    let requests = [
        (Method::PATCH, "/users/me/", rename(&name, NEW_PASSWORD), rename(&format!("{name}a"), "wrong password")),
        (
            Method::POST,
            "/users/me/export/",
            json!({ "password": NEW_PASSWORD }),
            json!({ "password": "wrong password" }),
        ),
    ];
    for (method, path, right, wrong) in requests {
        assert_eq!(site.send_as(&token, method.clone(), path, &right).await.status, 200, "{path}");
        site.send_as(&token, method, path, &wrong).await.is_refused(429, "too_many_requests");
    }
    let wrong = json!({ "password": "wrong password", "new_password": person.mobile });
    site.send_as(&token, Method::PUT, "/users/me/password/", &wrong).await.is_refused(429, "too_many_requests");
    // The proof is not a password, and the new one contains the number.
    let by_token = json!({ "reauthentication": reauthentication(&site, &token).await, "new_password": person.mobile });
    site.send_as(&token, Method::PUT, "/users/me/password/", &by_token).await.is_refused(429, "too_many_requests");
    let move_away = json!({ "mobile": new_mobile(), "sms_code": "000000", "password": "wrong password" });
    site.send_as(&token, Method::PUT, "/users/me/mobile/", &move_away).await.is_refused(429, "too_many_requests");
    // The resend cooldown of a new address.
    let email = crate::site::new_email();
    let ask = async |password: &str| {
        let body = json!({ "email": email, "password": password });
        let request = site.request(Method::POST, "/users/me/email/").header("x-device", &device);
        read(request.bearer_auth(&token).json(&body)).await
    };
    assert_eq!(ask(NEW_PASSWORD).await.status, 200);
    ask("wrong password").await.is_refused(429, "too_many_requests");
}

/// A stranger has the code to a number of their own, which has an account. The new password contains the nickname, which
/// is refused just before it would be hashed: the answer shows that the claim is looked at first.
#[tokio::test(flavor = "multi_thread")]
async fn a_right_code_to_a_number_that_is_taken_buys_no_hash_and_ends() {
    let site = Site::with_settings(&[]).await;
    let person = site.register().await;
    site.advance(61).await;
    let code = site.sms_code(&person.mobile).await;
    let mut body = registration(&person.mobile, &code);
    (body["nickname"], body["password"]) = ("Nicolaus".into(), "Nicolaus-Nicolaus".into());
    let mut answers = Vec::new();
    for _ in 0..12 {
        answers.push(site.post("/users/", &body).await.header("x-error-code").unwrap().to_owned());
    }
    // The code is given back five times, and then it has its five guesses.
    assert_eq!(answers[..10], vec!["mobile_taken"; 10]);
    assert_eq!(answers[10..], vec!["code_expired"; 2]);
}

/// What a refusal costs in DynamoDB, beside two attempts that are compared. A log-in that succeeds writes nine units and a
/// code to sign up sixteen.
#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_by_a_limit_costs_these_units() {
    let settings = [
        ("LIMIT_CHANGES", "1/d"),
        ("LIMIT_EXPORTS", "1/d"),
        ("LIMIT_NEW_ADDRESSES", "1/d"),
        ("LIMIT_HASHES", "12/5m"),
        ("LIMIT_STRANGERS_SOURCE", "4/d"),
        ("PASSWORD_MAX_FAILURES", "8"),
    ];
    let site = Site::with_settings(&settings).await;
    // All of it happens within one window of each limit.
    site.begin_day().await;
    let mut costs = Vec::new();
    let log_in = async |name: &str, password: &str| {
        site.post("/users/login/", &json!({ "username": name, "password": password })).await
    };
    // A name that must wait, and then takes no more passwords from here.
    let person = site.register().await;
    costs.push(("a wrong password", (400, 3, 4.0), units(&site, log_in(&person.mobile, "wrong password")).await));
    for _ in 0..4 {
        log_in(&person.mobile, "wrong password").await;
    }
    costs.push(("a log-in too soon", (429, 2, 1.0), units(&site, log_in(&person.mobile, "wrong password")).await));
    for _ in 0..3 {
        site.advance(600).await;
        log_in(&person.mobile, "wrong password").await;
    }
    costs.push(("a log-in to a blocked name", (400, 2, 1.0), units(&site, log_in(&person.mobile, PASSWORD)).await));
    costs.push(("a log-in to an unknown name", (400, 3, 3.0), units(&site, log_in(&new_mobile(), PASSWORD)).await));
    // A signed-in person's limits.
    let person = site.register().await;
    let as_person = async |method: Method, path: &str, body: serde_json::Value| {
        site.send_as(&person.token, method, path, &body).await
    };
    let proof = || json!({ "password": PASSWORD });
    let export = || as_person(Method::POST, "/users/me/export/", proof());
    assert_eq!(export().await.status, 200);
    costs.push(("an export", (429, 2, 2.5), units(&site, export()).await));
    let email = || json!({ "email": crate::site::new_email(), "password": PASSWORD });
    let ask = || as_person(Method::POST, "/users/me/email/", email());
    assert_eq!(ask().await.status, 200);
    costs.push(("a code to a new email", (429, 2, 7.0), units(&site, ask()).await));
    let reauthenticate = || as_person(Method::POST, "/users/me/reauthenticate/", proof());
    for _ in 0..12 {
        reauthenticate().await;
    }
    costs.push(("a right password too often", (429, 3, 2.0), units(&site, reauthenticate()).await));
    costs.push(("a log-in too often", (429, 5, 3.0), units(&site, log_in(&person.mobile, PASSWORD)).await));
    // Guesses at codes.
    let (mobile, code) = (new_mobile(), "000000");
    site.sms_code(&mobile).await;
    let guess = || async { site.post("/users/", &registration(&mobile, code)).await };
    costs.push(("a wrong code", (400, 2, 1.0), units(&site, guess()).await));
    for _ in 0..4 {
        guess().await;
    }
    costs.push(("a code without guesses left", (400, 1, 1.0), units(&site, guess()).await));
    // A stranger's part of the day.
    let sign_up = || async { site.post(&format!("/users/sms/{}/", new_mobile()), &json!({})).await };
    for _ in 0..4 {
        sign_up().await;
    }
    costs.push(("a code to sign up", (429, 0, 4.0), units(&site, sign_up()).await));
    for (what, (status, write, most), (units, answer)) in costs {
        assert_eq!((answer.status, units.write), (status, write), "{what}: the status, and the units to write");
        // Whether a claim is read depends on whether the refusal is faster. The first log-in of a day reads the keys.
        assert!(units.read <= most, "{what}: {units:?}");
    }
}
