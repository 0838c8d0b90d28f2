//! What is stored, but for [`crate::domain::User`], which is stored as it is.

use serde::{Deserialize, Serialize};

use crate::domain::{CodeKey, CodeSeed, Email, Language, Mobile, Timestamp, UserId};

/// Holds a name for one user, so that uniqueness is a condition.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Claim {
    /// Whose name it is.
    pub user_id: UserId,
}

/// The attribute that conditions name.
impl Claim {
    pub const USER_ID: &'static str = "user_id";
}

/// A live code: how to derive its digits, and how often it was guessed at.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CodeItem {
    /// What the digits follow from.
    #[serde(flatten)]
    pub seed: CodeSeed,
    /// The code is good before this moment.
    pub expires_at: Timestamp,
    /// Guesses compared within its life; carried over when the code is replaced.
    #[serde(default)]
    pub guesses: u32,
}

/// The attribute that conditions and updates name, beside those of the seed.
impl CodeItem {
    pub const GUESSES: &'static str = "guesses";
}

/// Something that is over at a moment: a cooldown, a spent pass.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct ExpiringItem {
    /// It is over at this moment.
    pub expires_at: Timestamp,
}

/// Where a message goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "channel", content = "to", rename_all = "lowercase")]
pub enum Recipient {
    Sms(Mobile),
    Email(Email),
}

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "says", content = "code", rename_all = "snake_case")]
pub enum Content {
    /// A code, issued when the message is sent.
    Code(CodeKey),
    /// A link to set a new password, for the account with the recipient's address.
    ResetLink,
    /// Word of a change, to an address the account held before it (ASVS 6.3.7).
    SecurityNotification(AboutAccount),
}

/// A notice, and the account it is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AboutAccount {
    pub notice: SecurityEvent,
    /// Whose; the link that stops it names the account.
    pub user_id: UserId,
    /// Whether the recipient is given that link.
    pub with_link: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecurityEvent {
    /// The password was set or changed.
    Password,
    /// The account has another mobile number.
    Mobile,
    /// The account has another email.
    Email,
    /// The account was long unused, and the next owner of its number signed up.
    Reissued,
    /// All sessions and the password were ended by the link in a notice.
    Secured,
    /// The account was deleted.
    Deleted,
}

/// A message to send. Nothing in it can be used by whoever reads it: digits and links are made when it is sent.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Message {
    pub id: String,
    /// Always [`crate::dynamodb::keys::MESSAGE_KIND`].
    pub kind: String,
    #[serde(flatten)]
    pub recipient: Recipient,
    #[serde(flatten)]
    pub content: Content,
    /// Whether it is dropped unless the recipient's number or address has an account: the very one, where it is for one.
    pub requires_account: bool,
    /// The language of whoever asked for it.
    pub language: Language,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// Older than this it is dropped: what it carries would have expired.
    pub expires_at: Timestamp,
    /// The invocation that sends it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claimed_by: Option<String>,
}

/// The attribute that conditions and updates name.
impl Message {
    pub const CLAIMED_BY: &'static str = "claimed_by";
}

/// A shard of a day's budget: how many messages were sent.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct BudgetShard {
    pub sent: u32,
    /// Those of sign-ups and moves to new numbers.
    pub sign_ups: u32,
}

/// The attributes that conditions and updates name.
impl BudgetShard {
    pub const SENT: &'static str = "sent";
    pub const SIGN_UPS: &'static str = "sign_ups";
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_dynamodb::types::AttributeValue;

    use crate::crypto::KeySet;
    use crate::dynamodb::Item;
    use crate::dynamodb::keys::{EXPIRES_AT, KIND};

    fn stored(item: &impl Serialize) -> Item {
        serde_dynamo::to_item(item).unwrap()
    }

    fn message(mobile: &Mobile) -> Message {
        Message {
            id: "m".into(),
            kind: crate::dynamodb::keys::MESSAGE_KIND.into(),
            recipient: Recipient::Sms(mobile.clone()),
            content: Content::Code(CodeKey::register(mobile)),
            requires_account: false,
            language: Language::En,
            created_at: Timestamp::from_unix_seconds(1),
            expires_at: Timestamp::from_unix_seconds(601),
            claimed_by: None,
        }
    }

    #[test]
    fn the_attributes_that_are_named_are_those_that_are_stored() {
        let at = Timestamp::from_unix_seconds(0);
        let seed: CodeSeed = serde_json::from_str(r#"{ "nonce": "n", "key_id": "k" }"#).unwrap();
        let code = CodeItem { seed, expires_at: at, guesses: 0 };
        let message = Message { claimed_by: Some("me".into()), ..message(&Mobile::parse("13800000000").unwrap()) };
        for (item, attributes) in [
            (stored(&Claim { user_id: UserId::generate() }), &[Claim::USER_ID][..]),
            (stored(&code), &[CodeSeed::NONCE, CodeSeed::KEY_ID, CodeItem::GUESSES, EXPIRES_AT]),
            (stored(&ExpiringItem { expires_at: at }), &[EXPIRES_AT]),
            (stored(&message), &[Message::CLAIMED_BY, EXPIRES_AT, KIND]),
            (stored(&BudgetShard::default()), &[BudgetShard::SENT, BudgetShard::SIGN_UPS]),
            (stored(&KeySet::default()), &[KeySet::VERSION]),
        ] {
            for attribute in attributes {
                assert!(item.contains_key(*attribute), "{attribute}");
            }
        }
    }

    #[test]
    fn a_message_survives_storage_and_names_its_kind() {
        let mobile = Mobile::parse("13800000000").unwrap();
        let message = message(&mobile);
        let item = stored(&message);
        assert_eq!(item["kind"], AttributeValue::S("message".into()));
        assert_eq!(item["expires_at"], AttributeValue::N("601".into()));
        let back: Message = serde_dynamo::from_item(item).unwrap();
        assert_eq!((back.recipient, back.content), (message.recipient, message.content));
    }
}
