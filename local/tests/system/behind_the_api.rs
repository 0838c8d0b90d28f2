//! Facts that the endpoints alone neither show nor cause. The tests put items into the table by hand, such as a
//! disabled account or one that has vanished, and read items there.

use aws_sdk_dynamodb::types::AttributeValue;
use reqwest::Method;
use serde_json::json;
use shared::domain::{Mobile, UserId, Username};
use shared::dynamodb::keys;

use crate::site::{NEW_PASSWORD, PASSWORD, Person, Site, new_email, new_mobile, read, registration};

async fn update(site: &Site, person: &Person, expression: &str, value: Option<AttributeValue>) {
    let client = local::dynamodb(&site.system.as_ref().unwrap().variables).unwrap();
    let key = keys::user(&UserId::from(person.id.clone())).attributes();
    let request = client.update_item().table_name(local::TABLE).set_key(Some(key)).update_expression(expression);
    let values = value.map(|value| [(":value".to_owned(), value)].into());
    request.set_expression_attribute_values(values).send().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chosen_username_signs_in_however_it_is_written() {
    let site = Site::with_settings(&[]).await;
    let person = site.register().await;
    update(&site, &person, "SET username = :value", Some(AttributeValue::S("李Lei_1".into()))).await;
    let client = local::dynamodb(&site.system.as_ref().unwrap().variables).unwrap();
    let mut claim = keys::username_claim(&Username::parse("李Lei_1").unwrap()).attributes();
    claim.insert("user_id".into(), AttributeValue::S(person.id.clone()));
    client.put_item().table_name(local::TABLE).set_item(Some(claim)).send().await.unwrap();
    for name in ["李Lei_1", "李lei_1", "李ＬＥＩ＿１"] {
        let answer = site.post("/users/login/", &json!({ "username": name, "password": PASSWORD })).await;
        assert_eq!((answer.status, &answer.json()["username"]), (200, &json!("李Lei_1")), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_account_is_refused_like_an_unknown_one() {
    let site = Site::with_settings(&[]).await;
    let (person, email) = site.register_with_email().await;
    site.post("/users/find/password/email/", &json!({ "email": email })).await;
    let link = site.link_for(&email).await;
    update(&site, &person, "SET disabled = :value", Some(AttributeValue::Bool(true))).await;
    let answer = site.post("/users/login/", &json!({ "username": person.mobile, "password": PASSWORD })).await;
    answer.refuses(400, "bad_credentials", &json!({ "non_field_errors": ["用户名或密码错误"] }));
    assert_eq!(site.send_as(&person.token, Method::GET, "/users/me/", &json!({})).await.status, 401);
    let answer = site.post("/users/find/password/", &json!({ "access_token": link })).await;
    assert_eq!(answer.header("x-error-code"), Some("link_invalid"));
    let before = site.messages_to(&format!("+86{}", person.mobile)).await.len();
    site.post("/forget_pwd/sms_code/", &json!({ "mobile": person.mobile })).await;
    assert_eq!(site.messages_to(&format!("+86{}", person.mobile)).await.len(), before, "and is sent nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a4_says_that_the_account_is_gone_only_after_a_right_code() {
    let site = Site::with_settings(&[]).await;
    let person = site.register().await;
    site.post("/forget_pwd/sms_code/", &json!({ "mobile": person.mobile })).await;
    let (code, csrf) = (site.code_for(&person.mobile).await, site.csrf().await);
    let client = local::dynamodb(&site.system.as_ref().unwrap().variables).unwrap();
    let claim = keys::mobile_claim(&Mobile::parse(&person.mobile).unwrap()).attributes();
    client.delete_item().table_name(local::TABLE).set_key(Some(claim)).send().await.unwrap();
    let body = |code: &str| json!({ "mobile": person.mobile, "sms_code": code, "new_password": NEW_PASSWORD });
    let wrong = site.forget_pwd(&csrf, &body(&crate::site::other_code(&code))).await;
    wrong.refuses_in_text(403, "code_wrong", "验证码错误!!!!");
    let answer = site.forget_pwd(&csrf, &body(&code)).await;
    answer.refuses(200, "no_such_user", &json!({ "errno": "4103", "errmsg": "不存在当前用户" }));
}

#[tokio::test(flavor = "multi_thread")]
async fn b8_says_that_the_accounts_email_is_gone() {
    let site = Site::with_settings(&[]).await;
    let (person, email) = site.register_with_email().await;
    site.post("/users/find/password/email/", &json!({ "email": email })).await;
    let link = site.link_for(&email).await;
    update(&site, &person, "REMOVE email", None).await;
    let body = json!({ "access_token": link, "password": NEW_PASSWORD, "password2": NEW_PASSWORD });
    let answer = site.put("/users/find/password/", &body).await;
    answer.refuses(400, "link_account_gone", &json!("重置密码失败！邮箱地址有误！"));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_dialect_speaks_english_when_it_is_preferred() {
    let site = Site::with_settings(&[]).await;
    let csrf = site.csrf().await;
    let english = |method: Method, path: &str| site.request(method, path).header("accept-language", "en-US,zh;q=0.9");
    let log_in = english(Method::POST, "/users/login/").json(&json!({ "username": "nobody", "password": "x" }));
    let lists = json!({ "non_field_errors": ["Wrong account or password."] });
    read(log_in).await.refuses(400, "bad_credentials", &lists);
    let mail = english(Method::GET, "/users/find/password/?email=nobody@example.com");
    read(mail).await.refuses(400, "email_unknown", &json!("No account has this email."));
    let me = english(Method::GET, "/users/me/");
    read(me).await.refuses(401, "unauthorized", &json!({ "detail": "Please sign in." }));
    let code = english(Method::POST, "/forget_pwd/sms_code/").json(&json!({ "mobile": "1" }));
    let envelope = json!({ "errno": "4103", "errmsg": "This is not a valid mobile number." });
    read(code).await.refuses(200, "mobile_malformed", &envelope);
    let form = english(Method::POST, "/forget_pwd/").header("cookie", format!("csrf_token={csrf}"));
    let form = form.header("x-csrftoken", &csrf).json(&json!({}));
    read(form).await.refuses_in_text(403, "field_required", "A parameter is missing. Please check.");
}

#[tokio::test(flavor = "multi_thread")]
async fn a3_before_its_message_has_left_tells_no_difference_either() {
    let site = Site::with_settings(&[]).await;
    let (person, stranger, csrf) = (site.register().await, new_mobile(), site.csrf().await);
    let _still = site.system.as_ref().unwrap().pump.hold().await;
    for mobile in [&person.mobile, &stranger] {
        let asked = site.post("/forget_pwd/sms_code/", &json!({ "mobile": mobile })).await;
        asked.is(200, &json!({ "errno": "0", "errmsg": "短信验证码发送成功" }));
        let guess = json!({ "mobile": mobile, "sms_code": "123456", "new_password": NEW_PASSWORD });
        let answer = site.forget_pwd(&csrf, &guess).await;
        answer.refuses(200, "code_expired", &json!({ "errno": "4103", "errmsg": "验证码过期" }));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hash_made_at_another_cost_is_made_anew_at_the_next_sign_in() {
    let site = Site::with_settings(&[]).await;
    let person = site.register().await;
    let cheap = Site::with_settings(&[("ARGON2_MEMORY_KIB", "32")]).await;
    let other = cheap.register().await;
    let hash_of = async |site: &Site, person: &Person| {
        let client = local::dynamodb(&site.system.as_ref().unwrap().variables).unwrap();
        let key = keys::user(&UserId::from(person.id.clone())).attributes();
        let item = client.get_item().table_name(local::TABLE).set_key(Some(key)).send().await.unwrap().item.unwrap();
        item["password_hash"].as_s().unwrap().clone()
    };
    let old = hash_of(&cheap, &other).await;
    assert!(old.contains("m=32,"), "{old}");
    // The same password, hashed on another system at another cost.
    update(&site, &person, "SET password_hash = :value", Some(AttributeValue::S(old.clone()))).await;
    site.log_in(&person.mobile).await;
    let new = hash_of(&site, &person).await;
    assert!(new.contains("m=64,"), "{new}");
    site.log_in(&person.mobile).await;
    assert_eq!(hash_of(&site, &person).await, new, "once");
    assert_eq!(site.me(&person.token).await.status, 200, "no session ends by it");
}

/// A correct code resets the failure streak, whatever the code is used for, and even if that operation is refused.
/// Otherwise the wrong codes of a stranger would add up in spite of the owner's correct ones.
#[tokio::test(flavor = "multi_thread")]
async fn a_right_code_ends_its_streak() {
    let site = Site::with_settings(&[]).await;
    let client = local::dynamodb(&site.system.as_ref().unwrap().variables).unwrap();
    let person = site.register().await;
    let begin = async |whose: &str| {
        let mut row = keys::failure_streak(whose).attributes();
        row.insert("in_a_row".into(), AttributeValue::N("99".into()));
        row.insert("expires_at".into(), AttributeValue::N("9000000000".into()));
        client.put_item().table_name(local::TABLE).set_item(Some(row)).send().await.unwrap();
    };
    let is_over = async |whose: &str| {
        let key = keys::failure_streak(whose).attributes();
        client.get_item().table_name(local::TABLE).set_key(Some(key)).send().await.unwrap().item.is_none()
    };
    let proof = async || {
        site.advance(61).await;
        site.send_as(&person.token, Method::POST, "/users/me/sms/", &json!({})).await;
        site.code_for(&person.mobile).await
    };

    begin(&person.id).await;
    let body = json!({ "new_password": person.mobile, "sms_code": proof().await });
    let refused = site.send_as(&person.token, Method::PUT, "/users/me/password/", &body).await;
    refused.is_refused(400, "password_personal");
    assert!(is_over(&person.id).await, "a password that is refused");

    begin(&person.id).await;
    let body = json!({ "email": new_email(), "sms_code": proof().await });
    assert_eq!(site.send_as(&person.token, Method::POST, "/users/me/email/", &body).await.status, 200);
    assert!(is_over(&person.id).await, "a code to a new address");

    begin(&person.id).await;
    let (mobile, confirm) = (new_mobile(), proof().await);
    let path = format!("/users/sms/{mobile}/?purpose=mobile");
    site.send_as(&person.token, Method::POST, &path, &json!({})).await;
    let body = json!({ "mobile": mobile, "sms_code": site.code_for(&mobile).await, "confirm_code": confirm });
    assert_eq!(site.send_as(&person.token, Method::PUT, "/users/me/mobile/", &body).await.status, 200);
    assert!(is_over(&person.id).await, "a change of number");

    let mobile = new_mobile();
    let code = site.sms_code(&mobile).await;
    site.advance(61).await;
    site.post(&format!("/users/sms/{mobile}/?purpose=login&register=true"), &json!({})).await;
    let other = json!({ "mobile": mobile, "sms_code": site.code_for(&mobile).await, "register": true });
    assert_eq!(site.post("/users/sms_login/", &other).await.status, 200);
    begin(&mobile).await;
    let taken = site.post("/users/", &registration(&mobile, &code)).await;
    assert_eq!((taken.status, taken.header("x-error-code")), (400, Some("mobile_taken")));
    assert!(is_over(&mobile).await, "a sign-up that came too late");
}
