//! The keys of the table. All code except tests builds its keys with the functions of this module.
//!
//! Two other places repeat prefixes of partition keys. In `template.yaml`, each function's policy lists the prefixes
//! that the function may use (`dynamodb:LeadingKeys`). The local system enforces these policies, so an end-to-end test
//! fails where a policy does not admit a key. The local system itself recognises the keys of a deleted account by their
//! prefixes.
//!
//! | item | `pk` | `sk` |
//! |---|---|---|
//! | user | `USER#id` | `PROFILE` |
//! | claim | `MOBILE#digits`, `EMAIL#address`, `USERNAME#folded` | `CLAIM` |
//! | code | `CODE#purpose#subject`, `CODE#purpose#subject#challenge id` | `CODE` |
//! | failure streak | `STREAK#digits`, `STREAK#id`, `STREAK#id/devices`, `STREAK#id/networks`, `STREAK#id/new` | `STREAK` |
//! | attempts at a second proof | `STREAK#id/second` | `STREAK` |
//! | resend cooldown | `COOLDOWN#channel#to` | `COOLDOWN` |
//! | message: a code or a link | `MESSAGE#id` | `MESSAGE` |
//! | message: a security notification that is not sent yet | `MESSAGE#notifications#channel#shard` | its time and id |
//! | session | `SESSION#user id` | the session's id |
//! | attempts at an account name, or from the network of a session | `ATTEMPTS#keyed hash` | `ATTEMPTS` |
//! | key set | `KEYS` | `KEYS` |
//! | recipient limit | `LIMIT#channel#to` | `LIMIT`, `SOURCE#keyed hash`, `DEVICES` |
//! | change limit | `LIMIT#changes#id` | `LIMIT` |
//! | export limit | `LIMIT#exports#id` | `LIMIT` |
//! | limits of renames and of tries at them | `LIMIT#renames#id`, `LIMIT#rename_tries#id` | `LIMIT` |
//! | limit of notifications of another device | `LIMIT#device_notices#id` | `LIMIT` |
//! | source window | `SOURCE#action#keyed hash` | the window's number |
//! | budget | `BUDGET#kind#date#shard` | `BUDGET` |
//! | flag of a spent budget | `FLAG#kind#copy` | `FLAG` |
//! | operator action | `AUDIT#date` | time and a random part |
//! | used pass or link | `PASS#id` | `USED` |
//!
//! Every item except users, claims of names in use and the key set has `expires_at`, the table's TTL attribute. DynamoDB deletes an
//! expired item within days, so every read and every condition checks the expiry itself.
//!
//! Whoever adds a kind of item decides what the export and the deletion of an account do with it. `docs/api.md` lists
//! what an export leaves out and what a deletion leaves, and end-to-end tests compare both with the whole table.

use std::borrow::Cow;
use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::Deserialize;

use super::items::{Content, Message, Recipient};
use crate::crypto::random_hex;
use crate::domain::{AccountName, CodeKey, Email, Mobile, SessionId, Timestamp, UserId, Username};

/// The name of the partition key's attribute.
pub const PARTITION: &str = "pk";
/// The name of the sort key's attribute.
pub const SORT: &str = "sk";
/// The name of the TTL attribute. Its value is in seconds since the Unix epoch.
pub const EXPIRES_AT: &str = "expires_at";
/// The name of the attribute that tells an item's kind. The filter of the stream reads it.
pub const KIND: &str = "kind";
/// The [`KIND`] of a message to send.
pub const MESSAGE_KIND: &str = "message";

/// The primary key of an item. It can be read from a whole item too.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct Key {
    #[serde(rename = "pk")]
    partition: String,
    #[serde(rename = "sk")]
    sort: Cow<'static, str>,
}

impl std::fmt::Debug for Key {
    /// Hides the key, because keys contain mobile numbers and email addresses.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(***)")
    }
}

impl Key {
    fn new(partition: String, sort: impl Into<Cow<'static, str>>) -> Self {
        Self { partition, sort: sort.into() }
    }

    #[must_use]
    pub fn partition(&self) -> &str {
        &self.partition
    }

    /// Returns the key's attributes in the SDK's form.
    #[must_use]
    pub fn attributes(&self) -> HashMap<String, AttributeValue> {
        HashMap::from([
            (PARTITION.to_owned(), AttributeValue::S(self.partition.clone())),
            (SORT.to_owned(), AttributeValue::S(self.sort.clone().into_owned())),
        ])
    }
}

/// Returns the key of a user.
///
/// Every operation about an account reads the user. `log_in` counts the attempts from known devices in it.
#[must_use]
pub fn user(id: &UserId) -> Key {
    Key::new(format!("USER#{id}"), "PROFILE")
}

/// Returns the key of the item that reserves a mobile number for one user.
///
/// Operations that find an account by its number read it, and so does `deliver`. It is written in the same transaction
/// as the user, on condition that nobody has the number, or that the account that gives it up still has it.
#[must_use]
pub fn mobile_claim(mobile: &Mobile) -> Key {
    Key::new(format!("MOBILE#{}", mobile.as_str()), "CLAIM")
}

/// Returns the key of the item that reserves an email for one user. See [`mobile_claim`].
#[must_use]
pub fn email_claim(email: &Email) -> Key {
    Key::new(format!("EMAIL#{}", email.as_str()), "CLAIM")
}

/// Returns the key of the item that reserves a username for one user. See [`mobile_claim`].
///
/// A change of username leaves the claim of the old name with an expiry, so that nobody else gets the name at once.
#[must_use]
pub fn username_claim(username: &Username) -> Key {
    Key::new(format!("USERNAME#{}", username.key()), "CLAIM")
}

/// Returns the key of the claim for an account name of any form.
#[must_use]
pub fn claim(name: &AccountName) -> Key {
    match name {
        AccountName::Mobile(mobile) => mobile_claim(mobile),
        AccountName::Email(email) => email_claim(email),
        AccountName::Username(username) => username_claim(username),
    }
}

/// Returns the key of a claim that does not exist: no username contains `?`.
///
/// The key is a different one each time, so that look-ups of unknown names do not make one partition hot.
#[must_use]
pub fn no_claim() -> Key {
    Key::new(format!("USERNAME#?{}", random_hex::<8>()), "CLAIM")
}

/// Returns the key of the only live code for a purpose, a subject and a challenge id.
///
/// `deliver` writes the code when it sends it. Each guess updates its count. Use deletes it, and so does the deletion of
/// the account that it is bound to.
#[must_use]
pub fn code(key: &CodeKey) -> Key {
    Key::new(format!("CODE#{}", key.as_text()), "CODE")
}

/// Returns the key of a failure streak, the number of wrong codes in a row for a mobile number or an account's id.
///
/// Each guess increments the streak, on condition that it is below the maximum. A correct code deletes it. No operation
/// reads it.
#[must_use]
pub fn failure_streak(whose: &str) -> Key {
    Key::new(format!("STREAK#{whose}"), "STREAK")
}

/// Returns the key of the failure streak for codes entered on the known devices of an account's owner.
#[must_use]
pub fn failure_streak_on_devices(user: &UserId) -> Key {
    failure_streak(&format!("{user}/devices"))
}

/// Returns the key of the failure streak for codes entered in the networks of an account's live sessions.
#[must_use]
pub fn failure_streak_in_networks(user: &UserId) -> Key {
    failure_streak(&format!("{user}/networks"))
}

/// Returns the key of the attempts at an account's password, made beside a correct code to its number.
///
/// `sms_log_in` and `forget_pwd` count these attempts. The item has the attributes of [`attempts`], not those of a
/// failure streak.
#[must_use]
pub fn second_proof(user: &UserId) -> Key {
    failure_streak(&format!("{user}/second"))
}

/// Returns the key of the failure streak for codes sent to numbers and addresses that an account wants to change to.
///
/// Unlike the other streaks, it is not reset by a correct code.
#[must_use]
pub fn failure_streak_at_new_names(user: &UserId) -> Key {
    failure_streak(&format!("{user}/new"))
}

/// Returns the key of a recipient's resend cooldown. A number or address has one, whatever the messages are for.
#[must_use]
pub fn cooldown(recipient: &Recipient) -> Key {
    Key::new(format!("COOLDOWN#{}", recipient_text(recipient)), "COOLDOWN")
}

/// Returns the key of a message to send.
///
/// The operation that requests the message writes it. The table's stream carries it to `deliver`, which claims it
/// before it sends it. Security notifications are together in a few partitions, where `deliver` finds those that are
/// not sent yet. It deletes each that it has sent.
#[must_use]
pub fn message(message: &Message) -> Key {
    match message.content {
        Content::SecurityNotification(_) => {
            let shard = message.id.bytes().next_back().map_or(0, |last| u32::from(last) % NOTIFICATION_SHARDS);
            let partition = notifications(message.recipient.channel(), shard);
            // Those that wait the longest come first.
            Key::new(partition, format!("{:010}#{}", message.created_at.unix_seconds(), message.id))
        }
        Content::Code(_) | Content::ResetLink => Key::new(format!("MESSAGE#{}", message.id), "MESSAGE"),
    }
}

/// The number of partitions of a channel's notifications that are not sent yet. One partition takes 1000 writes a second,
/// and a notification takes four.
pub const NOTIFICATION_SHARDS: u32 = 4;

/// Returns the partition key of a channel's notifications of one shard that are not sent yet.
#[must_use]
pub fn notifications(channel: &str, shard: u32) -> String {
    format!("MESSAGE#notifications#{channel}#{shard}")
}

/// Returns the key that marks a captcha pass or a "this wasn't me" link as used.
///
/// It is written once, on condition that it does not exist. No operation reads it.
#[must_use]
pub fn used_pass(id: &str) -> Key {
    Key::new(format!("PASS#{id}"), "USED")
}

/// Returns the partition key of a user's sessions, by which one query reads them all.
#[must_use]
pub fn sessions(user: &UserId) -> String {
    format!("SESSION#{user}")
}

/// Returns the key of a session.
///
/// Every signed-in call reads the session together with the user, in one round trip.
#[must_use]
pub fn session(user: &UserId, id: &SessionId) -> Key {
    Key::new(sessions(user), id.as_str().to_owned())
}

/// Returns the key under which attempts at a password are counted: those at an account name, whether or not anybody has
/// it, and those from the network of a live session. `hash` is a keyed hash of either.
///
/// `log_in` counts in it. What ends the failure streak of a name deletes it.
#[must_use]
pub fn attempts(hash: &str) -> Key {
    Key::new(format!("ATTEMPTS#{hash}"), "ATTEMPTS")
}

/// Returns the key of the set of keys that sign access tokens.
///
/// Every instance that makes or reads access tokens reads it about every five minutes. `rotate-keys` writes it, on
/// condition that its version is unchanged.
#[must_use]
pub fn token_keys() -> Key {
    Key::new("KEYS".to_owned(), "KEYS")
}

/// Returns a recipient as it is counted. Mail to `anna+shop@example.com` arrives at `anna@example.com`, so the tag after
/// the plus sign does not count. (RFC 5233)
fn recipient_text(recipient: &Recipient) -> String {
    let text = match recipient {
        Recipient::Sms(mobile) => Cow::from(mobile.as_str()),
        Recipient::Email(email) => without_tag(email.as_str()),
    };
    format!("{}#{text}", recipient.channel())
}

fn without_tag(email: &str) -> Cow<'_, str> {
    let tagged = email.rsplit_once('@').and_then(|(local, domain)| Some((local.split_once('+')?.0, domain)));
    match tagged {
        // An address may also begin with a plus sign.
        Some((name, domain)) if !name.is_empty() => format!("{name}@{domain}").into(),
        _ => email.into(),
    }
}

/// Returns the key of the last times at which a recipient was sent a message that somebody requested.
///
/// The item is updated with each such message, on condition that the n-th last time is outside the limit's window. No
/// operation reads it.
#[must_use]
pub fn recipient_limit(recipient: &Recipient) -> Key {
    Key::new(format!("LIMIT#{}", recipient_text(recipient)), "LIMIT")
}

/// Returns the key of the last times at which one source caused a message to a recipient. `source` is the keyed hash of
/// a network address or of its prefix.
#[must_use]
pub fn recipient_source_limit(recipient: &Recipient, source: &str) -> Key {
    Key::new(format!("LIMIT#{}", recipient_text(recipient)), format!("SOURCE#{source}"))
}

/// Returns the key of the last times at which a recipient was sent a message that one of their own known devices
/// requested.
///
/// All their devices count together, because every sign-in can add a known device.
#[must_use]
pub fn recipient_device_limit(recipient: &Recipient) -> Key {
    Key::new(format!("LIMIT#{}", recipient_text(recipient)), "DEVICES")
}

/// Returns the key of the last times at which an account was mailed a second proof, at this address.
#[must_use]
pub fn second_proof_limit(recipient: &Recipient) -> Key {
    Key::new(format!("LIMIT#{}", recipient_text(recipient)), "SECOND_PROOFS")
}

/// Returns the key of the number of times that a source took one kind of action within a fixed window. The known devices
/// of an account are one source.
///
/// It is updated with each action, on condition that the number is below the limit. No operation reads it.
#[must_use]
pub fn source_window(what: &str, source: &str, window: i64) -> Key {
    Key::new(format!("SOURCE#{what}#{source}"), format!("{window}"))
}

/// The number of shards in which a day's messages are counted.
pub const BUDGET_SHARDS: u32 = 8;
/// The number of copies of each flag. Many requests check a flag, so they are spread over several items.
pub const FLAG_COPIES: u32 = 16;

/// Returns the key of the number of messages of one kind that were sent on a day, as counted in one shard.
///
/// `deliver` updates it with each message, on condition that the shard's part of the budget is not spent. It reads it
/// to find out whether the whole budget is spent.
#[must_use]
pub fn budget(channel: &str, date: &str, shard: u32) -> Key {
    Key::new(format!("BUDGET#{channel}#{date}#{shard}"), "BUDGET")
}

/// Returns the key of a flag that says that a budget is spent.
///
/// `deliver` writes it. Every operation that requests a message does so on condition that no flag is live.
#[must_use]
pub fn budget_flag(flag: &str, copy: u32) -> Key {
    Key::new(format!("FLAG#{flag}#{copy}"), "FLAG")
}

/// Returns the name of the flag that says that the strangers' share of a channel's budget is spent.
#[must_use]
pub fn strangers_flag(channel: &str) -> String {
    format!("{channel}_strangers")
}

/// The times of what the accounts with a number or an email did, whichever they were. `hash` is a keyed hash.
#[must_use]
pub fn name_limit(word: &str, hash: &str) -> Key {
    Key::new(format!("LIMIT#{word}#{hash}"), "LIMIT")
}

/// The times of what an account did, see [`crate::config::RateLimit`].
#[must_use]
pub fn account_limit(word: &str, user: &UserId) -> Key {
    Key::new(format!("LIMIT#{word}#{user}"), "LIMIT")
}

/// Returns the key of the record of an operator's action. The local program's `admin` command writes it in the same
/// transaction as the action.
#[must_use]
pub fn operator_act(at: Timestamp) -> Key {
    Key::new(format!("AUDIT#{}", at.utc_date()), format!("{}#{}", at.rfc3339(), random_hex::<4>()))
}

/// Returns the key of an item that does not exist, for the warm-up call to read.
#[must_use]
pub fn nothing() -> Key {
    Key::new("WARM-UP".to_owned(), "NOTHING")
}
