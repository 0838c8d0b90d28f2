//! Requesting a code by SMS.

use crate::app::{App, Caller};
use crate::config::RateLimit;
use crate::domain::{ChallengeId, CodeKey, Mobile, User};
use crate::dynamodb::items::{Content, Recipient};
use crate::dynamodb::{Part, Reason, Set, Transaction, Write, keys};
use crate::error::Error;
use crate::messages::{CaptchaResult, MessageRequest, NoCost, send};
use crate::throttling::limits::of_account_and_names;
use crate::users::unchanged;

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
    solved: CaptchaResult,
    mobile: &Mobile,
    purpose: SmsPurpose,
    challenge_id: Option<ChallengeId>,
) -> Result<(), Error> {
    let (code, requires_account) = match purpose {
        SmsPurpose::Register => (CodeKey::register(mobile), false),
        SmsPurpose::LogIn { register } => (CodeKey::log_in(mobile), !register),
        SmsPurpose::ChangeMobile(user) => return send_to_new_number(app, caller, solved, &user, mobile).await,
        SmsPurpose::ResetPassword => (CodeKey::reset_password(mobile), true),
    };
    let request = request(caller, mobile, code.under(challenge_id), requires_account);
    send(app, caller, solved, request, NoCost).await
}

async fn send_to_new_number(
    app: &App,
    caller: &Caller,
    solved: CaptchaResult,
    user: &User,
    mobile: &Mobile,
) -> Result<(), Error> {
    let captcha = CaptchaResult::of_owner(caller, user).unwrap_or(solved);
    let request = request(caller, mobile, CodeKey::change_mobile(&user.id, mobile), false);
    send(app, caller, captcha, request, NewNumber { app, user, mobile }).await
}

fn request(caller: &Caller, mobile: &Mobile, code: CodeKey, requires_account: bool) -> MessageRequest {
    let (recipient, content) = (Recipient::Sms(mobile.clone()), Content::Code(code));
    MessageRequest { recipient, content, requires_account, language: caller.language }
}

/// The cost of a code to a new number: it counts at the account and its names, and the account remembers the number. A
/// code to a number that was asked for before is then worth nothing.
#[derive(Clone, Copy)]
struct NewNumber<'a> {
    app: &'a App,
    user: &'a User,
    mobile: &'a Mobile,
}

impl<E: Reason> Part<E> for NewNumber<'_> {
    fn declare(self, transaction: &mut Transaction<E>) -> Result<(), Error> {
        transaction.add(of_account_and_names(self.app, RateLimit::NewMobiles, self.user)?)?;
        let set = Set::to(User::PENDING_MOBILE, self.mobile.as_str());
        let remembered = Write::update(keys::user(&self.user.id), set, unchanged(self.user, None));
        // If the account has changed meanwhile, the access token of this request is no longer valid.
        transaction.require_or(remembered, |_| Error::Unauthorized.into());
        Ok(())
    }
}
