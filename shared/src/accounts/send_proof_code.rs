//! Requesting a code for reauthentication.

use crate::app::{App, Caller};
use crate::domain::{CodeKey, User};
use crate::dynamodb::items::{Content, Recipient};
use crate::error::Error;
use crate::messages::{CaptchaResult, MessageRequest, NoCost, send};

/// Requests a code to the account's own number.
pub async fn send_proof_code(app: &App, caller: &Caller, user: &User) -> Result<(), Error> {
    let mobile = user.mobile.clone().ok_or(Error::NoMobile)?;
    let content = Content::Code(CodeKey::reauthentication(&user.id, &mobile));
    let request = MessageRequest {
        recipient: Recipient::Sms(mobile),
        content,
        requires_account: true,
        language: caller.language,
    };
    send(app, caller, CaptchaResult::OwnRecipient, request, NoCost).await
}
