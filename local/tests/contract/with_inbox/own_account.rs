//! `change_profile`, `change_password`, `change_mobile`, `delete_account` and `export`: owners manage their accounts.

use reqwest::Method;
use serde_json::{Value, json};

use crate::site::{Answer, NEW_PASSWORD, PASSWORD, Person, Site, new_email, new_mobile, other_code};

/// Sends the names, and the password with a username.
async fn patch(site: &Site, person: &Person, body: &Value) -> Answer {
    let mut body = body.clone();
    if body.get("username").is_some() {
        body["password"] = PASSWORD.into();
    }
    site.send_as(&person.token, Method::PATCH, "/users/me/", &body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn c5_changes_nickname_and_username() {
    let site = Site::with_inbox().await;
    let person = site.register().await;
    let name = format!("李Lei_{}", &person.mobile[5..]);
    let answer = patch(&site, &person, &json!({ "nickname": " 雷雷 ", "username": name })).await;
    let expected = json!({
        "id": person.id, "username": name, "nickname": "雷雷", "email": null, "avatar": "", "has_password": true,
        "mobile": format!("{}****{}", &person.mobile[..3], &person.mobile[7..]),
        "mobile_proved_at": answer.json()["mobile_proved_at"], "guessed_at": null, "pending_recovery": null,
    });
    answer.is(200, &expected);
    assert_eq!(site.me(&person.token).await.json(), expected, "no token died");
    for written in [name.clone(), name.to_uppercase(), name.replace("Lei", "ｌｅｉ")] {
        assert_eq!(site.log_in(&written).await["username"], name.as_str(), "{written}");
    }
    // A change of case alone keeps the name. A different name leaves the old one reserved.
    let answer = patch(&site, &person, &json!({ "username": name.to_lowercase() })).await;
    assert_eq!(answer.json()["username"], name.to_lowercase(), "{answer:?}");
    let answer = patch(&site, &person, &json!({ "username": format!("{name}.2") })).await;
    assert_eq!((answer.status, &answer.json()["nickname"]), (200, &json!("雷雷")), "{answer:?}");
    let next = site.register().await;
    patch(&site, &next, &json!({ "username": name })).await.is_refused(400, "username_taken");
    assert_eq!(patch(&site, &next, &json!({})).await.status, 200, "nothing asked for is nothing done");
}

#[tokio::test(flavor = "multi_thread")]
async fn c5_takes_a_proof_for_another_username_and_none_for_the_rest() {
    let site = Site::with_inbox().await;
    let person = site.register().await;
    let send = async |body: &Value| site.send_as(&person.token, Method::PATCH, "/users/me/", body).await;
    let name = format!("Anna-{}", &person.mobile[5..]);
    assert_eq!(send(&json!({ "nickname": "安娜" })).await.status, 200);
    send(&json!({ "username": name })).await.is_refused(400, "field_required");
    send(&json!({ "username": name, "password": "wrong password" })).await.is_refused(400, "proof_wrong");
    send(&json!({ "username": name, "reauthentication": "stale" })).await.is_refused(400, "reauthentication_refused");
    send(&json!({ "username": name, "sms_code": "123456" })).await.is_refused(400, "code_expired");
    assert_eq!(site.me(&person.token).await.json()["username"], Value::Null);
    let by_code = json!({ "username": name, "sms_code": site.proof_code(&person).await });
    assert_eq!(send(&by_code).await.json()["username"], name.as_str());
    // The present username counts as not given. Another spelling of it does not.
    let same = send(&json!({ "username": name, "nickname": "小安" })).await;
    assert_eq!((same.status, &same.json()["nickname"]), (200, &json!("小安")), "{same:?}");
    send(&json!({ "username": name.to_lowercase() })).await.is_refused(400, "field_required");
}

#[tokio::test(flavor = "multi_thread")]
async fn c5_refuses_names_that_are_taken_reserved_or_malformed() {
    let site = Site::with_inbox().await;
    let (person, other) = (site.register().await, site.register().await);
    let name = format!("Anna-{}", &person.mobile[5..]);
    assert_eq!(patch(&site, &person, &json!({ "username": name })).await.status, 200);
    for taken in [name.clone(), name.to_lowercase(), name.replace('A', "Ａ")] {
        patch(&site, &other, &json!({ "username": taken })).await.is_refused(400, "username_taken");
    }
    for reserved in ["13800000000", "١٣٨٠٠٠٠٠٠٠٠", "a@example.com", &other.mobile] {
        patch(&site, &other, &json!({ "username": reserved })).await.is_refused(400, "username_reserved");
    }
    for malformed in ["", "ab", "a b c", "a\nbc", "<b>", &"a".repeat(31)] {
        patch(&site, &other, &json!({ "username": malformed })).await.is_refused(400, "username_malformed");
    }
    patch(&site, &other, &json!({ "nickname": " " })).await.is_refused(400, "nickname_refused");
    patch(&site, &other, &json!({ "username": 1 })).await.is_refused(400, "field_type");
    let answer = crate::site::read(site.request(Method::PATCH, "/users/me/").json(&json!({}))).await;
    answer.is_refused(401, "unauthorized");
    assert_eq!(site.me(&other.token).await.json()["username"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn c6_a_new_password_ends_every_other_session() {
    let site = Site::with_inbox().await;
    let (person, email) = site.register_with_email().await;
    let other = site.log_in(&person.mobile).await;
    let change = async |body: &Value| site.send_as(&person.token, Method::PUT, "/users/me/password/", body).await;
    let body = |proof: &str, new: &str| json!({ "password": proof, "new_password": new });
    change(&body("wrong password", NEW_PASSWORD)).await.is_refused(400, "proof_wrong");
    change(&body(PASSWORD, "short")).await.is_refused(400, "password_too_short");
    change(&body(PASSWORD, "password123")).await.is_refused(400, "password_too_common");
    change(&body(PASSWORD, &person.mobile)).await.is_refused(400, "password_personal");
    change(&body(PASSWORD, &email)).await.is_refused(400, "password_personal");
    change(&json!({ "new_password": NEW_PASSWORD })).await.is_refused(400, "field_required");
    let answer = change(&body(PASSWORD, NEW_PASSWORD)).await;
    let new = answer.json();
    assert_eq!((answer.status, &new["expires_in"]), (200, &json!(3600)), "{answer:?}");
    assert_eq!(site.me(new["token"].as_str().unwrap()).await.status, 200);
    let renewed = site.refresh(new["refresh_token"].as_str().unwrap()).await;
    assert_eq!(renewed.status, 200, "{renewed:?}");
    site.refresh(&person.refresh_token).await.is_refused(401, "credentials_changed");
    assert_eq!(site.me(renewed.json()["token"].as_str().unwrap()).await.status, 200, "that ended nothing");
    for dead in [person.token.as_str(), other["token"].as_str().unwrap()] {
        site.me(dead).await.is_refused(401, "unauthorized");
    }
    site.refresh(other["refresh_token"].as_str().unwrap()).await.is_refused(401, "session_ended");
    for to in [format!("+86{}", person.mobile), email] {
        site.was_told(&to, "登录密码已修改").await;
    }
    let old = site.post("/users/login/", &json!({ "username": person.mobile, "password": PASSWORD })).await;
    assert_eq!(old.header("x-error-code"), Some("bad_credentials"));
}

#[tokio::test(flavor = "multi_thread")]
async fn c7_moves_to_another_number_by_password_or_by_a_code_to_the_old_one() {
    let site = Site::with_inbox().await;
    let mut person = site.register().await;
    for by_code in [false, true] {
        let mobile = new_mobile();
        let confirm = if by_code { site.proof_code(&person).await } else { String::new() };
        let sent = site
            .send_as(&person.token, Method::POST, &format!("/users/sms/{mobile}/?purpose=mobile"), &json!({}))
            .await;
        assert_eq!(sent.status, 200, "{sent:?}");
        let text = site.messages_to(&format!("+86{mobile}")).await[0]["text"].as_str().unwrap().to_owned();
        assert!(text.contains("您正在更换绑定手机号") && text.contains("切勿告知他人"), "{text}");
        let code = site.code_for(&mobile).await;
        let mut body = json!({ "mobile": mobile, "sms_code": code });
        let change = async |body: &Value| site.send_as(&person.token, Method::PUT, "/users/me/mobile/", body).await;
        change(&body).await.is_refused(400, "field_required");
        if by_code {
            body["confirm_code"] = other_code(&confirm).into();
            change(&body).await.is_refused(400, "confirm_code_wrong");
            body["confirm_code"] = confirm.into();
        } else {
            body["password"] = "wrong password".into();
            change(&body).await.is_refused(400, "proof_wrong");
            body["password"] = PASSWORD.into();
        }
        let mut wrong = body.clone();
        wrong["sms_code"] = other_code(&code).into();
        change(&wrong).await.is_refused(400, "code_wrong");
        let answer = change(&body).await;
        let masked = format!("{}****{}", &mobile[..3], &mobile[7..]);
        assert_eq!((answer.status, &answer.json()["mobile"]), (200, &json!(masked)), "{answer:?}");
        site.me(&person.token).await.is_refused(401, "unauthorized");
        site.was_told(&format!("+86{}", person.mobile), "已更换绑定手机号").await;
        let old = site.post("/users/login/", &json!({ "username": person.mobile, "password": PASSWORD })).await;
        assert_eq!(old.header("x-error-code"), Some("bad_credentials"));
        site.get(&format!("/users/mobile/{}/", person.mobile)).await.is(200, &json!({ "detail": "ok" }));
        person.token = answer.json()["token"].as_str().unwrap().to_owned();
        person.mobile = mobile;
        assert_eq!(site.me(&person.token).await.status, 200);
        site.log_in(&person.mobile).await;
        site.advance(61).await;
    }
    assert_eq!(site.refresh(&person.refresh_token).await.status, 200, "the session went on");
}

#[tokio::test(flavor = "multi_thread")]
async fn c7_refuses_a_number_that_is_taken_and_a_code_of_another_account() {
    let site = Site::with_inbox().await;
    let (person, other, mobile) = (site.register().await, site.register().await, new_mobile());
    let send = async |who: &Person, mobile: &str| {
        site.advance(61).await;
        let path = format!("/users/sms/{mobile}/?purpose=mobile");
        assert_eq!(site.send_as(&who.token, Method::POST, &path, &json!({})).await.status, 200);
        site.code_for(mobile).await
    };
    let change = async |who: &Person, mobile: &str, code: &str| {
        let body = json!({ "mobile": mobile, "sms_code": code, "password": PASSWORD });
        site.send_as(&who.token, Method::PUT, "/users/me/mobile/", &body).await
    };
    let code = send(&person, &other.mobile).await;
    change(&person, &other.mobile, &code).await.is_refused(400, "mobile_taken");
    let code = send(&person, &mobile).await;
    change(&other, &mobile, &code).await.is_refused(400, "code_expired");
    assert_eq!(site.me(&other.token).await.status, 200);
    change(&person, &mobile, &code).await;
    let (own, code) = (&other, send(&other, &other.mobile).await);
    change(own, &other.mobile, &code).await.is_refused(400, "mobile_taken");
    change(own, "1380000000", "123456").await.is_refused(400, "mobile_malformed");
}

#[tokio::test(flavor = "multi_thread")]
async fn c8_deletes_the_account_and_frees_its_names() {
    let site = Site::with_inbox().await;
    let (person, email) = site.register_with_email().await;
    let name = format!("name{}", &person.mobile[5..]);
    patch(&site, &person, &json!({ "username": name })).await;
    let delete = async |body: &Value| site.send_as(&person.token, Method::DELETE, "/users/me/", body).await;
    delete(&json!({ "password": "wrong password" })).await.is_refused(400, "proof_wrong");
    delete(&json!({})).await.is_refused(400, "field_required");
    delete(&json!({ "password": PASSWORD })).await.is_done();
    site.me(&person.token).await.is_refused(401, "unauthorized");
    site.refresh(&person.refresh_token).await.is_refused(401, "session_ended");
    for name in [&person.mobile, &email, &name] {
        let answer = site.post("/users/login/", &json!({ "username": name, "password": PASSWORD })).await;
        assert_eq!(answer.header("x-error-code"), Some("bad_credentials"), "{name}");
    }
    for to in [format!("+86{}", person.mobile), email.clone()] {
        site.was_told(&to, "账号已注销").await;
    }
    site.advance(61).await;
    let code = site.sms_code(&person.mobile).await;
    let again = site.post("/users/", &crate::site::registration(&person.mobile, &code)).await;
    assert_eq!(again.status, 201, "the number is free again: {again:?}");
    assert_ne!(again.json()["id"], person.id.as_str());
    let next = Person { token: again.json()["token"].as_str().unwrap().into(), ..person };
    assert_eq!(patch(&site, &next, &json!({ "username": name })).await.status, 200, "and so is the name");
    let asked = json!({ "email": email, "password": PASSWORD });
    assert_eq!(site.send_as(&next.token, Method::POST, "/users/me/email/", &asked).await.status, 200);
    let bound = json!({ "email": email, "email_code": site.code_for(&email).await });
    let answer = site.send_as(&next.token, Method::PUT, "/users/me/email/", &bound).await;
    assert_eq!(answer.status, 200, "and the email: {answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn c11_exports_all_but_hashes_three_times_a_day() {
    let site = Site::with_inbox().await;
    let (person, email) = site.register_with_email().await;
    let export = async |body: &Value| site.send_as(&person.token, Method::POST, "/users/me/export/", body).await;
    export(&json!({ "password": "wrong password" })).await.is_refused(400, "proof_wrong");
    for _ in 0..3 {
        let answer = export(&json!({ "password": PASSWORD })).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let body = answer.json();
        assert_eq!((&body["account"]["mobile"], &body["account"]["email"]), (&json!(person.mobile), &json!(email)));
        assert_eq!(body["account"]["id"], person.id.as_str());
        for at in ["created_at", "last_used_at", "email_changed_at"] {
            assert!(body["account"][at].as_str().is_some_and(|at| at.ends_with('Z')), "{at}: {body}");
        }
        assert!(body["sessions"][0]["address"].as_str().unwrap().ends_with(".*"), "{body}");
        assert!(!answer.text.contains("argon2") && !answer.text.contains(PASSWORD), "{body}");
        site.advance(1000).await;
    }
    let token = site.log_in(&person.mobile).await["token"].as_str().unwrap().to_owned();
    let body = json!({ "password": PASSWORD });
    let fourth = site.send_as(&token, Method::POST, "/users/me/export/", &body).await;
    fourth.is_refused(429, "too_many_requests");
    fourth.says_when_to_retry(86_400 - 3000 + 60);
    site.advance(86_400 - 3000 + 1).await;
    let token = site.log_in(&person.mobile).await["token"].as_str().unwrap().to_owned();
    assert_eq!(site.send_as(&token, Method::POST, "/users/me/export/", &body).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn attempts_at_a_proof_count_apart_from_log_ins() {
    let site = Site::with_inbox().await;
    let person = site.register().await;
    let guess = json!({ "password": "wrong password" });
    for _ in 0..5 {
        let answer = site.send_as(&person.token, Method::DELETE, "/users/me/", &guess).await;
        answer.is_refused(400, "proof_wrong");
    }
    let right = json!({ "password": PASSWORD });
    let waits = site.send_as(&person.token, Method::DELETE, "/users/me/", &right).await;
    waits.is_refused(429, "too_many_requests");
    waits.says_when_to_retry(2);
    let log_in = json!({ "username": person.mobile, "password": PASSWORD });
    assert_eq!(site.post("/users/login/", &log_in).await.status, 200, "the log-in does not wait");
    site.advance(2).await;
    let answer = site.send_as(&person.token, Method::DELETE, "/users/me/", &guess).await;
    answer.is_refused(400, "proof_wrong");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_signs_in_by_sms_alone_can_do_all_of_it() {
    let site = Site::with_inbox().await;
    let (mobile, email) = (new_mobile(), new_email());
    let path = format!("/users/sms/{mobile}/?purpose=login&register=true");
    assert_eq!(site.post(&path, &json!({})).await.status, 200);
    let body = json!({ "mobile": mobile, "sms_code": site.code_for(&mobile).await, "register": true });
    let answer = site.post("/users/sms_login/", &body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let text = |answer: &Answer, name: &str| answer.json()[name].as_str().unwrap().to_owned();
    let mut person = Person {
        id: text(&answer, "id"),
        token: text(&answer, "token"),
        refresh_token: text(&answer, "refresh_token"),
        mobile,
    };
    let me = site.me(&person.token).await.json();
    assert_eq!((&me["has_password"], &me["username"]), (&json!(false), &Value::Null), "{me}");
    let by_password = json!({ "password": "no password at all" });
    let answer = site.send_as(&person.token, Method::DELETE, "/users/me/", &by_password).await;
    answer.is_refused(400, "proof_wrong");

    let code = site.proof_code(&person).await;
    let answer = site.send_as(&person.token, Method::POST, "/users/me/export/", &json!({ "sms_code": code })).await;
    assert_eq!((answer.status, &answer.json()["account"]["has_password"]), (200, &json!(false)), "{answer:?}");
    let code = site.proof_code(&person).await;
    let asked = json!({ "email": email, "sms_code": code });
    assert_eq!(site.send_as(&person.token, Method::POST, "/users/me/email/", &asked).await.status, 200);
    let bound = json!({ "email": email, "email_code": site.code_for(&email).await });
    person.token = text(&site.send_as(&person.token, Method::PUT, "/users/me/email/", &bound).await, "token");
    let code = site.proof_code(&person).await;
    let first = json!({ "sms_code": code, "new_password": PASSWORD });
    let answer = site.send_as(&person.token, Method::PUT, "/users/me/password/", &first).await;
    person.token = text(&answer, "token");
    site.log_in(&email).await;
    let code = site.proof_code(&person).await;
    site.send_as(&person.token, Method::DELETE, "/users/me/", &json!({ "sms_code": code })).await.is_done();
    site.me(&person.token).await.is_refused(401, "unauthorized");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_tells_nobody_whether_a_name_is_known_however_it_is_written() {
    let site = Site::with_inbox().await;
    let person = site.register().await;
    let known = format!("Anna{}", &person.mobile[3..]);
    assert_eq!(patch(&site, &person, &json!({ "username": known })).await.status, 200);
    let unknown = format!("Anna{}", &new_mobile()[3..]);
    let attempt = async |name: &str| {
        let body = json!({ "username": name, "password": "wrong password" });
        site.post("/users/login/", &body).await.header("x-error-code").unwrap().to_owned()
    };
    for name in [&known, &unknown] {
        let ways = [name.clone(), name.to_uppercase(), name.replace('A', "Ａ"), name.to_lowercase(), name.clone()];
        for way in &ways {
            assert_eq!(attempt(way).await, "bad_credentials", "{way}");
        }
        // The wait grows to minutes, so that even a slow machine does not outlast it.
        for doubling in 0..8 {
            site.advance((1 << doubling) + 1).await;
            assert_eq!(attempt(name).await, "bad_credentials");
        }
        for way in &ways {
            assert_eq!(attempt(way).await, "too_many_requests", "{way}");
        }
        // Thirty days later the failure streaks of both names are over.
        site.advance(30 * 86_400).await;
        for _ in 0..5 {
            assert_eq!(attempt(name).await, "bad_credentials");
        }
        site.advance(86_400).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn c6_tells_the_hidden_digits_of_the_number_to_nobody_without_proof() {
    let site = Site::with_inbox().await;
    let person = site.register().await;
    let body = json!({ "sms_code": "000000", "new_password": format!("x{}", person.mobile) });
    let answer = site.send_as(&person.token, Method::PUT, "/users/me/password/", &body).await;
    answer.is_refused(400, "code_expired");
}
