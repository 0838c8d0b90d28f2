//! Faults at every storage call of every use case. The answer is 503 or a success, and the operation is done completely
//! or not at all. A second request succeeds. The test fails if a use case makes a call that is not listed here, so that
//! every call is tested. ASVS 16.5.3 (fail securely).

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::{BoxFuture, FutureExt};
use futures_util::{StreamExt, stream};
use local::faults::{Kind, Service};
use reqwest::Method;
use serde_json::{Value, json};
use shared::domain::CodeKey;
use shared::dynamodb::keys;

use crate::outage_cases::*;
use crate::outages_of_reauthentication::{
    delete_account_at_once, export_at_once, reauthenticate, reauthenticate_by_code, send_email_code_at_once,
};
use crate::site::{Answer, Site, read};

/// A request, and the evidence that it was granted.
pub struct Asked {
    method: Method,
    path: String,
    pub headers: Vec<(&'static str, String)>,
    body: Value,
    shows: Shows,
    /// The request is sent at once, because it depends on a recent sign-in.
    at_once: bool,
}

/// The evidence that an operation was done.
pub enum Shows {
    /// The answer is the only evidence. The request can be repeated any number of times.
    Nothing,
    /// The answer is the evidence, and the request is granted only once.
    Answer,
    /// This recipient has one more message than this number.
    Message(String, usize),
    /// This name and password sign in.
    LogIn { name: String, password: &'static str },
    /// This number has an account.
    Taken(String),
    /// The account with this number was used recently.
    Used(String),
    /// This access token is refused.
    Refused(String),
    /// This refresh token is refused.
    Ended(String),
    /// The account of this access token has this number of sessions.
    Sessions(String, usize),
    /// This code is used up.
    UsedUp(CodeKey),
    /// The account of this access token has this nickname.
    Nickname(String, &'static str),
}

impl Shows {
    async fn in_site(&self, site: &Site) -> bool {
        match self {
            Self::Nothing | Self::Answer => false,
            Self::Message(to, before) => {
                let more = site.messages_to(to).await.len() - before;
                assert!(more <= 1, "{more} messages to {to}");
                more == 1
            }
            Self::LogIn { name, password } => {
                let body = json!({ "username": name, "password": password });
                site.post("/users/login/", &body).await.status == 200
            }
            Self::Taken(mobile) | Self::Used(mobile) => {
                site.get(&format!("/users/mobile/{mobile}/")).await.header("x-error-code") == Some("mobile_taken")
            }
            Self::Refused(token) => site.me(token).await.status == 401,
            Self::Ended(token) => site.refresh(token).await.status == 401,
            Self::Sessions(token, count) => sessions(site, token).await == *count,
            Self::UsedUp(code) => {
                let client = local::dynamodb(&site.system.as_ref().unwrap().variables).unwrap();
                let key = keys::code(code).attributes();
                let read = client.get_item().table_name(local::TABLE).set_key(Some(key)).consistent_read(true);
                read.send().await.unwrap().item.is_none()
            }
            Self::Nickname(token, name) => site.me(token).await.json()["nickname"] == *name,
        }
    }
}

pub async fn sessions(site: &Site, token: &str) -> usize {
    let answer = site.send_as(token, Method::GET, "/users/me/sessions/", &json!({})).await;
    answer.json().as_array().unwrap().len()
}

impl Asked {
    pub fn new(method: Method, path: impl Into<String>, body: Value, shows: Shows) -> Self {
        Self { method, path: path.into(), headers: Vec::new(), body, shows, at_once: false }
    }

    pub fn by(mut self, token: &str) -> Self {
        self.headers.push(("authorization", format!("Bearer {token}")));
        self
    }

    pub fn at_once(self) -> Self {
        Self { at_once: true, ..self }
    }

    /// Waits until functions look for new keys again, so that a fault hits that call too.
    async fn wait(&self, site: &Site) {
        if !self.at_once {
            site.advance(LOOK_SECONDS).await;
        }
    }

    async fn send(&self, site: &Site) -> Answer {
        let request = site.request(self.method.clone(), &self.path);
        let request = self.headers.iter().fold(request, |request, (name, value)| request.header(*name, value));
        read(if self.method == Method::GET { request } else { request.json(&self.body) }).await
    }
}

type Prepare = for<'a> fn(&'a Site) -> BoxFuture<'a, Asked>;

/// Every use case that reaches the table: its function, its calls when nothing fails, and its request.
const CASES: &[(&str, &[&str], Prepare)] = &[
    ("bind-email", &[READ, UPDATE, UPDATE, WRITE], |site| bind_email(site).boxed()),
    ("change-mobile", &[READ, READ, UPDATE, UPDATE, UPDATE, UPDATE, UPDATE, WRITE], |site| change_mobile(site).boxed()),
    ("change-password", &[READ, READ, UPDATE, UPDATE, UPDATE, WRITE], |site| change_password(site).boxed()),
    ("change-password", &[READ, UPDATE, UPDATE, READ, UPDATE, WRITE], |site| first_password(site).boxed()),
    ("change-profile", &[READ, WRITE], |site| change_nickname(site).boxed()),
    ("change-profile", &[READ, READ, UPDATE, UPDATE, UPDATE, UPDATE, WRITE], |site| change_profile(site).boxed()),
    ("check-mobile", &[UPDATE, GET], |site| check_mobile(site).boxed()),
    ("check-reset-token", &[GET], |site| check_reset_token(site).boxed()),
    ("delete-account", &[READ, UPDATE, UPDATE, UPDATE, QUERY, WRITE, QUERY, DELETE], |site| {
        delete_account(site).boxed()
    }),
    ("end-session", &[READ, WRITE], |site| end_session(site).boxed()),
    ("export", &[READ, READ, READ, UPDATE, UPDATE, UPDATE, WRITE, QUERY], |site| export(site).boxed()),
    ("forget-pwd", &[UPDATE, UPDATE, GET, GET, WRITE], |site| forget_pwd(site).boxed()),
    ("forget-pwd-mobile", &[UPDATE, GET], |site| forget_pwd_mobile(site).boxed()),
    ("forget-pwd-sms-code", &[READ, UPDATE, WRITE], |site| forget_pwd_sms_code(site).boxed()),
    ("list-sessions", &[READ, QUERY], |site| list_sessions(site).boxed()),
    ("log-in", &[UPDATE, UPDATE, GET, GET, GET, QUERY, UPDATE, WRITE, UPDATE, UPDATE], |site| log_in(site).boxed()),
    ("log-out", &[WRITE], |site| log_out(site).boxed()),
    ("me", &[READ], |site| me(site).boxed()),
    ("reauthenticate", &[READ, UPDATE, UPDATE, UPDATE], |site| reauthenticate(site).boxed()),
    ("reauthenticate", &[READ, UPDATE, UPDATE, WRITE], |site| reauthenticate_by_code(site).boxed()),
    ("delete-account", &[READ, QUERY, WRITE, QUERY, DELETE], |site| delete_account_at_once(site).boxed()),
    ("export", &[READ, READ, QUERY, WRITE], |site| export_at_once(site).boxed()),
    ("send-email-code", &[READ, READ, UPDATE, UPDATE, WRITE], |site| send_email_code_at_once(site).boxed()),
    ("refresh-token", &[READ, UPDATE], |site| refresh_token(site).boxed()),
    ("register", &[UPDATE, UPDATE, GET, GET, WRITE], |site| register(site).boxed()),
    ("register", &[UPDATE, UPDATE, GET, GET, GET, WRITE], |site| take_over(site).boxed()),
    ("reset-password", &[GET, UPDATE, WRITE], |site| reset_password(site).boxed()),
    ("secure-account", &[GET, WRITE, READ, UPDATE, WRITE], |site| secure_account(site).boxed()),
    ("send-email-code", &[READ, READ, READ, UPDATE, UPDATE, UPDATE, UPDATE, UPDATE, WRITE], |site| {
        send_email_code(site).boxed()
    }),
    ("send-proof-code", &[READ, READ, UPDATE, WRITE], |site| send_proof_code(site).boxed()),
    ("send-reset-email", &[UPDATE, GET, READ, UPDATE, WRITE], |site| send_reset_email(site).boxed()),
    ("send-sms-code", &[READ, UPDATE, UPDATE, WRITE], |site| send_sms_code(site).boxed()),
    ("sms-log-in", &[UPDATE, UPDATE, GET, GET, GET, QUERY, WRITE], |site| sms_log_in(site).boxed()),
    ("sms-log-in", &[UPDATE, UPDATE, GET, GET, GET, QUERY, WRITE], |site| sms_sign_up(site).boxed()),
    ("sms-log-in", &[UPDATE, UPDATE, GET, GET, GET, QUERY, UPDATE, UPDATE, DELETE, WRITE], |site| {
        second_proof(site).boxed()
    }),
    ("send-sms-code", &[GET, GET, READ, UPDATE, UPDATE, WRITE], |site| send_on_a_device(site).boxed()),
    ("refresh-token", &[READ, UPDATE, UPDATE], |site| refresh_after_a_day(site).boxed()),
    ("refresh-token", &[READ, WRITE], |site| refresh_on_another_device(site).boxed()),
    ("verify-captcha", &[UPDATE], |site| verify_captcha(site).boxed()),
    ("well-known", &[GET], |site| well_known(site).boxed()),
];
/// Functions whose requests do not reach the table. For the last two, `delivery` and `keys` test the faults.
const OTHERS: [&str; 4] = ["not-found", "pages", "deliver", "rotate-keys"];

/// The time after which a function looks for new keys again.
const LOOK_SECONDS: u32 = 301;

const GET: &str = "GetItem";
const READ: &str = "BatchGetItem";
const QUERY: &str = "Query";
const UPDATE: &str = "UpdateItem";
const WRITE: &str = "TransactWriteItems";
const DELETE: &str = "DeleteItem";

async fn own_site() -> Site {
    // The timeout is short, so that the test is fast. On a slow machine it may end a call too early. That causes a
    // retry or a 503, and no other answer.
    Site::with_settings(&[("AWS_ATTEMPT_TIMEOUT_MS", "800"), ("REQUIRE_CONSENT", "false")]).await
}

#[test]
fn every_function_that_reaches_the_table_is_tried() {
    let tried: BTreeSet<_> = CASES.iter().map(|(name, _, _)| *name).chain(OTHERS).collect();
    let all: BTreeSet<_> = local::registry::ENDPOINTS.iter().map(|endpoint| endpoint.name).collect();
    let all: BTreeSet<_> = all.into_iter().chain(["deliver", "rotate-keys"]).collect();
    assert_eq!(tried, all);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_is_known() {
    let site = own_site().await;
    for (name, calls, prepare) in CASES {
        let (asked, system) = (prepare(&site).await, site.system.as_ref().unwrap());
        asked.wait(&site).await;
        site.get("/_local/inbox.json").await;
        let still = system.pump.hold().await;
        let _ = system.journal.take();
        let answer = asked.send(&site).await;
        let mut made: Vec<_> = system.journal.take().into_iter().map(|call| call.operation).collect();
        drop(still);
        assert!(answer.status < 300, "{name}: {answer:?}");
        let mut known = calls.to_vec();
        made.sort_unstable();
        known.sort_unstable();
        assert_eq!(made, known, "{name} makes other calls than are tried");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn trouble_at_any_call_is_503_or_success_and_nothing_half_done() {
    let once = [Kind::Throttle, Kind::Error, Kind::Conflict, Kind::Timeout, Kind::TimeoutAfterCommit];
    let for_good = [Kind::Error, Kind::Conflict, Kind::TimeoutAfterCommit];
    let troubles: Vec<_> = once.map(|kind| (kind, 1)).into_iter().chain(for_good.map(|kind| (kind, 1000))).collect();
    let cases = CASES.iter().map(async |(name, calls, prepare)| {
        let site = own_site().await;
        for after in 0..u32::try_from(calls.len()).unwrap() {
            for (kind, count) in &troubles {
                let what = format!("{name}: {kind:?} × {count} after {after} calls");
                meet(&site, &what, &prepare(&site).await, (*kind, after, *count)).await;
            }
        }
        assert_consistent(&site, name).await;
    });
    // Most of the time is spent waiting for calls that are never answered.
    stream::iter(cases).buffer_unordered(12).for_each(async |()| {}).await;
}

async fn meet(site: &Site, what: &str, asked: &Asked, (kind, after, count): (Kind, u32, u32)) {
    let system = site.system.as_ref().unwrap();
    asked.wait(site).await;
    site.get("/_local/inbox.json").await;
    let still = system.pump.hold().await;
    system.faults.set_after(Service::Dynamodb, kind, after, count);
    let answer = asked.send(site).await;
    system.faults.set(Service::Dynamodb, kind, 0);
    drop(still);
    let granted = answer.status < 300 && answer.header("x-error-code").is_none();
    assert!(granted || answer.status == 503, "{what}: {answer:?}");
    // A lasting fault must show at the first call. A request can succeed without some of the later calls.
    let must_fail = kind == Kind::Error && after == 0 && count > 1;
    assert!(!(granted && must_fail), "{what}: {answer:?}");
    if !granted {
        answer.says_when_to_retry(60);
    }
    if matches!(asked.shows, Shows::Nothing) {
        return assert_granted(what, &asked.send(site).await);
    }
    if matches!(asked.shows, Shows::Answer) {
        if !granted {
            assert_granted(what, &asked.send(site).await);
        }
        return;
    }
    let done = asked.shows.in_site(site).await;
    assert!(done || !granted, "{what}: granted, and nothing was done");
    if !done {
        assert_granted(&format!("{what}, asked again"), &asked.send(site).await);
        assert!(asked.shows.in_site(site).await, "{what}, asked again");
    }
}

#[track_caller]
fn assert_granted(what: &str, answer: &Answer) {
    assert!(answer.status < 300 && answer.header("x-error-code").is_none(), "{what}: {answer:?}");
}

/// Asserts that no user is half created: the names of each user are claimed for it, and each claim belongs to the user
/// who has the name.
async fn assert_consistent(site: &Site, what: &str) {
    let client = local::dynamodb(&site.system.as_ref().unwrap().variables).unwrap();
    let mut pages = client.scan().table_name(local::TABLE).into_paginator().items().send();
    let (mut users, mut claims) = (BTreeMap::new(), BTreeMap::new());
    while let Some(item) = pages.next().await {
        let item = item.unwrap();
        let text = |name: &str| item.get(name).and_then(|value| value.as_s().ok()).cloned();
        let pk = text("pk").unwrap();
        match (pk.split_once('#'), text("sk").as_deref()) {
            (Some(("USER", id)), _) => drop(users.insert(id.to_owned(), [text("mobile"), text("email")])),
            (Some(("MOBILE" | "EMAIL", name)), Some("CLAIM")) => {
                claims.insert(name.to_owned(), text("user_id").unwrap());
            }
            _ => {}
        }
    }
    let names: BTreeMap<_, _> =
        users.iter().flat_map(|(id, names)| names.iter().flatten().map(|name| (name.clone(), id.clone()))).collect();
    assert_eq!(names, claims, "{what}");
}
