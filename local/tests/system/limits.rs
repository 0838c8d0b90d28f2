//! The limits on messages to one number and on requests from one source, with the values of a deployment.

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;

use crate::site::{Answer, NEW_PASSWORD, PASSWORD, Site, new_email, new_mobile, read};

/// Starts a site with the limits of the template, except those given.
async fn site(changed: &[(&str, &str)]) -> Site {
    let mut settings = vec![
        ("LIMIT_RECIPIENT", "5/h,10/d"),
        ("LIMIT_RECIPIENT_SOURCE", "3/h,6/d"),
        ("LIMIT_SOURCE", "60/h"),
        ("LIMIT_LOG_IN_SOURCE", "100/5m"),
        ("LIMIT_PROBE_SOURCE", "100/5m"),
        ("LIMIT_CAPTCHA_SOURCE", "60/5m"),
    ];
    settings.retain(|(name, _)| changed.iter().all(|(other, _)| other != name));
    settings.extend(changed);
    let site = Site::with_settings(&settings).await;
    // The limits of a source use fixed windows, so no test starts near the end of one.
    let now = site.system.as_ref().unwrap().clock.now().unix_seconds();
    site.advance(u32::try_from(3601 - now.rem_euclid(3600)).unwrap()).await;
    site
}

async fn send(site: &Site, mobile: &str) -> Answer {
    site.post(&format!("/users/sms/{mobile}/"), &json!({})).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_is_sent_three_messages_an_hour_and_six_a_day_by_one_address() {
    let (site, mobile) = (site(&[]).await, new_mobile());
    for hour in 0..2 {
        for _ in 0..3 {
            assert_eq!(send(&site, &mobile).await.status, 200, "hour {hour}");
            site.advance(61).await;
        }
        let refused = send(&site, &mobile).await;
        assert_eq!((refused.status, refused.header("x-error-code")), (429, Some("too_many_requests")));
        if hour == 0 {
            refused.says_when_to_retry(3600 - 3 * 61 + 5);
            // By GET, old clients read the same from a 200.
            let by_get = site.get(&format!("/users/sms/{mobile}/")).await;
            assert_eq!((by_get.status, by_get.header("x-error-code")), (200, Some("too_many_requests")));
        }
        site.advance(3600).await;
    }
    let day = send(&site, &mobile).await;
    assert_eq!(day.status, 429);
    let seconds: u64 = day.header("retry-after").unwrap().parse().unwrap();
    assert!(seconds > 12 * 3600, "{seconds}");
    site.advance(86_400).await;
    assert_eq!(send(&site, &mobile).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_is_sent_five_messages_an_hour_and_ten_a_day_by_whomever() {
    let (site, mobile) = (site(&[("LIMIT_RECIPIENT_SOURCE", "30/h")]).await, new_mobile());
    for _ in 0..2 {
        for _ in 0..5 {
            assert_eq!(send(&site, &mobile).await.status, 200);
            site.advance(61).await;
        }
        assert_eq!(send(&site, &mobile).await.status, 429);
        site.advance(3600).await;
    }
    assert_eq!(send(&site, &mobile).await.status, 429);
    assert_eq!(send(&site, &new_mobile()).await.status, 200, "another number is another's");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_refused_counts_nowhere() {
    let (site, mobile) = (site(&[]).await, new_mobile());
    assert_eq!(send(&site, &mobile).await.status, 200);
    for _ in 0..10 {
        assert_eq!(send(&site, &mobile).await.status, 429);
    }
    for _ in 0..2 {
        site.advance(61).await;
        assert_eq!(send(&site, &mobile).await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_causes_so_many_messages_and_with_captchas_more() {
    let site = site(&[("LIMIT_SOURCE", "5/h"), ("LIMIT_SOURCE_CAPTCHA", "7/h")]).await;
    let answers = join_all((0..20).map(|_| async { send(&site, &new_mobile()).await })).await;
    let (sent, asked): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    assert_eq!(sent.len(), 5, "however many at once");
    assert!(
        asked.iter().all(|answer| (answer.status, answer.header("x-error-code")) == (403, Some("captcha_required")))
    );
    for expected in [200, 200, 429] {
        let ticket = format!("pass-{}", new_mobile());
        let pass = site.get(&format!("/users/captcha/?ticket={ticket}&randstr=x&action=sms")).await.json();
        let request = site.request(Method::POST, &format!("/users/sms/{}/", new_mobile()));
        let answer = read(request.header("x-captcha-pass", pass["captcha_pass"].as_str().unwrap())).await;
        assert_eq!(answer.status, expected, "{answer:?}");
    }
    site.advance(3600).await;
    assert_eq!(send(&site, &new_mobile()).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_is_limited_just_so() {
    let site = site(&[]).await;
    let (person, email) = site.register_with_email().await;
    site.advance(3600).await;
    let ask = async || site.post("/users/find/password/email/", &json!({ "email": email })).await;
    for _ in 0..3 {
        assert_eq!(ask().await.status, 200);
        site.advance(61).await;
    }
    assert_eq!(ask().await.status, 429);
    let body = json!({ "email": new_email(), "password": PASSWORD });
    let token = site.log_in(&person.mobile).await["token"].as_str().unwrap().to_owned();
    let other = site.send_as(&token, Method::POST, "/users/me/email/", &body).await;
    assert_eq!(other.status, 200, "another mailbox is another's: {other:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_fails_to_sign_in_so_often_and_success_does_not_count() {
    let site = site(&[("LIMIT_LOG_IN_SOURCE", "6/5m")]).await;
    let person = site.register().await;
    for _ in 0..10 {
        site.log_in(&person.mobile).await;
    }
    let attempt = async |name: &str| {
        let body = json!({ "username": name, "password": NEW_PASSWORD });
        site.post("/users/login/", &body).await.header("x-error-code").unwrap().to_owned()
    };
    let mut refused = Vec::new();
    for _ in 0..8 {
        refused.push(attempt(&new_mobile()).await);
    }
    assert_eq!(refused.iter().filter(|code| *code == "bad_credentials").count(), 6, "{refused:?}");
    let right = json!({ "username": person.mobile, "password": PASSWORD });
    assert_eq!(site.post("/users/login/", &right).await.status, 429, "the right password waits too");
    site.advance(300).await;
    site.log_in(&person.mobile).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_asks_so_often_who_is_registered() {
    let site = site(&[("LIMIT_PROBE_SOURCE", "6/5m")]).await;
    let mobile = new_mobile();
    for _ in 0..2 {
        assert_eq!(site.get(&format!("/users/mobile/{mobile}/")).await.status, 200);
        assert_eq!(site.get(&format!("/forget_pwd/mobiles/{mobile}/")).await.status, 200);
        assert_eq!(site.get("/users/find/password/?email=nobody@example.com").await.status, 400);
    }
    let by_number = site.get(&format!("/users/mobile/{mobile}/")).await;
    assert_eq!((by_number.status, by_number.header("x-error-code")), (429, Some("too_many_requests")));
    by_number.says_when_to_retry(300);
    let counted = site.get(&format!("/forget_pwd/mobiles/{mobile}/")).await;
    assert_eq!(counted.header("x-error-code"), Some("too_many_requests"));
    let by_mail = site.get("/users/find/password/?email=nobody@example.com").await;
    assert_eq!(by_mail.status, 429);
    site.advance(300).await;
    assert_eq!(site.get(&format!("/users/mobile/{mobile}/")).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_captcha_gateway_is_asked_so_often_for_one_address() {
    let site = site(&[("LIMIT_CAPTCHA_SOURCE", "3/5m")]).await;
    for _ in 0..3 {
        assert_eq!(site.get("/users/captcha/?ticket=bad&randstr=x").await.status, 400);
    }
    let refused = site.get("/users/captcha/?ticket=pass-1&randstr=x").await;
    assert_eq!((refused.status, refused.header("x-error-code")), (429, Some("too_many_requests")));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_table_says_from_where_nobody_came() {
    let site = site(&[]).await;
    site.register().await;
    let client = local::dynamodb(&site.system.as_ref().unwrap().variables).unwrap();
    let items = client.scan().table_name(local::TABLE).send().await.unwrap().items.unwrap();
    assert!(items.iter().any(|item| item["pk"].as_s().unwrap().starts_with("SOURCE#messages#")));
    assert!(!format!("{items:?}").contains("127.0.0.1"), "only as a keyed hash, and in a session as its network");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_s_guesses_do_not_keep_the_owner_out_on_their_own_device() {
    let site = site(&[("LIMIT_LOG_IN_SOURCE", "1000/5m")]).await;
    let (person, other) = (site.register().await, site.register().await);
    let body = |password: &str| json!({ "username": person.mobile, "password": password });
    let on = async |cookie: &str, body: &serde_json::Value| {
        read(site.request(Method::POST, "/users/login/").header("cookie", cookie).json(body)).await
    };
    let signed_in = site.post("/users/login/", &body(PASSWORD)).await;
    let set = signed_in.headers.get_all("set-cookie").iter().next().unwrap().to_str().unwrap();
    for part in ["device_", "; HttpOnly", "; SameSite=Strict"] {
        assert!(set.contains(part), "{set}");
    }
    let device = set.split(';').next().unwrap().to_owned();
    for _ in 0..20 {
        site.post("/users/login/", &body("wrong password")).await;
        site.advance(5).await;
    }
    // A person who keeps trying uses up the one attempt that each wait allows.
    site.post("/users/login/", &body("wrong password")).await;
    assert_eq!(site.post("/users/login/", &body(PASSWORD)).await.status, 429, "from anywhere it waits");
    assert_eq!(on(&device, &body(PASSWORD)).await.status, 200, "from the owner's device it does not");
    // The device cookie is bound to its account and has a count of its own. A stolen cookie therefore allows five
    // guesses, followed by the same waits.
    let foreign = json!({ "username": other.mobile, "password": "wrong password" });
    for _ in 0..5 {
        assert_eq!(on(&device, &foreign).await.status, 400);
    }
    assert_eq!(on(&device, &foreign).await.status, 429);
    assert_eq!(on(&format!("{device}x"), &body(PASSWORD)).await.status, 429, "a forged one is none");
    for _ in 0..5 {
        assert_eq!(on(&device, &body("wrong password")).await.status, 400);
    }
    assert_eq!(on(&device, &body(PASSWORD)).await.status, 429);
    site.advance(2).await;
    assert_eq!(on(&device, &body(PASSWORD)).await.status, 200);
    assert_eq!(on(&device, &body(PASSWORD)).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_neighbour_behind_one_address_stops_no_known_device() {
    let settings = [
        ("LIMIT_SOURCE", "3/h"),
        ("LIMIT_LOG_IN_SOURCE", "5/5m"),
        ("LIMIT_PROBE_SOURCE", "3/5m"),
        ("CAPTCHA_PROVIDER", "none"),
        ("CAPTCHA_APP_ID", ""),
    ];
    let site = site(&settings).await;
    let (person, email) = site.register_with_email().await;
    let body = json!({ "username": person.mobile, "password": PASSWORD });
    site.advance(3600).await;
    let signed_in = site.post("/users/login/", &body).await.json();
    let (device, token) = (signed_in["device"].as_str().unwrap(), signed_in["token"].as_str().unwrap());
    // A neighbour sends messages to anybody and tries to sign in to anything.
    let ask = |mobile: &str| format!("/users/sms/{mobile}/?purpose=login");
    while site.post(&ask(&new_mobile()), &json!({})).await.status == 200 {}
    while site.post("/users/login/", &json!({ "username": new_mobile(), "password": "x" })).await.status == 400 {}
    assert_eq!(site.post("/users/login/", &body).await.status, 429);
    // Without a captcha nobody is asked to solve one.
    assert_eq!(site.post(&ask(&new_mobile()), &json!({})).await.header("x-error-code"), Some("too_many_requests"));
    let mail = json!({ "email": email });
    let on_device = async |path: &str, body: &serde_json::Value| {
        read(site.request(Method::POST, path).header("x-device", device).json(body)).await.status
    };
    assert_eq!(on_device("/users/login/", &body).await, 200);
    assert_eq!(on_device(&ask(&person.mobile), &json!({})).await, 200);
    assert_eq!(on_device("/users/find/password/email/", &mail).await, 200);

    // A person who is signed in there binds a new number and a new email.
    let owner = async |path: &str, body: serde_json::Value| {
        let request = site.request(Method::POST, path).header("x-device", device).bearer_auth(token);
        read(request.json(&body)).await.status
    };
    assert_eq!(owner(&format!("/users/sms/{}/?purpose=mobile", new_mobile()), json!({})).await, 200);
    assert_eq!(owner("/users/me/email/", json!({ "email": new_email(), "password": PASSWORD })).await, 200);
    // Their own count is that of one source.
    assert_eq!(owner(&format!("/users/sms/{}/?purpose=mobile", new_mobile()), json!({})).await, 200);
    assert_eq!(owner(&format!("/users/sms/{}/?purpose=mobile", new_mobile()), json!({})).await, 429);

    // The same goes for questions about numbers.
    let check = format!("/users/mobile/{}/", new_mobile());
    while site.get(&check).await.status == 200 {}
    let check_on_device = async || read(site.request(Method::GET, &check).header("x-device", device)).await.status;
    for _ in 0..3 {
        assert_eq!(check_on_device().await, 200);
    }
    assert_eq!(check_on_device().await, 429);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_neighbour_behind_one_address_uses_up_no_captchas_of_a_known_device() {
    let site = site(&[("LIMIT_CAPTCHA_SOURCE", "3/5m")]).await;
    let person = site.register().await;
    let device = site.log_in(&person.mobile).await["device"].as_str().unwrap().to_owned();
    while site.get("/users/captcha/?ticket=bad&randstr=x").await.status == 400 {}
    let solve = async |device: &str| {
        read(site.request(Method::GET, "/users/captcha/?ticket=pass-1&randstr=x").header("x-device", device))
            .await
            .status
    };
    assert_eq!(solve(&device).await, 200);
    // A device of before a change of the password is none.
    let change = json!({ "password": PASSWORD, "new_password": PASSWORD });
    assert_eq!(site.send_as(&person.token, Method::PUT, "/users/me/password/", &change).await.status, 200);
    assert_eq!(solve(&device).await, 429);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_by_sms_clears_the_waits() {
    let site = site(&[("LIMIT_LOG_IN_SOURCE", "1000/5m")]).await;
    let person = site.register().await;
    for _ in 0..8 {
        site.post("/users/login/", &json!({ "username": person.mobile, "password": "wrong password" })).await;
    }
    site.post("/forget_pwd/sms_code/", &json!({ "mobile": person.mobile })).await;
    let (code, csrf) = (site.code_for(&person.mobile).await, site.csrf().await);
    let reset = json!({ "mobile": person.mobile, "sms_code": code, "new_password": NEW_PASSWORD });
    assert_eq!(site.forget_pwd(&csrf, &reset).await.json()["errno"], "0");
    let body = json!({ "username": person.mobile, "password": NEW_PASSWORD });
    assert_eq!(site.post("/users/login/", &body).await.status, 200);
}
