//! Carriers reissue numbers after ninety days. On an unknown device, a code to a number that was not proved for so long
//! does not open its account alone. An account that was also unused for long does not keep out the number's next owner.
//! ASVS 6.4.6, NIST SP 800-63B §3.1.3.1.

use local::operator::{OperatorAction, act};
use reqwest::Method;
use serde_json::{Value, json};

use crate::site::{Answer, NEW_PASSWORD, PASSWORD, Person, Site, other_code, registration};

const DAY: u32 = 86_400;

/// Sends an `sms_log_in` request with these fields beside the code.
async fn enter(site: &Site, person: &Person, code: &str, more: Value) -> Answer {
    let mut body = json!({ "mobile": person.mobile, "sms_code": code });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    site.post("/users/sms_login/", &body).await
}

async fn log_in_code(site: &Site, person: &Person) -> String {
    site.advance(61).await;
    let answer = site.post(&format!("/users/sms/{}/?purpose=login", person.mobile), &json!({})).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    site.code_for(&person.mobile).await
}

async fn site() -> Site {
    Site::with_settings(&[]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_not_proved_for_90_days_opens_its_account_with_password_or_mail() {
    let site = site().await;
    let (person, email) = site.register_with_email().await;
    site.advance(89 * DAY).await;
    let code = log_in_code(&site, &person).await;
    assert_eq!(enter(&site, &person, &code, json!({})).await.status, 200, "proved lately");
    // Whoever signs in by password all the time has not shown that the number is still theirs.
    for _ in 0..9 {
        site.advance(10 * DAY).await;
        site.log_in(&email).await;
    }
    let code = log_in_code(&site, &person).await;
    enter(&site, &person, &other_code(&code), json!({ "password": PASSWORD })).await.is_refused(400, "code_wrong");
    enter(&site, &person, &code, json!({})).await.is_refused(403, "second_proof_required");
    enter(&site, &person, &code, json!({ "password": "wrong password" })).await.is_refused(400, "proof_wrong");
    // The code was mailed when a second proof was asked for. The code by SMS is still valid.
    let mailed = site.code_for(&email).await;
    let wrong = other_code(&mailed);
    enter(&site, &person, &code, json!({ "email_code": wrong })).await.is_refused(400, "confirm_code_wrong");
    assert_eq!(enter(&site, &person, &code, json!({ "email_code": mailed })).await.status, 200);
    // The number is proved again.
    let code = log_in_code(&site, &person).await;
    assert_eq!(enter(&site, &person, &code, json!({})).await.status, 200);
    site.advance(90 * DAY).await;
    let code = log_in_code(&site, &person).await;
    assert_eq!(enter(&site, &person, &code, json!({ "password": PASSWORD })).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_set_by_a_number_not_proved_for_90_days_and_a_second_proof() {
    let site = site().await;
    let (person, email) = site.register_with_email().await;
    site.advance(90 * DAY).await;
    site.post("/forget_pwd/sms_code/", &json!({ "mobile": person.mobile })).await;
    let (code, csrf) = (site.code_for(&person.mobile).await, site.csrf().await);
    let mut body = json!({ "mobile": person.mobile, "sms_code": code, "new_password": NEW_PASSWORD });
    let refused = site.forget_pwd(&csrf, &body).await;
    assert_eq!((refused.status, refused.header("x-error-code")), (403, Some("second_proof_required")));
    assert_eq!(refused.header("content-type"), Some("text/plain; charset=utf-8"));
    // The old client can send neither proof, so the text names the page that can.
    assert!(refused.text.contains(&format!("{}/forget_pwd/", site.base_url)), "{refused:?}");
    body["email_code"] = site.code_for(&email).await.into();
    assert_eq!(site.forget_pwd(&csrf, &body).await.json()["errno"], "0");
    let log_in = json!({ "username": person.mobile, "password": NEW_PASSWORD });
    assert_eq!(site.post("/users/login/", &log_in).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reissued_number_opens_no_account_that_is_in_use() {
    let site = site().await;
    let person = site.register().await;
    let signed_in = site.log_in(&person.mobile).await;
    let mut refresh_token = signed_in["refresh_token"].as_str().unwrap().to_owned();
    for round in 0..40 {
        site.advance(10 * DAY).await;
        if round % 8 == 7 {
            refresh_token = site.log_in(&person.mobile).await["refresh_token"].as_str().unwrap().to_owned();
        } else {
            refresh_token = site.refresh(&refresh_token).await.json()["refresh_token"].as_str().unwrap().to_owned();
        }
    }
    // The number's next owner has a right code, and neither the password nor the device.
    let code = log_in_code(&site, &person).await;
    enter(&site, &person, &code, json!({})).await.is_refused(403, "second_proof_required");
    enter(&site, &person, &code, json!({ "register": true })).await.is_refused(403, "second_proof_required");
    site.get(&format!("/users/mobile/{}/", person.mobile)).await.is_refused(400, "mobile_taken");
    site.advance(61).await;
    let code = site.sms_code(&person.mobile).await;
    let taken = site.post("/users/", &registration(&person.mobile, &code)).await;
    assert_eq!(taken.header("x-error-code"), Some("mobile_taken"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_known_device_needs_no_second_proof_however_long_it_was_away() {
    let site = site().await;
    let person = site.register().await;
    let device = site.log_in(&person.mobile).await["device"].as_str().unwrap().to_owned();
    site.advance(999 * DAY).await;
    let code = log_in_code(&site, &person).await;
    let body = json!({ "mobile": person.mobile, "sms_code": code, "register": true });
    let request = site.request(Method::POST, "/users/sms_login/").header("x-device", &device);
    let answer = crate::site::read(request.json(&body)).await;
    assert_eq!((answer.status, &answer.json()["id"]), (200, &json!(person.id)), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_proof_of_the_number_is_recorded() {
    let site = site().await;
    let person = site.register().await;
    let proved_at = async |token: &str| site.me(token).await.json()["mobile_proved_at"].as_str().unwrap().to_owned();
    let at_sign_up = proved_at(&person.token).await;
    site.advance(5 * DAY).await;
    let token = site.log_in(&person.mobile).await["token"].as_str().unwrap().to_owned();
    assert_eq!(proved_at(&token).await, at_sign_up, "a password proves nothing of the number");
    let code = site.proof_code(&Person { token: token.clone(), ..person.clone() }).await;
    let proof = json!({ "sms_code": code });
    assert_eq!(site.send_as(&token, Method::POST, "/users/me/reauthenticate/", &proof).await.status, 200);
    let at_proof = proved_at(&token).await;
    assert!(at_proof > at_sign_up);
    site.advance(5 * DAY).await;
    let token = site.log_in_by_code(&person).await["token"].as_str().unwrap().to_owned();
    let at_sign_in = proved_at(&token).await;
    assert!(at_sign_in > at_proof);
    site.advance(5 * DAY).await;
    site.post("/forget_pwd/sms_code/", &json!({ "mobile": person.mobile })).await;
    let (code, csrf) = (site.code_for(&person.mobile).await, site.csrf().await);
    let body = json!({ "mobile": person.mobile, "sms_code": code, "new_password": PASSWORD });
    assert_eq!(site.forget_pwd(&csrf, &body).await.json()["errno"], "0");
    let token = site.log_in(&person.mobile).await["token"].as_str().unwrap().to_owned();
    assert!(proved_at(&token).await > at_sign_in);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_email_that_was_bound_lately_opens_no_account_beside_a_code() {
    let site = site().await;
    let person = site.register().await;
    site.advance(90 * DAY).await;
    let token = site.log_in(&person.mobile).await["token"].as_str().unwrap().to_owned();
    let email = crate::site::new_email();
    let asked = json!({ "email": email, "password": PASSWORD });
    assert_eq!(site.send_as(&token, Method::POST, "/users/me/email/", &asked).await.status, 200);
    let bound = json!({ "email": email, "email_code": site.code_for(&email).await });
    assert_eq!(site.send_as(&token, Method::PUT, "/users/me/email/", &bound).await.status, 200);
    let messages = site.messages_to(&email).await.len();
    let code = log_in_code(&site, &person).await;
    enter(&site, &person, &code, json!({})).await.is_refused(403, "second_proof_required");
    assert_eq!(site.messages_to(&email).await.len(), messages, "no code is mailed to it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_that_may_register_takes_a_number_over_only_where_a_sign_up_would() {
    let site = site().await;
    let (old, email) = site.register_with_email().await;
    site.advance(180 * DAY).await;
    let code = log_in_code(&site, &old).await;
    // The owner who comes back is asked for a second proof, and gets in with it.
    enter(&site, &old, &code, json!({})).await.is_refused(403, "second_proof_required");
    let back = enter(&site, &old, &code, json!({ "register": true, "password": PASSWORD })).await;
    assert_eq!((back.status, &back.json()["id"]), (200, &json!(old.id)));
    site.advance(180 * DAY).await;
    let code = log_in_code(&site, &old).await;
    let new = enter(&site, &old, &code, json!({ "register": true })).await;
    assert_eq!(new.status, 200, "{new:?}");
    assert_ne!(new.json()["id"], old.id.as_str());
    site.was_told(&email, "已由新机主注册").await;
    let kept = site.log_in(&email).await;
    assert_eq!(kept["id"], old.id.as_str());
    let me = site.me(kept["token"].as_str().unwrap()).await.json();
    assert_eq!((&me["mobile"], &me["mobile_proved_at"]), (&Value::Null, &Value::Null));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_keeps_a_session_alive_keeps_the_number() {
    let site = site().await;
    let mut person = site.register().await;
    for _ in 0..4 {
        site.advance(20 * DAY).await;
        let refreshed = site.refresh(&person.refresh_token).await;
        person.refresh_token = refreshed.json()["refresh_token"].as_str().unwrap().to_owned();
    }
    // The number was proved 200 days ago, but the account was used less than DORMANT_DAYS ago.
    site.advance(120 * DAY).await;
    let code = site.sms_code(&person.mobile).await;
    let taken = site.post("/users/", &registration(&person.mobile, &code)).await;
    assert_eq!(taken.header("x-error-code"), Some("mobile_taken"));
    site.advance(60 * DAY).await;
    let code = site.sms_code(&person.mobile).await;
    assert_eq!(site.post("/users/", &registration(&person.mobile, &code)).await.status, 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_owner_of_a_number_signs_up_with_it() {
    let site = site().await;
    let (old, email) = site.register_with_email().await;
    let path = format!("/users/mobile/{}/", old.mobile);
    site.get(&path).await.refuses(400, "mobile_taken", &json!({ "detail": "当前手机号码已经被注册" }));
    let code = site.sms_code(&old.mobile).await;
    let taken = site.post("/users/", &registration(&old.mobile, &code)).await;
    assert_eq!(taken.header("x-error-code"), Some("mobile_taken"), "it is in use: {taken:?}");
    site.advance(180 * DAY).await;
    site.get(&path).await.is(200, &json!({ "detail": "ok" }));
    let code = site.sms_code(&old.mobile).await;
    let wrong = site.post("/users/", &registration(&old.mobile, &other_code(&code))).await;
    assert_eq!(wrong.header("x-error-code"), Some("code_wrong"));
    let new = site.post("/users/", &registration(&old.mobile, &code)).await;
    assert_eq!(new.status, 201, "{new:?}");
    assert_ne!(new.json()["id"], old.id.as_str());
    site.was_told(&email, "已由新机主注册").await;
    // The number belongs to the new account. The old account keeps everything else.
    assert_eq!(site.log_in(&old.mobile).await["id"], new.json()["id"]);
    let kept = site.log_in(&email).await;
    assert_eq!((&kept["id"], &kept["username"]), (&json!(old.id), &json!("暂无")));
    let token = kept["token"].as_str().unwrap();
    assert_eq!(site.me(token).await.json()["mobile"], Value::Null);
    let answer = site.send_as(token, Method::POST, "/users/me/sms/", &json!({})).await;
    answer.is_refused(400, "no_mobile");
    // The old account binds another number.
    let mobile = crate::site::new_mobile();
    site.send_as(token, Method::POST, &format!("/users/sms/{mobile}/?purpose=mobile"), &json!({})).await;
    let body = json!({ "mobile": mobile, "sms_code": site.code_for(&mobile).await, "password": PASSWORD });
    assert_eq!(site.send_as(token, Method::PUT, "/users/me/mobile/", &body).await.status, 200);
    assert_eq!(site.log_in(&mobile).await["id"], old.id.as_str());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_changes_hands_once_and_not_under_an_owner_who_comes_back() {
    let site = site().await;
    let old = site.register().await;
    site.advance(180 * DAY).await;
    let code = site.sms_code(&old.mobile).await;
    let registration = registration(&old.mobile, &code);
    let log_in = json!({ "username": old.mobile, "password": PASSWORD });
    let (one, other, back) = tokio::join!(
        site.post("/users/", &registration),
        site.post("/users/", &registration),
        site.post("/users/login/", &log_in)
    );
    let taken = [one.status, other.status].iter().filter(|status| **status == 201).count();
    assert!(taken <= 1, "{one:?} {other:?}");
    // Exactly one account has the number. An owner who came back in time keeps it.
    let holder = site.log_in(&old.mobile).await["id"].clone();
    assert_eq!(taken == 1, holder != old.id.as_str(), "{one:?} {other:?} {back:?}");
    assert!(back.status == 200 || taken == 1, "{back:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_the_number_guesses_at_the_mailed_code_a_hundred_times_at_most() {
    let site = site().await;
    let (person, email) = site.register_with_email().await;
    site.advance(180 * DAY).await;
    for _ in 0..20 {
        site.advance(601).await;
        let code = log_in_code(&site, &person).await;
        enter(&site, &person, &code, json!({})).await.is_refused(403, "second_proof_required");
        let wrong = other_code(&site.code_for(&email).await);
        for _ in 0..5 {
            let refused = enter(&site, &person, &code, json!({ "email_code": wrong })).await;
            refused.is_refused(400, "confirm_code_wrong");
        }
        enter(&site, &person, &code, json!({ "email_code": wrong })).await.is_refused(400, "confirm_code_expired");
    }
    site.advance(601).await;
    let code = log_in_code(&site, &person).await;
    enter(&site, &person, &code, json!({})).await.is_refused(403, "second_proof_required");
    let mailed = site.code_for(&email).await;
    enter(&site, &person, &code, json!({ "email_code": mailed })).await.is_refused(403, "codes_blocked");
    // The owner can still use the password.
    assert_eq!(enter(&site, &person, &code, json!({ "password": PASSWORD })).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_s_wrong_passwords_make_no_second_proof_wait() {
    let site = site().await;
    let person = site.register().await;
    site.advance(180 * DAY).await;
    let log_in = json!({ "username": person.mobile, "password": "wrong password" });
    let mut waits = false;
    for _ in 0..8 {
        waits |= site.post("/users/login/", &log_in).await.status == 429;
    }
    assert!(waits, "who guesses waits");
    let code = log_in_code(&site, &person).await;
    assert_eq!(enter(&site, &person, &code, json!({ "password": PASSWORD })).await.status, 200);
    // Failed attempts at the second proof itself cause the same waits.
    site.advance(180 * DAY).await;
    let code = log_in_code(&site, &person).await;
    for _ in 0..5 {
        enter(&site, &person, &code, json!({ "password": "wrong password" })).await.is_refused(400, "proof_wrong");
    }
    enter(&site, &person, &code, json!({ "password": PASSWORD })).await.is_refused(429, "too_many_requests");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_is_taken_over_from_a_disabled_account_which_stays_disabled() {
    let (site, target, folder) = crate::operators::site().await;
    for by_code in [false, true] {
        let (old, email) = site.register_with_email().await;
        act(&OperatorAction::Disable(old.mobile.clone()), &target, "anna").await.unwrap();
        let path = format!("/users/mobile/{}/", old.mobile);
        site.get(&path).await.is_refused(400, "mobile_taken");
        site.advance(180 * DAY).await;
        site.get(&path).await.is(200, &json!({ "detail": "ok" }));
        let new = if by_code {
            site.post(&format!("/users/sms/{}/?purpose=login&register=true", old.mobile), &json!({})).await;
            let code = site.code_for(&old.mobile).await;
            enter(&site, &old, &code, json!({ "register": true })).await
        } else {
            let code = site.sms_code(&old.mobile).await;
            site.post("/users/", &registration(&old.mobile, &code)).await
        };
        assert!(new.status < 300 && new.json()["id"] != old.id.as_str(), "{new:?}");
        let log_in = json!({ "username": email, "password": PASSWORD });
        assert_eq!(site.post("/users/login/", &log_in).await.header("x-error-code"), Some("bad_credentials"));
    }
    std::fs::remove_dir_all(folder).unwrap();
}
