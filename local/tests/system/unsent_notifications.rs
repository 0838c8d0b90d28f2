//! Security notifications outlive an outage: they wait in the table and are tried again on a schedule, for three days.

use deliver::{Resend, Resent};
use local::faults::{Kind, Service};
use reqwest::Method;
use serde_json::json;
use shared::dynamodb::Item;

use crate::delivery::put_item;
use crate::site::{NEW_PASSWORD, PASSWORD, Person, Site, logs, new_email, new_mobile};

const HOUR: u32 = 3600;
const DAY: u32 = 24 * HOUR;
/// More calls than any test makes.
const ALL: u32 = 1000;

fn fail(site: &Site, service: Service, kind: Kind, count: u32) {
    site.system.as_ref().unwrap().faults.set(service, kind, count);
}

/// Lets the schedule run, and returns how many messages with these words a number or an address has got until now.
async fn told_after(site: &Site, seconds: u32, to: &str, words: &str) -> usize {
    site.advance(seconds).await;
    told(site, to, words).await
}

async fn told(site: &Site, to: &str, words: &str) -> usize {
    let all = site.messages_to(to).await;
    all.iter().filter(|message| message["text"].as_str().unwrap().contains(words)).count()
}

/// Returns the text of the newest message with these words.
async fn text(site: &Site, to: &str, words: &str) -> String {
    let all = site.messages_to(to).await;
    let mut texts = all.iter().map(|message| message["text"].as_str().unwrap());
    texts.find(|text| text.contains(words)).unwrap_or_else(|| panic!("no {words}: {all:?}")).to_owned()
}

async fn items_under(site: &Site, partition: &str) -> Vec<Item> {
    let client = local::dynamodb(&site.system.as_ref().unwrap().variables).unwrap();
    let items = client.scan().table_name(local::TABLE).send().await.unwrap().items.unwrap();
    items.into_iter().filter(|item| item["pk"].as_s().unwrap().starts_with(partition)).collect()
}

/// Returns how many notifications are counted in the budgets.
async fn counted(site: &Site) -> u32 {
    let shards = items_under(site, "BUDGET#notification#").await;
    shards.iter().map(|shard| shard["sent"].as_n().unwrap().parse::<u32>().unwrap()).sum()
}

/// Returns the notifications that are not sent yet, after the stream was carried.
async fn unsent(site: &Site) -> Vec<Item> {
    site.get("/_local/inbox.json").await;
    items_under(site, "MESSAGE#notifications#").await
}

async fn resend(site: &Site, which: Resend) -> Resent {
    site.system.as_ref().unwrap().schedule.resend(which).await.unwrap()
}

async fn change_password(site: &Site, person: &mut Person, from: &str, to: &str) {
    let body = json!({ "password": from, "new_password": to });
    let answer = site.send_as(&person.token, Method::PUT, "/users/me/password/", &body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    person.token = answer.json()["token"].as_str().unwrap().to_owned();
}

async fn bind(site: &Site, person: &mut Person, email: &str, password: &str) {
    let asked = json!({ "email": email, "password": password });
    assert_eq!(site.send_as(&person.token, Method::POST, "/users/me/email/", &asked).await.status, 200);
    let bound = json!({ "email": email, "email_code": site.code_for(email).await });
    let answer = site.send_as(&person.token, Method::PUT, "/users/me/email/", &bound).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    person.token = answer.json()["token"].as_str().unwrap().to_owned();
}

/// Returns a person whose email has been bound for so many seconds.
async fn person_with_email(site: &Site, seconds: u32) -> (Person, String) {
    let (mut person, email) = site.register_with_email().await;
    // `register_with_email` has let 61 seconds pass.
    site.advance(seconds - 61).await;
    person.token = site.log_in(&person.mobile).await["token"].as_str().unwrap().to_owned();
    (person, email)
}

const CHANGED: &str = "登录密码已修改";

/// Returns a person who has just changed the password and was not told, because so many calls to SNS fail in this way,
/// and the number as messages name it.
async fn untold(site: &Site, kind: Kind, count: u32) -> (Person, String) {
    let mut person = site.register().await;
    let to = format!("+86{}", person.mobile);
    fail(site, Service::Sms, kind, count);
    change_password(site, &mut person, PASSWORD, NEW_PASSWORD).await;
    assert_eq!(told(site, &to, CHANGED).await, 0);
    (person, to)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_busy_provider_refused_is_sent_by_the_schedule_once() {
    let site = Site::with_settings(&[]).await;
    // The stream tries four times and gives up.
    let (_, to) = untold(&site, Kind::Throttle, 4).await;
    let undelivered = site.get("/_local/undelivered.json").await.json();
    assert_eq!(undelivered.as_array().unwrap().len(), 1);
    assert_eq!(told_after(&site, 300, &to, CHANGED).await, 1);
    assert!(unsent(&site).await.is_empty(), "what was sent is not kept");
    assert_eq!(told_after(&site, DAY, &to, CHANGED).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_of_lost_answers_leaves_the_owner_told_and_costs_few_messages() {
    let site = Site::with_settings(&[]).await;
    // At once, and after about 15 minutes, 1, 5 and 21 hours. A sixth try would succeed.
    let (_, to) = untold(&site, Kind::Error, 5).await;
    for _ in 0..24 * 4 {
        site.advance(15 * 60).await;
        assert_eq!(unsent(&site).await.len(), 1);
    }
    assert_eq!(counted(&site).await, 1, "it counts once, however often it is tried");
    fail(&site, Service::Sms, Kind::Error, 0);
    // Every wait ends within a day.
    assert_eq!(told_after(&site, DAY, &to, CHANGED).await, 1);
    assert!(unsent(&site).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn after_an_outage_one_command_sends_all_at_once() {
    let site = Site::with_settings(&[]).await;
    let mut people = [site.register().await, site.register().await];
    fail(&site, Service::Sms, Kind::Garbage, ALL);
    for person in &mut people {
        change_password(&site, person, PASSWORD, NEW_PASSWORD).await;
        assert_eq!(told(&site, &format!("+86{}", person.mobile), CHANGED).await, 0);
    }
    site.advance(5 * HOUR).await;
    fail(&site, Service::Sms, Kind::Garbage, 0);
    assert_eq!(resend(&site, Resend::Due).await, Resent::default(), "they would wait for hours");
    assert_eq!(site.post("/_local/resend", &json!({})).await.json(), json!({ "sent": 2, "failed": 0 }));
    assert_eq!(site.get("/_local/undelivered.json").await.json(), json!([]));
    for person in &people {
        assert_eq!(told(&site, &format!("+86{}", person.mobile), CHANGED).await, 1);
    }
    assert_eq!(resend(&site, Resend::All).await, Resent::default());
}

#[tokio::test(flavor = "multi_thread")]
async fn simultaneous_runs_send_each_notification_once() {
    let site = Site::with_settings(&[]).await;
    let (_, to) = untold(&site, Kind::Throttle, 4).await;
    let runs = (0..8).map(|run| resend(&site, if run % 2 == 0 { Resend::Due } else { Resend::All }));
    let sent: u32 = futures_util::future::join_all(runs).await.iter().map(|one| one.sent).sum();
    assert_eq!((sent, told(&site, &to, CHANGED).await), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notification_above_the_budget_is_sent_the_next_day() {
    let site = Site::with_settings(&[("NOTICE_DAILY_BUDGET", "1")]).await;
    site.begin_day().await;
    let (mut first, mut second) = (site.register().await, site.register().await);
    change_password(&site, &mut first, PASSWORD, NEW_PASSWORD).await;
    assert_eq!(told(&site, &format!("+86{}", first.mobile), CHANGED).await, 1);
    change_password(&site, &mut second, PASSWORD, NEW_PASSWORD).await;
    let to = format!("+86{}", second.mobile);
    assert_eq!(told(&site, &to, CHANGED).await, 0);
    assert_eq!(told_after(&site, DAY, &to, CHANGED).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_try_that_was_cut_short_is_made_again() {
    let site = Site::with_settings(&[]).await;
    let person = site.register().await;
    let now = site.system.as_ref().unwrap().clock.now().unix_seconds();
    // An invocation claimed the notification and ended before it sent it.
    let notification = json!({
        "pk": { "S": "MESSAGE#notifications#sms#0" },
        "sk": { "S": "of-the-test" },
        "id": { "S": "of-the-test" },
        "kind": { "S": "a test's message" },
        "channel": { "S": "sms" },
        "to": { "S": person.mobile },
        "content": { "S": "security_notification" },
        "data": { "M": {
            "event": { "S": "password" }, "user_id": { "S": person.id }, "with_link": { "BOOL": true },
        } },
        "requires_account": { "BOOL": false },
        "language": { "S": "zh" },
        "created_at": { "N": now.to_string() },
        "expires_at": { "N": (now + 3 * i64::from(DAY)).to_string() },
        "claimed_by": { "S": "one that ended" },
        "next_try_at": { "N": (now + 900).to_string() },
    });
    put_item(&site, &notification).await;
    let to = format!("+86{}", person.mobile);
    assert_eq!(resend(&site, Resend::All).await, Resent::default(), "it may still be running");
    assert_eq!(told_after(&site, 900, &to, CHANGED).await, 1);
}

/// The provider was busy for long, so nothing was tried that could have been sent. A lost answer then costs 15 minutes.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_lost_late_ends_no_notification() {
    let site = Site::with_settings(&[]).await;
    let (_, to) = untold(&site, Kind::Throttle, ALL).await;
    assert_eq!(told_after(&site, 2 * DAY, &to, CHANGED).await, 0);
    fail(&site, Service::Sms, Kind::Error, 1);
    assert_eq!(told_after(&site, 300, &to, CHANGED).await, 0);
    assert_eq!(told_after(&site, 300, &to, CHANGED).await, 0, "it may have been sent");
    assert_eq!(told_after(&site, 600, &to, CHANGED).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_again_and_again_is_reported_and_goes() {
    logs::keep();
    let site = Site::with_settings(&[]).await;
    untold(&site, Kind::Error, ALL).await;
    assert_eq!(unsent(&site).await.len(), 1);
    for _ in 0..3 * 24 {
        site.advance(HOUR).await;
    }
    assert!(unsent(&site).await.is_empty());
    let lines = logs::lines_about("it could not be sent in time");
    assert!(lines.iter().any(|line| line.contains("\"code\":\"internal\"")), "{lines:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_that_cannot_be_read_stops_no_other() {
    let site = Site::with_settings(&[]).await;
    let mut people = [site.register().await, site.register().await];
    for channel in ["sms", "email"] {
        for shard in 0..4 {
            let key = format!("MESSAGE#notifications#{channel}#{shard}");
            put_item(&site, &json!({ "pk": { "S": key }, "sk": { "S": "0" }, "kind": { "S": "damaged" } })).await;
        }
    }
    fail(&site, Service::Sms, Kind::Throttle, ALL);
    for person in &mut people {
        change_password(&site, person, PASSWORD, NEW_PASSWORD).await;
    }
    assert_eq!(unsent(&site).await.len(), 8 + 2);
    fail(&site, Service::Sms, Kind::Throttle, 0);
    assert_eq!(resend(&site, Resend::Due).await, Resent { sent: 2, failed: 8 });
}

#[tokio::test(flavor = "multi_thread")]
async fn after_three_days_nobody_is_told_any_more_and_nothing_is_left() {
    let site = Site::with_settings(&[]).await;
    let (_, to) = untold(&site, Kind::Throttle, ALL).await;
    assert_eq!(told_after(&site, 3 * DAY - 600, &to, CHANGED).await, 0);
    assert_eq!(unsent(&site).await.len(), 1);
    fail(&site, Service::Sms, Kind::Throttle, 0);
    assert_eq!(told_after(&site, 900, &to, CHANGED).await, 0);
    assert!(unsent(&site).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_days_are_configured() {
    let site = Site::with_settings(&[("NOTIFICATION_DAYS", "5")]).await;
    let (mut person, email) = person_with_email(&site, 8 * DAY - 600).await;
    fail(&site, Service::Sms, Kind::Throttle, ALL);
    change_password(&site, &mut person, PASSWORD, NEW_PASSWORD).await;
    // Five days and the three of a link are not over.
    assert!(!text(&site, &email, CHANGED).await.contains("/secure#"));
    site.advance(5 * DAY - 1200).await;
    fail(&site, Service::Sms, Kind::Throttle, 0);
    assert_eq!(told_after(&site, 300, &format!("+86{}", person.mobile), CHANGED).await, 1);
}

async fn secure(site: &Site, text: &str) -> u16 {
    let token = text.split_once("/secure#").unwrap_or_else(|| panic!("no link: {text}")).1;
    let token: String = token.chars().take_while(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).collect();
    site.post("/users/secure/", &json!({ "token": token })).await.status
}

#[tokio::test(flavor = "multi_thread")]
async fn the_life_of_a_link_starts_when_it_is_sent() {
    for (days_after, answer) in [(3 * DAY - 600, 200), (3 * DAY + 1, 400)] {
        let site = Site::with_settings(&[]).await;
        let (_, to) = untold(&site, Kind::Throttle, ALL).await;
        assert_eq!(told_after(&site, 2 * DAY, &to, CHANGED).await, 0);
        fail(&site, Service::Sms, Kind::Throttle, 0);
        assert_eq!(told_after(&site, 300, &to, CHANGED).await, 1);
        let sent = text(&site, &to, CHANGED).await;
        site.advance(days_after).await;
        assert_eq!(secure(&site, &sent).await, answer);
    }
}

/// A notification by SMS and one by mail tell of one change, which can be stopped once.
#[tokio::test(flavor = "multi_thread")]
async fn the_links_of_one_change_work_once_together_however_late_one_is_sent() {
    let site = Site::with_settings(&[]).await;
    let (mut person, email) = person_with_email(&site, 6 * DAY).await;
    fail(&site, Service::Email, Kind::Throttle, ALL);
    change_password(&site, &mut person, PASSWORD, NEW_PASSWORD).await;
    let texted = text(&site, &format!("+86{}", person.mobile), CHANGED).await;
    assert_eq!(secure(&site, &texted).await, 200);
    site.advance(2 * DAY).await;
    fail(&site, Service::Email, Kind::Throttle, 0);
    assert!(told_after(&site, 300, &email, CHANGED).await > 0);
    let mailed = text(&site, &email, CHANGED).await;
    site.advance(2 * DAY).await;
    assert_eq!(secure(&site, &mailed).await, 400, "it is valid and used");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_the_account_gave_up_meanwhile_gets_word_without_a_link() {
    let site = Site::with_settings(&[]).await;
    let (mut person, old) = person_with_email(&site, 6 * DAY).await;
    fail(&site, Service::Email, Kind::Throttle, ALL);
    change_password(&site, &mut person, PASSWORD, NEW_PASSWORD).await;
    assert_eq!(told(&site, &old, CHANGED).await, 0);
    fail(&site, Service::Email, Kind::Throttle, 0);
    // The owner leaves the company whose address it was.
    bind(&site, &mut person, &new_email(), NEW_PASSWORD).await;
    assert!(told(&site, &old, "/secure#").await > 0, "the change of address itself tells the old one, with a link");
    assert_eq!(told_after(&site, 300, &old, CHANGED).await, 1);
    assert!(!text(&site, &old, CHANGED).await.contains("/secure#"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_address_that_a_thief_replaced_gets_its_link_however_late() {
    let site = Site::with_settings(&[]).await;
    let (mut person, old) = person_with_email(&site, 6 * DAY).await;
    let thief_s = [new_email(), new_email()];
    bind_while_mail_is_down(&site, &mut person, &old, &thief_s[0]).await;
    // A second change does not take the link from the owner.
    site.advance(61).await;
    bind(&site, &mut person, &thief_s[1], PASSWORD).await;
    site.advance(2 * DAY).await;
    let sent = text(&site, &old, "/secure#").await;
    assert_eq!(secure(&site, &sent).await, 200);
    for to in &thief_s {
        assert_eq!(told(&site, to, "/secure#").await, 0);
    }
}

/// Binds another email. The code arrives, and the notification to the old address does not.
async fn bind_while_mail_is_down(site: &Site, person: &mut Person, old: &str, new: &str) {
    let asked = json!({ "email": new, "password": PASSWORD });
    assert_eq!(site.send_as(&person.token, Method::POST, "/users/me/email/", &asked).await.status, 200);
    let code = site.code_for(new).await;
    fail(site, Service::Email, Kind::Throttle, ALL);
    let bound = json!({ "email": new, "email_code": code });
    let answer = site.send_as(&person.token, Method::PUT, "/users/me/email/", &bound).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    person.token = answer.json()["token"].as_str().unwrap().to_owned();
    assert_eq!(told(site, old, "/secure#").await, 0);
    fail(site, Service::Email, Kind::Throttle, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_owner_of_a_number_gets_no_link_from_before() {
    let site = Site::with_settings(&[]).await;
    let (person, to) = untold(&site, Kind::Throttle, 4).await;
    let mobile = new_mobile();
    let path = format!("/users/sms/{mobile}/?purpose=mobile");
    assert_eq!(site.send_as(&person.token, Method::POST, &path, &json!({})).await.status, 200);
    let body = json!({ "mobile": mobile, "sms_code": site.code_for(&mobile).await, "password": NEW_PASSWORD });
    let answer = site.send_as(&person.token, Method::PUT, "/users/me/mobile/", &body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(told_after(&site, 300, &to, CHANGED).await, 1);
    assert!(!text(&site, &to, CHANGED).await.contains("/secure#"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_settled_after_six_days() {
    for (seconds, links) in [(6 * DAY - 600, false), (6 * DAY + 10, true)] {
        let site = Site::with_settings(&[]).await;
        let (mut person, email) = person_with_email(&site, seconds).await;
        change_password(&site, &mut person, PASSWORD, NEW_PASSWORD).await;
        assert_eq!(text(&site, &email, CHANGED).await.contains("/secure#"), links, "{seconds}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notification_of_a_deleted_account_has_no_link() {
    let site = Site::with_settings(&[]).await;
    let (person, to) = untold(&site, Kind::Throttle, 4).await;
    let gone = site.send_as(&person.token, Method::DELETE, "/users/me/", &json!({ "password": NEW_PASSWORD })).await;
    assert_eq!(gone.status, 204, "{gone:?}");
    assert_eq!(told_after(&site, 300, &to, CHANGED).await, 1);
    assert!(!text(&site, &to, CHANGED).await.contains("/secure#"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_of_one_provider_holds_up_no_message_of_the_other() {
    let site = Site::with_settings(&[]).await;
    let mut people = Vec::new();
    for _ in 0..3 {
        people.push(person_with_email(&site, 61).await);
    }
    assert!(unsent(&site).await.is_empty());
    fail(&site, Service::Sms, Kind::Throttle, ALL);
    fail(&site, Service::Email, Kind::Throttle, ALL);
    for (person, _) in &mut people {
        change_password(&site, person, PASSWORD, NEW_PASSWORD).await;
    }
    for (_, email) in &people {
        assert_eq!(told(&site, email, CHANGED).await, 0);
    }
    fail(&site, Service::Email, Kind::Throttle, 0);
    site.advance(300).await;
    for (_, email) in &people {
        assert_eq!(told(&site, email, CHANGED).await, 1);
    }
    assert_eq!(unsent(&site).await.len(), 3);
}
