//! Requesting a mailed link to set a new password.

use crate::app::{App, Caller};
use crate::config::RateLimit;
use crate::domain::{AccountName, Email};
use crate::dynamodb::items::{Claim, Content, Recipient};
use crate::dynamodb::keys;
use crate::error::Error;
use crate::messages::{CaptchaResult, MessageRequest, NoCost, send};
use crate::throttling::limits::count_source_or_device;
use crate::users::find_by_name;
use crate::users::known_devices::known_device;

/// Requests a link to set a new password. If registration is disclosed, an unknown address gets an error. If not, the
/// answer and the writes are the same as for a known one, and `deliver` drops the message.
pub async fn send_reset_link(app: &App, caller: &Caller, solved: CaptchaResult, email: &Email) -> Result<(), Error> {
    if !is_on_known_device(app, caller, email).await? {
        let key = keys::email_claim(email);
        let (counted, claim) = tokio::join!(
            count_source_or_device(app, caller, RateLimit::ProbeSource),
            app.store.get::<Claim>(&key, "checking an email")
        );
        counted?;
        if claim?.is_none() && app.config.answers.disclose_registration {
            return Err(Error::EmailUnknown);
        }
    }
    let recipient = Recipient::Email(email.clone());
    let request =
        MessageRequest { recipient, content: Content::ResetLink, requires_account: true, language: caller.language };
    send(app, caller, solved, request, NoCost).await
}

/// Returns whether the account with the address knows the caller's device. Such a device learns nothing new, and what
/// its neighbours ask must not stop it.
async fn is_on_known_device(app: &App, caller: &Caller, email: &Email) -> Result<bool, Error> {
    if caller.devices.is_empty() {
        return Ok(false);
    }
    let user = find_by_name(app, Some(&AccountName::Email(email.clone()))).await?;
    Ok(user.is_some_and(|user| known_device(caller, &user).is_some()))
}
