//! Telling an owner that somebody guesses at the account's password.

use super::send::{MessageRequest, Notification, new_message};
use crate::app::App;
use crate::crypto::random_hex;
use crate::domain::{Email, Language, User};
use crate::dynamodb::items::{Content, ExpiringItem, Recipient, SecurityEvent};
use crate::dynamodb::{Condition, Effect, Set, Transaction, Write, WriteError, keys};
use crate::error::Error;

/// How often the owner is told by SMS, which costs money: once in this many seconds.
const SMS_EVERY_SECONDS: i64 = 30 * 86_400;

/// Records that a name of the account takes no more passwords from unknown devices, and tells the owner: in the answers
/// to their sessions, and by mail, or by SMS where there is no mail. The streak grows no further, so this happens once
/// for each. If it fails, the caller takes the last attempt back, so that the next one tries again.
///
/// For a name that nobody has, two items are written as well, so that the time does not tell.
pub(crate) async fn tell_of_guessing(app: &App, user: Option<&User>) -> Result<(), Error> {
    let mut tx = Transaction::new("telling of guesses", || WriteError::Refused);
    match user {
        Some(user) => told(app, user, &mut tx)?,
        None => nobody_told(app, &mut tx)?,
    }
    // Refused if the account has just been deleted.
    WriteError::refused_as_none(app.store.commit(tx).await).map(drop)
}

fn told(app: &App, user: &User, tx: &mut Transaction<WriteError>) -> Result<(), Error> {
    let now = app.clock.now();
    let mut set = Set::to(User::GUESSED_AT, now);
    let is_texted = user.guessing_texted_at.is_some_and(|at| now < at.plus_seconds(SMS_EVERY_SECONDS));
    if user.email.is_some() || !is_texted {
        tx.add(Notification::new(app, user, SecurityEvent::Guessed).preferably_by_mail())?;
    }
    if user.email.is_none() && !is_texted {
        set = set.and_to(User::GUESSING_TEXTED_AT, now);
    }
    // Whatever else changes the account meanwhile, the owner is told.
    tx.require(Write::update(keys::user(&user.id), set, Condition::exists(keys::PARTITION)));
    Ok(())
}

fn nobody_told(app: &App, tx: &mut Transaction<WriteError>) -> Result<(), Error> {
    let expires_at = app.clock.now().plus_seconds(60);
    tx.also(Effect::put(keys::used_pass(&format!("guessed.{}", random_hex::<16>())), &ExpiringItem { expires_at })?);
    // `deliver` drops it, because nobody has the address.
    let Ok(nobody) = Email::parse(&format!("{}@nobody.invalid", random_hex::<8>())) else { return Ok(()) };
    let recipient = Recipient::Email(nobody);
    let request = MessageRequest {
        recipient,
        content: Content::ResetLink,
        requires_account: true,
        language: Language::default(),
    };
    let message = new_message(app, &request);
    tx.also(Effect::put(keys::message(&message), &message)?);
    Ok(())
}
