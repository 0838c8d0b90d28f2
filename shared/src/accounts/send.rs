//! Asking for a message: one transaction puts the interval that holds the next one back and the message itself. The
//! table's stream carries it to `deliver`, which mints the code or link it asks for.
//!
//! No code is made here, so asking is one round trip whatever the number's past, and nothing that could be used stands
//! in the table before it is sent.

use super::codes::{CODE_LIFE_SECONDS, MAX_GUESSES};
use crate::app::{App, Caller};
use crate::domain::{CodeKey, Email, Mobile, Timestamp, User, UserId, random_hex};
use crate::dynamodb::items::{Content, Expiring, Marker, Message, Notice, Recipient};
use crate::dynamodb::{Expression, Refusal, StoreError, Unless, Write, keys, number, seconds};
use crate::error::Error;

/// How long the next message to a number or address is held back, in seconds, whatever it says.
const INTERVAL_SECONDS: i64 = 60;

/// What an SMS code is asked for.
#[derive(Clone, Debug)]
pub enum SmsPurpose {
    /// To register a number.
    Register,
    /// To sign in. Sent to a number without an account only when the person means to make one.
    LogIn {
        /// An unregistered number really gets the code.
        register: bool,
    },
    /// To move this account to the number.
    ChangeMobile(UserId),
    /// To set a new password.
    ResetPassword,
}

/// Asks for a code by SMS. Where a number needs an account and has none, the same is answered and written, and
/// `deliver` drops the message.
pub async fn send_sms_code(app: &App, caller: &Caller, mobile: &Mobile, purpose: SmsPurpose) -> Result<(), Error> {
    let (code, requires_account) = match purpose {
        SmsPurpose::Register => (CodeKey::register(mobile), false),
        SmsPurpose::LogIn { register } => (CodeKey::log_in(mobile), !register),
        SmsPurpose::ChangeMobile(user) => (CodeKey::change_mobile(&user, mobile), false),
        SmsPurpose::ResetPassword => (CodeKey::reset_password(mobile), true),
    };
    send(app, caller, Recipient::Sms(mobile.clone()), Content::Code(code), requires_account, None).await
}

/// Asks for a link to set a new password. Where registration is disclosed an unknown address is told so, else the same
/// is answered and written, and `deliver` drops the message.
pub async fn send_reset_link(app: &App, caller: &Caller, email: &Email) -> Result<(), Error> {
    let marker = app.store()?.get::<Marker>(&keys::email_marker(email), "checking an email").await?;
    if marker.is_none() && app.config.answers.disclose_registration {
        return Err(Error::EmailUnknown);
    }
    send(app, caller, Recipient::Email(email.clone()), Content::ResetLink, true, None).await
}

/// Puts a message and its interval, and with them what the message costs: a code that proved who asks.
pub(super) async fn send(
    app: &App,
    caller: &Caller,
    recipient: Recipient,
    content: Content,
    requires_account: bool,
    pays: Option<Write>,
) -> Result<(), Error> {
    let now = app.clock.now();
    let interval = match &recipient {
        Recipient::Sms(mobile) => keys::sms_interval(mobile),
        Recipient::Email(email) => keys::email_interval(email),
    };
    let until = Expiring { expires_at: now.plus_seconds(INTERVAL_SECONDS) };
    let mut writes = vec![Write::put(&interval, &until, Unless::Live(now))?];
    if let Content::Code(code) = &content {
        // A code that was guessed out stays so for its life: asking again must not buy more guesses.
        writes.push(Write::check(
            &keys::code(code),
            Expression {
                text: "attribute_not_exists(pk) OR expires_at <= :now OR attribute_not_exists(guesses) OR guesses < :max",
                values: &[(":now", seconds(now)), (":max", number(MAX_GUESSES))],
            },
        )?);
    }
    let first_paid = writes.len() + 1;
    let message = new_message(caller, recipient, content, requires_account, now);
    writes.push(Write::put(&keys::message(&message.id), &message, Unless::Exists)?);
    writes.extend(pays);
    match app.store()?.transact(writes, "asking for a message").await {
        Ok(()) => Ok(()),
        Err(StoreError::Refused(refusals)) if refusals.iter().any(|refusal| refusal.index >= first_paid) => {
            Err(Error::CodeExpired)
        }
        Err(StoreError::Refused(refusals)) => Err(Error::TooMany { retry_after_seconds: longest_wait(&refusals, now) }),
        Err(StoreError::Failed(error)) => Err(error),
    }
}

/// Word of a change, to every address the account holds. It waits for no interval, and is part of the transaction that
/// makes the change.
pub(super) fn notices(app: &App, caller: &Caller, user: &User, notice: Notice) -> Result<Vec<Write>, Error> {
    let sms = Recipient::Sms(user.mobile.clone());
    let recipients = std::iter::once(sms).chain(user.email.clone().map(Recipient::Email));
    let write = |recipient| {
        let message = new_message(caller, recipient, Content::Notice(notice), false, app.clock.now());
        Write::put(&keys::message(&message.id), &message, Unless::Exists)
    };
    recipients.map(write).collect()
}

fn new_message(
    caller: &Caller,
    recipient: Recipient,
    content: Content,
    requires_account: bool,
    now: Timestamp,
) -> Message {
    Message {
        id: random_hex::<16>(),
        kind: keys::MESSAGE_KIND.to_owned(),
        recipient,
        content,
        requires_account,
        language: caller.language,
        created_at: now,
        expires_at: now.plus_seconds(CODE_LIFE_SECONDS),
        claimed_by: None,
    }
}

fn longest_wait(refusals: &[Refusal], now: Timestamp) -> u64 {
    let waits = refusals.iter().filter_map(|refusal| {
        let held: Expiring = serde_dynamo::from_item(refusal.item.clone()?).ok()?;
        Some(now.seconds_until(held.expires_at))
    });
    waits.max().unwrap_or(0).max(1)
}
