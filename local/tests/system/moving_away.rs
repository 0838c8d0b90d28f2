//! An account moves to another number, email or username while somebody signs in by the old one. The claim of a name
//! and the account it leads to are read by two calls. The move may therefore be committed between them, or before the
//! write that signs in.

use local::operator::{OperatorAction, OperatorError, act};
use reqwest::Method;
use serde_json::{Value, json};

use crate::moves::{
    Account, COUNT, Move, Name, NextOwner, READ, WRITE, assert_alike, between, log_in_code, password_opens, sessions,
    site,
};
use crate::site::{Answer, NEW_PASSWORD, PASSWORD, Site, new_mobile, read, registration};

async fn try_log_in(site: &Site, name: &str, device: &str) -> Answer {
    let request = site.request(Method::POST, "/users/login/").header("cookie", device);
    read(request.json(&json!({ "username": name, "password": PASSWORD }))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_in_by_a_name_that_is_given_up_meanwhile_is_one_by_an_unknown_name() {
    let site = site().await;
    let unknown = try_log_in(&site, &new_mobile(), "").await;
    for (index, name) in [Name::Mobile, Name::Email, Name::Username].into_iter().enumerate() {
        for operation in [READ, WRITE] {
            let account = Account::new(&site).await;
            let moving = Move::ready(&site, &account, name).await;
            let old = account.names()[index];
            let request = try_log_in(&site, old, "");
            let (answer, token) = between(&site, (operation, account.partition()), request, moving.commit(&site)).await;
            assert_alike(&answer, &unknown);
            assert_eq!(sessions(&site, &token).await, 1, "{name:?} before {operation}: nothing was opened");
            assert_alike(&try_log_in(&site, old, "").await, &unknown);
            assert_eq!(site.log_in(&moving.to).await["id"], account.person.id.as_str());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_known_device_opens_no_account_by_a_name_that_is_given_up_meanwhile() {
    let site = site().await;
    let unknown = try_log_in(&site, &new_mobile(), "").await;
    for operation in [READ, WRITE] {
        let account = Account::new(&site).await;
        let old = &account.person.mobile;
        let signed_in = try_log_in(&site, old, "").await;
        let device = signed_in.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
        let moving = Move::ready(&site, &account, Name::Mobile).await;
        let request = try_log_in(&site, old, &device);
        let (answer, token) = between(&site, (operation, account.partition()), request, moving.commit(&site)).await;
        assert_alike(&answer, &unknown);
        // The move ended the other session.
        assert_eq!(sessions(&site, &token).await, 1, "before {operation}: nothing was opened");
        assert_eq!(try_log_in(&site, &moving.to, &device).await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_on_a_known_device_is_not_told_to_whoever_asks_by_the_name_it_gives_up() {
    let site = site().await;
    let account = Account::new(&site).await;
    let signed_in = try_log_in(&site, &account.email, "").await;
    let device = signed_in.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    let moving = Move::ready(&site, &account, Name::Email).await;
    let wrong = json!({ "username": account.person.mobile, "password": "wrong password" });
    for _ in 0..5 {
        let request = site.request(Method::POST, "/users/login/").header("cookie", &device);
        assert_eq!(read(request.json(&wrong)).await.status, 400);
    }
    assert_eq!(try_log_in(&site, &account.email, &device).await.status, 429);
    let request = try_log_in(&site, &account.email, &device);
    let (answer, _) = between(&site, (COUNT, account.partition()), request, moving.commit(&site)).await;
    assert_eq!((answer.status, answer.header("x-error-code")), (400, Some("bad_credentials")), "{answer:?}");
}

/// Requests a code that signs in or up.
async fn sign_up_code(site: &Site, mobile: &str) -> String {
    site.advance(61).await;
    let asked = site.post(&format!("/users/sms/{mobile}/?purpose=login&register=true"), &json!({})).await;
    assert_eq!(asked.status, 200, "{asked:?}");
    site.code_for(mobile).await
}

async fn sms_log_in(site: &Site, mobile: &str, code: &str, more: Value) -> Answer {
    let mut body = json!({ "mobile": mobile, "sms_code": code });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    site.post("/users/sms_login/", &body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_to_a_number_that_is_given_up_meanwhile_opens_nothing() {
    let site = site().await;
    for (operation, status, code) in [(READ, 400, "no_such_user"), (WRITE, 409, "account_changed")] {
        let account = Account::new(&site).await;
        let moving = Move::ready(&site, &account, Name::Mobile).await;
        let old = &account.person.mobile;
        let sms_code = log_in_code(&site, old).await;
        let request = sms_log_in(&site, old, &sms_code, json!({}));
        let (answer, token) = between(&site, (operation, account.partition()), request, moving.commit(&site)).await;
        answer.is_refused(status, code);
        assert_eq!(sessions(&site, &token).await, 1, "before {operation}: nothing was opened");
        // The code was for the account that had the number, so it makes no other one there. The next code does.
        let more = json!({ "register": true });
        sms_log_in(&site, old, &sms_code, more.clone()).await.is_refused(400, "code_expired");
        let new = sms_log_in(&site, old, &sign_up_code(&site, old).await, more).await;
        assert_eq!(new.status, 200, "{new:?}");
        assert_ne!(new.json()["id"], account.person.id.as_str());
        let sms_code = log_in_code(&site, &moving.to).await;
        let entered = sms_log_in(&site, &moving.to, &sms_code, json!({})).await;
        assert_eq!(entered.json()["id"], account.person.id.as_str(), "{entered:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_to_register_a_number_that_is_given_up_meanwhile_gets_an_account_of_their_own_by_the_next_code() {
    let site = site().await;
    let account = Account::new(&site).await;
    let moving = Move::ready(&site, &account, Name::Mobile).await;
    let old = &account.person.mobile;
    let code = log_in_code(&site, old).await;
    let request = sms_log_in(&site, old, &code, json!({ "register": true }));
    let (answer, token) = between(&site, (READ, account.partition()), request, moving.commit(&site)).await;
    answer.is_refused(400, "code_expired");
    let code = sign_up_code(&site, old).await;
    let answer = sms_log_in(&site, old, &code, json!({ "register": true })).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_ne!(answer.json()["id"], account.person.id.as_str());
    assert_eq!(sessions(&site, &token).await, 1, "nothing was opened");
    assert_eq!(site.log_in(&moving.to).await["id"], account.person.id.as_str());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dormant_account_s_second_proof_is_not_asked_for_by_a_number_that_is_given_up_meanwhile() {
    let site = site().await;
    for more in [json!({}), json!({ "password": PASSWORD })] {
        let account = Account::new(&site).await;
        let moving = Move::ready(&site, &account, Name::Mobile).await;
        let old = &account.person.mobile;
        let code = log_in_code(&site, old).await;
        account.become_dormant(&site).await;
        let before = site.messages_to(&account.email).await.len();
        let request = sms_log_in(&site, old, &code, more);
        let (answer, token) = between(&site, (READ, account.partition()), request, moving.commit(&site)).await;
        answer.is_refused(400, "no_such_user");
        assert_eq!(sessions(&site, &token).await, 1, "nothing was opened");
        let told = site.messages_to(&account.email).await;
        assert_eq!(told.len(), before + 1, "word of the move, and no code: {told:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_to_a_number_that_is_given_up_meanwhile_sets_no_password() {
    let site = site().await;
    for (operation, code) in [(READ, "no_such_user"), (WRITE, "account_changed")] {
        let account = Account::new(&site).await;
        let moving = Move::ready(&site, &account, Name::Mobile).await;
        let old = &account.person.mobile;
        site.advance(61).await;
        site.post("/forget_pwd/sms_code/", &json!({ "mobile": old })).await;
        let (sms_code, csrf) = (site.code_for(old).await, site.csrf().await);
        let body = json!({ "mobile": old, "sms_code": sms_code, "new_password": NEW_PASSWORD });
        let request = site.forget_pwd(&csrf, &body);
        let (answer, _) = between(&site, (operation, account.partition()), request, moving.commit(&site)).await;
        assert_eq!(answer.header("x-error-code"), Some(code), "{answer:?}");
        assert!(!password_opens(&site, &moving.to, NEW_PASSWORD).await, "before {operation}");
        assert_eq!(site.log_in(&moving.to).await["id"], account.person.id.as_str());
        let again = site.forget_pwd(&csrf, &body).await;
        assert_eq!(again.header("x-error-code"), Some("no_such_user"), "{again:?}");
        site.post("/forget_pwd/sms_code/", &json!({ "mobile": moving.to })).await;
        let body =
            json!({ "mobile": moving.to, "sms_code": site.code_for(&moving.to).await, "new_password": NEW_PASSWORD });
        assert_eq!(site.forget_pwd(&csrf, &body).await.json()["errno"], "0");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_to_an_email_that_is_given_up_meanwhile_sets_no_password() {
    let site = site().await;
    for operation in [READ, WRITE] {
        let account = Account::new(&site).await;
        site.post("/users/find/password/email/", &json!({ "email": account.email })).await;
        let link = site.link_for(&account.email).await;
        let moving = Move::ready(&site, &account, Name::Email).await;
        let body = json!({ "access_token": link, "password": NEW_PASSWORD, "password2": NEW_PASSWORD });
        let request = site.put("/users/find/password/", &body);
        let (answer, _) = between(&site, (operation, account.partition()), request, moving.commit(&site)).await;
        assert_eq!(answer.header("x-error-code"), Some("link_invalid"), "before {operation}: {answer:?}");
        assert!(!password_opens(&site, &moving.to, NEW_PASSWORD).await, "before {operation}");
        assert_eq!(site.log_in(&moving.to).await["id"], account.person.id.as_str());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_owner_of_a_number_is_met_by_nobody_who_asked_for_its_last() {
    let site = site().await;
    for deleted in [false, true] {
        let account = Account::new(&site).await;
        let old = &account.person.mobile;
        let next = NextOwner::ready(&site, old).await;
        let moving = Move::ready(&site, &account, Name::Mobile).await;
        let sms_code = log_in_code(&site, old).await;
        site.advance(61).await;
        site.post("/forget_pwd/sms_code/", &json!({ "mobile": old })).await;
        let (reset_code, csrf) = (site.code_for(old).await, site.csrf().await);
        let body = json!({ "mobile": old, "sms_code": reset_code, "new_password": "wrench lantern oboe" });
        // Three requests by the number's former owner are held, each just before it reads the account.
        let (log_in, (entered, (reset, new))) = between(
            &site,
            (READ, account.partition()),
            try_log_in(&site, old, ""),
            between(
                &site,
                (READ, account.partition()),
                sms_log_in(&site, old, &sms_code, json!({})),
                between(&site, (READ, account.partition()), site.forget_pwd(&csrf, &body), async {
                    if deleted {
                        account.delete(&site).await
                    } else {
                        drop(moving.commit(&site).await)
                    }
                    next.sign_up(&site).await
                }),
            ),
        )
        .await;
        assert_eq!(log_in.header("x-error-code"), Some("bad_credentials"), "{log_in:?}");
        entered.is_refused(400, "no_such_user");
        assert_eq!(reset.header("x-error-code"), Some("no_such_user"), "{reset:?}");
        let log_in = site.post("/users/login/", &json!({ "username": old, "password": NEW_PASSWORD })).await;
        assert_eq!(log_in.json()["id"], new, "{log_in:?}");
        if !deleted {
            assert_eq!(site.log_in(&moving.to).await["id"], account.person.id.as_str());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_is_given_up_meanwhile_is_free() {
    let site = site().await;
    let account = Account::new(&site).await;
    let moving = Move::ready(&site, &account, Name::Mobile).await;
    let (old, path) = (&account.person.mobile, |mobile: &str| format!("/users/mobile/{mobile}/"));
    let (checked, _) = between(&site, (READ, account.partition()), site.get(&path(old)), moving.commit(&site)).await;
    checked.is(200, &json!({ "detail": "ok" }));
    assert_eq!(site.get(&path(&moving.to)).await.header("x-error-code"), Some("mobile_taken"));
}

/// `forget_pwd_mobile` reads only the claim, so that read is held.
#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_is_given_up_meanwhile_counts_no_account() {
    let site = site().await;
    let account = Account::new(&site).await;
    let moving = Move::ready(&site, &account, Name::Mobile).await;
    let old = &account.person.mobile;
    let count =
        async |mobile: &str| site.get(&format!("/forget_pwd/mobiles/{mobile}/")).await.json()["data"]["count"].clone();
    assert_eq!(count(old).await, 1);
    let (counted, _) = between(&site, (READ, format!("MOBILE#{old}")), count(old), moving.commit(&site)).await;
    assert_eq!((counted, count(&moving.to).await), (json!(0), json!(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dormant_account_that_moves_away_meanwhile_loses_nothing_to_a_sign_up() {
    let site = site().await;
    for (operation, status) in [(READ, 201), (WRITE, 400)] {
        let account = Account::new(&site).await;
        let moving = Move::ready(&site, &account, Name::Mobile).await;
        let old = &account.person.mobile;
        site.advance(61).await;
        let code = site.sms_code(old).await;
        account.become_dormant(&site).await;
        let mut body = registration(old, &code);
        body["password"] = NEW_PASSWORD.into();
        let request = site.post("/users/", &body);
        let (answer, token) = between(&site, (operation, account.partition()), request, moving.commit(&site)).await;
        assert_eq!(answer.status, status, "before {operation}: {answer:?}");
        assert_ne!(site.me(&token).await.json()["mobile"], Value::Null, "before {operation}");
        assert_eq!(site.log_in(&moving.to).await["id"], account.person.id.as_str());
        // A next owner who came too early tries again. The code is still valid.
        if operation == WRITE {
            assert_eq!(site.post("/users/", &body).await.status, 201);
        }
        assert!(password_opens(&site, old, NEW_PASSWORD).await);
        let told = site.messages_to(&account.email).await;
        let reissued = |one: &Value| one["text"].as_str().unwrap().contains("已由新机主注册");
        assert!(!told.iter().any(reissued), "before {operation}: {told:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_finds_and_locks_nobody_by_a_name_that_is_given_up_meanwhile() {
    let (site, target, folder) = crate::operators::site().await;
    for (index, name) in [Name::Mobile, Name::Email, Name::Username].into_iter().enumerate() {
        let account = Account::new(&site).await;
        let moving = Move::ready(&site, &account, name).await;
        let find = OperatorAction::Find(account.names()[index].to_owned());
        let (found, _) =
            between(&site, (READ, account.partition()), act(&find, &target, "anna"), moving.commit(&site)).await;
        assert!(matches!(found, Err(OperatorError::NoAccount)), "{name:?}: {found:?}");
        let shown = act(&OperatorAction::Find(moving.to.clone()), &target, "anna").await.unwrap().join("\n");
        assert!(shown.contains(&account.person.id), "{shown}");

        for operation in [READ, WRITE] {
            let account = Account::new(&site).await;
            let moving = Move::ready(&site, &account, name).await;
            let disable = OperatorAction::Disable(account.names()[index].to_owned());
            let request = act(&disable, &target, "anna");
            let (locked, token) = between(&site, (operation, account.partition()), request, moving.commit(&site)).await;
            assert!(
                matches!(
                    (operation, &locked),
                    (READ, Err(OperatorError::NoAccount)) | (WRITE, Err(OperatorError::Changed))
                ),
                "{name:?} before {operation}: {locked:?}"
            );
            assert_eq!(site.me(&token).await.status, 200, "{name:?} before {operation}");
            act(&OperatorAction::Disable(moving.to.clone()), &target, "anna").await.unwrap();
            assert_eq!(site.me(&token).await.status, 401);
        }
    }
    std::fs::remove_dir_all(folder).unwrap();
}
