//! Asking for a code by SMS.

use crate::app::{App, Caller};
use crate::domain::{ChallengeId, CodeKey, Mobile, UserId};
use crate::dynamodb::items::{Content, Recipient};
use crate::error::Error;
use crate::messages::{CaptchaResult, Free, MessageRequest, send};

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
pub async fn send_sms_code(
    app: &App,
    caller: &Caller,
    solved: CaptchaResult,
    mobile: &Mobile,
    purpose: SmsPurpose,
    challenge_id: Option<ChallengeId>,
) -> Result<(), Error> {
    let (code, requires_account) = match purpose {
        SmsPurpose::Register => (CodeKey::register(mobile), false),
        SmsPurpose::LogIn { register } => (CodeKey::log_in(mobile), !register),
        SmsPurpose::ChangeMobile(user) => (CodeKey::change_mobile(&user, mobile), false),
        SmsPurpose::ResetPassword => (CodeKey::reset_password(mobile), true),
    };
    let request = MessageRequest {
        recipient: Recipient::Sms(mobile.clone()),
        content: Content::Code(code.under(challenge_id)),
        requires_account,
    };
    send(app, caller, solved, request, Free).await
}
