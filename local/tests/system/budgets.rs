//! The daily budgets. Messages to people without an account may use a share of each, and no source may use up that share
//! alone: strangers must not shut sign-ups, and nobody must shut sign-ins and recovery.

use std::net::Ipv4Addr;

use local::faults::{Kind, Service};
use reqwest::{Client, Method};
use serde_json::{Value, json};

use crate::site::{Answer, PASSWORD, Person, Site, new_email, new_mobile, read};

const DAY: u32 = 86_400;

/// Starts a site with small budgets, of which strangers may use 60 %.
async fn site(more: &[(&str, &str)]) -> Site {
    let settings = [("SMS_DAILY_BUDGET", "40"), ("MAIL_DAILY_BUDGET", "40"), ("LIMIT_STRANGERS_SOURCE", "2/d")];
    Site::with_settings(&[&settings, more].concat()).await
}

/// Posts from one of many network addresses of this machine.
pub async fn from(site: &Site, number: u8, path: &str, body: &Value) -> Answer {
    let client = Client::builder().local_address(Some(Ipv4Addr::new(127, 0, 0, number).into())).build().unwrap();
    let answer = read(client.post(format!("{}{path}", site.base_url)).json(body)).await;
    // `deliver` has sent the message when the inbox is shown.
    sent(site).await;
    answer
}

async fn sent(site: &Site) -> usize {
    site.get("/_local/inbox.json").await.json().as_array().unwrap().len()
}

fn to_sign_up(mobile: &str) -> String {
    format!("/users/sms/{mobile}/")
}

/// The request of our sign-in page, which does not know whether the number has an account.
fn to_sign_in_or_up(mobile: &str) -> String {
    format!("/users/sms/{mobile}/?purpose=login&register=true")
}

/// Registers two people, each on another day.
async fn people(site: &Site) -> [Person; 2] {
    let one = site.register().await;
    site.advance(DAY).await;
    let other = site.register().await;
    site.advance(DAY).await;
    [one, other]
}

/// Spends the strangers' share: two messages from each of twelve addresses.
async fn spend_strangers_share(site: &Site) {
    let before = sent(site).await;
    for number in 101..=112 {
        for _ in 0..2 {
            assert_eq!(from(site, number, &to_sign_up(&new_mobile()), &json!({})).await.status, 200);
        }
    }
    assert_eq!(sent(site).await, before + 24, "60 % of 40");
    // The last of them has raised the flag, so that nobody waits for a code that is dropped.
    from(site, 113, &to_sign_up(&new_mobile()), &json!({})).await.is_refused(503, "unavailable");
    assert_eq!(sent(site).await, before + 24);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_has_a_budget_of_which_strangers_spend_a_part() {
    let site = site(&[]).await;
    let people = people(&site).await;
    spend_strangers_share(&site).await;
    let refused = from(&site, 114, &to_sign_up(&new_mobile()), &json!({})).await;
    refused.is_refused(503, "unavailable");
    // It is worth trying again at midnight (UTC), and not in five seconds.
    let now = site.system.as_ref().unwrap().clock.now().unix_seconds();
    let wait: i64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((wait - (86_400 - now.rem_euclid(86_400))).abs() <= 2, "{wait}");
    // Existing accounts are served: the forgotten password, and the sign-in page, which does not know who has one.
    let before = sent(&site).await;
    let forgotten = json!({ "mobile": people[0].mobile });
    assert_eq!(from(&site, 115, "/forget_pwd/sms_code/", &forgotten).await.json()["errno"], "0");
    assert_eq!(from(&site, 116, &to_sign_in_or_up(&people[1].mobile), &json!({})).await.status, 200);
    assert_eq!(sent(&site).await, before + 2);
    // Nobody without an account waits for a code that is dropped.
    from(&site, 116, &to_sign_in_or_up(&new_mobile()), &json!({})).await.is_refused(503, "unavailable");
    site.advance(DAY).await;
    assert_eq!(from(&site, 117, &to_sign_up(&new_mobile()), &json!({})).await.status, 200, "tomorrow is another day");
    assert_eq!(sent(&site).await, before + 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_registration_is_not_disclosed_the_spent_share_tells_nobody_who_has_an_account() {
    let site = site(&[("DISCLOSE_REGISTRATION", "false")]).await;
    let people = people(&site).await;
    spend_strangers_share(&site).await;
    let before = sent(&site).await;
    let [known, unknown] = [&people[0].mobile, &new_mobile()].map(|mobile| to_sign_in_or_up(mobile));
    let known = from(&site, 114, &known, &json!({})).await;
    let unknown = from(&site, 114, &unknown, &json!({})).await;
    assert_eq!((known.status, &known.text), (unknown.status, &unknown.text));
    assert_eq!(sent(&site).await, before + 1, "only the account's code is sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_source_spends_no_share_that_belongs_to_all() {
    let site = site(&[]).await;
    let people = people(&site).await;
    for _ in 0..2 {
        assert_eq!(from(&site, 101, &to_sign_up(&new_mobile()), &json!({})).await.status, 200);
    }
    for path in [to_sign_up(&new_mobile()), to_sign_in_or_up(&new_mobile())] {
        let refused = from(&site, 101, &path, &json!({})).await;
        refused.is_refused(429, "too_many_requests");
    }
    // Behind the same address, existing accounts sign in, and elsewhere people sign up.
    for person in &people {
        assert_eq!(from(&site, 101, &to_sign_in_or_up(&person.mobile), &json!({})).await.status, 200);
    }
    assert_eq!(from(&site, 102, &to_sign_in_or_up(&new_mobile()), &json!({})).await.status, 200);
    assert_eq!(from(&site, 102, &to_sign_in_or_up(&new_mobile()), &json!({})).await.status, 200);
    from(&site, 102, &to_sign_in_or_up(&new_mobile()), &json!({})).await.is_refused(429, "too_many_requests");
}

/// An account asks for codes to addresses of strangers. Neither its owner nor anybody else loses the mail that lets them
/// in again.
#[tokio::test(flavor = "multi_thread")]
async fn one_account_cannot_stop_the_mail_of_others() {
    let site = Site::with_settings(&[("LIMIT_NEW_ADDRESSES", "5/h,10/d")]).await;
    let (person, email) = site.register_with_email().await;
    let ask = async |to: &str| {
        let body = json!({ "email": to, "password": PASSWORD });
        site.send_as(&person.token, Method::POST, "/users/me/email/", &body).await
    };
    // One was asked for to bind the first.
    for _ in 0..4 {
        assert_eq!(ask(&new_email()).await.status, 200);
    }
    ask(&new_email()).await.is_refused(429, "too_many_requests");
    assert_eq!(site.post("/users/find/password/email/", &json!({ "email": email })).await.status, 200);
    site.link_for(&email).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_make_no_other_recipient() {
    let site = Site::with_settings(&[]).await;
    let person = site.register().await;
    let name = new_email();
    let (local, domain) = name.split_once('@').unwrap();
    let ask = async |email: String| {
        let body = json!({ "email": email, "password": PASSWORD });
        site.send_as(&person.token, Method::POST, "/users/me/email/", &body).await
    };
    assert_eq!(ask(format!("{local}+1@{domain}")).await.status, 200);
    for email in [format!("{local}+2@{domain}"), name.clone(), format!("{local}+@{domain}")] {
        ask(email).await.is_refused(429, "too_many_requests");
    }
    // The address keeps its tag where it is an identity.
    let code = site.code_for(&format!("{local}+1@{domain}")).await;
    let bind = json!({ "email": format!("{local}+1@{domain}"), "email_code": code });
    assert_eq!(site.send_as(&person.token, Method::PUT, "/users/me/email/", &bind).await.status, 200);
    site.log_in(&format!("{local}+1@{domain}")).await;
}

/// The provider refuses four times. The message counts once, or not at all where it is certain that nothing was sent.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_counts_once_however_often_it_is_tried() {
    let site = Site::with_settings(&[("SMS_DAILY_BUDGET", "8"), ("STRANGERS_PERCENT", "100")]).await;
    let faults = &site.system.as_ref().unwrap().faults;
    let people = people(&site).await;
    let path = |person: &Person| format!("/users/sms/{}/?purpose=login", person.mobile);
    for _ in 0..3 {
        faults.set(Service::Sms, Kind::Throttle, 2);
        site.advance(61).await;
        let before = sent(&site).await;
        assert_eq!(site.post(&path(&people[0]), &json!({})).await.status, 200);
        assert_eq!(sent(&site).await, before + 1, "it is sent at the third try");
    }
    for _ in 0..5 {
        site.advance(61).await;
        let before = sent(&site).await;
        assert_eq!(site.post(&path(&people[1]), &json!({})).await.status, 200);
        assert_eq!(sent(&site).await, before + 1, "eight messages are sent in a day");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_limit_on_changes_does_not_end_with_the_account() {
    let site = Site::with_settings(&[("LIMIT_CHANGES", "3/d")]).await;
    let mut person = site.register().await;
    let mut changed = 0;
    for _ in 0..3 {
        let mut token = person.token.clone();
        let body = json!({ "password": PASSWORD, "new_password": PASSWORD });
        for _ in 0..2 {
            let answer = site.send_as(&token, Method::PUT, "/users/me/password/", &body).await;
            if answer.status == 200 {
                changed += 1;
                token = answer.json()["token"].as_str().unwrap().to_owned();
            }
        }
        let gone = site.send_as(&token, Method::DELETE, "/users/me/", &json!({ "password": PASSWORD })).await;
        assert_eq!(gone.status, 204, "{gone:?}");
        site.advance(61).await;
        let code = site.sms_code(&person.mobile).await;
        let made = site.post("/users/", &crate::site::registration(&person.mobile, &code)).await.json();
        person.token = made["token"].as_str().unwrap().to_owned();
    }
    assert_eq!(changed, 3);
}

/// The same holds for codes to new addresses, which anybody can be sent.
#[tokio::test(flavor = "multi_thread")]
async fn the_limits_on_new_addresses_do_not_end_with_the_account() {
    let site = Site::with_settings(&[("LIMIT_NEW_ADDRESSES", "3/d")]).await;
    let mut person = site.register().await;
    let (mut mails, mut codes) = (0, 0);
    for _ in 0..3 {
        for _ in 0..2 {
            let ask = json!({ "email": new_email(), "password": PASSWORD });
            let mail = site.send_as(&person.token, Method::POST, "/users/me/email/", &ask).await;
            let path = format!("/users/sms/{}/?purpose=mobile", new_mobile());
            let code = site.send_as(&person.token, Method::POST, &path, &json!({})).await;
            for (answer, count) in [(mail, &mut mails), (code, &mut codes)] {
                match answer.status {
                    200 => *count += 1,
                    _ => answer.is_refused(429, "too_many_requests"),
                }
            }
        }
        let gone = site.send_as(&person.token, Method::DELETE, "/users/me/", &json!({ "password": PASSWORD })).await;
        assert_eq!(gone.status, 204, "{gone:?}");
        site.advance(61).await;
        let code = site.sms_code(&person.mobile).await;
        let made = site.post("/users/", &crate::site::registration(&person.mobile, &code)).await.json();
        person.token = made["token"].as_str().unwrap().to_owned();
    }
    assert_eq!((mails, codes), (3, 3));
}

/// Whoever resets the password of their own account again and again spends few notifications, and is never refused.
#[tokio::test(flavor = "multi_thread")]
async fn a_few_resets_a_day_are_told_and_the_others_are_done_all_the_same() {
    let site = Site::with_settings(&[("LIMIT_CHANGES", "3/d")]).await;
    let person = site.register().await;
    let reset = async |number: u32| {
        site.advance(61).await;
        assert_eq!(site.post("/forget_pwd/sms_code/", &json!({ "mobile": person.mobile })).await.status, 200);
        let code = site.code_for(&person.mobile).await;
        let body = json!({ "mobile": person.mobile, "sms_code": code, "new_password": PASSWORD });
        let answer = site.forget_pwd(&site.csrf().await, &body).await;
        assert_eq!(answer.json()["errno"], "0", "reset {number}: {answer:?}");
    };
    let told = async || {
        let all = site.messages_to(&format!("+86{}", person.mobile)).await;
        all.iter().filter(|one| one["text"].as_str().unwrap().contains("登录密码已")).count()
    };
    site.begin_day().await;
    for number in 1..=5 {
        reset(number).await;
        assert_eq!(told().await, number.min(3) as usize, "after reset {number}");
    }
    // What somebody does in a session is told all the same.
    let token = site.log_in(&person.mobile).await["token"].as_str().unwrap().to_owned();
    let body = json!({ "password": PASSWORD, "new_password": PASSWORD });
    let changed = site.send_as(&token, Method::PUT, "/users/me/password/", &body).await.json();
    assert_eq!(told().await, 4);
    // The count does not end with the account.
    let token = changed["token"].as_str().unwrap();
    let gone = site.send_as(token, Method::DELETE, "/users/me/", &json!({ "password": PASSWORD })).await;
    assert_eq!(gone.status, 204, "{gone:?}");
    site.advance(61).await;
    let code = site.sms_code(&person.mobile).await;
    assert_eq!(site.post("/users/", &crate::site::registration(&person.mobile, &code)).await.status, 201);
    reset(6).await;
    assert_eq!(told().await, 4);
    site.advance(86_400).await;
    reset(7).await;
    assert_eq!(told().await, 5, "on the next day");
}

/// A thief with a mailed link sends it many times at once, so that nobody is told of the one that sets the password.
#[tokio::test(flavor = "multi_thread")]
async fn requests_that_lose_the_race_for_a_link_leave_the_owner_told() {
    let site = Site::with_settings(&[("LIMIT_CHANGES", "3/d")]).await;
    let (person, email) = site.register_with_email().await;
    site.begin_day().await;
    for told in 1..=3 {
        site.advance(61).await;
        assert_eq!(site.post("/users/find/password/email/", &json!({ "email": email })).await.status, 200);
        let link = site.link_for(&email).await;
        let body = json!({ "access_token": link, "password": PASSWORD, "password2": PASSWORD });
        let answers = futures_util::future::join_all((0..8).map(|_| site.put("/users/find/password/", &body))).await;
        assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1, "{answers:?}");
        let all = site.messages_to(&format!("+86{}", person.mobile)).await;
        let texts = all.iter().filter(|one| one["text"].as_str().unwrap().contains("登录密码已"));
        assert_eq!(texts.count(), told);
    }
}

/// The message that spends the last of the day's share is counted just before midnight, and the flag is written after it.
#[tokio::test(flavor = "multi_thread")]
async fn a_day_that_is_spent_at_midnight_does_not_shut_the_next() {
    let site = site(&[]).await;
    let system = site.system.as_ref().unwrap();
    people(&site).await;
    for number in 101..=123 {
        assert_eq!(from(&site, number, &to_sign_up(&new_mobile()), &json!({})).await.status, 200);
    }
    sent(&site).await;
    let mut held = system.holds.hold("TransactWriteItems", "FLAG#sms_strangers#0");
    let (path, body) = (to_sign_up(&new_mobile()), json!({}));
    let (over, ()) = tokio::join!(site.post(&path, &body), async {
        assert!(held.reached().await);
        let now = system.clock.now().unix_seconds();
        site.advance(u32::try_from(86_400 - now.rem_euclid(86_400)).unwrap()).await;
        held.release();
    });
    assert_eq!(over.status, 200);
    sent(&site).await;
    assert_eq!(from(&site, 114, &to_sign_up(&new_mobile()), &json!({})).await.status, 200, "it is another day");
}
