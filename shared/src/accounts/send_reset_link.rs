//! Requesting a mailed link to set a new password.

use crate::app::{App, Caller};
use crate::config::RateLimit;
use crate::domain::Email;
use crate::dynamodb::items::{Claim, Content, Recipient};
use crate::dynamodb::keys;
use crate::error::Error;
use crate::messages::{CaptchaResult, MessageRequest, NoCost, send};
use crate::throttling::limits::count_source;

/// Requests a link to set a new password. If registration is disclosed, an unknown address gets an error. If not, the
/// answer and the writes are the same as for a known one, and `deliver` drops the message.
pub async fn send_reset_link(app: &App, caller: &Caller, solved: CaptchaResult, email: &Email) -> Result<(), Error> {
    let key = keys::email_claim(email);
    let (counted, claim) = tokio::join!(
        count_source(app, caller, RateLimit::ProbeSource),
        app.store.get::<Claim>(&key, "checking an email")
    );
    counted?;
    let claim = claim?;
    if claim.is_none() && app.config.answers.disclose_registration {
        return Err(Error::EmailUnknown);
    }
    let recipient = Recipient::Email(email.clone());
    let request = MessageRequest { recipient, content: Content::ResetLink, requires_account: true };
    send(app, caller, solved, request, NoCost).await
}
