//! A stranger who knows a person's number cannot lock that person out by wrong codes or by using up the messages.
//! `limits` covers wrong passwords. NIST SP 800-63B §3.2.2; OWASP, "Slow Down Online Guessing Attacks with Device
//! Cookies"; ASVS 6.1.1, 6.3.1.

use reqwest::Method;
use serde_json::{Value, json};

use crate::site::{
    Answer, NEW_PASSWORD, PASSWORD, Person, Site, new_email, new_mobile, other_code, read, registration,
};

/// A number gets three messages an hour, of which one source may cause two. The owner's known devices have a reserve
/// beside that: two more messages an hour.
async fn site() -> Site {
    Site::with_settings(&[("LIMIT_RECIPIENT", "3/h"), ("LIMIT_RECIPIENT_SOURCE", "2/h")]).await
}

/// Requests a code to sign in, with or without a device cookie.
async fn ask(site: &Site, mobile: &str, query: &str, device: &str) -> Answer {
    let path = format!("/users/sms/{mobile}/?purpose=login{query}");
    read(site.request(Method::POST, &path).header("cookie", device)).await
}

/// Sends an `sms_log_in` request, with or without a device cookie.
async fn enter(site: &Site, mobile: &str, code: &str, handle: Option<&str>, device: &str) -> Answer {
    let body = json!({ "mobile": mobile, "sms_code": code, "handle": handle });
    read(site.request(Method::POST, "/users/sms_login/").header("cookie", device).json(&body)).await
}

/// Signs in and returns the device cookie.
async fn device_of(site: &Site, person: &Person) -> String {
    let body = json!({ "username": person.mobile, "password": PASSWORD });
    let answer = site.post("/users/login/", &body).await;
    answer.header("set-cookie").unwrap().split(';').next().unwrap().to_owned()
}

fn handle_in(answer: &Answer) -> String {
    let body: Value = answer.json();
    body["handle"].as_str().unwrap_or_else(|| panic!("no handle: {answer:?}")).to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_without_the_handle_wear_out_no_code_of_its_holder() {
    let site = Site::with_settings(&[]).await;
    let person = site.register().await;
    // Sign-in.
    let handle = handle_in(&ask(&site, &person.mobile, "&handle=new", "").await);
    let code = site.code_for(&person.mobile).await;
    for _ in 0..6 {
        enter(&site, &person.mobile, &other_code(&code), None, "").await.is_refused(400, "code_expired");
    }
    let (guessed, made_up) = (enter(&site, &person.mobile, &code, None, "").await, "0".repeat(32));
    guessed.is_refused(400, "code_expired");
    enter(&site, &person.mobile, &code, Some(&made_up), "").await.is_refused(400, "code_expired");
    assert_eq!(enter(&site, &person.mobile, &code, Some(&handle), "").await.status, 200);
    // Password recovery.
    site.advance(61).await;
    let asked = site.post("/forget_pwd/sms_code/", &json!({ "mobile": person.mobile, "handle": "new" })).await;
    let (code, csrf) = (site.code_for(&person.mobile).await, site.csrf().await);
    let mut body = json!({ "mobile": person.mobile, "sms_code": other_code(&code), "new_password": NEW_PASSWORD });
    for _ in 0..6 {
        assert_eq!(site.forget_pwd(&csrf, &body).await.header("x-error-code"), Some("code_expired"));
    }
    (body["sms_code"], body["handle"]) = (code.into(), handle_in(&asked).into());
    assert_eq!(site.forget_pwd(&csrf, &body).await.json()["errno"], "0");
    // Sign-up.
    let mobile = new_mobile();
    let asked = site.post(&format!("/users/sms/{mobile}/?handle=new"), &json!({})).await;
    let code = site.code_for(&mobile).await;
    for _ in 0..6 {
        let answer = site.post("/users/", &registration(&mobile, &other_code(&code))).await;
        assert_eq!(answer.header("x-error-code"), Some("code_expired"));
    }
    let mut body = registration(&mobile, &code);
    body["handle"] = handle_in(&asked).into();
    assert_eq!(site.post("/users/", &body).await.status, 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_under_a_challenge_id_is_guessed_at_five_times_and_sent_again_for_it() {
    let site = Site::with_settings(&[]).await;
    let person = site.register().await;
    let handle = handle_in(&ask(&site, &person.mobile, "&handle=new", "").await);
    let code = site.code_for(&person.mobile).await;
    for _ in 0..3 {
        enter(&site, &person.mobile, &other_code(&code), Some(&handle), "").await.is_refused(400, "code_wrong");
    }
    site.advance(61).await;
    let again = ask(&site, &person.mobile, &format!("&handle={handle}"), "").await;
    assert_eq!((handle_in(&again), site.code_for(&person.mobile).await), (handle.clone(), code.clone()));
    for _ in 0..2 {
        enter(&site, &person.mobile, &other_code(&code), Some(&handle), "").await.is_refused(400, "code_wrong");
    }
    enter(&site, &person.mobile, &code, Some(&handle), "").await.is_refused(400, "code_expired");
    for bad in ["", "NEW", "zz", "0123456789abcdef0123456789abcdeF"] {
        let answer = ask(&site, &person.mobile, &format!("&handle={bad}"), "").await;
        assert_eq!((answer.status, answer.header("x-error-code")), (400, Some("field_type")), "{bad}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_known_device_is_sent_a_code_when_strangers_have_spent_the_number_s_messages() {
    let site = site().await;
    let (owner, stranger) = (site.register().await, site.register().await);
    let (device, other) = (device_of(&site, &owner).await, device_of(&site, &stranger).await);
    site.advance(3601).await;
    // One source may cause these two messages.
    for _ in 0..2 {
        assert_eq!(ask(&site, &owner.mobile, "", "").await.status, 200);
        site.advance(61).await;
    }
    ask(&site, &owner.mobile, "", "").await.refuses(
        429,
        "too_many_requests",
        &json!({ "detail": "对不起, 发送短信过于频繁!" }),
    );
    assert_eq!(ask(&site, &owner.mobile, "", &other).await.status, 429, "another's device is no device");
    assert_eq!(ask(&site, &owner.mobile, "", &format!("{device}x")).await.status, 429, "nor is a made-up one");
    assert_eq!(ask(&site, &owner.mobile, "", &device).await.status, 200);
    assert_eq!(ask(&site, &owner.mobile, "", &device).await.status, 429, "a minute passes between any two");
    site.advance(61).await;
    assert_eq!(ask(&site, &owner.mobile, "", &device).await.status, 200);
    site.advance(61).await;
    // Every sign-in issues a device cookie. All cookies of an account share one reserve, so their holder cannot flood
    // anybody.
    for cookie in [device, device_of(&site, &owner).await] {
        assert_eq!(ask(&site, &owner.mobile, "", &cookie).await.status, 429);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_wrong_codes_in_a_row_are_all_and_lock_the_owner_out_of_nothing_else() {
    let site = Site::with_settings(&[]).await;
    let person = site.register().await;
    let device = device_of(&site, &person).await;
    site.advance(61).await;
    for _ in 0..20 {
        ask(&site, &person.mobile, "", "").await;
        let wrong = other_code(&site.code_for(&person.mobile).await);
        for _ in 0..5 {
            enter(&site, &person.mobile, &wrong, None, "").await.is_refused(400, "code_wrong");
        }
        site.advance(601).await;
    }
    // A code with a challenge id, or for another purpose, belongs to the same account and stays blocked.
    let handle = handle_in(&ask(&site, &person.mobile, "&handle=new", "").await);
    let code = site.code_for(&person.mobile).await;
    enter(&site, &person.mobile, &code, Some(&handle), "").await.is_refused(403, "codes_blocked");
    site.advance(61).await;
    site.post("/forget_pwd/sms_code/", &json!({ "mobile": person.mobile })).await;
    let (reset, csrf) = (site.code_for(&person.mobile).await, site.csrf().await);
    let body = json!({ "mobile": person.mobile, "sms_code": reset, "new_password": NEW_PASSWORD });
    let text = "验证码连续输错次数过多，暂时不能使用验证码。已有账号的，请用密码登录或邮件链接找回。";
    site.forget_pwd(&csrf, &body).await.refuses_in_text(403, "codes_blocked", text);
    let other = device_of(&site, &site.register().await).await;
    enter(&site, &person.mobile, &code, Some(&handle), &other).await.is_refused(403, "codes_blocked");
    // The code works on the owner's device. So does the password, and changing it resets the failure streak.
    assert_eq!(enter(&site, &person.mobile, &code, Some(&handle), &device).await.status, 200);
    let token = site.log_in(&person.mobile).await["token"].as_str().unwrap().to_owned();
    let change = json!({ "password": PASSWORD, "new_password": NEW_PASSWORD });
    assert_eq!(site.send_as(&token, Method::PUT, "/users/me/password/", &change).await.status, 200);
    site.advance(601).await;
    ask(&site, &person.mobile, "", "").await;
    let code = site.code_for(&person.mobile).await;
    assert_eq!(enter(&site, &person.mobile, &code, None, "").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_of_another_site_sends_no_message() {
    let site = Site::with_settings(&[]).await;
    let path = format!("/users/sms/{}/", new_mobile());
    for mode in ["navigate", "no-cors"] {
        let answer = read(site.request(Method::POST, &path).header("sec-fetch-mode", mode)).await;
        assert_eq!((answer.status, answer.header("x-error-code")), (403, Some("blind_request")), "{mode}");
    }
    for form in ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain"] {
        for body in ["a=b", ""] {
            let answer = read(site.request(Method::POST, &path).header("content-type", form).body(body)).await;
            answer.is_refused(415, "unsupported_media_type");
        }
    }
    assert!(site.get("/_local/inbox.json").await.json().as_array().unwrap().is_empty());
    // A script posts without a body, or with JSON.
    assert_eq!(read(site.request(Method::POST, &path)).await.status, 200);
    site.advance(61).await;
    assert_eq!(site.post(&path, &json!({})).await.status, 200);
    // An old client asks by GET, whatever its library says of a body that it does not send.
    site.advance(61).await;
    let by_get = site.request(Method::GET, &path).header("content-type", "application/x-www-form-urlencoded");
    assert_eq!(read(by_get).await.json()["message"], "OK");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_of_wrong_codes_is_forgotten_after_a_week_and_by_a_right_one() {
    let site = Site::with_settings(&[]).await;
    let (blocked, patient) = (site.register().await, site.register().await);
    let wrong = async |person: &Person| {
        site.advance(601).await;
        ask(&site, &person.mobile, "", "").await;
        let wrong = other_code(&site.code_for(&person.mobile).await);
        for _ in 0..5 {
            enter(&site, &person.mobile, &wrong, None, "").await.is_refused(400, "code_wrong");
        }
    };
    let right = async |person: &Person| {
        site.advance(601).await;
        ask(&site, &person.mobile, "", "").await;
        let code = site.code_for(&person.mobile).await;
        enter(&site, &person.mobile, &code, None, "").await
    };
    for round in 0..20 {
        wrong(&blocked).await;
        wrong(&patient).await;
        if round == 10 {
            assert_eq!(right(&patient).await.status, 200, "it ends the row");
        }
    }
    right(&blocked).await.is_refused(403, "codes_blocked");
    assert_eq!(right(&patient).await.status, 200);
    site.advance(7 * 86_400).await;
    assert_eq!(right(&blocked).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_codes_of_a_sign_up_are_in_a_row_too() {
    let site = Site::with_settings(&[]).await;
    let mobile = new_mobile();
    for _ in 0..20 {
        let wrong = other_code(&site.sms_code(&mobile).await);
        for _ in 0..5 {
            let refused = site.post("/users/", &registration(&mobile, &wrong)).await;
            assert_eq!((refused.status, refused.header("x-error-code")), (400, Some("code_wrong")));
        }
        site.advance(601).await;
    }
    let code = site.sms_code(&mobile).await;
    let refused = site.post("/users/", &registration(&mobile, &code)).await;
    assert_eq!((refused.status, refused.header("x-error-code")), (403, Some("codes_blocked")));
    // Signing in by SMS is another way to the same number.
    site.advance(601).await;
    ask(&site, &mobile, "&register=true", "").await;
    let code = site.code_for(&mobile).await;
    enter(&site, &mobile, &code, None, "").await.is_refused(403, "codes_blocked");
    // A code that was not compared is not counted as a guess. A week later, a code that is sent then works.
    site.advance(7 * 86_400).await;
    let code = site.sms_code(&mobile).await;
    assert_eq!(site.post("/users/", &registration(&mobile, &code)).await.status, 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_own_account_s_proofs_and_changes_buy_no_guesses_at_other_people_s_numbers() {
    let site = Site::with_settings(&[]).await;
    let thief = site.register().await;
    let (email, mut token) = (new_email(), thief.token.clone());
    let change = async |token: &str, (mobile, code): &(String, String)| {
        let body = json!({ "mobile": mobile, "sms_code": code, "password": PASSWORD });
        site.send_as(token, Method::PUT, "/users/me/mobile/", &body).await
    };
    let ask = async |token: &str| {
        let mobile = new_mobile();
        let path = format!("/users/sms/{mobile}/?purpose=mobile");
        assert_eq!(site.send_as(token, Method::POST, &path, &json!({})).await.status, 200);
        let code = site.code_for(&mobile).await;
        (mobile, code)
    };
    for already in 0..20 {
        if already == 10 || already == 15 {
            // These are changes to one's own address, which do not reset the streak.
            token = bind(&site, &token, &email).await;
        }
        let (victim, code) = ask(&token).await;
        for _ in 0..5 {
            change(&token, &(victim.clone(), other_code(&code))).await.is_refused(400, "code_wrong");
        }
    }
    let asked = ask(&token).await;
    change(&token, &asked).await.is_refused(403, "codes_blocked");
    // Neither does a proof by a code to one's own number, a change of password, or a reset.
    site.advance(61).await;
    site.send_as(&token, Method::POST, "/users/me/sms/", &json!({})).await;
    let body = json!({ "new_password": NEW_PASSWORD, "sms_code": site.code_for(&thief.mobile).await });
    let changed = site.send_as(&token, Method::PUT, "/users/me/password/", &body).await;
    token = changed.json()["token"].as_str().unwrap().to_owned();
    let again = async |token: &str, password: &str| {
        let body = json!({ "mobile": asked.0, "sms_code": asked.1, "password": password });
        site.send_as(token, Method::PUT, "/users/me/mobile/", &body).await.is_refused(403, "codes_blocked");
    };
    again(&token, NEW_PASSWORD).await;
    site.advance(61).await;
    site.post("/forget_pwd/sms_code/", &json!({ "mobile": thief.mobile })).await;
    let (code, csrf) = (site.code_for(&thief.mobile).await, site.csrf().await);
    let body = json!({ "mobile": thief.mobile, "sms_code": code, "new_password": PASSWORD });
    assert_eq!(site.forget_pwd(&csrf, &body).await.header("x-error-code"), None);
    token = site.log_in(&thief.mobile).await["token"].as_str().unwrap().to_owned();
    again(&token, PASSWORD).await;
}

async fn bind(site: &Site, token: &str, email: &str) -> String {
    site.advance(61).await;
    let body = json!({ "email": email, "password": PASSWORD });
    assert_eq!(site.send_as(token, Method::POST, "/users/me/email/", &body).await.status, 200);
    let body = json!({ "email": email, "email_code": site.code_for(email).await });
    let bound = site.send_as(token, Method::PUT, "/users/me/email/", &body).await;
    bound.json()["token"].as_str().unwrap().to_owned()
}
