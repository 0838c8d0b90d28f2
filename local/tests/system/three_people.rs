//! Three people whose number or device is not theirs alone, each from the first step to the last, with what each side
//! sees: on an old client, and on a client that keeps no cookies and sends `X-Device`. The walks in a browser are in
//! `local/tests/browser/three_people.rs`.
//!
//! 1. Somebody gets a new phone with the same number.
//! 2. A number is reissued to somebody else, from an account that is unused and from one that is in use.
//! 3. Two people share a phone.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};

use crate::site::{Answer, NEW_PASSWORD, PASSWORD, Person, Site, new_mobile, read};

const DAY: u32 = 86_400;
const WRONG: &str = "wrong password";

/// The networks of these walks. Addresses of one network share a count of wrong passwords where a session is live.
const HOME: u8 = 5;
const STRANGERS: u8 = 6;
const ELSEWHERE: u8 = 9;

/// A client without cookies on somebody's phone.
struct Phone<'a> {
    site: &'a Site,
    http: Client,
    /// `None` on an old client, which knows nothing of devices. Otherwise the value of each account, by its id.
    devices: Option<RefCell<BTreeMap<String, String>>>,
}

impl<'a> Phone<'a> {
    fn old_client(site: &'a Site, network: u8) -> Self {
        let address = Ipv4Addr::new(127, 0, network, 1);
        let http = Client::builder().local_address(Some(address.into())).build().unwrap();
        Self { site, http, devices: None }
    }

    fn with_devices(site: &'a Site, network: u8) -> Self {
        Self { devices: Some(RefCell::default()), ..Self::old_client(site, network) }
    }

    /// Carries the phone to another network.
    fn carried_to(self, network: u8) -> Self {
        Self { devices: self.devices, ..Self::old_client(self.site, network) }
    }

    async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::POST, path, body).await
    }

    async fn send(&self, method: Method, path: &str, body: &Value) -> Answer {
        self.read(self.http.request(method, format!("{}{path}", self.site.base_url)).json(body)).await
    }

    /// Sends a request with the values of all devices, and keeps the one that a sign-in answers.
    async fn read(&self, request: RequestBuilder) -> Answer {
        let Some(devices) = &self.devices else { return read(request).await };
        let values: Vec<_> = devices.borrow().values().cloned().collect();
        let request = values.iter().fold(request, |request, value| request.header("x-device", value));
        let answer = read(request).await;
        let fields: Value = serde_json::from_str(&answer.text).unwrap_or_default();
        if let (Some(id), Some(device)) = (fields["id"].as_str(), fields["device"].as_str()) {
            devices.borrow_mut().insert(id.to_owned(), device.to_owned());
        }
        answer
    }

    async fn log_in(&self, name: &str, password: &str) -> Answer {
        self.post("/users/login/", &json!({ "username": name, "password": password })).await
    }

    /// Asks for a code to sign in and signs in with it and these fields.
    async fn enter(&self, mobile: &str, more: &Value) -> Answer {
        self.site.advance(61).await;
        let asked = self.post(&format!("/users/sms/{mobile}/?purpose=login"), &json!({})).await;
        assert_eq!(asked.status, 200, "{asked:?}");
        self.enter_again(mobile, more).await
    }

    /// Signs in with the code that was sent last and these fields.
    async fn enter_again(&self, mobile: &str, more: &Value) -> Answer {
        let mut body = json!({ "mobile": mobile, "sms_code": self.site.code_for(mobile).await });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.post("/users/sms_login/", &body).await
    }

    /// Asks for a code and sets a password by it, as the old page for a forgotten password does.
    async fn reset(&self, mobile: &str, password: &str) -> Answer {
        self.site.advance(61).await;
        let asked = self.post("/forget_pwd/sms_code/", &json!({ "mobile": mobile })).await;
        assert_eq!(asked.json()["errno"], "0", "{asked:?}");
        let (code, csrf) = (self.site.code_for(mobile).await, self.site.csrf().await);
        let body = json!({ "mobile": mobile, "sms_code": code, "new_password": password });
        let request = self.http.post(format!("{}/forget_pwd/", self.site.base_url)).json(&body);
        let request = request.header("cookie", format!("csrf_token={csrf}")).header("x-csrftoken", csrf);
        self.read(request).await
    }

    /// Asks for a code and signs up with it.
    async fn sign_up(&self, mobile: &str, nickname: &str, password: &str) -> Answer {
        self.site.advance(61).await;
        let asked = self.post(&format!("/users/sms/{mobile}/"), &json!({})).await;
        assert_eq!(asked.status, 200, "{asked:?}");
        let code = self.site.code_for(mobile).await;
        let body = json!({ "nickname": nickname, "mobile": mobile, "sms_code": code, "password": password });
        self.post("/users/", &body).await
    }
}

#[track_caller]
fn is_signed_in(answer: &Answer, id: &str) {
    assert_eq!((answer.status, &answer.json()["id"]), (200, &json!(id)), "{answer:?}");
}

#[track_caller]
fn is_wrong(answer: &Answer) {
    answer.refuses(400, "bad_credentials", &json!({ "non_field_errors": ["用户名或密码错误"] }));
}

#[track_caller]
fn token(answer: &Answer) -> String {
    answer.json()["token"].as_str().unwrap_or_else(|| panic!("{answer:?}")).to_owned()
}

/// Strangers try wrong passwords at a name until no unknown device may try more.
async fn block(site: &Site, name: &str) {
    let strangers = Phone::old_client(site, STRANGERS);
    for _ in 0..33 {
        site.advance(901).await;
        is_wrong(&strangers.log_in(name, WRONG).await);
    }
}

/// Signs somebody up in English and binds an email.
async fn english_speaker(site: &Site) -> (Person, String) {
    let mobile = new_mobile();
    let body =
        json!({ "nickname": "Anna", "mobile": mobile, "sms_code": site.sms_code(&mobile).await, "password": PASSWORD });
    let answer = read(site.request(Method::POST, "/users/").header("accept-language", "en").json(&body)).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let text = |name: &str| answer.json()[name].as_str().unwrap().to_owned();
    let person = Person { id: text("id"), token: text("token"), refresh_token: text("refresh_token"), mobile };
    let email = format!("anna{}@example.com", person.mobile);
    let ask = json!({ "email": email, "password": PASSWORD });
    assert_eq!(site.send_as(&person.token, Method::POST, "/users/me/email/", &ask).await.status, 200);
    let bind = json!({ "email": email, "email_code": site.code_for(&email).await });
    assert_eq!(site.send_as(&person.token, Method::PUT, "/users/me/email/", &bind).await.status, 200);
    (person, email)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_phone_with_the_same_number_on_an_old_client() {
    let site = Site::with_settings(&[]).await;
    let (person, email) = site.register_with_email().await;
    let (old, new) = (Phone::old_client(&site, HOME), Phone::old_client(&site, ELSEWHERE));
    is_signed_in(&old.log_in(&person.mobile, PASSWORD).await, &person.id);
    site.advance(91 * DAY).await;
    // A code alone sets no password. The old client can send no second proof, so the text names the page that can.
    let refused = new.reset(&person.mobile, NEW_PASSWORD).await;
    let text = format!(
        "该手机号已很久没有验证。请打开 {}/forget_pwd/ ，用密码或发送到绑定邮箱的验证码再次确认。都没有的，请联系我们。",
        site.base_url
    );
    refused.refuses_in_text(403, "second_proof_required", &text);
    // The password signs in on either phone, as ever.
    for phone in [&new, &old] {
        is_signed_in(&phone.log_in(&person.mobile, PASSWORD).await, &person.id);
    }
    // The client keeps no device, so on the old phone too a code alone sets no password.
    old.reset(&person.mobile, NEW_PASSWORD).await.refuses_in_text(403, "second_proof_required", &text);
    // Mail does.
    let ask = async || new.send(Method::GET, &format!("/users/find/password/?email={email}"), &Value::Null).await;
    // A code was mailed just now, for the page. The link has to wait a minute.
    let too_soon = ask().await;
    assert_eq!((too_soon.status, too_soon.text.as_str()), (429, "\"对不起, 发送邮件过于频繁!\""));
    too_soon.says_when_to_retry(61);
    site.advance(61).await;
    ask().await.is(200, &json!("邮件已经发送，请留意您的邮箱"));
    let link = site.link_for(&email).await;
    let reset = json!({ "access_token": link, "password": NEW_PASSWORD, "password2": NEW_PASSWORD });
    new.send(Method::PUT, "/users/find/password/", &reset).await.is(200, &json!("重置密码成功！"));
    is_signed_in(&new.log_in(&person.mobile, NEW_PASSWORD).await, &person.id);
    is_wrong(&old.log_in(&person.mobile, PASSWORD).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_phone_with_the_same_number_on_a_client_that_sends_its_device() {
    let site = Site::with_settings(&[]).await;
    let (person, email) = site.register_with_email().await;
    let new_phone = || Phone::with_devices(&site, ELSEWHERE);
    let (old, new, newer) = (Phone::with_devices(&site, HOME), new_phone(), new_phone());
    is_signed_in(&old.log_in(&person.mobile, PASSWORD).await, &person.id);
    site.advance(91 * DAY).await;
    new.enter(&person.mobile, &json!({})).await.is_refused(403, "second_proof_required");
    // The code is still good, together with the password.
    is_signed_in(&new.enter_again(&person.mobile, &json!({ "password": PASSWORD })).await, &person.id);
    // That was a proof of the number too: for 90 days any phone needs no more than a code.
    is_signed_in(&new_phone().enter(&person.mobile, &json!({})).await, &person.id);
    site.advance(91 * DAY).await;
    newer.enter(&person.mobile, &json!({})).await.is_refused(403, "second_proof_required");
    let mailed = json!({ "email_code": site.code_for(&email).await });
    is_signed_in(&newer.enter_again(&person.mobile, &mailed).await, &person.id);
    // On the old phone and on the new one nothing more is needed, however long they were away.
    for phone in [&old, &new] {
        site.advance(91 * DAY).await;
        new_phone().enter(&person.mobile, &json!({})).await.is_refused(403, "second_proof_required");
        is_signed_in(&phone.enter(&person.mobile, &json!({})).await, &person.id);
    }
    // A forgotten password is set there by a code too, and then every phone has to sign in again.
    site.advance(91 * DAY).await;
    assert_eq!(old.reset(&person.mobile, NEW_PASSWORD).await.json()["errno"], "0");
    for phone in [&old, &new, &newer] {
        is_wrong(&phone.log_in(&person.mobile, PASSWORD).await);
        is_signed_in(&phone.log_in(&person.mobile, NEW_PASSWORD).await, &person.id);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reissued_number_of_an_unused_account_on_an_old_client() {
    let site = Site::with_settings(&[]).await;
    let (person, email) = english_speaker(&site).await;
    let (old, next) = (Phone::old_client(&site, HOME), Phone::old_client(&site, ELSEWHERE));
    let is_free = format!("/users/mobile/{}/", person.mobile);
    is_signed_in(&old.log_in(&person.mobile, PASSWORD).await, &person.id);
    site.advance(179 * DAY).await;
    let taken = json!({ "detail": "当前手机号码已经被注册" });
    next.send(Method::GET, &is_free, &Value::Null).await.refuses(400, "mobile_taken", &taken);
    let refused = next.sign_up(&person.mobile, "小红", NEW_PASSWORD).await;
    refused.refuses(400, "mobile_taken", &json!({ "non_field_errors": ["用户注册失败！"] }));
    site.advance(2 * DAY).await;
    let messages = site.messages_to(&format!("+86{}", person.mobile)).await.len();
    next.send(Method::GET, &is_free, &Value::Null).await.is(200, &json!({ "detail": "ok" }));
    let signed_up = next.sign_up(&person.mobile, "小红", NEW_PASSWORD).await;
    assert_eq!(signed_up.status, 201, "{signed_up:?}");
    // The next owner sees nothing of the old account, and the code is the only message to the number.
    let me = site.me(&token(&signed_up)).await.json();
    assert_eq!((&me["nickname"], &me["email"]), (&json!("小红"), &Value::Null));
    assert_eq!(site.messages_to(&format!("+86{}", person.mobile)).await.len(), messages + 1);
    // The old owner is told by mail in the language of the sign-up.
    site.was_told(&email, "was signed up by its new owner. Sign in and bind a new number").await;
    // The number is another account's name now. The email still signs in, and the client shows no number.
    is_wrong(&old.log_in(&person.mobile, PASSWORD).await);
    let signed_in = old.log_in(&email, PASSWORD).await;
    is_signed_in(&signed_in, &person.id);
    assert_eq!(signed_in.json()["username"], "暂无");
    assert_eq!(site.me(&token(&signed_in)).await.json()["mobile"], Value::Null);
    let next_id = signed_up.json()["id"].as_str().unwrap().to_owned();
    is_signed_in(&next.log_in(&person.mobile, NEW_PASSWORD).await, &next_id);
    // A code to the number sets the password of the next owner's account, and leaves the old account alone.
    assert_eq!(next.reset(&person.mobile, "gravel sunrise piano").await.json()["errno"], "0");
    is_signed_in(&old.log_in(&email, PASSWORD).await, &person.id);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reissued_number_of_an_unused_account_on_a_client_that_sends_its_device() {
    let site = Site::with_settings(&[("SESSION_IDLE_DAYS", "400"), ("SESSION_MAX_DAYS", "400")]).await;
    let (person, email) = english_speaker(&site).await;
    let (old, next) = (Phone::with_devices(&site, HOME), Phone::with_devices(&site, ELSEWHERE));
    let signed_in = old.log_in(&email, PASSWORD).await;
    is_signed_in(&signed_in, &person.id);
    site.advance(181 * DAY).await;
    // A code alone neither opens the old account nor takes its number. The next owner says that it is a sign-up.
    next.enter(&person.mobile, &json!({})).await.is_refused(403, "second_proof_required");
    let made = next.enter_again(&person.mobile, &json!({ "register": true })).await;
    assert!(made.status == 200 && made.json()["id"] != person.id.as_str(), "{made:?}");
    site.was_told(&email, "was signed up by its new owner. Sign in and bind a new number").await;
    // The old owner's session lives on, without the number.
    let refreshed = json!({ "refresh_token": signed_in.json()["refresh_token"] });
    let refreshed = old.post("/users/token/refresh/", &refreshed).await;
    assert_eq!(site.me(&token(&refreshed)).await.json()["mobile"], Value::Null);
    // The old phone is known to the old account, which the number no longer names. The email does.
    is_wrong(&old.log_in(&person.mobile, PASSWORD).await);
    let signed_in = old.log_in(&email, PASSWORD).await;
    is_signed_in(&signed_in, &person.id);
    // The old account binds another number, and that signs in.
    let (mobile, token) = (new_mobile(), token(&signed_in));
    let asked = site.send_as(&token, Method::POST, &format!("/users/sms/{mobile}/?purpose=mobile"), &json!({})).await;
    assert_eq!(asked.status, 200, "{asked:?}");
    let change = json!({ "mobile": mobile, "sms_code": site.code_for(&mobile).await, "password": PASSWORD });
    assert_eq!(site.send_as(&token, Method::PUT, "/users/me/mobile/", &change).await.status, 200);
    is_signed_in(&old.log_in(&mobile, PASSWORD).await, &person.id);
    is_signed_in(&next.enter(&person.mobile, &json!({})).await, made.json()["id"].as_str().unwrap());
}

/// The account of these walks was used all the time, and its number was proved 200 days ago. Nobody gets it by a code.
async fn nobody_gets_in_by_a_code(next: &Phone<'_>, person: &Person) {
    let is_free = next.send(Method::GET, &format!("/users/mobile/{}/", person.mobile), &Value::Null).await;
    is_free.refuses(400, "mobile_taken", &json!({ "detail": "当前手机号码已经被注册" }));
    let signed_up = next.sign_up(&person.mobile, "小红", NEW_PASSWORD).await;
    signed_up.refuses(400, "mobile_taken", &json!({ "non_field_errors": ["用户注册失败！"] }));
    let reset = next.reset(&person.mobile, NEW_PASSWORD).await;
    assert_eq!((reset.status, reset.header("x-error-code")), (403, Some("second_proof_required")), "{reset:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reissued_number_of_an_account_in_use_on_an_old_client() {
    let site = Site::with_settings(&[]).await;
    let (person, email) = english_speaker(&site).await;
    let (owner, next) = (Phone::old_client(&site, HOME), Phone::old_client(&site, ELSEWHERE));
    for _ in 0..4 {
        site.advance(50 * DAY).await;
        is_signed_in(&owner.log_in(&person.mobile, PASSWORD).await, &person.id);
    }
    let messages = site.messages_to(&email).await.len();
    nobody_gets_in_by_a_code(&next, &person).await;
    // The owner gets a code that nobody here asked for, and no other message. All goes on, and the number stays.
    let sent = site.messages_to(&email).await;
    assert_eq!(sent.len(), messages + 1, "{sent:?}");
    assert_eq!(site.code_for(&email).await.len(), 6);
    let signed_in = owner.log_in(&person.mobile, PASSWORD).await;
    is_signed_in(&signed_in, &person.id);
    assert!(site.me(&token(&signed_in)).await.json()["mobile"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reissued_number_of_an_account_in_use_on_a_client_that_sends_its_device() {
    let site = Site::with_settings(&[("SESSION_MAX_DAYS", "400")]).await;
    let (person, email) = english_speaker(&site).await;
    let (owner, next) = (Phone::with_devices(&site, HOME), Phone::with_devices(&site, ELSEWHERE));
    let signed_in = owner.log_in(&person.mobile, PASSWORD).await;
    let mut refresh_token = signed_in.json()["refresh_token"].clone();
    for _ in 0..10 {
        site.advance(20 * DAY).await;
        let refreshed = owner.post("/users/token/refresh/", &json!({ "refresh_token": refresh_token })).await;
        assert_eq!(refreshed.status, 200, "{refreshed:?}");
        refresh_token = refreshed.json()["refresh_token"].clone();
    }
    nobody_gets_in_by_a_code(&next, &person).await;
    for more in [json!({}), json!({ "register": true })] {
        next.enter(&person.mobile, &more).await.is_refused(403, "second_proof_required");
    }
    assert!(site.messages_to(&email).await.iter().all(|one| !one["text"].as_str().unwrap().contains("new owner")));
    // The session goes on, and the phone is known: a code is enough there.
    let refreshed = owner.post("/users/token/refresh/", &json!({ "refresh_token": refresh_token })).await;
    assert!(site.me(&token(&refreshed)).await.json()["mobile"].is_string());
    is_signed_in(&owner.enter(&person.mobile, &json!({})).await, &person.id);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shared_phone_on_an_old_client() {
    let site = Site::with_settings(&[]).await;
    let ((one, _), (other, email)) = (site.register_with_email().await, site.register_with_email().await);
    let shared = Phone::old_client(&site, HOME);
    for person in [&one, &other] {
        is_signed_in(&shared.log_in(&person.mobile, PASSWORD).await, &person.id);
    }
    for person in [&one, &other] {
        block(&site, &person.mobile).await;
    }
    // The client keeps no device. Where its people are signed in, the network stands for it.
    for person in [&one, &other] {
        is_signed_in(&shared.log_in(&person.mobile, PASSWORD).await, &person.id);
    }
    // In another network, even the right password is refused, as it is everywhere for strangers.
    let shared = shared.carried_to(ELSEWHERE);
    for person in [&one, &other] {
        is_wrong(&shared.log_in(&person.mobile, PASSWORD).await);
    }
    // One of them sets a new password by a code, and gets in. That opens nothing for the other.
    assert_eq!(shared.reset(&one.mobile, NEW_PASSWORD).await.json()["errno"], "0");
    is_signed_in(&shared.log_in(&one.mobile, NEW_PASSWORD).await, &one.id);
    is_wrong(&shared.log_in(&other.mobile, PASSWORD).await);
    // The other has another name, at which nobody guessed.
    is_signed_in(&shared.log_in(&email, PASSWORD).await, &other.id);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shared_phone_on_a_client_that_sends_its_devices() {
    let site = Site::with_settings(&[]).await;
    let (one, other, guest) = (site.register().await, site.register().await, site.register().await);
    let shared = Phone::with_devices(&site, HOME);
    for person in [&one, &other] {
        is_signed_in(&shared.log_in(&person.mobile, PASSWORD).await, &person.id);
    }
    for person in [&one, &other] {
        block(&site, &person.mobile).await;
    }
    // The phone is known in any network, also where nobody has a session. Another phone is not known, however many
    // other accounts it has.
    let (shared, another) = (shared.carried_to(ELSEWHERE), Phone::with_devices(&site, ELSEWHERE + 1));
    is_signed_in(&another.log_in(&guest.mobile, PASSWORD).await, &guest.id);
    for person in [&one, &other] {
        is_wrong(&another.log_in(&person.mobile, PASSWORD).await);
        is_signed_in(&shared.log_in(&person.mobile, PASSWORD).await, &person.id);
    }
    // A guest signs in on it, and out again everywhere. That concerns the guest alone.
    let signed_in = shared.log_in(&guest.mobile, PASSWORD).await;
    let everywhere = json!({ "all": true });
    site.send_as(&token(&signed_in), Method::POST, "/users/logout/", &everywhere).await.is_done();
    let shared = shared.carried_to(ELSEWHERE + 2);
    for person in [&one, &other] {
        is_signed_in(&shared.log_in(&person.mobile, PASSWORD).await, &person.id);
    }
    // One of them sets a new password by a code, which makes all devices of that account unknown, and the other's not.
    assert_eq!(shared.reset(&one.mobile, NEW_PASSWORD).await.json()["errno"], "0");
    block(&site, &one.mobile).await;
    let shared = shared.carried_to(ELSEWHERE + 3);
    is_wrong(&shared.log_in(&one.mobile, NEW_PASSWORD).await);
    is_signed_in(&shared.log_in(&other.mobile, PASSWORD).await, &other.id);
    // The code and the new password together open the account, and the phone is known to it again.
    is_signed_in(&shared.enter(&one.mobile, &json!({ "password": NEW_PASSWORD })).await, &one.id);
    block(&site, &one.mobile).await;
    let shared = shared.carried_to(ELSEWHERE + 4);
    is_signed_in(&shared.log_in(&one.mobile, NEW_PASSWORD).await, &one.id);
}
