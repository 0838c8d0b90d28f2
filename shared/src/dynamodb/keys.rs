//! Every key of the table. No other file spells one.
//!
//! | item | `pk` | `sk` | read by | written by |
//! |---|---|---|---|---|
//! | user | `USER#id` | `PROFILE` | log-in, every signed-in call | whoever makes, changes or deletes it; log-in, which counts attempts at its password |
//! | claim | `MOBILE#digits`, `EMAIL#address`, `USERNAME#folded` | `CLAIM` | log-in, check-mobile, deliver | with the user, in one transaction, on condition that none is there |
//! | code | `CODE#purpose#subject` | `CODE` | whoever redeems it | deliver, when it sends; counted by guesses; deleted by use |
//! | wrong codes in a row | `STREAK#digits`, `STREAK#id`, `STREAK#id/devices`, `STREAK#id/new` | `STREAK` | nobody | whoever redeems a code, on condition of the count; deleted by a right one, but for codes to new names |
//! | attempts at a second proof | `STREAK#id/second` | `STREAK` | nobody | sms-log-in, forget-pwd, which count the password there |
//! | cooldown | `COOLDOWN#channel#to` | `COOLDOWN` | nobody | with each message, on condition that none is live |
//! | message | `MESSAGE#id` | `MESSAGE` | the stream, which carries it to deliver; deliver, which looks whether it is claimed | with its cooldown; claimed by deliver |
//! | session | `SESSION#user id` | the session's id | every signed-in call, in one read with the user; all of a user's by one Query | sign-ins; refreshed, ended |
//! | unknown account | `UNKNOWN#keyed hash` | `ATTEMPTS` | nobody | log-in, which counts attempts at a name nobody has |
//! | known device | `DEVICE#id` | `ATTEMPTS` | nobody | log-in, which counts attempts from it apart from strangers' |
//! | key set | `KEYS` | `KEYS` | whoever makes or reads an access token, every five minutes | rotate-keys, on condition of its version |
//! | recipient limit | `LIMIT#channel#to` | `LIMIT`, `SOURCE#keyed hash`, `DEVICES` | nobody | with each message, on condition of its n-th time |
//! | source window | `SOURCE#what#keyed hash` | the window's number | nobody | with what is counted, on condition of the count |
//! | budget | `BUDGET#kind#date#shard` | `BUDGET` | deliver | deliver, with each message, on condition of the count |
//! | flag of a spent budget | `FLAG#kind#copy` | `FLAG` | nobody; whoever asks for a message does so on condition that none is live | deliver |
//! | change limit | `LIMIT#changes#id` | `LIMIT` | nobody | change-password, change-mobile, bind-email, on condition of its tenth time |
//! | export limit | `LIMIT#export#id` | `LIMIT` | nobody | export, on condition of its third time |
//! | operator's act | `AUDIT#date` | time and a random part | auditors | `admin`, with what it did |
//! | spent pass | `PASS#id` | `USED` | nobody | once, on condition that none is there |
//!
//! All but users, claims, the key set and operators' acts have `expires_at`, the table's TTL attribute. DynamoDB deletes an expired item within
//! days, so every read and condition checks the expiry itself.

use std::borrow::Cow;
use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

use super::items::Recipient;
use crate::crypto::random_hex;
use crate::domain::{AccountName, CodeKey, Email, Mobile, SessionId, Timestamp, UserId, Username};

/// The partition key's attribute.
pub const PARTITION: &str = "pk";
/// The sort key's attribute.
pub const SORT: &str = "sk";
/// The TTL attribute: seconds since the Unix epoch.
pub const EXPIRES_AT: &str = "expires_at";
/// The attribute that names an item's kind; the stream's filter reads it.
pub const KIND: &str = "kind";
/// The kind of items that are messages to send.
pub const MESSAGE_KIND: &str = "message";

/// The primary key of an item.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    partition: String,
    sort: Cow<'static, str>,
}

impl std::fmt::Debug for Key {
    /// Keys hold numbers and addresses.
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

    /// As the SDK takes it.
    #[must_use]
    pub fn attributes(&self) -> HashMap<String, AttributeValue> {
        HashMap::from([
            (PARTITION.to_owned(), AttributeValue::S(self.partition.clone())),
            (SORT.to_owned(), AttributeValue::S(self.sort.clone().into_owned())),
        ])
    }
}

#[must_use]
pub fn user(id: &UserId) -> Key {
    Key::new(format!("USER#{id}"), "PROFILE")
}

/// Holds a mobile number for one user.
#[must_use]
pub fn mobile_claim(mobile: &Mobile) -> Key {
    Key::new(format!("MOBILE#{}", mobile.as_str()), "CLAIM")
}

/// Holds an email for one user.
#[must_use]
pub fn email_claim(email: &Email) -> Key {
    Key::new(format!("EMAIL#{}", email.as_str()), "CLAIM")
}

/// Holds a username for one user.
#[must_use]
pub fn username_claim(username: &Username) -> Key {
    Key::new(format!("USERNAME#{}", username.key()), "CLAIM")
}

/// The claim of whichever name an account is called by.
#[must_use]
pub fn claim(name: &AccountName) -> Key {
    match name {
        AccountName::Mobile(mobile) => mobile_claim(mobile),
        AccountName::Email(email) => email_claim(email),
        AccountName::Username(username) => username_claim(username),
    }
}

/// A claim that nobody has: `?` stands in no username. Another one each time, so that no partition grows hot.
#[must_use]
pub fn no_claim() -> Key {
    Key::new(format!("USERNAME#?{}", random_hex::<8>()), "CLAIM")
}

/// The one live code of a purpose and a subject.
#[must_use]
pub fn code(key: &CodeKey) -> Key {
    Key::new(format!("CODE#{}", key.as_text()), "CODE")
}

/// How many codes in a row were wrong: for a number, or an account's id.
#[must_use]
pub fn failure_streak(whose: &str) -> Key {
    Key::new(format!("STREAK#{whose}"), "STREAK")
}

/// The same for what is guessed on the devices that an account's owner is known on.
#[must_use]
pub fn failure_streak_on_devices(user: &UserId) -> Key {
    failure_streak(&format!("{user}/devices"))
}

/// The attempts at an account's password beside a right code to its number.
#[must_use]
pub fn second_proof(user: &UserId) -> Key {
    failure_streak(&format!("{user}/second"))
}

/// How many codes to numbers and addresses that an account would move to were wrong.
#[must_use]
pub fn failure_streak_at_new_names(user: &UserId) -> Key {
    failure_streak(&format!("{user}/new"))
}

/// The time between messages to a number, whatever their purpose.
#[must_use]
pub fn sms_cooldown(mobile: &Mobile) -> Key {
    Key::new(format!("COOLDOWN#sms#{}", mobile.as_str()), "COOLDOWN")
}

/// The time between messages to an address.
#[must_use]
pub fn email_cooldown(email: &Email) -> Key {
    Key::new(format!("COOLDOWN#email#{}", email.as_str()), "COOLDOWN")
}

/// A message to send.
#[must_use]
pub fn message(id: &str) -> Key {
    Key::new(format!("MESSAGE#{id}"), "MESSAGE")
}

/// A captcha pass that was used.
#[must_use]
pub fn used_pass(id: &str) -> Key {
    Key::new(format!("PASS#{id}"), "USED")
}

/// The partition of a user's sessions.
#[must_use]
pub fn sessions(user: &UserId) -> String {
    format!("SESSION#{user}")
}

#[must_use]
pub fn session(user: &UserId, id: &SessionId) -> Key {
    Key::new(sessions(user), id.as_str().to_owned())
}

/// Where attempts at an account name that nobody has are counted.
#[must_use]
pub fn unknown_account(hash: &str) -> Key {
    Key::new(format!("UNKNOWN#{hash}"), "ATTEMPTS")
}

/// Where attempts from a device are counted on which the account was signed in to.
#[must_use]
pub fn device(id: &str) -> Key {
    Key::new(format!("DEVICE#{id}"), "ATTEMPTS")
}

/// The keys that sign access tokens.
#[must_use]
pub fn token_keys() -> Key {
    Key::new("KEYS".to_owned(), "KEYS")
}

fn recipient_text(recipient: &Recipient) -> String {
    match recipient {
        Recipient::Sms(mobile) => format!("sms#{}", mobile.as_str()),
        Recipient::Email(email) => format!("email#{}", email.as_str()),
    }
}

/// The last times a recipient was sent something.
#[must_use]
pub fn recipient_limit(recipient: &Recipient) -> Key {
    Key::new(format!("LIMIT#{}", recipient_text(recipient)), "LIMIT")
}

/// The last times a source caused that.
#[must_use]
pub fn recipient_source_limit(recipient: &Recipient, source: &str) -> Key {
    Key::new(format!("LIMIT#{}", recipient_text(recipient)), format!("SOURCE#{source}"))
}

/// The last times a recipient was sent something that a device of theirs asked for: all their devices together, as every
/// sign-in makes one.
#[must_use]
pub fn recipient_device_limit(recipient: &Recipient) -> Key {
    Key::new(format!("LIMIT#{}", recipient_text(recipient)), "DEVICES")
}

/// The claim of the number or address of a recipient.
#[must_use]
pub fn recipient_claim(recipient: &Recipient) -> Key {
    match recipient {
        Recipient::Sms(mobile) => mobile_claim(mobile),
        Recipient::Email(email) => email_claim(email),
    }
}

/// How much a source caused within a window.
#[must_use]
pub fn source_window(what: &str, source: &str, window: i64) -> Key {
    Key::new(format!("SOURCE#{what}#{source}"), format!("{window}"))
}

/// In how many shards a day's messages are counted.
pub const BUDGET_SHARDS: u32 = 8;
/// How many copies of a flag there are.
pub const FLAG_COPIES: u32 = 16;

/// How many messages of a kind were sent on a day, in a shard.
#[must_use]
pub fn budget(channel: &str, date: &str, shard: u32) -> Key {
    Key::new(format!("BUDGET#{channel}#{date}#{shard}"), "BUDGET")
}

/// Says that a budget is spent.
#[must_use]
pub fn budget_flag(flag: &str, copy: u32) -> Key {
    Key::new(format!("FLAG#{flag}#{copy}"), "FLAG")
}

/// When an account was changed last.
#[must_use]
pub fn change_limit(user: &UserId) -> Key {
    Key::new(format!("LIMIT#changes#{user}"), "LIMIT")
}

/// When an account was exported last.
#[must_use]
pub fn export_limit(user: &UserId) -> Key {
    Key::new(format!("LIMIT#export#{user}"), "LIMIT")
}

/// What an operator did.
#[must_use]
pub fn operator_act(at: Timestamp) -> Key {
    Key::new(format!("AUDIT#{}", at.utc_date()), format!("{}#{}", at.rfc3339(), random_hex::<4>()))
}

/// A key no item has: what the warm-up call reads.
#[must_use]
pub fn nothing() -> Key {
    Key::new("WARM-UP".to_owned(), "NOTHING")
}
