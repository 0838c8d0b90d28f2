//! From the table's stream to a phone: each code and link is sent once or not at all.

use aws_lambda_events::dynamodb::Event;
use deliver::{Providers, deliver};
use local::faults::{Kind, Service};
use serde_json::{Value, json};
use shared::App;
use shared::config::{Config, Environment};

use crate::site::{Site, new_mobile};

/// `deliver`, called as the stream would call it, with records chosen by the test.
struct Deliver {
    app: App,
    providers: Providers,
}

impl Deliver {
    fn of(site: &Site) -> Self {
        let system = site.system.as_ref().unwrap();
        let look_up = |name: &str| system.variables.get(name).cloned();
        let config = Config::read(&Environment::new(&look_up), deliver::NEEDS).unwrap();
        let app = App::new(config, system.clock.clone(), deliver::NEEDS).unwrap();
        let providers = Providers::new(&app).unwrap();
        Self { app, providers }
    }

    /// Delivers the records and returns the sequence numbers of those reported as failed.
    async fn carry(&self, records: &[Value], invocation: &str) -> Vec<String> {
        let event: Event = serde_json::from_value(json!({ "Records": records })).unwrap();
        let response = deliver(&self.app, &self.providers, event, invocation).await;
        response.batch_item_failures.into_iter().map(|failure| failure.item_identifier.unwrap()).collect()
    }
}

/// Puts a message into the table as a function would, and returns its stream record. The item has a kind that the
/// stream's filter does not match, so the system's own pump ignores it.
async fn put_message(site: &Site, mobile: &str, sequence_number: &str) -> Value {
    let system = site.system.as_ref().unwrap();
    let now = system.clock.now().unix_seconds();
    let id = format!("{mobile}-{sequence_number}");
    let image = json!({
        "pk": { "S": format!("MESSAGE#{id}") },
        "sk": { "S": "MESSAGE" },
        "id": { "S": id },
        "kind": { "S": "a test's message" },
        "channel": { "S": "sms" },
        "to": { "S": mobile },
        "content": { "S": "code" },
        "data": { "M": { "purpose": { "S": "register" }, "subject": { "S": mobile } } },
        "requires_account": { "BOOL": false },
        "language": { "S": "zh" },
        "created_at": { "N": now.to_string() },
        "expires_at": { "N": (now + 600).to_string() },
    });
    put_item(site, &image).await;
    json!({
        "eventID": sequence_number, "eventName": "INSERT", "eventVersion": "1.1", "eventSource": "aws:dynamodb",
        "awsRegion": "us-east-1",
        "dynamodb": {
            "ApproximateCreationDateTime": now, "Keys": {}, "NewImage": image, "SequenceNumber": sequence_number,
            "SizeBytes": 1, "StreamViewType": "NEW_IMAGE",
        },
    })
}

pub async fn put_item(site: &Site, item: &Value) {
    let system = site.system.as_ref().unwrap();
    let body = json!({ "TableName": local::TABLE, "Item": item });
    let request = site.http.post(&system.cloud_url).header("x-amz-target", "DynamoDB_20120810.PutItem");
    let access_key = &system.variables["AWS_ACCESS_KEY_ID"];
    let signature = format!("AWS4-HMAC-SHA256 Credential={access_key}/20260101/us-east-1/dynamodb/aws4_request");
    let request = request.header("authorization", signature).header("x-amz-date", "20260101T000000Z");
    let answer =
        request.header("content-type", "application/x-amz-json-1.0").body(body.to_string()).send().await.unwrap();
    let status = answer.status();
    assert!(status.is_success(), "{status}: {}", answer.text().await.unwrap());
}

async fn sent_to(site: &Site, mobile: &str) -> usize {
    site.messages_to(&format!("+86{mobile}")).await.len()
}

fn fail(site: &Site, kind: Kind, count: u32) {
    site.system.as_ref().unwrap().faults.set(Service::Sms, kind, count);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_delivered_twice_sends_once() {
    let site = Site::with_settings(&[]).await;
    let (deliver, mobile) = (Deliver::of(&site), new_mobile());
    let record = put_message(&site, &mobile, "1").await;
    assert!(deliver.carry(&[record.clone(), record.clone()], "one").await.is_empty());
    assert!(deliver.carry(std::slice::from_ref(&record), "two").await.is_empty());
    assert_eq!(sent_to(&site, &mobile).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_older_than_its_code_is_dropped() {
    let site = Site::with_settings(&[]).await;
    let (deliver, mobile) = (Deliver::of(&site), new_mobile());
    let record = put_message(&site, &mobile, "1").await;
    site.advance(600).await;
    assert!(deliver.carry(&[record], "one").await.is_empty());
    assert_eq!(sent_to(&site, &mobile).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_throttled_message_is_tried_again_and_its_neighbours_are_not() {
    let site = Site::with_settings(&[]).await;
    let deliver = Deliver::of(&site);
    let mobiles = [new_mobile(), new_mobile(), new_mobile()];
    let mut records = Vec::new();
    for (index, mobile) in mobiles.iter().enumerate() {
        records.push(put_message(&site, mobile, &index.to_string()).await);
    }
    fail(&site, Kind::Throttle, 1);
    let failed = deliver.carry(&records, "one").await;
    assert_eq!(failed.len(), 1, "{failed:?}");
    // Lambda sends every record from the lowest failed one on again.
    assert!(deliver.carry(&records, "two").await.is_empty());
    for mobile in &mobiles {
        assert_eq!(sent_to(&site, mobile).await, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_whose_answer_was_lost_is_not_sent_again() {
    let site = Site::with_settings(&[]).await;
    let (deliver, mobile) = (Deliver::of(&site), new_mobile());
    let record = put_message(&site, &mobile, "1").await;
    for kind in [Kind::Error, Kind::Garbage] {
        fail(&site, kind, 1);
        assert!(deliver.carry(std::slice::from_ref(&record), "one").await.is_empty(), "{kind:?}: given up");
        fail(&site, kind, 0);
        assert!(deliver.carry(std::slice::from_ref(&record), "two").await.is_empty());
        assert_eq!(sent_to(&site, &mobile).await, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_was_not_reached_is_tried_again() {
    let site = Site::with_settings(&[("AWS_ENDPOINT_URL_SNS", "http://127.0.0.1:9")]).await;
    let (deliver, mobile) = (Deliver::of(&site), new_mobile());
    let record = put_message(&site, &mobile, "1").await;
    assert_eq!(deliver.carry(std::slice::from_ref(&record), "one").await, ["1"]);
    assert_eq!(deliver.carry(&[record], "two").await, ["1"], "and the claim was given back");
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_that_is_throttled_is_tried_again_and_mail_that_failed_is_not() {
    let site = Site::with_settings(&[]).await;
    let person = site.register().await;
    for (kind, mails) in [(Kind::Throttle, 1), (Kind::Error, 0), (Kind::Garbage, 0)] {
        site.system.as_ref().unwrap().faults.set(Service::Email, kind, 1);
        let email = crate::site::new_email();
        let body = json!({ "email": email, "password": crate::site::PASSWORD });
        let answer = site.send_as(&person.token, reqwest::Method::POST, "/users/me/email/", &body).await;
        assert_eq!(answer.status, 200);
        assert_eq!(site.messages_to(&email).await.len(), mails, "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redelivered_record_leaves_the_code_that_was_sent() {
    let site = Site::with_settings(&[]).await;
    let (deliver, mobile) = (Deliver::of(&site), new_mobile());
    let record = put_message(&site, &mobile, "1").await;
    deliver.carry(std::slice::from_ref(&record), "one").await;
    let code = site.code_for(&mobile).await;
    // Less than five minutes of the code's life remain. A second delivery of the message would issue a new code.
    site.advance(400).await;
    deliver.carry(&[record], "two").await;
    let answer = site.post("/users/", &crate::site::registration(&mobile, &code)).await;
    assert_eq!(answer.status, 201, "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_is_no_message_holds_nothing_up() {
    let site = Site::with_settings(&[]).await;
    let (deliver, mobile) = (Deliver::of(&site), new_mobile());
    let mut poison = put_message(&site, &mobile, "1").await;
    poison["dynamodb"]["NewImage"]["channel"]["S"] = "pigeon".into();
    let good = put_message(&site, &mobile, "2").await;
    assert!(deliver.carry(&[poison, good], "one").await.is_empty());
    assert_eq!(sent_to(&site, &mobile).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn storage_that_is_down_is_tried_again_and_sends_once() {
    let site = Site::with_settings(&[]).await;
    let (deliver, mobile) = (Deliver::of(&site), new_mobile());
    let record = put_message(&site, &mobile, "1").await;
    let faults = &site.system.as_ref().unwrap().faults;
    // The calls are the look-up, the read and the write of the code, and the claim of the message. Storage fails at
    // each in turn and stays down.
    for answered in 0..4 {
        faults.set_after(Service::Dynamodb, Kind::Throttle, answered, 1000);
        assert_eq!(deliver.carry(std::slice::from_ref(&record), "one").await, ["1"], "down after {answered} calls");
        faults.set(Service::Dynamodb, Kind::Throttle, 0);
        assert_eq!(sent_to(&site, &mobile).await, 0);
    }
    assert!(deliver.carry(std::slice::from_ref(&record), "two").await.is_empty());
    assert_eq!(sent_to(&site, &mobile).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pump_tries_a_throttled_message_three_times_more_and_then_gives_it_up() {
    let site = Site::with_settings(&[]).await;
    let (lucky, unlucky) = (new_mobile(), new_mobile());
    fail(&site, Kind::Throttle, 3);
    site.post(&format!("/users/sms/{lucky}/"), &json!({})).await;
    assert_eq!(sent_to(&site, &lucky).await, 1);
    fail(&site, Kind::Throttle, 4);
    site.post(&format!("/users/sms/{unlucky}/"), &json!({})).await;
    assert_eq!(sent_to(&site, &unlucky).await, 0);
    let undelivered = site.get("/_local/undelivered.json").await.json();
    assert_eq!(undelivered.as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_leave_as_configured() {
    let settings = [("SMS_MAX_PRICE_USD", "0.05"), ("SMS_SENDER_ID", "Latch"), ("BRAND", "门闩")];
    let site = Site::with_settings(&settings).await;
    let (person, email) = site.register_with_email().await;
    let sent = site.system.as_ref().unwrap().mailbox.all();
    let to = |to: &str| sent.iter().find(|message| message.to == to).unwrap();
    let sms = to(&format!("+86{}", person.mobile));
    let attribute = |name: &str| sms.attributes.get(name).map(String::as_str);
    assert_eq!(attribute("AWS.SNS.SMS.SMSType"), Some("Transactional"));
    assert_eq!(attribute("AWS.SNS.SMS.MaxPrice"), Some("0.05"));
    assert_eq!(attribute("AWS.SNS.SMS.SenderID"), Some("Latch"));
    assert!(sms.text.starts_with("【门闩】"), "{}", sms.text);
    let mail = to(&email);
    assert_eq!(mail.attributes["From"], "=?UTF-8?B?6Zeo6Zep?= <no-reply@example.com>");
    assert_eq!(mail.subject.as_deref(), Some("门闩 验证码"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_in_the_language_of_whoever_asked() {
    let site = Site::with_settings(&[]).await;
    let mobile = new_mobile();
    let request = site.request(reqwest::Method::POST, &format!("/users/sms/{mobile}/"));
    assert_eq!(crate::site::read(request.header("accept-language", "en")).await.status, 200);
    let text = site.messages_to(&format!("+86{mobile}")).await[0]["text"].clone();
    assert!(text.as_str().unwrap().contains("is your code to sign up. Valid 10 minutes."), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_usable_stands_in_the_table() {
    let site = Site::with_settings(&[]).await;
    let mobile = new_mobile();
    let code = site.sms_code(&mobile).await;
    let client = local::dynamodb(&site.system.as_ref().unwrap().variables).unwrap();
    let items = client.scan().table_name(local::TABLE).send().await.unwrap().items.unwrap();
    assert!(items.iter().any(|item| item["pk"].as_s().unwrap().starts_with("CODE#")));
    let without_digits_of_other_things =
        |text: String| text.split(|c: char| !c.is_ascii_digit()).any(|run| run == code);
    assert!(!items.into_iter().any(|item| without_digits_of_other_things(format!("{item:?}"))));
}

#[tokio::test(flavor = "multi_thread")]
async fn records_in_any_order_send_each_message_once_and_the_code_that_is_good() {
    let site = Site::with_settings(&[]).await;
    let (deliver, mobile) = (Deliver::of(&site), new_mobile());
    let first = put_message(&site, &mobile, "1").await;
    site.advance(61).await;
    let second = put_message(&site, &mobile, "2").await;
    assert!(deliver.carry(&[second, first], "one").await.is_empty());
    assert_eq!(sent_to(&site, &mobile).await, 2);
    let code = site.code_for(&mobile).await;
    assert_eq!(site.post("/users/", &crate::site::registration(&mobile, &code)).await.status, 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_invocations_with_one_record_send_once() {
    let site = Site::with_settings(&[]).await;
    let (deliver, mobile) = (Deliver::of(&site), new_mobile());
    let record = put_message(&site, &mobile, "1").await;
    let invocations = (0..8).map(|number| {
        let (deliver, record) = (&deliver, std::slice::from_ref(&record));
        async move { deliver.carry(record, &number.to_string()).await }
    });
    // An invocation that failed with a conflict is retried, and finds the message claimed.
    let failed: Vec<_> = futures_util::future::join_all(invocations).await.into_iter().flatten().collect();
    if !failed.is_empty() {
        assert!(deliver.carry(std::slice::from_ref(&record), "again").await.is_empty());
    }
    assert_eq!(sent_to(&site, &mobile).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_between_claim_and_send_loses_one_message_and_sends_none_twice() {
    let site = Site::with_settings(&[]).await;
    let (deliver, mobile) = (Deliver::of(&site), new_mobile());
    let record = put_message(&site, &mobile, "1").await;
    // The invocation that claimed the message ended before it could send it.
    let client = local::dynamodb(&site.system.as_ref().unwrap().variables).unwrap();
    let key = |name: &str, text: String| (name.to_owned(), aws_sdk_dynamodb::types::AttributeValue::S(text));
    let keys = [key("pk", format!("MESSAGE#{mobile}-1")), key("sk", "MESSAGE".to_owned())];
    let claim = client.update_item().table_name(local::TABLE).set_key(Some(keys.into()));
    let claim = claim.update_expression("SET claimed_by = :gone");
    claim.expression_attribute_values(":gone", key("", "gone".to_owned()).1).send().await.unwrap();
    assert!(deliver.carry(std::slice::from_ref(&record), "two").await.is_empty(), "it may have been sent");
    assert_eq!(sent_to(&site, &mobile).await, 0);
    // A new request sends a code.
    site.advance(61).await;
    let code = site.sms_code(&mobile).await;
    assert_eq!(site.post("/users/", &crate::site::registration(&mobile, &code)).await.status, 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_is_down_for_an_hour_floods_nobody_afterwards() {
    let site = Site::with_settings(&[]).await;
    let (deliver, mobile) = (Deliver::of(&site), new_mobile());
    let record = put_message(&site, &mobile, "1").await;
    fail(&site, Kind::Throttle, 10_000);
    for minute in 0..10 {
        let failed = deliver.carry(std::slice::from_ref(&record), &minute.to_string()).await;
        assert_eq!(failed, ["1"], "minute {minute}");
        site.advance(60).await;
    }
    // The code would have expired by now, so the record is not kept for a retry.
    for minute in 10..60 {
        assert!(deliver.carry(std::slice::from_ref(&record), &minute.to_string()).await.is_empty());
        site.advance(60).await;
    }
    fail(&site, Kind::Throttle, 0);
    assert!(deliver.carry(std::slice::from_ref(&record), "late").await.is_empty());
    assert_eq!(sent_to(&site, &mobile).await, 0);
    assert_eq!(site.sms_code(&mobile).await.len(), 6, "and who asks now is served");
    assert_eq!(sent_to(&site, &mobile).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_poison_in_a_batch_keeps_its_neighbours() {
    let site = Site::with_settings(&[]).await;
    let (deliver, mobile) = (Deliver::of(&site), new_mobile());
    let good = put_message(&site, &mobile, "2").await;
    let mut records = Vec::new();
    for (index, spoil) in [
        |record: &mut Value| record["dynamodb"]["NewImage"] = json!({}),
        |record: &mut Value| drop(record["dynamodb"].as_object_mut().unwrap().remove("NewImage")),
        |record: &mut Value| record["dynamodb"]["NewImage"]["expires_at"] = json!({ "S": "soon" }),
        |record: &mut Value| record["dynamodb"]["NewImage"]["data"] = json!({ "M": {} }),
        |record: &mut Value| record["dynamodb"]["NewImage"]["to"] = json!({ "S": "not a number" }),
        |record: &mut Value| record["eventName"] = "REMOVE".into(),
    ]
    .into_iter()
    .enumerate()
    {
        let mut record = put_message(&site, &new_mobile(), &format!("poison-{index}")).await;
        spoil(&mut record);
        records.push(record);
    }
    records.push(good);
    assert!(deliver.carry(&records, "one").await.is_empty());
    assert_eq!(sent_to(&site, &mobile).await, 1);
}
