//! Asking for a message: one transaction puts the interval that holds the next one back and the message itself. The
//! table's stream carries it to `deliver`, which mints the code or link it asks for.
//!
//! No code is made here, so asking is one round trip whatever the number's past, and nothing that could be used stands
//! in the table before it is sent.

use super::captcha::Solved;
use super::codes::{CODE_LIFE_SECONDS, MAX_GUESSES};
use super::limits::{self, Caused, Counting, count_source};
use crate::app::{App, Caller};
use crate::domain::{
    CodeHandle, CodeKey, CodePurpose, Device, Email, Mobile, SafetyLink, Timestamp, User, UserId, random, random_hex,
};
use crate::dynamodb::items::{AboutAccount, Content, Expiring, Marker, Message, Notice, Recipient};
use crate::dynamodb::{Expression, Refusal, StoreError, Unless, Write, keys, number, seconds, text};
use crate::error::Error;

/// How long the next message to a number or address is held back, in seconds, whatever it says.
pub(super) const INTERVAL_SECONDS: i64 = 60;

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
    solved: Solved,
    mobile: &Mobile,
    purpose: SmsPurpose,
    handle: Option<CodeHandle>,
) -> Result<(), Error> {
    let (code, requires_account) = match purpose {
        SmsPurpose::Register => (CodeKey::register(mobile), false),
        SmsPurpose::LogIn { register } => (CodeKey::log_in(mobile), !register),
        SmsPurpose::ChangeMobile(user) => (CodeKey::change_mobile(&user, mobile), false),
        SmsPurpose::ResetPassword => (CodeKey::reset_password(mobile), true),
    };
    let wanted = Wanted {
        recipient: Recipient::Sms(mobile.clone()),
        content: Content::Code(code.under(handle)),
        requires_account,
    };
    send(app, caller, solved, wanted, Pays::default()).await
}

/// Asks for a link to set a new password. Where registration is disclosed an unknown address is told so, else the same
/// is answered and written, and `deliver` drops the message.
pub async fn send_reset_link(app: &App, caller: &Caller, solved: Solved, email: &Email) -> Result<(), Error> {
    let key = keys::email_marker(email);
    let (counted, marker) = tokio::join!(
        count_source(app, caller, Caused::Probes, app.config.limits.probe_source),
        app.store()?.get::<Marker>(&key, "checking an email")
    );
    counted?;
    let marker = marker?;
    if marker.is_none() && app.config.answers.disclose_registration {
        return Err(Error::EmailUnknown);
    }
    let recipient = Recipient::Email(email.clone());
    let wanted = Wanted { recipient, content: Content::ResetLink, requires_account: true };
    send(app, caller, solved, wanted, Pays::default()).await
}

/// A message that is asked for.
pub(super) struct Wanted {
    pub recipient: Recipient,
    pub content: Content,
    /// Whether it is dropped unless the recipient has an account: the very one, where the content names one.
    pub requires_account: bool,
}

/// What a message costs.
#[derive(Clone, Default)]
pub(super) struct Pays {
    /// What uses up the code that proved who asks.
    pub code: Vec<Write>,
    /// That whoever proved it still may ask.
    pub unchanged: Vec<Write>,
}

/// Whether a message may go to anyone's number, to sign up or move there, rather than to an account's.
#[must_use]
pub fn is_sign_up(content: &Content, requires_account: bool) -> bool {
    match content {
        Content::Code(key) => {
            let anyone_s = matches!(key.purpose, CodePurpose::Register | CodePurpose::ChangeMobile);
            anyone_s || (key.purpose == CodePurpose::LogIn && !requires_account)
        }
        Content::ResetLink | Content::Notice(_) => false,
    }
}

/// That the day's budget is not spent.
fn within_budget(wanted: &Wanted, now: Timestamp) -> Result<Vec<Write>, Error> {
    let channel = match wanted.recipient {
        Recipient::Sms(_) => "sms",
        Recipient::Email(_) => "email",
    };
    let sign_up = is_sign_up(&wanted.content, wanted.requires_account).then_some("sms_sign_up");
    let flags = [Some(channel), sign_up].into_iter().flatten().map(|flag| {
        let copy = u32::from(random::<1>()[0]) % keys::FLAG_COPIES;
        let none =
            Expression { text: "attribute_not_exists(pk) OR expires_at <= :now", values: &[(":now", seconds(now))] };
        Write::check(&keys::budget_flag(flag, copy), none)
    });
    flags.collect()
}

/// Puts a message and its interval, what counts it, and with them what it costs: a code that proved who asks. All or
/// nothing: what is refused counts nowhere.
pub(super) async fn send(app: &App, caller: &Caller, solved: Solved, wanted: Wanted, pays: Pays) -> Result<(), Error> {
    caller.who.note(match &wanted.recipient {
        Recipient::Sms(mobile) => mobile.masked(),
        Recipient::Email(email) => email.masked(),
    });
    let now = app.clock.now();
    let message = new_message(caller, &wanted, now);
    if let Some(device) = &caller.device {
        let asked = Asked::new(app, caller, solved, &wanted, Counted::At(device), now)?;
        match asked.send(app, &message, pays.clone()).await {
            Err(Refused::InReserve) => {}
            sent => return sent.map_err(Error::from),
        }
    }
    let asked = Asked::new(app, caller, solved, &wanted, Counted::WithAll, now)?;
    asked.send(app, &message, pays).await.map_err(Error::from)
}

/// Where a message counts. Strangers may spend what a number is sent in an hour; what a device of its owner's asks for is
/// counted apart, so that they are sent a code all the same.
#[derive(Clone, Copy)]
enum Counted<'a> {
    /// In the reserve of the recipient's own devices, on condition that this is one of them.
    At(&'a Device),
    /// With all that the recipient is sent.
    WithAll,
}

/// The conditions under which a message is sent, in the order in which their refusals are looked at.
struct Asked {
    solved: Solved,
    now: Timestamp,
    first: Vec<Write>,
    by_recipient: Vec<Counting>,
    by_source: Vec<Counting>,
    budget: Vec<Write>,
    in_reserve: Option<Write>,
}

enum Refused {
    /// The device is not the owner's, or its reserve is spent.
    InReserve,
    Finally(Error),
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::InReserve => Self::TooMany { retry_after_seconds: 1 },
            Refused::Finally(error) => error,
        }
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::Finally(error)
    }
}

impl Asked {
    fn new(
        app: &App,
        caller: &Caller,
        solved: Solved,
        wanted: &Wanted,
        counted: Counted<'_>,
        now: Timestamp,
    ) -> Result<Self, Error> {
        let limits = &app.config.limits;
        let of_source = match solved {
            Solved::Yes | Solved::ToOneself => limits.source_captcha,
            Solved::No | Solved::NotAsked => limits.source,
        };
        let mut first = vec![interval(&wanted.recipient, now)?];
        first.extend(not_guessed_out(&wanted.content, now)?);
        let (by_recipient, in_reserve) = match counted {
            Counted::At(device) => {
                let owner = [(":owner", text(device.user_id.as_str()))];
                let owned = Expression { text: "user_id = :owner", values: &owner };
                let owned = Write::check(&keys::recipient_marker(&wanted.recipient), owned)?;
                (vec![limits::of_devices(app, &wanted.recipient)?], Some(owned))
            }
            Counted::WithAll => (limits::of_recipient(app, caller, &wanted.recipient)?, None),
        };
        let by_source = limits::of_source(app, caller, Caused::Messages, of_source)?;
        Ok(Self { solved, now, first, by_recipient, by_source, budget: within_budget(wanted, now)?, in_reserve })
    }

    async fn send(self, app: &App, message: &Message, pays: Pays) -> Result<(), Refused> {
        let Self { solved, now, first, by_recipient, by_source, budget, in_reserve } = self;
        let is_reserve = in_reserve.is_some();
        let mut writes = first;
        let first_limit = writes.len();
        writes.extend(by_recipient.iter().map(|counting| counting.write.clone()));
        writes.extend(in_reserve);
        let first_source = writes.len();
        writes.extend(by_source.iter().map(|counting| counting.write.clone()));
        let first_flag = writes.len();
        writes.extend(budget);
        let first_paid = writes.len();
        writes.extend(pays.code);
        let first_unchanged = writes.len();
        writes.extend(pays.unchanged);
        writes.push(Write::put(&keys::message(&message.id), message, Unless::Exists)?);

        let refusals = match app.store()?.transact(writes, "asking for a message").await {
            Ok(()) => return Ok(()),
            Err(StoreError::Refused(refusals)) => refusals,
            Err(StoreError::Failed(error)) => return Err(error.into()),
        };
        let refused = |from: usize, to: usize| refusals.iter().any(|refusal| (from..to).contains(&refusal.index));
        if refused(first_unchanged, usize::MAX) {
            return Err(Error::AccountChanged.into());
        }
        if refused(first_paid, first_unchanged) {
            return Err(Error::CodeExpired.into());
        }
        if refused(first_flag, first_paid) {
            return Err(Error::unavailable("asking for a message", "the day's budget is spent").into());
        }
        if is_reserve && refused(first_limit, first_source) {
            return Err(Refused::InReserve);
        }
        // Who solves a captcha may go on: a school, a company, a carrier's NAT share one address.
        if refused(first_source, first_flag) && solved == Solved::No && !refused(0, first_source) {
            return Err(Error::CaptchaRequired.into());
        }
        let waits = refusals.iter().map(|refusal| match refusal.index {
            index if index < first_limit => expiry_wait(refusal, now),
            index if index < first_source => by_recipient[index - first_limit].wait_seconds(refusal.item.as_ref(), now),
            index if index < first_flag => by_source[index - first_source].wait_seconds(None, now),
            _ => 0,
        });
        Err(Error::TooMany { retry_after_seconds: waits.max().unwrap_or(0).max(1) }.into())
    }
}

fn interval(recipient: &Recipient, now: Timestamp) -> Result<Write, Error> {
    let key = match recipient {
        Recipient::Sms(mobile) => keys::sms_interval(mobile),
        Recipient::Email(email) => keys::email_interval(email),
    };
    let until = Expiring { expires_at: now.plus_seconds(INTERVAL_SECONDS) };
    Write::put(&key, &until, Unless::Live(now))
}

/// A code that was guessed out stays so for its life: asking again must not buy more guesses.
fn not_guessed_out(content: &Content, now: Timestamp) -> Result<Option<Write>, Error> {
    let Content::Code(code) = content else { return Ok(None) };
    let condition = Expression {
        text: "attribute_not_exists(pk) OR expires_at <= :now OR attribute_not_exists(guesses) OR guesses < :max",
        values: &[(":now", seconds(now)), (":max", number(MAX_GUESSES))],
    };
    Write::check(&keys::code(code), condition).map(Some)
}

/// Word of a change, to every address the account holds. It waits for no interval, and is part of the transaction that
/// makes the change.
pub(super) fn notices(app: &App, caller: &Caller, user: &User, notice: Notice) -> Result<Vec<Write>, Error> {
    let now = app.clock.now();
    let sms = user.mobile.clone().map(|mobile| (Recipient::Sms(mobile), is_settled(user.mobile_changed_at, now)));
    let email = user.email.clone().map(|email| (Recipient::Email(email), is_settled(user.email_changed_at, now)));
    let recipients = [sms, email].into_iter().flatten();
    let write = |(recipient, with_link)| {
        let about = AboutAccount { notice, user_id: user.id.clone(), with_link };
        let wanted = Wanted { recipient, content: Content::Notice(about), requires_account: false };
        let message = new_message(caller, &wanted, now);
        Write::put(&keys::message(&message.id), &message, Unless::Exists)
    };
    recipients.map(write).collect()
}

/// Whether an address was bound long enough ago to be trusted with the link that stops a change: who took an account over
/// is not handed what undoes its owner's repair.
pub(super) fn is_settled(changed_at: Option<Timestamp>, now: Timestamp) -> bool {
    changed_at.is_none_or(|at| at.plus_seconds(SafetyLink::LIFE_SECONDS) <= now)
}

fn new_message(caller: &Caller, wanted: &Wanted, now: Timestamp) -> Message {
    Message {
        id: random_hex::<16>(),
        kind: keys::MESSAGE_KIND.to_owned(),
        recipient: wanted.recipient.clone(),
        content: wanted.content.clone(),
        requires_account: wanted.requires_account,
        language: caller.language,
        created_at: now,
        expires_at: now.plus_seconds(CODE_LIFE_SECONDS),
        claimed_by: None,
    }
}

/// Until the item that is in the way is over.
fn expiry_wait(refusal: &Refusal, now: Timestamp) -> u64 {
    let held = refusal.item.clone().and_then(|item| serde_dynamo::from_item::<_, Expiring>(item).ok());
    held.map_or(0, |held| now.seconds_until(held.expires_at))
}
