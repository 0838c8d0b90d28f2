//! The cookie that names a device: how long it lasts and what it is good for.

use reqwest::Method;
use serde_json::json;

use crate::page::{Page, set_cookies};
use crate::site::{Answer, NEW_PASSWORD, PASSWORD, Person, Site, read};

/// Returns the `Set-Cookie` line of the device cookie.
fn device_line(answer: &Answer) -> String {
    set_cookies(answer)
        .into_iter()
        .find(|line| line.starts_with("device_") && !line.contains("Max-Age=0"))
        .expect("a device")
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_remembered_leaves_a_device_of_the_browser_session() {
    let site = Site::with_settings(&[("KNOWN_DEVICE_DAYS", "400")]).await;
    let (person, stranger) = (site.register().await, site.register().await);
    let sign_in = async |page: &Page<'_>, person: &Person, remember: bool| {
        let body = json!({ "username": person.mobile, "password": PASSWORD, "remember": remember });
        let answer = page.send(Method::POST, "/users/login/", "", &body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        device_line(&answer)
    };
    let page = Page::new(&site);
    let line = sign_in(&page, &person, false).await;
    assert!(!line.contains("Max-Age") && line.ends_with("; Path=/; HttpOnly; SameSite=Strict"), "{line}");
    // A later sign-in with "remember" makes the cookie last. A sign-in without it neither removes the cookie nor
    // prolongs it.
    let line = sign_in(&page, &person, true).await;
    assert!(line.contains("; Max-Age=34560000"), "{line}");
    site.advance(86_400).await;
    let line = sign_in(&page, &person, false).await;
    let life: u32 = line.rsplit_once("; Max-Age=").unwrap().1.parse().unwrap();
    assert!((34_473_000..=34_473_600).contains(&life), "{line}");
    // A sign-in to another account without "remember" leaves no lasting cookie, even where the browser had one.
    let line = sign_in(&page, &stranger, false).await;
    assert!(!line.contains("Max-Age"), "{line}");
    // The same holds for a sign-in by SMS.
    let page = Page::new(&site);
    site.post(&format!("/users/sms/{}/?purpose=login", person.mobile), &json!({})).await;
    let code = site.code_for(&person.mobile).await;
    let body = json!({ "mobile": person.mobile, "sms_code": code, "remember": false });
    let line = device_line(&page.send(Method::POST, "/users/sms_login/", "", &body).await);
    assert!(!line.contains("Max-Age"), "{line}");
}

/// Sends wrong passwords without a device cookie until the account has to wait.
async fn block(site: &Site, person: &Person) {
    let wrong = json!({ "username": person.mobile, "password": "wrong password" });
    while site.post("/users/login/", &wrong).await.status != 429 {}
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_is_not_remembered_is_known_while_its_session_may_last() {
    let site = Site::with_settings(&[]).await;
    let (person, page) = (site.register().await, Page::new(&site));
    let body = json!({ "username": person.mobile, "password": PASSWORD, "remember": false });
    let log_in = async || page.send(Method::POST, "/users/login/", "", &body).await.status;
    assert_eq!(log_in().await, 200);
    // A browser may restore its session for months, so the value itself expires as well.
    let (name, device) = page.devices().remove(0);
    site.advance(11 * 3600).await;
    block(&site, &person).await;
    assert_eq!(log_in().await, 200, "strangers' guesses keep nobody out");
    page.set(&name, &device);
    site.advance(3600).await;
    block(&site, &person).await;
    assert_eq!(log_in().await, 429, "it is forgotten");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_account_of_a_browser_keeps_its_device() {
    let site = Site::with_settings(&[]).await;
    let (owner, guest, page) = (site.register().await, site.register().await, Page::new(&site));
    for person in [&owner, &guest, &owner] {
        page.sign_in(person).await;
    }
    assert_eq!(page.devices().len(), 2);
    block(&site, &owner).await;
    block(&site, &guest).await;
    for person in [&owner, &guest] {
        page.sign_in(person).await;
    }
    assert_eq!(page.devices().len(), 2, "a device that is known keeps its cookie");
    // What ends all sessions of one account removes its cookie, and leaves the other's.
    let token = page.sign_in(&guest).await;
    page.send(Method::POST, "/users/logout/", &token, &json!({ "all": true })).await.is_done();
    assert_eq!(page.devices().len(), 1);
    page.sign_in(&owner).await;
    // A browser that many people use remembers eight.
    for _ in 0..8 {
        page.sign_in(&site.register().await).await;
        site.advance(1).await;
    }
    assert_eq!(page.devices().len(), 8);
    block(&site, &owner).await;
    let body = json!({ "username": owner.mobile, "password": PASSWORD });
    assert_eq!(page.send(Method::POST, "/users/login/", "", &body).await.status, 429, "the first was forgotten");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_without_cookies_is_known_by_the_value_that_it_sends_back() {
    let site = Site::with_settings(&[("LIMIT_RECIPIENT", "1/h"), ("LIMIT_LOG_IN_SOURCE", "6/5m")]).await;
    let person = site.register().await;
    let body = json!({ "username": person.mobile, "password": PASSWORD });
    let signed_in = site.post("/users/login/", &body).await;
    let device = signed_in.json()["device"].as_str().unwrap().to_owned();
    assert!(!device.contains(&person.id) && device.len() < 200, "{device}");
    // A neighbour spends the address's attempts, and a stranger the number's messages.
    while site.post("/users/login/", &json!({ "username": "nobody", "password": "x" })).await.status != 429 {}
    assert_eq!(site.post("/users/login/", &body).await.status, 429);
    let with_device = |method, path: &str| site.request(method, path).header("x-device", &device);
    assert_eq!(read(with_device(Method::POST, "/users/login/").json(&body)).await.status, 200);
    site.advance(61).await;
    let code = format!("/users/sms/{}/?purpose=login", person.mobile);
    assert_eq!(site.post(&code, &json!({})).await.status, 429);
    assert_eq!(read(with_device(Method::POST, &code)).await.status, 200);
    let body = json!({ "mobile": person.mobile, "sms_code": site.code_for(&person.mobile).await });
    let signed_in = read(with_device(Method::POST, "/users/sms_login/").json(&body)).await;
    assert!(signed_in.json()["device"].is_string(), "every sign-in answers one: {signed_in:?}");
    // In cookie mode the value is in the cookie alone.
    let page = Page::new(&site);
    site.advance(300).await;
    let body = json!({ "username": person.mobile, "password": PASSWORD });
    let answer = page.send(Method::POST, "/users/login/", "", &body).await;
    assert_eq!((answer.status, &answer.json()["device"]), (200, &serde_json::Value::Null));
    assert_eq!(page.devices().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_of_before_a_change_of_credentials_are_worth_nothing() {
    let site = Site::with_settings(&[("LIMIT_LOG_IN_SOURCE", "1000/5m"), ("LIMIT_RECIPIENT_SOURCE", "1/h")]).await;
    let person = site.register().await;
    // A person who knows the password keeps eight devices.
    let log_in = |password: &str| json!({ "username": person.mobile, "password": password });
    let mut devices = Vec::new();
    for _ in 0..8 {
        let answer = site.post("/users/login/", &log_in(PASSWORD)).await;
        devices.push(answer.json()["device"].as_str().unwrap().to_owned());
    }
    let on = async |device: &str, body: &serde_json::Value| {
        read(site.request(Method::POST, "/users/login/").header("x-device", device).json(body)).await
    };
    // The owner changes the password on a device of their own, which stays known by a new value.
    let own = site.post("/users/login/", &log_in(PASSWORD)).await.json();
    let change = json!({ "password": PASSWORD, "new_password": NEW_PASSWORD });
    let request = site.request(Method::PUT, "/users/me/password/").bearer_auth(own["token"].as_str().unwrap());
    let changed = read(request.header("x-device", own["device"].as_str().unwrap()).json(&change)).await;
    let renewed = changed.json()["device"].as_str().unwrap_or_else(|| panic!("{changed:?}")).to_owned();
    // All the thief's values together have the attempts of one unknown device.
    let mut compared = 0;
    for device in devices.iter().cycle().take(40) {
        compared += u32::from(on(device, &log_in("wrong password")).await.status == 400);
    }
    assert!(compared <= 6, "{compared} of 40 were compared");
    assert_eq!(on(&renewed, &log_in(NEW_PASSWORD)).await.status, 200, "the owner does not wait");
    assert_eq!(on(own["device"].as_str().unwrap(), &log_in(NEW_PASSWORD)).await.status, 429);
    // They spend no reserve of messages.
    site.advance(61).await;
    let code = format!("/users/sms/{}/?purpose=login", person.mobile);
    let ask = async |device: &str| read(site.request(Method::POST, &code).header("x-device", device)).await.status;
    assert_eq!(ask(&devices[0]).await, 429);
    assert_eq!(ask(&renewed).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_knows_twenty_devices_and_forgets_the_least_recently_used() {
    let site = Site::with_settings(&[("LIMIT_LOG_IN_SOURCE", "1000/5m")]).await;
    let person = site.register().await;
    let body = json!({ "username": person.mobile, "password": PASSWORD });
    let on = async |device: &str| {
        read(site.request(Method::POST, "/users/login/").header("x-device", device).json(&body)).await
    };
    let mut devices = Vec::new();
    for _ in 0..19 {
        site.advance(86_400).await;
        devices.push(site.post("/users/login/", &body).await.json()["device"].as_str().unwrap().to_owned());
    }
    // The sign-up was on a twentieth. The first of the others is used again.
    site.advance(86_400).await;
    assert_eq!(on(&devices[0]).await.status, 200);
    for _ in 0..2 {
        site.post("/users/login/", &body).await;
    }
    block(&site, &person).await;
    assert_eq!((on(&devices[0]).await.status, on(&devices[2]).await.status), (200, 200));
    assert_eq!(on(&devices[1]).await.status, 429, "the sign-up's and this one were unused for longest");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_keeps_no_device_pushes_out_none_that_comes_back() {
    let site = Site::with_settings(&[("LIMIT_LOG_IN_SOURCE", "1000/5m")]).await;
    let (person, page) = (site.register().await, Page::new(&site));
    page.sign_in(&person).await;
    page.sign_in(&person).await;
    let body = json!({ "username": person.mobile, "password": PASSWORD });
    for _ in 0..25 {
        site.advance(86_400).await;
        assert_eq!(site.post("/users/login/", &body).await.status, 200);
    }
    block(&site, &person).await;
    page.sign_in(&person).await;
}

/// API Gateway joins headers of one name by a comma, and so does the local one.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_without_cookies_sends_the_values_of_several_accounts() {
    let site = Site::with_settings(&[("LIMIT_LOG_IN_SOURCE", "1000/5m")]).await;
    let people = [site.register().await, site.register().await];
    let mut devices = Vec::new();
    for person in &people {
        let body = json!({ "username": person.mobile, "password": PASSWORD });
        let answer = site.post("/users/login/", &body).await;
        devices.push(answer.json()["device"].as_str().unwrap().to_owned());
        block(&site, person).await;
    }
    for person in &people {
        let body = json!({ "username": person.mobile, "password": PASSWORD });
        let repeated = devices
            .iter()
            .fold(site.request(Method::POST, "/users/login/"), |request, device| request.header("x-device", device));
        assert_eq!(read(repeated.json(&body)).await.status, 200);
        let joined = site.request(Method::POST, "/users/login/").header("x-device", devices.join(", "));
        assert_eq!(read(joined.json(&body)).await.status, 200);
    }
}
