//! Misleading requests: forged headers, other spellings of a name, codes and links used for another purpose,
//! simultaneous requests, and pages of other sites. ASVS 2.2.1, 3.5.1, 4.1.3, 6.5.1, 6.6.2–6.6.3; OWASP Forgot Password
//! and CSRF cheat sheets.

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::site::{Answer, NEW_PASSWORD, PASSWORD, Person, Site, new_mobile, other_code, read, registration};

async fn site() -> Site {
    Site::with_settings(&[]).await
}

fn error(answer: &Answer) -> Option<&str> {
    answer.header("x-error-code")
}

fn reset(token: &str, password: &str) -> Value {
    json!({ "access_token": token, "password": password, "password2": password })
}

async fn link(site: &Site, email: &str) -> String {
    site.advance(61).await;
    site.post("/users/find/password/email/", &json!({ "email": email })).await;
    site.link_for(email).await
}

async fn bind(site: &Site, person: &mut Person, email: &str) -> Answer {
    site.advance(61).await;
    let asked = json!({ "email": email, "password": PASSWORD });
    let sent = site.send_as(&person.token, Method::POST, "/users/me/email/", &asked).await;
    assert_eq!(sent.status, 200, "{sent:?}");
    let address = email.trim().to_lowercase().replace('＠', "@").replace('ａ', "a");
    let bound = json!({ "email": email, "email_code": site.code_for(&address).await });
    let answer = site.send_as(&person.token, Method::PUT, "/users/me/email/", &bound).await;
    if answer.status == 200 {
        person.token = answer.json()["token"].as_str().unwrap().to_owned();
    }
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_one_account_s_however_it_is_written() {
    let site = site().await;
    let (mut one, mut other) = (site.register().await, site.register().await);
    let email = format!("a{}@example.com", one.mobile);
    assert_eq!(bind(&site, &mut one, &email).await.status, 200);
    for form in [email.to_uppercase(), email.replace('@', "＠"), email.replacen('a', "ａ", 1)] {
        let answer = bind(&site, &mut other, &form).await;
        assert_eq!((answer.status, error(&answer)), (400, Some("email_taken")), "{form}");
    }
    // An address with a tag is a different address (RFC 5233). Some servers deliver it to a different person.
    let tagged = email.replace('@', "+tag@");
    assert_eq!(bind(&site, &mut other, &tagged).await.status, 200);
    assert_ne!(site.log_in(&email).await["id"], site.log_in(&tagged).await["id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_leads_to_the_configured_host_whatever_the_request_says() {
    let site = site().await;
    let (_, email) = site.register_with_email().await;
    let request = site.request(Method::POST, "/users/find/password/email/").json(&json!({ "email": email }));
    let request = ["x-forwarded-host", "forwarded", "x-original-host", "x-host", "origin", "referer"]
        .into_iter()
        .fold(request, |request, name| request.header(name, "https://evil.example"));
    assert_eq!(read(request.header("host", "127.0.0.1:1")).await.status, 200);
    let mail = site.messages_to(&email).await[0].to_string();
    assert!(mail.contains(&format!("{}/reset_password?access_token=", site.base_url)), "{mail}");
    assert!(!mail.contains("evil.example") && !mail.contains("127.0.0.1:1/"), "{mail}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_made_up_source_address_moves_no_limit() {
    let site = five_log_ins_an_hour(&[]).await;
    let mut statuses = Vec::new();
    for host in 0..8 {
        statuses.push(attempt(&site, &format!("198.51.100.{host}"), "a guess at the secret, long enough").await);
    }
    assert_eq!(statuses, [400, 400, 400, 400, 400, 429, 429, 429]);
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_cloudfront_each_viewer_is_a_source_and_nobody_goes_past_it() {
    let secret = "s".repeat(32);
    let site = five_log_ins_an_hour(&[("ORIGIN_SECRET", &secret)]).await;
    // Only the viewer's own address counts. Addresses that a viewer puts in front of it are ignored.
    for (viewer, most) in [("198.51.100.7", 5), ("198.51.100.8", 5)] {
        for number in 0..8 {
            let expected = if number < most { 400 } else { 429 };
            assert_eq!(attempt(&site, &format!("10.0.0.{number}, {viewer}"), &secret).await, expected, "{number}");
        }
    }
    for wrong in ["", "a guess at the secret, long enough", &secret[1..]] {
        assert_eq!(attempt(&site, "198.51.100.9", wrong).await, 403, "{wrong}");
    }
    let page = site.get("/login/").await;
    assert_eq!((page.status, error(&page)), (403, Some("past_cloudfront")));
}

async fn five_log_ins_an_hour(more: &[(&str, &str)]) -> Site {
    let mut settings = vec![("LIMIT_LOG_IN_SOURCE", "5/h")];
    settings.extend(more);
    let site = Site::with_settings(&settings).await;
    // The limits use fixed windows, so the test must not start near the end of one.
    let now = site.system.as_ref().unwrap().clock.now().unix_seconds();
    site.advance(u32::try_from(3601 - now.rem_euclid(3600)).unwrap()).await;
    site
}

/// Tries to sign in with headers that claim another address.
async fn attempt(site: &Site, forwarded: &str, secret: &str) -> u16 {
    let body = json!({ "username": new_mobile(), "password": PASSWORD });
    let request = site.request(Method::POST, "/users/login/").header("x-forwarded-for", forwarded);
    let request = ["forwarded", "x-real-ip", "true-client-ip", "cf-connecting-ip", "cloudfront-viewer-address"]
        .into_iter()
        .fold(request, |request, name| request.header(name, forwarded));
    read(request.header("x-origin-secret", secret).json(&body)).await.status
}

#[tokio::test(flavor = "multi_thread")]
async fn no_header_of_a_mail_is_made_by_an_address() {
    let site = site().await;
    for email in ["a@example.com\r\nBcc: b@example.com", "a@example.com\nx", "a\r@example.com", "a@example.com\u{2028}"]
    {
        let body = json!({ "email": email });
        assert_eq!(site.post("/users/find/password/email/", &body).await.status, 400, "{email:?}");
        let query: String = email.bytes().map(|byte| format!("%{byte:02X}")).collect();
        assert_eq!(site.get(&format!("/users/find/password/?email={query}")).await.status, 400, "{email:?}");
    }
    assert!(site.get("/_local/inbox.json").await.json().as_array().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn opening_a_mailed_link_changes_nothing_however_often() {
    let site = site().await;
    let (person, email) = site.register_with_email().await;
    let token = link(&site, &email).await;
    for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
        for path in ["/reset_password", "/reset_password/", "/users/find/password/"] {
            read(site.request(method.clone(), &format!("{path}?access_token={token}"))).await;
        }
    }
    site.log_in(&person.mobile).await;
    site.put("/users/find/password/", &reset(&token, NEW_PASSWORD)).await.is(200, &json!("重置密码成功！"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_dies_with_every_change_of_credentials_and_with_the_account() {
    let site = site().await;
    for change in ["password", "mobile", "email", "sessions", "account"] {
        let (mut person, email) = site.register_with_email().await;
        let token = link(&site, &email).await;
        let (method, path, body) = match change {
            "password" => {
                let body = json!({ "password": PASSWORD, "new_password": NEW_PASSWORD });
                (Method::PUT, "/users/me/password/", body)
            }
            "mobile" => {
                let mobile = new_mobile();
                let path = format!("/users/sms/{mobile}/?purpose=mobile");
                site.send_as(&person.token, Method::POST, &path, &json!({})).await;
                let code = site.code_for(&mobile).await;
                let body = json!({ "mobile": mobile, "sms_code": code, "password": PASSWORD });
                (Method::PUT, "/users/me/mobile/", body)
            }
            "sessions" => (Method::POST, "/users/logout/", json!({ "all": true })),
            "account" => (Method::DELETE, "/users/me/", json!({ "password": PASSWORD })),
            _ => {
                let email = format!("b{}@example.com", person.mobile);
                assert_eq!(bind(&site, &mut person, &email).await.status, 200);
                (Method::GET, "/users/me/", json!({}))
            }
        };
        let changed = site.send_as(&person.token, method, path, &body).await;
        assert!(changed.status < 300, "{change}: {changed:?}");
        let answer = site.put("/users/find/password/", &reset(&token, NEW_PASSWORD)).await;
        assert_eq!((answer.status, error(&answer)), (400, Some("link_invalid")), "{change}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_that_use_a_link_at_once_one_sets_the_password_and_it_holds() {
    let site = site().await;
    let (person, email) = site.register_with_email().await;
    let token = link(&site, &email).await;
    let passwords = ["the first password of two", "the second password of two"];
    let answers = join_all(
        passwords.map(async |password| site.put("/users/find/password/", &reset(&token, password)).await.status == 200),
    )
    .await;
    assert_eq!(answers.iter().filter(|set| **set).count(), 1, "{answers:?}");
    for (password, set) in passwords.iter().zip(answers) {
        let body = json!({ "username": person.mobile, "password": password });
        assert_eq!(site.post("/users/login/", &body).await.status == 200, set);
    }
}

/// Sets a password by a code with `forget_pwd`.
async fn forget(site: &Site, mobile: &str, code: &str) -> Answer {
    let csrf = site.csrf().await;
    site.forget_pwd(&csrf, &json!({ "mobile": mobile, "sms_code": code, "new_password": NEW_PASSWORD })).await
}

async fn enter(site: &Site, mobile: &str, code: &str) -> Answer {
    site.post("/users/sms_login/", &json!({ "mobile": mobile, "sms_code": code })).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_serves_its_purpose_alone_even_beside_a_live_one_of_another() {
    let site = site().await;
    let person = site.register().await;
    let mobile = person.mobile.as_str();
    let mut codes = Vec::new();
    for path in [format!("/users/sms/{mobile}/"), format!("/users/sms/{mobile}/?purpose=login")] {
        site.advance(61).await;
        assert_eq!(site.post(&path, &json!({})).await.status, 200);
        codes.push(site.code_for(mobile).await);
    }
    site.advance(61).await;
    site.post("/forget_pwd/sms_code/", &json!({ "mobile": mobile })).await;
    codes.push(site.code_for(mobile).await);
    codes.push(site.proof_code(&person).await);
    let [to_register, to_log_in, to_reset, proof] = <[String; 4]>::try_from(codes).unwrap();
    for wrong in [&to_register, &to_reset, &proof] {
        assert!(*wrong == to_log_in || enter(&site, mobile, wrong).await.status == 400);
    }
    for wrong in [&to_register, &to_log_in, &proof] {
        assert!(*wrong == to_reset || error(&forget(&site, mobile, wrong).await) == Some("code_wrong"));
    }
    for wrong in [&to_register, &to_log_in, &to_reset] {
        let answer = site.send_as(&person.token, Method::DELETE, "/users/me/", &json!({ "sms_code": wrong })).await;
        assert!(*wrong == proof || answer.status == 400, "{answer:?}");
    }
    assert_eq!(enter(&site, mobile, &to_log_in).await.status, 200);
    assert_eq!(forget(&site, mobile, &to_reset).await.json()["errno"], "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_accounts_codes_for_one_new_number_are_each_their_own() {
    let site = site().await;
    let (one, other, mobile) = (site.register().await, site.register().await, new_mobile());
    let path = format!("/users/sms/{mobile}/?purpose=mobile");
    let mut codes = Vec::new();
    for person in [&one, &other] {
        site.advance(61).await;
        assert_eq!(site.send_as(&person.token, Method::POST, &path, &json!({})).await.status, 200);
        codes.push(site.code_for(&mobile).await);
    }
    let change = async |who: &Person, code: &str| {
        let body = json!({ "mobile": mobile, "sms_code": code, "password": PASSWORD });
        site.send_as(&who.token, Method::PUT, "/users/me/mobile/", &body).await
    };
    assert!(codes[0] == codes[1] || change(&other, &codes[0]).await.status == 400);
    assert!(codes[0] == codes[1] || change(&one, &codes[1]).await.status == 400);
    assert_eq!(change(&one, &codes[0]).await.status, 200);
    assert_eq!(error(&change(&other, &codes[1]).await), Some("mobile_taken"));
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_guesses_at_once_are_five_on_every_path_that_redeems() {
    let site = site().await;
    let person = site.register().await;
    let mobile = person.mobile.clone();
    site.advance(61).await;
    site.post(&format!("/users/sms/{mobile}/?purpose=login"), &json!({})).await;
    let wrong = other_code(&site.code_for(&mobile).await);
    let answers = join_all((0..50).map(|_| enter(&site, &mobile, &wrong))).await;
    assert_eq!(answers.iter().filter(|answer| error(answer) == Some("code_wrong")).count(), 5);

    site.advance(61).await;
    site.post("/forget_pwd/sms_code/", &json!({ "mobile": mobile })).await;
    let wrong = other_code(&site.code_for(&mobile).await);
    let answers = join_all((0..50).map(|_| forget(&site, &mobile, &wrong))).await;
    assert_eq!(answers.iter().filter(|answer| error(answer) == Some("code_wrong")).count(), 5);

    let wrong = other_code(&site.proof_code(&person).await);
    let body = json!({ "sms_code": wrong, "new_password": NEW_PASSWORD });
    let prove = || site.send_as(&person.token, Method::PUT, "/users/me/password/", &body);
    let answers = join_all((0..50).map(|_| prove())).await;
    assert_eq!(answers.iter().filter(|answer| error(answer) == Some("code_wrong")).count(), 5);
    assert_eq!(site.me(&person.token).await.status, 200, "and nothing changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_code_at_once_is_good_once_on_every_path_that_redeems() {
    let site = site().await;
    let person = site.register().await;
    site.advance(61).await;
    site.post(&format!("/users/sms/{}/?purpose=login", person.mobile), &json!({})).await;
    let code = site.code_for(&person.mobile).await;
    let answers = join_all((0..5).map(|_| enter(&site, &person.mobile, &code))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1, "{answers:?}");
    // One code is used as the proof of two operations at once.
    let proof = site.proof_code(&person).await;
    let (password, deletion) =
        (json!({ "sms_code": proof, "new_password": NEW_PASSWORD }), json!({ "sms_code": proof }));
    let (changed, deleted) = tokio::join!(
        site.send_as(&person.token, Method::PUT, "/users/me/password/", &password),
        site.send_as(&person.token, Method::DELETE, "/users/me/", &deletion)
    );
    assert!((changed.status == 200) != (deleted.status == 204), "{changed:?} {deleted:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_asks_at_once_are_one_message_whatever_they_ask() {
    let site = site().await;
    let (person, email) = site.register_with_email().await;
    site.advance(61).await;
    let before = site.messages_to(&format!("+86{}", person.mobile)).await.len();
    let ask = async |number: usize| match number % 4 {
        0 => site.get(&format!("/users/sms/{}/", person.mobile)).await,
        1 => site.post(&format!("/users/sms/{}/?purpose=login", person.mobile), &json!({})).await,
        2 => site.post("/forget_pwd/sms_code/", &json!({ "mobile": person.mobile })).await,
        _ => site.send_as(&person.token, Method::POST, "/users/me/sms/", &json!({})).await,
    };
    let answers = join_all((0..100).map(ask)).await;
    assert_eq!(answers.iter().filter(|answer| error(answer).is_none()).count(), 1);
    assert_eq!(site.messages_to(&format!("+86{}", person.mobile)).await.len(), before + 1);
    let before = site.messages_to(&email).await.len();
    let path = format!("/users/find/password/?email={email}");
    join_all((0..50).map(|_| site.get(&path))).await;
    assert_eq!(site.messages_to(&email).await.len(), before + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn sign_ups_by_both_ways_at_once_make_one_account() {
    let site = site().await;
    let mobile = new_mobile();
    let code = site.sms_code(&mobile).await;
    site.advance(61).await;
    site.post(&format!("/users/sms/{mobile}/?purpose=login&register=true"), &json!({})).await;
    let log_in = site.code_for(&mobile).await;
    let (with_password, by_sms) =
        (registration(&mobile, &code), json!({ "mobile": mobile, "sms_code": log_in, "register": true }));
    let (one, other) = tokio::join!(site.post("/users/", &with_password), site.post("/users/sms_login/", &by_sms));
    // The second request may find the account that the first one created, and sign in to it. It never creates another
    // account.
    assert!(one.status == 201 || other.status == 200, "{one:?} {other:?}");
    if one.status == 201 && other.status == 200 {
        assert_eq!(one.json()["id"], other.json()["id"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_stands_twice_is_refused_by_every_call_with_a_body() {
    let site = site().await;
    let person = site.register().await;
    for (method, path) in [
        (Method::POST, "/users/login/"),
        (Method::POST, "/users/"),
        (Method::POST, "/users/sms_login/"),
        (Method::POST, "/users/find/password/email/"),
        (Method::POST, "/users/find/password/"),
        (Method::PUT, "/users/find/password/"),
        (Method::POST, "/users/secure/"),
        (Method::POST, "/users/token/refresh/"),
        (Method::POST, "/users/logout/"),
        (Method::PATCH, "/users/me/"),
        (Method::PUT, "/users/me/password/"),
        (Method::PUT, "/users/me/mobile/"),
        (Method::POST, "/users/me/email/"),
        (Method::PUT, "/users/me/email/"),
        (Method::POST, "/users/me/export/"),
        (Method::DELETE, "/users/me/"),
        (Method::POST, "/forget_pwd/sms_code/"),
        (Method::POST, &format!("/users/sms/{}/", person.mobile)),
    ] {
        let request = site.request(method, path).bearer_auth(&person.token).header("content-type", "application/json");
        let answer = read(request.body(r#"{"password":"a","mobile":"1","\u0070assword":"b"}"#)).await;
        assert_eq!(error(&answer), Some("duplicate_key"), "{path}: {answer:?}");
    }
    assert_eq!(site.me(&person.token).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn oversize_and_repeated_headers_are_no_5xx_and_admit_to_nothing() {
    let site = site().await;
    let person = site.register().await;
    for size in [4000, 9000, 20_000, 200_000] {
        for name in ["cookie", "authorization", "x-captcha-pass", "x-csrftoken", "accept-language"] {
            let value = format!("device_1b2c3d4e5f60={}", "x".repeat(size));
            let request = site.request(Method::GET, "/users/me/").header(name, value);
            // A server may also close the connection on such a header. No answer is fine too.
            if let Ok(answer) = request.send().await {
                assert!((400..500).contains(&answer.status().as_u16()), "{name} of {size}: {answer:?}");
            }
        }
    }
    let bearer = format!("Bearer {}", person.token);
    for (first, second) in [("Bearer x", bearer.as_str()), (bearer.as_str(), "Bearer x")] {
        let request = site.request(Method::GET, "/users/me/").header("authorization", first);
        assert_eq!(read(request.header("authorization", second)).await.status, 401, "two are none");
    }
}
