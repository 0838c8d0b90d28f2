//! The stored items, except those whose form `domain` or `crypto` defines, such as [`crate::domain::User`].

use serde::{Deserialize, Serialize};

use super::expression::Condition;
use crate::domain::{
    AccountName, CODE_LIFE_SECONDS, CodeKey, CodePurpose, CodeSeed, Email, Language, MAX_GUESSES, Mobile, Timestamp,
    User, UserId,
};

/// A claim: the item that makes a name belong to one user alone, so that uniqueness is a condition of a write.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Claim {
    /// The user who has the name, or for whom it is reserved.
    pub user_id: UserId,
    /// The moment from which others can claim the name. Only the claim of a reserved name has it: a username that its
    /// owner has given up for another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

/// The name of the attribute that conditions use.
impl Claim {
    pub const USER_ID: &'static str = "user_id";

    /// Returns the user who has the name. Nobody has a reserved name.
    #[must_use]
    pub fn holder(self) -> Option<UserId> {
        if self.expires_at.is_none() { Some(self.user_id) } else { None }
    }
}

/// A live code: the seed of its digits, and the number of guesses at it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CodeItem {
    /// The values that the digits are derived from.
    #[serde(flatten)]
    pub seed: CodeSeed,
    /// The moment from which the code is no longer valid.
    pub expires_at: Timestamp,
    /// The number of guesses counted within the code's life. It is carried over when the code is replaced.
    #[serde(default)]
    pub guesses: u32,
    /// The credential version of the account that the code is for. `None` where there was no account when it was
    /// issued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential_version: Option<u64>,
    /// How often a right code was given back.
    #[serde(default)]
    pub refunds: u32,
}

/// The name of the attribute that conditions and updates use, in addition to those of the seed.
impl CodeItem {
    pub const GUESSES: &'static str = "guesses";
    pub const CREDENTIAL_VERSION: &'static str = "credential_version";
    pub const REFUNDS: &'static str = "refunds";

    /// The condition that a guess is left.
    #[must_use]
    pub fn has_guesses() -> Condition {
        Condition::absent(Self::GUESSES).or(Condition::less(Self::GUESSES, MAX_GUESSES))
    }

    /// Returns whether the code was issued for this account as it is now, or for nobody where there is no account. A code
    /// from before the account was made was for another one that had the number. Its credential version may be the same.
    #[must_use]
    pub fn is_for(&self, user: Option<&User>) -> bool {
        let issued_at = self.expires_at.plus_seconds(-CODE_LIFE_SECONDS);
        self.credential_version == user.map(|user| user.credential_version)
            && user.is_none_or(|user| user.created_at <= issued_at)
    }

    #[must_use]
    pub fn is_guessed_out(&self) -> bool {
        u64::from(self.guesses) >= MAX_GUESSES
    }
}

/// An item that only expires: a resend cooldown, a used pass or link, a flag of a spent budget.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct ExpiringItem {
    pub expires_at: Timestamp,
}

/// The recipient of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "channel", content = "to", rename_all = "lowercase")]
pub enum Recipient {
    Sms(Mobile),
    Email(Email),
}

impl Recipient {
    /// Returns the word for the kind of recipient, in keys and logs.
    #[must_use]
    pub const fn channel(&self) -> &'static str {
        match self {
            Self::Sms(_) => "sms",
            Self::Email(_) => "email",
        }
    }

    /// Returns the recipient as the name of an account.
    #[must_use]
    pub fn account_name(&self) -> AccountName {
        match self {
            Self::Sms(mobile) => AccountName::Mobile(mobile.clone()),
            Self::Email(email) => AccountName::Email(email.clone()),
        }
    }
}

/// The content of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "content", content = "data", rename_all = "snake_case")]
pub enum Content {
    /// A code, issued when the message is sent.
    Code(CodeKey),
    /// A link to set a new password, for the account with the recipient's address.
    ResetLink,
    /// A security notification of a change, to an address that the account had before it (ASVS 6.3.7).
    SecurityNotification(AboutAccount),
}

/// The part of a day's budget that a message counts in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BudgetShare {
    /// Anybody can ask for a message to anybody, so these may spend a part of the budget only.
    Strangers,
    /// The message goes only to the number or address of an account.
    Accounts,
    /// The message signs in or signs up, whichever the number can do.
    KnownOnDelivery,
}

impl Content {
    /// Returns the share of a message, as far as it is known when the message is requested.
    #[must_use]
    pub fn budget_share(&self, requires_account: bool) -> BudgetShare {
        let Self::Code(key) = self else { return BudgetShare::Accounts };
        match key.purpose {
            CodePurpose::Register | CodePurpose::ChangeMobile | CodePurpose::BindEmail => BudgetShare::Strangers,
            CodePurpose::LogIn if !requires_account => BudgetShare::KnownOnDelivery,
            CodePurpose::LogIn
            | CodePurpose::ResetPassword
            | CodePurpose::Reauthentication
            | CodePurpose::SecondProof => BudgetShare::Accounts,
        }
    }
}

/// A security event, and the account that it is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AboutAccount {
    pub event: SecurityEvent,
    /// The account, which the "this wasn't me" link names.
    pub user_id: UserId,
    /// Whether the message contains a "this wasn't me" link.
    pub with_link: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecurityEvent {
    /// The account has another password.
    Password,
    /// The account had no password, and has one now.
    FirstPassword,
    /// The account has another mobile number.
    Mobile,
    /// The account had no mobile number, and has one now.
    FirstMobile,
    /// The account has another email.
    Email,
    /// The account had no email, and has one now.
    FirstEmail,
    /// The account has another username.
    Username,
    /// The account had no username, and has one now.
    FirstUsername,
    /// A session was refreshed from another device.
    Device,
    /// The account was long unused and its number long unproved, and the next owner of the number signed up.
    Reissued,
    /// The "this wasn't me" link of a security notification ended all sessions and removed the password.
    Secured,
    /// So many wrong passwords in a row were tried that unknown devices are refused.
    Guessed,
    /// An operator began a recovery of the account.
    Recovery,
    /// The account was deleted.
    Deleted,
}

impl SecurityEvent {
    /// Returns the event of a new password for this account.
    #[must_use]
    pub const fn new_password(user: &User) -> Self {
        if user.password_hash.is_some() { Self::Password } else { Self::FirstPassword }
    }

    /// Returns the event of a new mobile number for this account.
    #[must_use]
    pub const fn new_mobile(user: &User) -> Self {
        if user.mobile.is_some() { Self::Mobile } else { Self::FirstMobile }
    }

    /// Returns the event of a new email for this account.
    #[must_use]
    pub const fn new_email(user: &User) -> Self {
        if user.email.is_some() { Self::Email } else { Self::FirstEmail }
    }

    /// Returns the event of a new username for this account.
    #[must_use]
    pub const fn new_username(user: &User) -> Self {
        if user.username.is_some() { Self::Username } else { Self::FirstUsername }
    }

    /// Returns whether the event took this number or address, which the account had before it, from the account.
    #[must_use]
    pub const fn replaces(self, recipient: &Recipient) -> bool {
        matches!((self, recipient), (Self::Mobile, Recipient::Sms(_)) | (Self::Email, Recipient::Email(_)))
    }

    /// Whether the "this wasn't me" link can stop what follows. It cannot where the account is deleted or secured
    /// already, nor where its number has gone to another person.
    #[must_use]
    pub const fn can_be_stopped(self) -> bool {
        match self {
            Self::Password
            | Self::FirstPassword
            | Self::Mobile
            | Self::FirstMobile
            | Self::Email
            | Self::FirstEmail
            | Self::Username
            | Self::FirstUsername
            | Self::Device
            | Self::Recovery => true,
            Self::Reissued | Self::Secured | Self::Guessed | Self::Deleted => false,
        }
    }
}

/// A message to send. It contains neither digits nor a link, so that reading the table or its stream gives nothing to
/// use. `deliver` makes them when it sends.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Message {
    pub id: String,
    /// Always [`crate::dynamodb::keys::MESSAGE_KIND`].
    pub kind: String,
    #[serde(flatten)]
    pub recipient: Recipient,
    #[serde(flatten)]
    pub content: Content,
    /// Whether the message is dropped unless the recipient's number or address has an account. Where the content is for
    /// a particular account, it must be that one.
    pub requires_account: bool,
    /// The language of the caller who requested the message. A security notification is in the language of the account.
    pub language: Language,
    /// The hashed sources that requested the message, the narrowest first. Only where it is known on delivery whether it
    /// counts at them, see [`BudgetShare::KnownOnDelivery`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<String>,
    /// When the message was requested.
    pub created_at: Timestamp,
    /// The time after which the message is dropped. The code or link in it would have expired, or a security
    /// notification would come too late.
    pub expires_at: Timestamp,
    /// The invocation of `deliver` that sends the message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claimed_by: Option<String>,
    /// The time before which nobody tries to send the message again. Only a security notification has it: it is tried
    /// again even if it may have been sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_try_at: Option<Timestamp>,
    /// The number of tries to send a security notification that may have sent it, or were refused for another reason than
    /// that the provider was busy.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub tries: u32,
    /// Whether the message counts in the day's budget, because an earlier try may have sent it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub counted: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl Message {
    #[must_use]
    pub const fn is_notification(&self) -> bool {
        matches!(self.content, Content::SecurityNotification(_))
    }

    /// Returns whether the message counts in the strangers' share of the day's budget. A code to sign in, to a number
    /// that may have no account, counts there only if it has none, which `deliver` finds out.
    #[must_use]
    pub fn is_to_stranger(&self, is_for_account: bool) -> bool {
        match self.content.budget_share(self.requires_account) {
            BudgetShare::Strangers => true,
            BudgetShare::Accounts => false,
            BudgetShare::KnownOnDelivery => !is_for_account,
        }
    }
}

/// The names of the attributes that conditions and updates use.
impl Message {
    pub const CLAIMED_BY: &'static str = "claimed_by";
    pub const NEXT_TRY_AT: &'static str = "next_try_at";
    pub const TRIES: &'static str = "tries";
    pub const COUNTED: &'static str = "counted";
}

/// A shard of a day's budget: the numbers of messages sent.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct BudgetShard {
    pub sent: u32,
    /// The number of those messages to strangers: to sign up, or to a new number or address of an account.
    pub to_strangers: u32,
}

/// The names of the attributes that conditions and updates use.
impl BudgetShard {
    pub const SENT: &'static str = "sent";
    pub const TO_STRANGERS: &'static str = "to_strangers";
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
            sources: Vec::new(),
            created_at: Timestamp::from_unix_seconds(1),
            expires_at: Timestamp::from_unix_seconds(601),
            claimed_by: None,
            next_try_at: None,
            tries: 0,
            counted: false,
        }
    }

    #[test]
    fn the_attributes_that_are_named_are_those_that_are_stored() {
        let at = Timestamp::from_unix_seconds(0);
        let seed: CodeSeed = serde_json::from_str(r#"{ "nonce": "n", "key_id": "k" }"#).unwrap();
        let code = CodeItem { seed, expires_at: at, guesses: 0, credential_version: Some(1), refunds: 0 };
        let message = Message {
            claimed_by: Some("me".into()),
            next_try_at: Some(at),
            tries: 1,
            counted: true,
            ..message(&Mobile::parse("13800000000").unwrap())
        };
        for (item, attributes) in [
            (stored(&Claim { user_id: UserId::generate(), expires_at: Some(at) }), &[Claim::USER_ID, EXPIRES_AT][..]),
            (
                stored(&code),
                &[
                    CodeSeed::NONCE,
                    CodeSeed::KEY_ID,
                    CodeItem::GUESSES,
                    CodeItem::CREDENTIAL_VERSION,
                    CodeItem::REFUNDS,
                    EXPIRES_AT,
                ],
            ),
            (stored(&ExpiringItem { expires_at: at }), &[EXPIRES_AT]),
            (
                stored(&message),
                &[Message::CLAIMED_BY, Message::NEXT_TRY_AT, Message::TRIES, Message::COUNTED, EXPIRES_AT, KIND],
            ),
            (stored(&BudgetShard::default()), &[BudgetShard::SENT, BudgetShard::TO_STRANGERS]),
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
