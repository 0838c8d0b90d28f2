//! Guessing at a password: nobody gets in by trying, learns which names belong together, or keeps the owner out. NIST SP
//! 800-63B §3.2.2; ASVS 6.3.1, 6.3.8.

use std::net::Ipv4Addr;

use reqwest::{Client, Method};
use serde_json::{Value, json};

use crate::site::{
    Answer, NEW_PASSWORD, PASSWORD, Person, Site, new_email, new_mobile, other_code, read, registration,
};

const DAY: u32 = 86_400;
const WRONG: &str = "wrong password";

async fn site() -> Site {
    Site::with_settings(&[("LIMIT_LOG_IN_SOURCE", "100000/5m")]).await
}

fn body(name: &str, password: &str) -> Value {
    json!({ "username": name, "password": password })
}

async fn attempt(site: &Site, name: &str, password: &str) -> Answer {
    site.post("/users/login/", &body(name, password)).await
}

/// Sends a log-in with a device value.
async fn on_device(site: &Site, device: &str, name: &str, password: &str) -> Answer {
    let request = site.request(Method::POST, "/users/login/").header("x-device", device);
    read(request.json(&body(name, password))).await
}

/// Sends a log-in from another network address of this machine.
async fn from(site: &Site, address: [u8; 4], name: &str, password: &str) -> Answer {
    let client = Client::builder().local_address(Some(Ipv4Addr::from(address).into())).build().unwrap();
    read(client.post(format!("{}/users/login/", site.base_url)).json(&body(name, password))).await
}

/// Tries so many wrong passwords, each after the wait that the one before caused.
async fn guess(site: &Site, name: &str, times: u32) {
    for _ in 0..times {
        site.advance(901).await;
        assert_eq!(attempt(site, name, WRONG).await.status, 400);
    }
}

#[track_caller]
fn is_refused(answer: &Answer) {
    answer.refuses(400, "bad_credentials", &json!({ "non_field_errors": ["用户名或密码错误"] }));
}

async fn with_username(site: &Site, person: &Person) -> String {
    let username = format!("anna{}", &person.mobile[3..]);
    let change = json!({ "username": username, "password": PASSWORD });
    assert_eq!(site.send_as(&person.token, Method::PATCH, "/users/me/", &change).await.status, 200);
    username
}

fn device_in(answer: &Answer) -> String {
    answer.json()["device"].as_str().unwrap_or_else(|| panic!("no device in {answer:?}")).to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_passwords_at_one_name_tell_nothing_of_another() {
    let site = site().await;
    let person = site.register().await;
    let username = with_username(&site, &person).await;
    for _ in 0..5 {
        is_refused(&attempt(&site, &username, WRONG).await);
    }
    assert_eq!(attempt(&site, &username, WRONG).await.status, 429);
    for name in [&person.mobile, &new_mobile()] {
        is_refused(&attempt(&site, name, WRONG).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_33_in_a_row_at_a_name_unknown_devices_are_refused_there_and_nowhere_else() {
    let site = site().await;
    let (person, email) = site.register_with_email().await;
    let username = with_username(&site, &person).await;
    let known = device_in(&attempt(&site, &email, PASSWORD).await);
    let unknown = new_mobile();
    let told = async |to: &str| {
        let messages = site.messages_to(to).await;
        messages.iter().filter(|message| message["text"].as_str().unwrap().contains("连续输错密码")).count()
    };
    for name in [&username, &unknown] {
        guess(&site, name, 33).await;
        // The owner is told once, by mail.
        assert_eq!((told(&email).await, told(&format!("+86{}", person.mobile)).await), (1, 0));
        // Right or wrong, known or not, the answer is the same.
        is_refused(&attempt(&site, name, WRONG).await);
        is_refused(&attempt(&site, name, PASSWORD).await);
    }
    // Known devices, the other names, and a code pass. So does the owner's reset.
    let signed_in = on_device(&site, &known, &username, PASSWORD).await;
    assert_eq!(signed_in.status, 200);
    assert_eq!(attempt(&site, &person.mobile, PASSWORD).await.status, 200);
    let token = signed_in.json()["token"].as_str().unwrap().to_owned();
    assert!(site.me(&token).await.json()["guessed_at"].is_string(), "the owner's sessions are told");
    is_refused(&attempt(&site, &username, PASSWORD).await);
    let change = json!({ "password": PASSWORD, "new_password": NEW_PASSWORD });
    assert_eq!(site.send_as(&token, Method::PUT, "/users/me/password/", &change).await.status, 200);
    let signed_in = attempt(&site, &username, NEW_PASSWORD).await;
    assert_eq!(signed_in.status, 200, "a change of the password ends the streak");
    let me = site.me(signed_in.json()["token"].as_str().unwrap()).await.json();
    assert_eq!(me["guessed_at"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_a_known_device_nor_a_code_alone_gives_a_thief_new_guesses() {
    let site = site().await;
    let person = site.register().await;
    let known = device_in(&attempt(&site, &person.mobile, PASSWORD).await);
    guess(&site, &person.mobile, 20).await;
    assert_eq!(on_device(&site, &known, &person.mobile, PASSWORD).await.status, 200);
    let code = async || {
        site.advance(61).await;
        site.post(&format!("/users/sms/{}/?purpose=login", person.mobile), &json!({})).await;
        site.code_for(&person.mobile).await
    };
    let by_code = json!({ "mobile": person.mobile, "sms_code": code().await });
    assert_eq!(site.post("/users/sms_login/", &by_code).await.status, 200);
    guess(&site, &person.mobile, 13).await;
    is_refused(&attempt(&site, &person.mobile, PASSWORD).await);
    // A code together with the password is more than a thief has.
    let both = json!({ "mobile": person.mobile, "sms_code": code().await, "password": PASSWORD });
    assert_eq!(site.post("/users/sms_login/", &both).await.status, 200);
    assert_eq!(attempt(&site, &person.mobile, PASSWORD).await.status, 200);
    // A wrong password beside a right code is refused, and the code is given back.
    let mut both = json!({ "mobile": person.mobile, "sms_code": code().await, "password": WRONG });
    site.post("/users/sms_login/", &both).await.is_refused(400, "proof_wrong");
    both["password"] = PASSWORD.into();
    assert_eq!(site.post("/users/sms_login/", &both).await.status, 200);
}

/// A blocked account is opened by its owner, who has the number and the password or the number and a new password.
#[tokio::test(flavor = "multi_thread")]
async fn blocked_names_open_by_code_and_password_and_by_a_reset_and_not_by_a_code_alone() {
    for by_reset in [false, true] {
        let site = site().await;
        let person = site.register().await;
        let username = with_username(&site, &person).await;
        let names = [&person.mobile, &username];
        for name in names {
            guess(&site, name, 33).await;
        }
        site.log_in_by_code(&person).await;
        for name in names {
            is_refused(&attempt(&site, name, PASSWORD).await);
        }
        site.advance(61).await;
        let password = if by_reset {
            site.post("/forget_pwd/sms_code/", &json!({ "mobile": person.mobile })).await;
            let (code, csrf) = (site.code_for(&person.mobile).await, site.csrf().await);
            let body = json!({ "mobile": person.mobile, "sms_code": code, "new_password": NEW_PASSWORD });
            assert_eq!(site.forget_pwd(&csrf, &body).await.json()["errno"], "0");
            NEW_PASSWORD
        } else {
            site.post(&format!("/users/sms/{}/?purpose=login", person.mobile), &json!({})).await;
            let code = site.code_for(&person.mobile).await;
            let body = json!({ "mobile": person.mobile, "sms_code": code, "password": PASSWORD });
            assert_eq!(site.post("/users/sms_login/", &body).await.status, 200);
            PASSWORD
        };
        for name in names {
            // The count begins anew, and not only one attempt is let through.
            guess(&site, name, 5).await;
            site.advance(901).await;
            assert_eq!(attempt(&site, name, password).await.status, 200, "{name}, by reset: {by_reset}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_without_a_known_device_does_not_add_typing_errors_up_for_ever() {
    let site = site().await;
    let person = site.register().await;
    for _ in 0..12 {
        for _ in 0..4 {
            is_refused(&attempt(&site, &person.mobile, WRONG).await);
        }
        assert_eq!(attempt(&site, &person.mobile, PASSWORD).await.status, 200, "own errors are forgiven");
    }
    // Those of others are not: NIST excuses the errors from the same address alone.
    for number in 0..33 {
        assert_eq!(from(&site, [127, 0, 7, number], &person.mobile, WRONG).await.status, 400);
        site.advance(901).await;
        if number % 8 == 0 {
            let owner = from(&site, [127, 0, 8, 1], &person.mobile, PASSWORD).await;
            assert_eq!(owner.status, 200, "{owner:?}");
        }
    }
    is_refused(&from(&site, [127, 0, 9, 1], &person.mobile, PASSWORD).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_streak_is_forgotten_thirty_days_after_the_last_try_that_counted() {
    let site = site().await;
    let person = site.register().await;
    guess(&site, &person.mobile, 33).await;
    // What is refused does not count, so nobody is kept out for ever.
    for _ in 0..3 {
        site.advance(9 * DAY).await;
        is_refused(&attempt(&site, &person.mobile, WRONG).await);
    }
    site.advance(3 * DAY).await;
    assert_eq!(attempt(&site, &person.mobile, PASSWORD).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_network_of_a_live_session_has_a_streak_of_its_own() {
    let site = site().await;
    let person = site.register().await;
    // The owner is signed in at home. Strangers block the name.
    assert_eq!(from(&site, [127, 0, 5, 1], &person.mobile, PASSWORD).await.status, 200);
    for number in 0..33 {
        assert_eq!(from(&site, [127, 0, 6, number], &person.mobile, WRONG).await.status, 400);
        site.advance(901).await;
    }
    is_refused(&from(&site, [127, 0, 4, 1], &person.mobile, PASSWORD).await);
    assert_eq!(from(&site, [127, 0, 5, 2], &person.mobile, PASSWORD).await.status, 200, "another browser at home");
    for _ in 0..33 {
        assert_eq!(from(&site, [127, 0, 5, 9], &person.mobile, WRONG).await.status, 400);
        site.advance(901).await;
    }
    is_refused(&from(&site, [127, 0, 5, 9], &person.mobile, PASSWORD).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_proofs_count_for_their_session_and_ten_end_it() {
    let site = site().await;
    let person = site.register().await;
    // A stranger's wrong log-ins make no proof wait.
    guess(&site, &person.mobile, 33).await;
    let right = json!({ "password": PASSWORD });
    let prove =
        async |token: &str, body: &Value| site.send_as(token, Method::POST, "/users/me/reauthenticate/", body).await;
    let signed_in = site.log_in_by_code(&person).await;
    let (one, other) = (signed_in["token"].as_str().unwrap(), site.log_in_by_code(&person).await);
    let other = other["token"].as_str().unwrap();
    assert_eq!(prove(one, &right).await.status, 200);
    let wrong = json!({ "password": WRONG });
    for _ in 0..9 {
        prove(one, &wrong).await.is_refused(400, "proof_wrong");
        site.advance(17).await;
    }
    assert_eq!(prove(one, &right).await.status, 200, "nine in a row are forgiven");
    for number in 0..10 {
        // The waits of one session are not another's.
        if number == 7 {
            assert_eq!(prove(other, &right).await.status, 200);
        }
        prove(one, &wrong).await.is_refused(400, "proof_wrong");
        site.advance(17).await;
    }
    prove(one, &right).await.is_refused(401, "unauthorized");
    assert_eq!(site.me(other).await.status, 200, "no other session ends");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_no_mail_is_told_of_guesses_by_sms_once_in_thirty_days() {
    let site = site().await;
    let person = site.register().await;
    let username = with_username(&site, &person).await;
    let told = async || {
        let messages = site.messages_to(&format!("+86{}", person.mobile)).await;
        messages.iter().filter(|message| message["text"].as_str().unwrap().contains("连续输错密码")).count()
    };
    for name in [&person.mobile, &username] {
        guess(&site, name, 33).await;
        assert_eq!(told().await, 1);
    }
    site.advance(31 * DAY).await;
    guess(&site, &username, 33).await;
    assert_eq!(told().await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_33_in_a_row_on_a_known_device_it_is_like_an_unknown_one() {
    let site = site().await;
    let person = site.register().await;
    let (stolen, own) = {
        let sign_in = async || device_in(&attempt(&site, &person.mobile, PASSWORD).await);
        (sign_in().await, sign_in().await)
    };
    for _ in 0..33 {
        assert_eq!(on_device(&site, &stolen, &person.mobile, WRONG).await.status, 400);
        site.advance(901).await;
    }
    guess(&site, &person.mobile, 33).await;
    is_refused(&on_device(&site, &stolen, &person.mobile, PASSWORD).await);
    assert_eq!(on_device(&site, &own, &person.mobile, PASSWORD).await.status, 200, "another device does not suffer");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_code_to_a_number_in_use_gives_no_new_guesses_at_its_password() {
    let site = site().await;
    let person = site.register().await;
    guess(&site, &person.mobile, 33).await;
    // Whoever has the number cannot sign up with it, and the refusal changes nothing.
    let code = site.sms_code(&person.mobile).await;
    let taken = site.post("/users/", &registration(&person.mobile, &code)).await;
    assert_eq!(taken.header("x-error-code"), Some("mobile_taken"));
    is_refused(&attempt(&site, &person.mobile, PASSWORD).await);
    // A number that strangers guessed at before anybody had it opens to its owner.
    let mobile = new_mobile();
    guess(&site, &mobile, 33).await;
    let code = site.sms_code(&mobile).await;
    assert_eq!(site.post("/users/", &registration(&mobile, &code)).await.status, 201);
    assert_eq!(attempt(&site, &mobile, PASSWORD).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_strangers_blocked_a_number_s_codes_the_network_of_a_live_session_has_a_row_of_its_own() {
    let site = site().await;
    let person = site.register().await;
    let enter = async |address: [u8; 4], code: &str| {
        let client = Client::builder().local_address(Some(Ipv4Addr::from(address).into())).build().unwrap();
        let body = json!({ "mobile": person.mobile, "sms_code": code });
        read(client.post(format!("{}/users/sms_login/", site.base_url)).json(&body)).await
    };
    let code = async || {
        site.advance(601).await;
        site.post(&format!("/users/sms/{}/?purpose=login", person.mobile), &json!({})).await;
        site.code_for(&person.mobile).await
    };
    for number in 0..100 {
        if number % 5 == 0 {
            site.advance(86_400 / 8).await;
        }
        let wrong = if number % 5 == 0 { other_code(&code().await) } else { "000000".to_owned() };
        let refused = enter([127, 0, 6, number], &wrong).await;
        assert_eq!(refused.status, 400, "{number}: {refused:?}");
    }
    let right = code().await;
    enter([127, 0, 4, 1], &right).await.is_refused(403, "codes_blocked");
    assert_eq!(enter([127, 0, 0, 9], &right).await.status, 200, "the owner is signed in in this network");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_counts_at_a_name_by_a_text_that_is_no_name() {
    let site = site().await;
    let person = site.register().await;
    for _ in 0..8 {
        attempt(&site, &format!("MOBILE#{}", person.mobile), WRONG).await;
    }
    assert_eq!(attempt(&site, &person.mobile, PASSWORD).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_in_the_network_of_a_live_session_is_the_wait_of_the_name() {
    let site = site().await;
    let person = site.register().await;
    assert_eq!(from(&site, [127, 0, 5, 1], &person.mobile, PASSWORD).await.status, 200);
    let nobody = new_mobile();
    for name in [&person.mobile, &nobody] {
        for number in 0..12 {
            assert_eq!(from(&site, [127, 0, 6, number], name, WRONG).await.status, 400);
            site.advance(901).await;
        }
        assert_eq!(from(&site, [127, 0, 6, 99], name, WRONG).await.status, 400);
        // Inside the network or outside, a known name or not: nobody learns who is signed in here.
        for address in [[127, 0, 5, 2], [127, 0, 7, 1]] {
            assert_eq!(from(&site, address, name, WRONG).await.status, 429, "{name} {address:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_a_refresh_nor_a_code_gives_new_guesses_on_a_device() {
    let site = site().await;
    let person = site.register().await;
    let signed_in = attempt(&site, &person.mobile, PASSWORD).await;
    // A thief has copied the device and the session.
    let device = device_in(&signed_in);
    for _ in 0..33 {
        assert_eq!(on_device(&site, &device, &person.mobile, WRONG).await.status, 400);
        site.advance(901).await;
    }
    guess(&site, &person.mobile, 33).await;
    site.advance(DAY).await;
    let refreshed = json!({ "refresh_token": signed_in.json()["refresh_token"] });
    let request = site.request(Method::POST, "/users/token/refresh/").header("x-device", &device);
    assert_eq!(read(request.json(&refreshed)).await.status, 200);
    is_refused(&on_device(&site, &device, &person.mobile, PASSWORD).await);
    let path = format!("/users/sms/{}/?purpose=login", person.mobile);
    assert_eq!(site.post(&path, &json!({})).await.status, 200);
    let by_code = json!({ "mobile": person.mobile, "sms_code": site.code_for(&person.mobile).await });
    let request = site.request(Method::POST, "/users/sms_login/").header("x-device", &device);
    assert_eq!(read(request.json(&by_code)).await.status, 200);
    is_refused(&on_device(&site, &device, &person.mobile, PASSWORD).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_strangers_guessed_at_before_opens_to_the_account_that_takes_it() {
    let site = site().await;
    let person = site.register().await;
    let (username, mobile, email) = (format!("anna{}", &person.mobile[3..]), new_mobile(), new_email());
    for name in [&username, &mobile, &email] {
        guess(&site, name, 33).await;
    }
    let mut token = site.log_in(&person.mobile).await["token"].as_str().unwrap().to_owned();
    let change = json!({ "username": username, "password": PASSWORD });
    assert_eq!(site.send_as(&token, Method::PATCH, "/users/me/", &change).await.status, 200);
    let ask = json!({ "email": email, "password": PASSWORD });
    assert_eq!(site.send_as(&token, Method::POST, "/users/me/email/", &ask).await.status, 200);
    let bind = json!({ "email": email, "email_code": site.code_for(&email).await });
    let bound = site.send_as(&token, Method::PUT, "/users/me/email/", &bind).await;
    token = bound.json()["token"].as_str().unwrap().to_owned();
    let path = format!("/users/sms/{mobile}/?purpose=mobile");
    assert_eq!(site.send_as(&token, Method::POST, &path, &json!({})).await.status, 200);
    let change = json!({ "mobile": mobile, "sms_code": site.code_for(&mobile).await, "password": PASSWORD });
    assert_eq!(site.send_as(&token, Method::PUT, "/users/me/mobile/", &change).await.status, 200);
    for name in [&username, &mobile, &email] {
        assert_eq!(attempt(&site, name, PASSWORD).await.status, 200, "{name}");
    }
}
