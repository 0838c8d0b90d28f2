//! A whole life of an account: what its export holds, and what its deletion leaves in the table.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::StreamExt;
use local::operator::{OperatorAction, Target, act};
use local::{Options, System};
use reqwest::Method;
use serde_json::{Value, json};

use crate::site::{NEW_PASSWORD, PASSWORD, Person, Site, logs, new_email, new_mobile, other_code, read};

type Item = std::collections::HashMap<String, AttributeValue>;

const DAY: i64 = 86_400;
const PHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19.0 Safari/604.1";
const COMPUTER: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36";

/// The kinds of items that a deletion leaves, and how long each is kept at most, in seconds. Whether the items of the
/// kind name the person: by id, number, email or a username.
const LEFT: [(&str, i64, bool); 18] = [
    ("CODE", 600, true),
    ("COOLDOWN", 60, true),
    ("MESSAGE", 3 * DAY, true),
    ("LIMIT sms", DAY, true),
    ("LIMIT email", DAY, true),
    // Wrong codes at the number.
    ("STREAK", 7 * DAY, true),
    // A used "this wasn't me" link, and a used captcha pass.
    ("PASS", 6 * DAY, true),
    ("AUDIT", 400 * DAY, true),
    ("ATTEMPTS", 30 * DAY, false),
    ("SOURCE", DAY, false),
    ("LIMIT device_notices", DAY, false),
    ("LIMIT changes", DAY, false),
    ("LIMIT renames", 30 * DAY, false),
    ("LIMIT resets", DAY, false),
    ("LIMIT new_mobiles", DAY, false),
    ("LIMIT new_emails", DAY, false),
    ("BUDGET", 3 * DAY, false),
    ("FLAG", DAY, false),
];

struct Life {
    site: Site,
    operators: Target,
    folder: PathBuf,
    person: Person,
    email: String,
    /// Every name that the person ever had.
    names: Vec<String>,
}

impl Drop for Life {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_else(|| panic!("{name}: {value}")).to_owned()
}

fn wrong(name: &str) -> Value {
    json!({ "username": name, "password": "wrong password" })
}

impl Life {
    /// Signs up, with the limits of a deployment except on messages.
    async fn begin() -> Self {
        logs::keep();
        let folder = std::env::temp_dir().join(format!("latchkey-life-{}", shared::crypto::random_hex::<8>()));
        let variables = [
            ("ARGON2_MEMORY_KIB", "64"),
            ("ARGON2_PASSES", "1"),
            ("LIMIT_RECIPIENT", "30/d"),
            ("LIMIT_RECIPIENT_SOURCE", "30/d"),
        ];
        let variables = variables.map(|(name, value)| (name.into(), value.into())).into();
        let options = Options { data: Some(folder.clone()), variables, ..Options::default() };
        let site = Site::of(System::start(options).await.unwrap());
        let (person, email) = site.register_with_email().await;
        let names = vec![person.id.clone(), person.mobile.clone(), email.clone()];
        Self { site, operators: Target::Local(folder.clone()), folder, person, email, names }
    }

    async fn send(&self, method: Method, path: &str, body: &Value) -> Value {
        let answer = self.site.send_as(&self.person.token, method, path, body).await;
        assert!(answer.status < 300, "{path}: {answer:?}");
        serde_json::from_str(&answer.text).unwrap_or_default()
    }

    /// Signs in again after the tokens have died.
    async fn sign_in(&mut self, password: &str) -> String {
        let body = json!({ "username": self.email, "password": password });
        let request = self.site.request(Method::POST, "/users/login/").header("user-agent", PHONE);
        let answer = read(request.json(&body)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let answer = answer.json();
        (self.person.token, self.person.refresh_token) = (text(&answer, "token"), text(&answer, "refresh_token"));
        text(&answer, "device")
    }

    /// Requests a code to the number, and returns it with its challenge id.
    async fn code(&self, path: &str, body: &Value) -> (String, Value) {
        self.site.advance(61).await;
        let answer = self.site.post(path, body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        (self.site.code_for(&self.person.mobile).await, answer.json()["handle"].clone())
    }

    async fn log_in_code(&self) -> String {
        self.code(&format!("/users/sms/{}/?purpose=login", self.person.mobile), &json!({})).await.0
    }

    /// Signs in by a code, with what else the request has. Returns the status.
    async fn by_code(&self, code: &str, more: Value, device: Option<&str>) -> u16 {
        let mut body = json!({ "mobile": self.person.mobile, "sms_code": code });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let request = self.site.request(Method::POST, "/users/sms_login/").json(&body);
        read(device.into_iter().fold(request, |request, device| request.header("x-device", device))).await.status
    }

    /// Takes two usernames, one after the other, so that one stays reserved.
    async fn is_renamed(&mut self, names: [&str; 2]) {
        for name in names {
            self.send(Method::PATCH, "/users/me/", &json!({ "username": name, "password": PASSWORD })).await;
            self.site.post("/users/login/", &wrong(name)).await;
            self.names.push(name.to_owned());
        }
    }

    /// Changes the number, after guessing at the code, and then the password, after guessing at the old one.
    async fn changes_credentials(&mut self) {
        let mobile = new_mobile();
        self.send(Method::POST, &format!("/users/sms/{mobile}/?purpose=mobile"), &json!({})).await;
        let code = self.site.code_for(&mobile).await;
        let body = |code: &str| json!({ "mobile": mobile, "sms_code": code, "password": PASSWORD });
        let guess = body(&other_code(&code));
        assert_eq!(self.site.send_as(&self.person.token, Method::PUT, "/users/me/mobile/", &guess).await.status, 400);
        self.person.token = text(&self.send(Method::PUT, "/users/me/mobile/", &body(&code)).await, "token");
        self.person.mobile.clone_from(&mobile);
        self.names.push(mobile);
        let body = |old: &str| json!({ "password": old, "new_password": NEW_PASSWORD });
        let guess = body("wrong password");
        assert_eq!(self.site.send_as(&self.person.token, Method::PUT, "/users/me/password/", &guess).await.status, 400);
        self.person.token = text(&self.send(Method::PUT, "/users/me/password/", &body(PASSWORD)).await, "token");
    }

    /// Signs in with a second proof, after guessing at both, when the number was not proved for long.
    async fn proves_twice(&mut self) {
        self.site.advance(91 * 86_400).await;
        let code = self.log_in_code().await;
        assert_eq!(self.by_code(&code, json!({}), None).await, 403);
        assert_eq!(self.by_code(&code, json!({ "password": "wrong password" }), None).await, 400);
        let mailed = self.site.code_for(&self.email).await;
        assert_eq!(self.by_code(&code, json!({ "email_code": other_code(&mailed) }), None).await, 400);
        assert_eq!(self.by_code(&code, json!({ "email_code": mailed }), None).await, 200);
    }

    /// Forgets the password, and sets it by SMS and by mail.
    async fn forgets_the_password(&self) {
        let (code, _) = self.code("/forget_pwd/sms_code/", &json!({ "mobile": self.person.mobile })).await;
        let csrf = self.site.csrf().await;
        for code in [other_code(&code), code] {
            let body = json!({ "mobile": self.person.mobile, "sms_code": code, "new_password": PASSWORD });
            self.site.forget_pwd(&csrf, &body).await;
        }
        self.site.post("/users/find/password/email/", &json!({ "email": self.email })).await;
        let link = self.site.link_for(&self.email).await;
        let body = json!({ "access_token": link, "password": NEW_PASSWORD, "password2": NEW_PASSWORD });
        assert_eq!(self.site.put("/users/find/password/", &body).await.status, 200);
    }

    /// A session goes on from another device, and the owner uses the link in the notification.
    async fn says_that_it_was_not_me(&mut self) {
        self.sign_in(NEW_PASSWORD).await;
        let request = self.site.request(Method::POST, "/users/token/refresh/").header("user-agent", COMPUTER);
        let refreshed = read(request.json(&json!({ "refresh_token": self.person.refresh_token }))).await;
        assert_eq!(refreshed.status, 200, "{refreshed:?}");
        let messages = self.site.messages_to(&self.email).await;
        let token = messages.iter().find_map(|one| one["text"].as_str().unwrap().split_once("/secure#"));
        let token: String = token.unwrap().1.chars().take_while(|c| !c.is_whitespace()).collect();
        assert_eq!(self.site.post("/users/secure/", &json!({ "token": token })).await.status, 200);
        let (code, _) = self.code("/forget_pwd/sms_code/", &json!({ "mobile": self.person.mobile })).await;
        let body = json!({ "mobile": self.person.mobile, "sms_code": code, "new_password": PASSWORD });
        assert_eq!(self.site.forget_pwd(&self.site.csrf().await, &body).await.json()["errno"], "0");
    }

    async fn is_known_to_operators(&self) {
        let email = || self.email.clone();
        for action in [OperatorAction::Find(email()), OperatorAction::Disable(email()), OperatorAction::Enable(email())]
        {
            act(&action, &self.operators, "anna").await.unwrap();
        }
    }

    /// Leaves codes of most purposes and wrong attempts of most kinds.
    async fn leaves_things_undone(&mut self) {
        let device = self.sign_in(PASSWORD).await;
        self.is_renamed(["third-name", "fourth-name"]).await;
        let (other_mobile, other_email) = (new_mobile(), new_email());
        self.send(Method::POST, &format!("/users/sms/{other_mobile}/?purpose=mobile"), &json!({})).await;
        self.send(Method::POST, "/users/me/email/", &json!({ "email": other_email, "password": PASSWORD })).await;
        self.names.extend([other_mobile, other_email]);
        self.code("/forget_pwd/sms_code/", &json!({ "mobile": self.person.mobile })).await;
        self.code(&format!("/users/sms/{}/", self.person.mobile), &json!({})).await;
        let own = self.site.proof_code(&self.person).await;
        let guess = json!({ "sms_code": other_code(&own) });
        let guessed = self.site.send_as(&self.person.token, Method::POST, "/users/me/reauthenticate/", &guess).await;
        assert_eq!(guessed.status, 400, "{guessed:?}");
        let pass = self.site.get("/users/captcha/?ticket=pass-1&randstr=x").await.json();
        self.site.advance(61).await;
        let path = format!("/users/sms/{}/?purpose=login", self.person.mobile);
        let request = self.site.request(Method::POST, &path).header("x-captcha-pass", text(&pass, "captcha_pass"));
        assert_eq!(read(request.json(&json!({}))).await.status, 200);
        let code = self.site.code_for(&self.person.mobile).await;
        for device in [None, Some(device.as_str())] {
            assert_eq!(self.by_code(&other_code(&code), json!({}), device).await, 400);
        }
        self.code(&path, &json!({ "handle": "new" })).await;
        for name in [&self.person.mobile, &self.email] {
            assert_eq!(self.site.post("/users/login/", &wrong(name)).await.status, 400);
        }
    }
}

/// Returns the whole table, page by page.
async fn table(site: &Site) -> Vec<Item> {
    let client = local::dynamodb(&site.system.as_ref().unwrap().variables).unwrap();
    let pages = client.scan().table_name(local::TABLE).limit(10).into_paginator().items().send();
    let stream = futures_util::stream::unfold(pages, async |mut pages| Some((pages.next().await?.unwrap(), pages)));
    stream.collect().await
}

fn key(item: &Item) -> (&str, &str) {
    (item["pk"].as_s().unwrap(), item["sk"].as_s().unwrap())
}

/// Returns the kind of an item: the first word of its key, and for a limit the second.
fn kind(item: &Item) -> String {
    let mut words = key(item).0.split('#');
    match words.next().unwrap() {
        "LIMIT" => format!("LIMIT {}", words.next().unwrap()),
        word => word.to_owned(),
    }
}

fn expires_at(item: &Item) -> Option<i64> {
    item.get("expires_at").map(|at| at.as_n().unwrap().parse().unwrap())
}

/// Lives a whole life up to its last day.
async fn life() -> Life {
    let mut life = Life::begin().await;
    life.is_renamed(["first-name", "second-name"]).await;
    life.changes_credentials().await;
    life.proves_twice().await;
    life.forgets_the_password().await;
    life.site.advance(4 * 86_400).await;
    life.says_that_it_was_not_me().await;
    life.is_known_to_operators().await;
    life.leaves_things_undone().await;
    life
}

/// Returns the word by which the export names a code or counter, or `None` for an item that is not to be found by the
/// account's id and its present names.
fn exported_word(life: &Life, item: &Item) -> Option<String> {
    let (id, mobile, email) = (life.person.id.as_str(), life.person.mobile.as_str(), life.email.as_str());
    let (pk, sk) = key(item);
    let words: Vec<_> = pk.split('#').collect();
    let of_recipient = |name: &str| match sk {
        "LIMIT" => Some(format!("messages_to_{name}")),
        "DEVICES" => Some(format!("messages_to_{name}_from_known_devices")),
        "SECOND_PROOFS" => Some(format!("second_proofs_to_{name}")),
        // Counts at a source, whose keyed hash is not known.
        _ => None,
    };
    match words.as_slice() {
        ["CODE", purpose, subject] => (*subject == mobile || subject.starts_with(id)).then(|| (*purpose).to_owned()),
        ["LIMIT", "sms", to] if *to == mobile => of_recipient("mobile"),
        ["LIMIT", "email", to] if *to == email => of_recipient("email"),
        ["LIMIT", word, of] if *of == id => Some((*word).to_owned()),
        ["STREAK", of] if *of == mobile => Some("wrong_codes_to_mobile".to_owned()),
        ["STREAK", of] => of.strip_prefix(id).map(|rest| {
            let word = match rest {
                "" => "wrong_codes",
                "/devices" => "wrong_codes_on_known_devices",
                "/networks" => "wrong_codes_in_known_networks",
                "/second" => "wrong_passwords_beside_a_code",
                "/new" => "wrong_codes_to_new_addresses",
                other => panic!("a streak {other}"),
            };
            word.to_owned()
        }),
        _ => None,
    }
}

/// Returns whether the guide lists a code or counter among those that are left out: with a challenge id, by a keyed hash,
/// or at a number or address that the account no longer has or only wanted to have.
fn is_listed(life: &Life, item: &Item) -> bool {
    let (pk, sk) = key(item);
    let words: Vec<_> = pk.split('#').collect();
    let is_former = |name: &str| name != life.person.id && life.names.iter().any(|one| one == name);
    match words.as_slice() {
        ["CODE", _, _, _] => true,
        ["LIMIT", "sms" | "email", to] => sk.starts_with("SOURCE#") || is_former(to),
        ["LIMIT", _, of] => of.len() == 32 && *of != life.person.id,
        ["STREAK", of] | ["CODE", _, of] => is_former(of),
        _ => false,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_holds_what_is_stored_or_the_guide_lists_it() {
    let life = life().await;
    let now = life.site.system.as_ref().unwrap().clock.now().unix_seconds();
    let stored = table(&life.site).await;
    let export = life.send(Method::POST, "/users/me/export/", &json!({ "password": PASSWORD })).await;
    let listed = |name: &str, word: &str| -> BTreeSet<(String, String)> {
        export[name].as_array().unwrap().iter().map(|one| (text(one, word), text(one, "expires_at"))).collect()
    };
    let mut missing = &listed("codes", "purpose") | &listed("counters", "what");
    let account = &export["account"];
    let mut seen = BTreeMap::<String, usize>::new();
    for item in stored.iter().filter(|item| expires_at(item).is_none_or(|at| now < at)) {
        let (pk, sk) = key(item);
        let name = pk.split_once('#').map_or("", |(_, name)| name);
        *seen.entry(kind(item)).or_default() += 1;
        match kind(item).as_str() {
            "USER" => assert_eq!(account["id"], name),
            "SESSION" => assert!(export["sessions"].to_string().contains(sk), "{item:?}"),
            "MOBILE" => assert_eq!(account["mobile"], name),
            "EMAIL" => assert_eq!(account["email"], name),
            "USERNAME" => assert!(account["username"] == name || account["reserved_username"] == name, "{item:?}"),
            "KEYS" | "MESSAGE" | "COOLDOWN" | "PASS" | "AUDIT" | "SOURCE" | "BUDGET" => {}
            // Those at former names and at networks have keyed hashes that are not looked for.
            "ATTEMPTS" => {}
            _ => {
                let Some(word) = exported_word(&life, item) else {
                    assert!(is_listed(&life, item), "{item:?}");
                    continue;
                };
                let at = shared::domain::Timestamp::from_unix_seconds(expires_at(item).unwrap()).rfc3339();
                assert!(missing.remove(&(word.clone(), at)), "{word} of {item:?} is not in {export}");
            }
        }
    }
    let attempts: BTreeSet<_> = missing.iter().filter(|(word, _)| word.starts_with("wrong_passwords_at_")).collect();
    assert_eq!(attempts.len(), 3, "at each name: {missing:?}");
    // The test sees enough of a life.
    for (kind, least) in [("CODE", 6), ("STREAK", 3), ("LIMIT sms", 4), ("AUDIT", 3), ("USERNAME", 2), ("PASS", 1)] {
        assert!(seen.get(kind).is_some_and(|count| *count >= least), "{kind}: {seen:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_deletion_leaves_expires_and_is_listed() {
    let life = life().await;
    life.send(Method::DELETE, "/users/me/", &json!({ "password": PASSWORD })).await;
    // Every message is sent.
    life.site.was_told(&life.email, "账号已注销").await;
    let now = life.site.system.as_ref().unwrap().clock.now().unix_seconds();
    let mut left = table(&life.site).await;
    // The clock of an engine with a file does not move, so it still has what has expired.
    left.retain(|item| expires_at(item).is_none_or(|at| now < at));
    assert!(left.len() > 20, "{}", left.len());
    for item in left.iter().filter(|item| key(item).0 != "KEYS") {
        let kind = kind(item);
        let listed = LEFT.iter().find(|(listed, ..)| *listed == kind);
        let (_, most_seconds, names_the_person) = listed.unwrap_or_else(|| panic!("{kind} is left: {item:?}"));
        let at = expires_at(item).unwrap_or_else(|| panic!("{item:?} never expires"));
        assert!(at <= now + most_seconds, "{kind} is kept for {} s: {item:?}", at - now);
        let whole = format!("{item:?}");
        let named = life.names.iter().map(String::as_str).chain(["小明"]).find(|name| whole.contains(name));
        assert!(*names_the_person || named.is_none(), "{named:?} is left: {item:?}");
        // What is bound to the account alone is gone, however soon it would expire.
        let is_own = ["CODE", "STREAK", "LIMIT"].iter().any(|one| kind.starts_with(one));
        assert!(!(is_own && key(item).0.contains(&life.person.id)), "{item:?}");
    }
    // A second table, whose clock can be moved, lets them all expire.
    let other = Site::with_settings(&[]).await;
    let system = other.system.as_ref().unwrap();
    let client = local::dynamodb(&system.variables).unwrap();
    for item in left.into_iter().filter(|item| key(item).0 != "KEYS") {
        client.put_item().table_name(local::TABLE).set_item(Some(item)).send().await.unwrap();
    }
    let past = LEFT.iter().map(|(_, seconds, _)| *seconds).max().unwrap() + 100 * DAY + 1;
    other.advance(u32::try_from(past).unwrap()).await;
    system.expire().unwrap();
    let rest: Vec<_> = table(&other).await.iter().map(|item| key(item).0.to_owned()).collect();
    assert_eq!(rest, ["KEYS"]);
}

/// The stream brings a message after the account was deleted.
#[tokio::test(flavor = "multi_thread")]
async fn a_late_message_brings_back_no_code_of_an_account_that_is_gone() {
    let site = Site::with_settings(&[]).await;
    let person = site.register().await;
    let late = site.system.as_ref().unwrap().pump.hold().await;
    let asked = site.send_as(&person.token, Method::POST, "/users/me/sms/", &json!({})).await;
    assert_eq!(asked.status, 200, "{asked:?}");
    site.send_as(&person.token, Method::DELETE, "/users/me/", &json!({ "password": PASSWORD })).await.is_done();
    drop(late);
    site.was_told(&format!("+86{}", person.mobile), "账号已注销").await;
    let codes: Vec<_> = table(&site).await.into_iter().filter(|item| kind(item) == "CODE").collect();
    assert!(codes.iter().all(|item| !key(item).0.contains(&person.id)), "{codes:?}");
}

/// A code that was sent to the number of an account does not open the next account of the number.
#[tokio::test(flavor = "multi_thread")]
async fn a_code_from_before_a_deletion_opens_no_account_after_it() {
    for handle in [json!({}), json!({ "handle": "new" })] {
        let site = Site::with_settings(&[]).await;
        let person = site.register().await;
        let asked = site.post(&format!("/users/sms/{}/?purpose=login", person.mobile), &handle).await;
        let mut log_in = json!({ "mobile": person.mobile, "sms_code": site.code_for(&person.mobile).await });
        site.advance(61).await;
        let mut reset = handle.clone();
        reset["mobile"] = person.mobile.as_str().into();
        let asked_again = site.post("/forget_pwd/sms_code/", &reset).await;
        let mut reset = json!({ "mobile": person.mobile, "new_password": NEW_PASSWORD });
        reset["sms_code"] = site.code_for(&person.mobile).await.into();
        for (body, asked) in [(&mut log_in, asked), (&mut reset, asked_again)] {
            if let Some(handle) = asked.json().get("handle") {
                body["handle"] = handle.clone();
            }
        }
        site.send_as(&person.token, Method::DELETE, "/users/me/", &json!({ "password": PASSWORD })).await.is_done();
        site.post("/users/sms_login/", &log_in).await.is_refused(400, "no_such_user");
        site.advance(61).await;
        let code = site.sms_code(&person.mobile).await;
        let again = site.post("/users/", &crate::site::registration(&person.mobile, &code)).await;
        assert_eq!(again.status, 201, "{again:?}");
        site.post("/users/sms_login/", &log_in).await.is_refused(400, "code_expired");
        let refused = site.forget_pwd(&site.csrf().await, &reset).await;
        assert_eq!(refused.header("x-error-code"), Some("code_expired"), "{refused:?}");
        // The next code is another one, although the old one has not expired.
        site.advance(61).await;
        site.post(&format!("/users/sms/{}/?purpose=login", person.mobile), &json!({})).await;
        let log_in = json!({ "mobile": person.mobile, "sms_code": site.code_for(&person.mobile).await });
        assert_eq!(site.post("/users/sms_login/", &log_in).await.status, 200);
    }
}

/// Otherwise whoever deletes an account would get new guesses at the codes to its number.
#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_gives_nobody_new_guesses_or_messages() {
    let site = Site::with_settings(&[]).await;
    let person = site.register().await;
    let path = format!("/users/sms/{}/?purpose=login&register=true", person.mobile);
    site.post(&path, &json!({})).await;
    let guess = json!({
        "mobile": person.mobile, "sms_code": other_code(&site.code_for(&person.mobile).await), "register": true
    });
    for _ in 0..5 {
        site.post("/users/sms_login/", &guess).await.is_refused(400, "code_wrong");
    }
    site.send_as(&person.token, Method::DELETE, "/users/me/", &json!({ "password": PASSWORD })).await.is_done();
    assert_eq!(site.post(&path, &json!({})).await.header("x-error-code"), Some("too_many_requests"), "the cooldown");
    site.advance(61).await;
    assert_eq!(site.post(&path, &json!({})).await.header("x-error-code"), Some("too_many_requests"), "the guesses");
    let items = table(&site).await;
    let streak = items.iter().find(|item| key(item).0 == format!("STREAK#{}", person.mobile)).unwrap();
    assert_eq!(streak["in_a_row"].as_n().unwrap(), "5");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_of_a_deletion_names_the_network_alone() {
    let site = Site::with_settings(&[]).await;
    let person = site.register().await;
    let delete = async |password: &str| {
        site.send_as(&person.token, Method::DELETE, "/users/me/", &json!({ "password": password })).await.status
    };
    assert_eq!((delete("wrong password").await, delete(PASSWORD).await), (400, 204));
    let lines = logs::lines_about(&person.id);
    let of = |status: &str| {
        let one = |line: &&String| line.contains("delete-account") && line.contains(&format!("\"status\":{status}"));
        lines.iter().find(one).unwrap_or_else(|| panic!("no line with {status}: {lines:?}"))
    };
    assert!(of("400").contains("\"source\":\"127.0.0.1\""), "{}", of("400"));
    assert!(of("204").contains("\"source\":\"127.0.0.*\"") && !of("204").contains("127.0.0.1"), "{}", of("204"));
    let audit = lines.iter().find(|line| line.contains("account_deleted")).unwrap();
    assert!(!audit.contains("127.0.0"), "{audit}");
}
