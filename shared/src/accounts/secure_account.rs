//! Stopping a change that the owner did not make. The "this wasn't me" link in security notifications leads here.

use crate::app::audit;
use crate::app::{App, Caller};
use crate::credentials;
use crate::credentials::codes::forget_device_streaks;
use crate::crypto::{KeyGroup, NotMeLink};
use crate::domain::{User, UserId};
use crate::dynamodb::items::{Content, ExpiringItem, Recipient, SecurityEvent};
use crate::dynamodb::{Condition, Set, Transaction, Write, keys};
use crate::error::Error;
use crate::messages::CaptchaResult;
use crate::messages::{MessageRequest, NoCost, Notification, is_settled, send};

/// Ends every session, access token and reset link of the account, and its password, which the thief may know. Returns
/// the account's id.
///
/// If the account has an email that was not bound lately, a reset link is mailed to it. A code by SMS sets a new
/// password too. The "this wasn't me" link works once, whatever changed since it was sent: a thief cannot invalidate
/// the owner's link by further changes.
pub async fn secure_account(app: &App, caller: &Caller, token: &str) -> Result<UserId, Error> {
    let link = NotMeLink::verify(token, app.keyring(KeyGroup::Links)?, app.clock.now()).ok_or(Error::LinkInvalid)?;
    caller.who.note(link.user_id.as_str());
    let user: Option<User> = app.store.get(&keys::user(&link.user_id), "reading an account").await?;
    let user = user.ok_or(Error::LinkInvalid)?;
    let used = ExpiringItem { expires_at: link.all_expire_at(app.config.messages.notification_seconds) };
    let mut tx = Transaction::new("securing an account", || Error::AccountChanged);
    tx.require_or(Write::put(keys::used_pass(&link.id()), &used, Condition::no_item())?, |_| Error::LinkInvalid);
    tx.require(credentials::change(app, &user, Set::default().and_remove(User::PASSWORD_HASH), None)?);
    forget_device_streaks(&user).into_iter().for_each(|effect| tx.also(effect));
    tx.add(Notification::new(app, &user, SecurityEvent::Secured))?;
    app.store.commit(tx).await?;
    audit::account_secured(caller, &link.user_id);
    start_reset(app, caller, &user).await;
    Ok(user.id)
}

/// Mails a reset link. This can fail because of the resend cooldown or because mail is down. The page offers both ways
/// of a reset in any case.
async fn start_reset(app: &App, caller: &Caller, user: &User) {
    // An address that was bound a moment ago may be the thief's.
    let settled = is_settled(app, user.email_changed_at);
    let Some(email) = user.email.clone().filter(|_| settled) else { return };
    let request = MessageRequest {
        recipient: Recipient::Email(email),
        content: Content::ResetLink,
        requires_account: true,
        language: user.language.unwrap_or_default(),
    };
    if let Err(error) = send(app, caller, CaptchaResult::OwnRecipient, request, NoCost).await {
        error.log_ignored("no reset link was mailed");
    }
}
