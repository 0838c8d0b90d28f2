//! Requests for messages. One transaction stores the message and its resend cooldown, which delays the next message.
//! The table's stream carries the message to `deliver`, which makes the code or link that it is to contain.
//!
//! Cooldown and limits are read first, so that a refusal writes nothing. Then the request counts at its source, in a
//! write of its own, because many people may be behind one address.
//!
//! No code is made here. The table therefore contains nothing that could be used before it is sent.

use super::CaptchaResult;
use super::settled::may_get_link;
use crate::app::{App, Caller};
use crate::config::RateLimit;
use crate::crypto::{random, random_hex};
use crate::domain::{CODE_LIFE_SECONDS, CodePurpose, Language, Timestamp, User};
use crate::dynamodb::items::{
    AboutAccount, BudgetShare, CodeItem, Content, ExpiringItem, Message, Recipient, SecurityEvent,
};
use crate::dynamodb::keys::Key;
use crate::dynamodb::{Condition, Effect, Item, Part, Reason, Transaction, Write, keys};
use crate::error::Error;
use crate::throttling::limits::{self, LimitCount};
use crate::users::find_by_name;
use crate::users::known_devices::known_device;

/// The resend cooldown: how long the next message to a number or address is delayed, in seconds, whatever its content.
pub(crate) const COOLDOWN_SECONDS: i64 = 60;

pub(crate) struct MessageRequest {
    pub recipient: Recipient,
    pub content: Content,
    /// `true`: `deliver` drops the message unless the recipient has an account. If the content names an account, it
    /// must be that one.
    pub requires_account: bool,
    /// The language of whoever asked for the message, or of the account that is told something.
    pub language: Language,
}

/// The cost of a message that uses nothing up and is only counted.
#[derive(Clone, Copy)]
pub(crate) struct NoCost;

impl<E: Reason> Part<E> for NoCost {
    fn declare(self, _: &mut Transaction<E>) -> Result<(), Error> {
        Ok(())
    }
}

/// Returns a copy of a flag that is set when a day's budget is spent. Each flag has several copies, so that many requests
/// do not all read one item.
fn budget_flag(flag: &str) -> Key {
    keys::budget_flag(flag, u32::from(random::<1>()[0]) % keys::FLAG_COPIES)
}

/// Stores a message, its resend cooldown and its limit counts in one transaction, together with its `cost`: whatever
/// the request must use up, such as the code that confirmed the caller's identity. A refused message counts toward no
/// limit.
pub(crate) async fn send(
    app: &App,
    caller: &Caller,
    solved: CaptchaResult,
    request: MessageRequest,
    cost: impl Part<SendError> + Copy,
) -> Result<(), Error> {
    caller.who.note(match &request.recipient {
        Recipient::Sms(mobile) => mobile.masked(),
        Recipient::Email(email) => email.masked(),
    });
    let share = request.content.budget_share(request.requires_account);
    let sources = if share == BudgetShare::KnownOnDelivery { limits::source_hashes(app, caller)? } else { Vec::new() };
    let message = Message { sources, ..new_message(app, &request) };
    let mut submission = Submission::new(app, caller, solved, (&request, &message));
    if submission.is_of_owner().await? {
        submission.is_for_account = true;
        match submission.send(Allowance::OfOwner, cost).await {
            Err(SendError::OutsideReserve) => {}
            sent => return sent.map_err(Error::from),
        }
    }
    let sent = submission.send(Allowance::WithAll, cost).await;
    if let Err(SendError::ForStrangersNoMore(_)) = sent
        && find_by_name(app, Some(&request.recipient.account_name())).await?.is_some()
    {
        submission.is_for_account = true;
        return submission.send(Allowance::WithAll, cost).await.map_err(Error::from);
    }
    sent.map_err(Error::from)
}

/// Refuses a message to a new number or address that [`send`] would refuse because of a cooldown or a limit, before
/// something costs more. Nothing is counted.
pub(crate) async fn refuse_early(
    app: &App,
    caller: &Caller,
    solved: &CaptchaResult,
    request: &MessageRequest,
    cost: impl Part<SendError>,
) -> Result<(), Error> {
    let message = new_message(app, request);
    let submission = Submission::new(app, caller, solved.clone(), (request, &message));
    let transaction = submission.transaction(Allowance::WithAll, cost)?;
    app.store.read_limits(transaction).await.map_err(Error::from)
}

/// The allowance that a message counts in. A stranger may use up the messages that a number can receive in an hour.
/// Requests from the owner's known devices therefore have an allowance of their own, the reserve, so that the owner
/// still gets a code. They are also outside the limit of their address, which neighbours may have spent.
#[derive(Clone, Copy)]
enum Allowance {
    /// The reserve.
    OfOwner,
    /// The recipient's allowance for all messages.
    WithAll,
}

/// Why a message is not sent.
#[derive(Debug)]
pub(crate) enum SendError {
    /// The reserve is spent.
    OutsideReserve,
    /// The strangers' share of the day's budget is spent, or what the source may use of it. A message that may be for an
    /// account is sent if it is.
    ForStrangersNoMore(Error),
    /// The source's limit is spent for this many seconds, and a solved captcha raises it. People behind a shared
    /// address can thus go on: a school, a company or a carrier's NAT has only one.
    CaptchaOrWait(u64),
    Final(Error),
}

impl From<SendError> for Error {
    fn from(error: SendError) -> Self {
        match error {
            SendError::OutsideReserve => Self::TooMany { retry_after_seconds: 1 },
            SendError::CaptchaOrWait(_) => Self::CaptchaRequired,
            SendError::ForStrangersNoMore(error) | SendError::Final(error) => error,
        }
    }
}

impl From<Error> for SendError {
    fn from(error: Error) -> Self {
        Self::Final(error)
    }
}

impl Reason for SendError {
    fn wait_seconds(&self) -> Option<u64> {
        match self {
            Self::OutsideReserve | Self::ForStrangersNoMore(_) => None,
            Self::CaptchaOrWait(seconds) => Some(*seconds),
            Self::Final(error) => error.wait_seconds(),
        }
    }

    fn with_wait(self, seconds: u64) -> Self {
        if let Self::Final(error) = self { Self::Final(error.with_wait(seconds)) } else { self }
    }
}

/// A message request on its way into the table.
struct Submission<'a> {
    app: &'a App,
    caller: &'a Caller,
    solved: CaptchaResult,
    request: &'a MessageRequest,
    message: &'a Message,
    /// Whether the recipient is known to have an account. The message then spends nothing of the strangers' share.
    is_for_account: bool,
}

impl<'a> Submission<'a> {
    const fn new(
        app: &'a App,
        caller: &'a Caller,
        solved: CaptchaResult,
        (request, message): (&'a MessageRequest, &'a Message),
    ) -> Self {
        Self { app, caller, solved, request, message, is_for_account: false }
    }

    /// Declares and commits the writes. If several are refused, the first in the order of declaration decides the
    /// error.
    async fn send(&self, allowance: Allowance, cost: impl Part<SendError>) -> Result<(), SendError> {
        self.app.store.commit(self.transaction(allowance, cost)?).await
    }

    fn transaction(
        &self,
        allowance: Allowance,
        cost: impl Part<SendError>,
    ) -> Result<Transaction<SendError>, SendError> {
        let now = self.app.clock.now();
        let otherwise = || SendError::Final(Error::AccountChanged);
        let mut tx = Transaction::reading_first("asking for a message", otherwise);
        tx.add(cost)?;
        let channel = self.request.recipient.channel();
        tx.require_limit(Write::check(budget_flag(channel), Condition::no_live_item(now)), move |item| {
            Error::BudgetSpent { retry_after_seconds: wait_until_expiry(item, now) }.into()
        });
        if self.spends_strangers_share() {
            let flag = budget_flag(&keys::strangers_flag(channel));
            tx.require_limit(Write::check(flag, Condition::no_live_item(now)), move |item| {
                SendError::ForStrangersNoMore(Error::BudgetSpent { retry_after_seconds: wait_until_expiry(item, now) })
            });
            self.require_strangers_limit(&mut tx)?;
        }
        if let Allowance::OfOwner = allowance {
            let reserve = limits::of_devices(self.app, &self.request.recipient);
            reserve.declare_as(&mut tx, |_| SendError::OutsideReserve);
        }
        tx.require_limit(cooldown(&self.request.recipient, now)?, move |item| still_held(item, now));
        if let Some(code) = not_guessed_out(&self.request.content, now) {
            tx.require_limit(code, move |item| still_held(item, now));
        }
        if let Allowance::WithAll = allowance {
            for limit in self.recipient_limits()? {
                tx.add(limit)?;
            }
            self.require_source_limit(&mut tx)?;
        }
        tx.also(Effect::put(keys::message(self.message), self.message)?);
        Ok(tx)
    }

    /// Counts what the source uses of the strangers' share of the day, or only looks at it where `deliver` counts it.
    fn require_strangers_limit(&self, tx: &mut Transaction<SendError>) -> Result<(), Error> {
        let recipient = &self.request.recipient;
        if !self.message.sources.is_empty() {
            for count in limits::of_strangers(self.app, &self.message.sources, recipient) {
                count.declare_unmade(tx, SendError::ForStrangersNoMore);
            }
            return Ok(());
        }
        let counts = match &self.solved {
            CaptchaResult::KnownDevice(user) => {
                limits::of_known_devices(self.app, user, limits::limit_of_strangers(recipient))?
            }
            _ => limits::of_strangers(self.app, &limits::source_hashes(self.app, self.caller)?, recipient),
        };
        counts.into_iter().for_each(|count| count.declare_before(tx, SendError::Final));
        Ok(())
    }

    /// Returns whether the message is refused when the strangers' share of the day's budget is spent. Where registration
    /// is not disclosed, `deliver` alone knows whether a number that signs in or up has an account, and drops the message.
    fn spends_strangers_share(&self) -> bool {
        match self.request.content.budget_share(self.request.requires_account) {
            BudgetShare::Strangers => true,
            BudgetShare::Accounts => false,
            BudgetShare::KnownOnDelivery => !self.is_for_account && self.app.config.answers.disclose_registration,
        }
    }

    /// Returns whether the caller's device is a known one of the account that has the recipient. A device that another
    /// account knows is of no use here.
    async fn is_of_owner(&self) -> Result<bool, Error> {
        let (app, caller) = (self.app, self.caller);
        if caller.devices.is_empty() {
            return Ok(false);
        }
        let owner = find_by_name(app, Some(&self.request.recipient.account_name())).await?;
        Ok(owner.is_some_and(|owner| known_device(caller, &owner).is_some()))
    }

    /// Returns the counts at the recipient. Second proofs have one of their own: the next owner of a number, who asks for
    /// them, must not use up the mails by which the account's owner gets back in.
    fn recipient_limits(&self) -> Result<Vec<LimitCount>, Error> {
        let recipient = &self.request.recipient;
        let is_second_proof =
            matches!(&self.request.content, Content::Code(key) if key.purpose == CodePurpose::SecondProof);
        if is_second_proof {
            return Ok(vec![limits::of_second_proofs(self.app, recipient)]);
        }
        limits::of_recipient(self.app, self.caller, recipient)
    }

    fn require_source_limit(&self, tx: &mut Transaction<SendError>) -> Result<(), Error> {
        let counts = match &self.solved {
            CaptchaResult::KnownDevice(user) => limits::of_known_devices(self.app, user, RateLimit::Source)?,
            CaptchaResult::Solved | CaptchaResult::OwnRecipient => {
                limits::of_source(self.app, self.caller, RateLimit::SourceCaptcha)?
            }
            CaptchaResult::NotSolved | CaptchaResult::NotAsked => {
                limits::of_source(self.app, self.caller, RateLimit::Source)?
            }
        };
        // Without a captcha nobody could solve one, so the answer is that it is too soon.
        let captcha_helps = self.solved == CaptchaResult::NotSolved && self.app.config.pages.captcha_app_id.is_some();
        for count in counts {
            count.declare_before(tx, move |error| match error {
                Error::TooMany { retry_after_seconds } if captcha_helps => {
                    SendError::CaptchaOrWait(retry_after_seconds)
                }
                error => error.into(),
            });
        }
        Ok(())
    }
}

/// Returns the write of the resend cooldown, which fails while an earlier cooldown lasts.
fn cooldown(recipient: &Recipient, now: Timestamp) -> Result<Write, Error> {
    let until = ExpiringItem { expires_at: now.plus_seconds(COOLDOWN_SECONDS) };
    Write::put(keys::cooldown(recipient), &until, Condition::no_live_item(now))
}

/// Returns the condition that the code still has guesses. A code without guesses left keeps that state for its life:
/// another request must not buy more guesses.
fn not_guessed_out(content: &Content, now: Timestamp) -> Option<Write> {
    let Content::Code(code) = content else { return None };
    Some(Write::check(keys::code(code), Condition::no_live_item(now).or(CodeItem::has_guesses())))
}

/// Returns the error that it is too soon, with the wait until `item` expires.
fn still_held(item: Option<Item>, now: Timestamp) -> SendError {
    Error::TooMany { retry_after_seconds: wait_until_expiry(item, now) }.into()
}

/// Returns the seconds until an item expires, at least 1.
fn wait_until_expiry(item: Option<Item>, now: Timestamp) -> u64 {
    let held = item.and_then(|item| serde_dynamo::from_item::<_, ExpiringItem>(item).ok());
    held.map_or(0, |held| now.seconds_until(held.expires_at)).max(1)
}

/// A security notification, to every address of the account. It ignores the resend cooldown and is part of the
/// transaction that makes the change. It is in the account's language, not the caller's, who may be a thief.
pub(crate) struct Notification<'a> {
    app: &'a App,
    user: &'a User,
    event: SecurityEvent,
    preferably_by_mail: bool,
}

impl<'a> Notification<'a> {
    pub(crate) const fn new(app: &'a App, user: &'a User, event: SecurityEvent) -> Self {
        Self { app, user, event, preferably_by_mail: false }
    }

    /// Returns the same notification by mail alone, or by SMS where the account has no email. For events that are
    /// frequent and mostly harmless.
    pub(crate) fn preferably_by_mail(self) -> Self {
        Self { preferably_by_mail: true, ..self }
    }
}

impl<E: Reason> Part<E> for Notification<'_> {
    fn declare(self, transaction: &mut Transaction<E>) -> Result<(), Error> {
        let Self { app, user, event, preferably_by_mail } = self;
        let (email, sms) = (user.email.clone().map(Recipient::Email), user.mobile.clone().map(Recipient::Sms));
        let most = if preferably_by_mail { 1 } else { 2 };
        for recipient in [email, sms].into_iter().flatten().take(most) {
            let with_link = may_get_link(app, user, &recipient);
            let about = AboutAccount { event, user_id: user.id.clone(), with_link };
            let request = MessageRequest {
                recipient,
                content: Content::SecurityNotification(about),
                requires_account: false,
                // Not the language of the request, which a thief may have made.
                language: user.language.unwrap_or_default(),
            };
            let message = new_message(app, &request);
            transaction.also(Effect::put(keys::message(&message), &message)?);
        }
        Ok(())
    }
}

pub(super) fn new_message(app: &App, request: &MessageRequest) -> Message {
    let now = app.clock.now();
    let life_seconds = match request.content {
        Content::Code(_) | Content::ResetLink => CODE_LIFE_SECONDS,
        Content::SecurityNotification(_) => app.config.messages.notification_seconds,
    };
    Message {
        id: random_hex::<16>(),
        kind: keys::MESSAGE_KIND.to_owned(),
        recipient: request.recipient.clone(),
        content: request.content.clone(),
        requires_account: request.requires_account,
        language: request.language,
        sources: Vec::new(),
        created_at: now,
        expires_at: now.plus_seconds(life_seconds),
        claimed_by: None,
        next_try_at: None,
        tries: 0,
        counted: false,
    }
}
