//! Requesting a code by SMS.

use crate::app::{App, Caller};
use crate::domain::{ChallengeId, CodeKey, Mobile, User};
use crate::dynamodb::items::{Content, Recipient};
use crate::error::Error;
use crate::messages::{CaptchaResult, MessageRequest, NoCost, send};
use crate::users::known_devices::known_device;

/// The action that an SMS code allows.
#[derive(Clone, Debug)]
pub enum SmsPurpose {
    /// To register a number.
    Register,
    /// To sign in.
    LogIn {
        /// `true`: the code is sent to an unregistered number too, to make an account.
        register: bool,
    },
    /// To change this account's number.
    ChangeMobile(Box<User>),
    /// To set a new password.
    ResetPassword,
}

/// Requests a code by SMS. If the purpose needs an account and the number has none, the answer and the writes are the
/// same, and `deliver` drops the message.
pub async fn send_sms_code(
    app: &App,
    caller: &Caller,
    mut solved: CaptchaResult,
    mobile: &Mobile,
    purpose: SmsPurpose,
    challenge_id: Option<ChallengeId>,
) -> Result<(), Error> {
    let (code, requires_account) = match purpose {
        SmsPurpose::Register => (CodeKey::register(mobile), false),
        SmsPurpose::LogIn { register } => (CodeKey::log_in(mobile), !register),
        SmsPurpose::ChangeMobile(user) => {
            if known_device(caller, &user).is_some() {
                solved = CaptchaResult::KnownDevice;
            }
            (CodeKey::change_mobile(&user.id, mobile), false)
        }
        SmsPurpose::ResetPassword => (CodeKey::reset_password(mobile), true),
    };
    let request = MessageRequest {
        recipient: Recipient::Sms(mobile.clone()),
        content: Content::Code(code.under(challenge_id)),
        requires_account,
    };
    send(app, caller, solved, request, NoCost).await
}
