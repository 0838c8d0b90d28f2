//! Simultaneous requests. Conditions in DynamoDB decide the outcome, not the order of requests.

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;

use crate::site::{NEW_PASSWORD, PASSWORD, Site, logs, new_mobile, other_code, read, registration};

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_sign_ups_of_one_number_make_one_user() {
    let site = Site::with_settings(&[]).await;
    let mobile = new_mobile();
    let code = site.sms_code(&mobile).await;
    let body = registration(&mobile, &code);
    let answers = join_all((0..100).map(|_| site.post("/users/", &body))).await;
    let made: Vec<_> = answers.iter().filter(|answer| answer.status == 201).collect();
    assert_eq!(made.len(), 1);
    assert!(answers.iter().all(|answer| answer.status == 201 || answer.status == 400), "never a 5xx");
    let system = site.system.as_ref().unwrap();
    let client = local::dynamodb(&system.variables).unwrap();
    let items = client.scan().table_name(local::TABLE).send().await.unwrap().items.unwrap();
    let users = items.iter().filter(|item| item["pk"].as_s().unwrap().starts_with("USER#")).count();
    assert_eq!(users, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_guesses_at_once_are_five() {
    let site = Site::with_settings(&[]).await;
    let mobile = new_mobile();
    let code = site.sms_code(&mobile).await;
    let body = registration(&mobile, &other_code(&code));
    let answers = join_all((0..50).map(|_| site.post("/users/", &body))).await;
    let count = |code: &str| answers.iter().filter(|answer| answer.header("x-error-code") == Some(code)).count();
    assert_eq!((count("code_wrong"), count("code_expired")), (5, 45));
    let right = site.post("/users/", &registration(&mobile, &code)).await;
    assert_eq!(right.header("x-error-code"), Some("code_expired"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_sends_at_once_are_one_message() {
    let site = Site::with_settings(&[]).await;
    let mobile = new_mobile();
    let (path, body) = (format!("/users/sms/{mobile}/"), json!({}));
    let answers = join_all((0..100).map(|_| site.post(&path, &body))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    assert!(answers.iter().all(|answer| answer.status == 200 || answer.status == 429), "never a 5xx");
    assert_eq!(site.messages_to(&format!("+86{mobile}")).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_code_twice_at_once_sets_one_password() {
    let site = Site::with_settings(&[]).await;
    let person = site.register().await;
    site.post("/forget_pwd/sms_code/", &json!({ "mobile": person.mobile })).await;
    let (code, csrf) = (site.code_for(&person.mobile).await, site.csrf().await);
    let body = json!({ "mobile": person.mobile, "sms_code": code, "new_password": NEW_PASSWORD });
    let answers = join_all((0..4).map(|_| site.forget_pwd(&csrf, &body))).await;
    let done = answers.iter().filter(|answer| answer.json()["errno"] == "0").count();
    assert_eq!(done, 1, "{answers:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_used_by_many_at_once_sets_one_password() {
    let site = Site::with_settings(&[]).await;
    let (_, email) = site.register_with_email().await;
    site.post("/users/find/password/email/", &json!({ "email": email })).await;
    let token = site.link_for(&email).await;
    let body = json!({ "access_token": token, "password": NEW_PASSWORD, "password2": NEW_PASSWORD });
    let answers = join_all((0..10).map(|_| site.put("/users/find/password/", &body))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    assert!(answers.iter().all(|answer| answer.status == 200 || answer.status == 400), "never a 5xx");
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_uses_at_once_of_one_refresh_token_make_one_successor() {
    let site = Site::with_settings(&[]).await;
    let person = site.register().await;
    let answers = join_all((0..20).map(|_| site.refresh(&person.refresh_token))).await;
    assert!(answers.iter().all(|answer| answer.status == 200), "{answers:?}");
    assert!(answers.iter().all(|answer| answer.json() == answers[0].json()), "one successor, never two");
    let successor = answers[0].json()["refresh_token"].as_str().unwrap().to_owned();
    assert_eq!(site.refresh(&successor).await.status, 200);
}

/// The holder of the old token wins or loses the race. Neither outcome raises an alarm or leaves a valid old token.
#[tokio::test(flavor = "multi_thread")]
async fn refreshes_at_once_with_a_change_of_password_raise_no_alarm() {
    let site = Site::with_settings(&[]).await;
    let body = json!({ "password": PASSWORD, "new_password": NEW_PASSWORD });
    for _ in 0..5 {
        let person = site.register().await;
        let refreshes = join_all((0..6).map(|_| site.refresh(&person.refresh_token)));
        let change = site.send_as(&person.token, Method::PUT, "/users/me/password/", &body);
        let (refreshes, changed) = tokio::join!(refreshes, change);
        let codes: Vec<_> = refreshes.iter().map(|answer| answer.header("x-error-code").unwrap_or("")).collect();
        assert!(codes.iter().all(|code| ["", "credentials_changed"].contains(code)), "{refreshes:?}");
        assert!(logs::lines_about(&person.id).iter().all(|line| !line.contains("refresh_token_reused")));
        if changed.status != 200 {
            // A refresh came between the read and the write, so nothing was changed.
            changed.is_refused(409, "account_changed");
            continue;
        }
        let before = refreshes.iter().filter(|answer| answer.status == 200);
        let before = before.map(|answer| answer.json()["refresh_token"].as_str().unwrap().to_owned());
        for token in before.chain([person.refresh_token]) {
            site.refresh(&token).await.is_refused(401, "credentials_changed");
        }
        let new = changed.json()["refresh_token"].as_str().unwrap().to_owned();
        assert_eq!(site.refresh(&new).await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_at_once_with_refreshes_of_the_former_session_ends_it() {
    let site = Site::with_settings(&[]).await;
    for _ in 0..5 {
        let person = site.register().await;
        let by_cookie = |path: &str| {
            let request = site.request(Method::POST, path).header("x-session", "cookie");
            let cookie = format!("refresh_token={}", person.refresh_token);
            request.header("origin", &site.base_url).header("cookie", cookie)
        };
        let body = json!({ "username": person.mobile, "password": PASSWORD });
        let refreshes = join_all((0..4).map(|_| read(by_cookie("/users/token/refresh/"))));
        let (refreshes, signed_in) = tokio::join!(refreshes, read(by_cookie("/users/login/").json(&body)));
        assert_eq!(signed_in.status, 200, "{signed_in:?}");
        let codes: Vec<_> = refreshes.iter().map(|answer| answer.header("x-error-code").unwrap_or("")).collect();
        assert!(codes.iter().all(|code| ["", "session_ended"].contains(code)), "{refreshes:?}");
        site.me(&person.token).await.is_refused(401, "unauthorized");
        site.refresh(&person.refresh_token).await.is_refused(401, "session_ended");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_people_who_take_one_username_one_gets_it() {
    let site = Site::with_settings(&[]).await;
    let people = join_all((0..4).map(|_| site.register())).await;
    let name = format!("name{}", &people[0].mobile[5..]);
    let bodies = [name.clone(), name.to_uppercase()].map(|name| json!({ "username": name, "password": PASSWORD }));
    let takes = people
        .iter()
        .enumerate()
        .map(|(index, person)| site.send_as(&person.token, Method::PATCH, "/users/me/", &bodies[index % 2]));
    let answers = join_all(takes).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1, "{answers:?}");
    assert!(
        answers
            .iter()
            .filter(|answer| answer.status != 200)
            .all(|answer| { answer.header("x-error-code") == Some("username_taken") })
    );
    site.log_in(&name).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_person_s_names_taken_at_once_leave_one_marker() {
    let site = Site::with_settings(&[]).await;
    let person = site.register().await;
    let body = |n| json!({ "username": format!("n{n}-{}", &person.mobile[5..]), "password": PASSWORD });
    let bodies: Vec<_> = (0..6).map(body).collect();
    let takes = bodies.iter().map(|body| site.send_as(&person.token, Method::PATCH, "/users/me/", body));
    assert!(join_all(takes).await.iter().any(|answer| answer.status == 200));
    let client = local::dynamodb(&site.system.as_ref().unwrap().variables).unwrap();
    let items = client.scan().table_name(local::TABLE).send().await.unwrap().items.unwrap();
    let claims: Vec<_> = items.iter().filter(|item| item["pk"].as_s().unwrap().starts_with("USERNAME#")).collect();
    let reserved = claims.iter().filter(|claim| claim.contains_key("expires_at")).count();
    assert_eq!(claims.len() - reserved, 1, "no name is held that nobody has: {claims:?}");
    assert!(reserved <= 1, "only the last name is reserved: {claims:?}");
}

async fn claims(site: &Site, prefix: &str) -> usize {
    let client = local::dynamodb(&site.system.as_ref().unwrap().variables).unwrap();
    let items = client.scan().table_name(local::TABLE).send().await.unwrap().items.unwrap();
    items.iter().filter(|item| item["pk"].as_s().unwrap().starts_with(prefix)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_number_against_a_sign_up_with_it_gives_it_to_one() {
    let site = Site::with_settings(&[]).await;
    for _ in 0..4 {
        let (person, mobile) = (site.register().await, new_mobile());
        let path = format!("/users/sms/{mobile}/?purpose=mobile");
        assert_eq!(site.send_as(&person.token, Method::POST, &path, &json!({})).await.status, 200);
        let to_change = site.code_for(&mobile).await;
        site.advance(61).await;
        let to_register = site.sms_code(&mobile).await;
        let change = json!({ "mobile": mobile, "sms_code": to_change, "password": PASSWORD });
        let sign_up = registration(&mobile, &to_register);
        let (changed, signed_up) = tokio::join!(
            site.send_as(&person.token, Method::PUT, "/users/me/mobile/", &change),
            site.post("/users/", &sign_up)
        );
        let outcome = (changed.status, signed_up.status);
        assert!([(200, 400), (400, 201)].contains(&outcome), "{changed:?} {signed_up:?}");
        let free = site.get(&format!("/users/mobile/{}/", person.mobile)).await.status == 200;
        assert_eq!(free, changed.status == 200, "the old number is free when, and only when, the account moved");
        site.log_in(&mobile).await;
        site.advance(61).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn deletion_against_log_in_leaves_nobody_signed_in() {
    let site = Site::with_settings(&[]).await;
    for _ in 0..4 {
        let person = site.register().await;
        let (proof, log_in) =
            (json!({ "password": PASSWORD }), json!({ "username": person.mobile, "password": PASSWORD }));
        let log_ins = join_all((0..5).map(|_| site.post("/users/login/", &log_in)));
        let (deleted, log_ins) =
            tokio::join!(site.send_as(&person.token, Method::DELETE, "/users/me/", &proof), log_ins);
        // A log-in counts as an attempt until its password is found correct. Five at once may therefore make the proof
        // wait.
        assert!([204, 429].contains(&deleted.status), "{deleted:?}");
        for answer in log_ins {
            assert!([200, 400, 429].contains(&answer.status), "{answer:?}");
            if deleted.status == 204 && answer.status == 200 {
                let token = answer.json()["token"].as_str().unwrap().to_owned();
                site.me(&token).await.is_refused(401, "unauthorized");
            }
        }
        if deleted.status == 204 {
            assert_eq!(claims(&site, &format!("USER#{}", person.id)).await, 0, "no half-made user comes back");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn deletion_against_a_first_username_leaves_the_name_to_nobody() {
    let site = Site::with_settings(&[]).await;
    for round in 0..6 {
        let (person, name) = (site.register().await, format!("first-{round}"));
        let (proof, named) = (json!({ "password": PASSWORD }), json!({ "username": name, "password": PASSWORD }));
        let (deleted, named) = tokio::join!(
            site.send_as(&person.token, Method::DELETE, "/users/me/", &proof),
            site.send_as(&person.token, Method::PATCH, "/users/me/", &named)
        );
        assert!([204, 409].contains(&deleted.status), "{deleted:?}");
        let holders = usize::from(deleted.status != 204);
        assert_eq!(claims(&site, &format!("USERNAME#{name}")).await, holders, "{deleted:?} {named:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_new_passwords_at_once_set_one() {
    let site = Site::with_settings(&[]).await;
    let person = site.register().await;
    let bodies: Vec<_> =
        (0..3).map(|n| json!({ "password": PASSWORD, "new_password": format!("{NEW_PASSWORD} {n}") })).collect();
    let changes = bodies.iter().map(|body| site.send_as(&person.token, Method::PUT, "/users/me/password/", body));
    let answers = join_all(changes).await;
    let set: Vec<_> = (0..3).filter(|n| answers[*n].status == 200).collect();
    assert_eq!(set.len(), 1, "{answers:?}");
    let log_in = json!({ "username": person.mobile, "password": format!("{NEW_PASSWORD} {}", set[0]) });
    assert_eq!(site.post("/users/login/", &log_in).await.status, 200);
}

/// The counter of an address is in no transaction, so that people behind one address do not make each other fail.
#[tokio::test(flavor = "multi_thread")]
async fn requests_from_one_address_at_once_never_fail_because_of_its_counter() {
    let site = Site::with_settings(&[("LIMIT_LOG_IN_SOURCE", "30/h"), ("LIMIT_SOURCE", "60/h")]).await;
    let people = join_all((0..5).map(|_| site.register())).await;
    let system = site.system.as_ref().unwrap();
    system.conflicts.enable();
    // Correct log-ins give their count back.
    let log_ins = people.iter().cycle().take(20).map(|person| site.log_in(&person.mobile));
    join_all(log_ins).await;
    let wrong = |_| async {
        let body = json!({ "username": new_mobile(), "password": "wrong password" });
        site.post("/users/login/", &body).await.status
    };
    let statuses = join_all((0..40).map(wrong)).await;
    let count = |wanted: u16| statuses.iter().filter(|status| **status == wanted).count();
    assert_eq!((count(400), count(429)), (30, 10), "every attempt is counted: {statuses:?}");
    let ask = |_| async { site.post(&format!("/users/sms/{}/", new_mobile()), &json!({})).await.status };
    let statuses = join_all((0..40).map(ask)).await;
    assert_eq!(statuses, [200; 40], "nothing conflicts, so nothing fails");
}
