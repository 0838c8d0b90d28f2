//! Making the code or link of a message, at the moment it is sent.

use shared::crypto::{KeyGroup, NotMeLink, ResetLink};
use shared::domain::{CODE_LIFE_SECONDS, KEEP_CODE_SECONDS};
use shared::domain::{Code, CodeKey, CodePurpose, CodeSeed, Timestamp, User};
use shared::dynamodb::items::{AboutAccount, CodeItem, Content, Message, Recipient, SecurityEvent};
use shared::dynamodb::{Condition, Set, Transaction, Write, WriteError, keys};
use shared::messages::may_get_link;
use shared::users::find_by_name;
use shared::{App, Error};

/// The content of a message that is ready to be sent.
pub(crate) enum Payload {
    /// A code, its purpose, and the whole minutes of its remaining life.
    Code { purpose: CodePurpose, code: Code, minutes: u64 },
    /// The address of the page that sets a new password, and the whole minutes that it is still valid.
    ResetLink { url: String, minutes: u64 },
    /// A security notification. `url` is the "this wasn't me" link, if the recipient gets one.
    SecurityNotification { event: SecurityEvent, url: Option<String> },
}

/// The result of [`issue`].
pub(crate) enum Issued {
    /// The content, and whether it is for an account.
    Carries(Payload, bool),
    /// The message is for an account, and there is none. A code to a number is stored all the same, so that neither a
    /// guess nor another request shows the difference.
    NoAccount,
    /// The message's code can no longer be used, or the account's credentials have changed since it was asked for.
    Expired,
}

/// Makes the code or link of a message.
pub(crate) async fn issue(app: &App, message: &Message) -> Result<Issued, Error> {
    match &message.content {
        Content::Code(key) => issue_code(app, message, key).await,
        Content::ResetLink => issue_link(app, message).await,
        Content::SecurityNotification(about) => issue_notification(app, message, about).await,
    }
}

async fn issue_code(app: &App, message: &Message, key: &CodeKey) -> Result<Issued, Error> {
    let account = account_of(app, message, key).await?;
    let (is_for_account, is_the_account_s) = (account.is_some(), key.user_id().is_some());
    // A code of an account that is gone is of no use to anybody, and nothing of the account must come back.
    if is_the_account_s && !is_for_account {
        return Ok(Issued::NoAccount);
    }
    if account.as_ref().is_some_and(|user| is_outdated(message, user)) {
        return Ok(Issued::Expired);
    }
    // The code is stored even if nobody gets it, so that guesses at it are answered as guesses at any other.
    let item = live_code(app, key, account.as_ref()).await?;
    // Its guesses were used up after it was asked for. Nobody can use it, and a new code would only delay its owner
    // further.
    let Some(item) = item else { return Ok(Issued::Expired) };
    if message.requires_account && !is_for_account {
        return Ok(Issued::NoAccount);
    }
    let minutes = minutes_until(app, item.expires_at);
    let Some(code) = item.seed.digits(key, app.keyring(KeyGroup::Codes)?) else {
        return Ok(Issued::Expired);
    };
    Ok(Issued::Carries(Payload::Code { purpose: key.purpose, code, minutes }, is_for_account))
}

/// Returns the code to send. A live code is sent again while at least five minutes of its life remain and the account's
/// credentials are those it was issued for; otherwise a new one is made. The new one takes over the guesses of the live
/// one (NIST SP 800-63B §3.1.3.2), so that another request does not buy more. `None` if the code has no guesses left.
async fn live_code(app: &App, key: &CodeKey, user: Option<&User>) -> Result<Option<CodeItem>, Error> {
    let store = &app.store;
    // If the code was replaced or used up meanwhile, the condition fails and the loop reads it again. A simultaneous
    // guess does not fail it and is kept, because replacing a code does not write the count.
    for _ in 0..8 {
        let now = app.clock.now();
        let live = store.get::<CodeItem>(&keys::code(key), "reading a code").await?;
        let live = live.filter(|item| now < item.expires_at);
        if live.as_ref().is_some_and(|item| item.is_guessed_out()) {
            return Ok(None);
        }
        if let Some(item) = &live
            && now.plus_seconds(KEEP_CODE_SECONDS) <= item.expires_at
            && item.is_for(user)
            && item.seed.digits(key, app.keyring(KeyGroup::Codes)?).is_some()
        {
            return Ok(Some(item.clone()));
        }
        let item = CodeItem {
            seed: CodeSeed::generate(app.keyring(KeyGroup::Codes)?),
            expires_at: now.plus_seconds(CODE_LIFE_SECONDS),
            guesses: live.as_ref().map_or(0, |item| item.guesses),
            credential_version: user.map(|user| user.credential_version),
            refunds: 0,
        };
        let mut tx = Transaction::new("storing a code", || WriteError::Refused);
        tx.require(match &live {
            None => Write::put(keys::code(key), &item, Condition::no_live_item(now))?,
            Some(old) => replace(key, old, &item),
        });
        if WriteError::refused_as_none(store.commit(tx).await)?.is_some() {
            return Ok(Some(item));
        }
    }
    Err(Error::unavailable("storing a code", "it kept changing"))
}

fn replace(key: &CodeKey, old: &CodeItem, new: &CodeItem) -> Write {
    let set = Set::to(CodeSeed::NONCE, new.seed.nonce())
        .and_to(CodeSeed::KEY_ID, new.seed.key_id())
        .and_to(keys::EXPIRES_AT, new.expires_at);
    let set = match new.credential_version {
        Some(version) => set.and_to(CodeItem::CREDENTIAL_VERSION, version),
        None => set.and_remove(CodeItem::CREDENTIAL_VERSION),
    };
    Write::update(keys::code(key), set, Condition::equal(CodeSeed::NONCE, old.seed.nonce()))
}

/// Returns the account that a code is for, unless it is disabled. A sign-up's code is for none.
async fn account_of(app: &App, message: &Message, key: &CodeKey) -> Result<Option<User>, Error> {
    match key.purpose {
        CodePurpose::Register => Ok(None),
        // The recipient is not the account's yet.
        CodePurpose::ChangeMobile | CodePurpose::BindEmail => {
            let Some(id) = key.user_id() else { return Ok(None) };
            let user: Option<User> = app.store.get(&keys::user(&id), "reading an account").await?;
            Ok(user.filter(|user| !user.disabled))
        }
        CodePurpose::LogIn | CodePurpose::ResetPassword | CodePurpose::Reauthentication | CodePurpose::SecondProof => {
            let user = account_at(app, &message.recipient).await?;
            Ok(user.filter(|user| is_for(key, user, &message.recipient)))
        }
    }
}

/// Returns whether a code is for this account, which has the recipient's number or address now. Another account may
/// have had it when the code was asked for.
fn is_for(key: &CodeKey, user: &User, recipient: &Recipient) -> bool {
    match (key.purpose, recipient) {
        (CodePurpose::Reauthentication, Recipient::Sms(mobile)) => *key == CodeKey::reauthentication(&user.id, mobile),
        (CodePurpose::SecondProof, Recipient::Email(email)) => *key == CodeKey::second_proof(&user.id, email),
        // These codes are for the number, whichever account has it.
        _ => true,
    }
}

async fn issue_link(app: &App, message: &Message) -> Result<Issued, Error> {
    let Some(user) = account_at(app, &message.recipient).await? else {
        return Ok(Issued::NoAccount);
    };
    if is_outdated(message, &user) {
        return Ok(Issued::Expired);
    }
    // A reset link's life starts with the request for it, as the contract says.
    let link =
        ResetLink { user_id: user.id, credential_version: user.credential_version, expires_at: message.expires_at };
    let token = link.sign(app.keyring(KeyGroup::Links)?);
    let url = format!("{}/reset_password?access_token={token}", app.client_host()?);
    let minutes = minutes_until(app, message.expires_at);
    Ok(Issued::Carries(Payload::ResetLink { url, minutes }, true))
}

async fn issue_notification(app: &App, message: &Message, about: &AboutAccount) -> Result<Issued, Error> {
    let event = about.event;
    let has_link = may_stop(app, message, about).await?;
    // The link's life starts now, however long the notification had to wait.
    let link = NotMeLink::new(about.user_id.clone(), message.created_at, app.clock.now());
    let token = if has_link { link.sign(app.keyring(KeyGroup::Links)?) } else { None };
    let host = app.client_host()?;
    let url = token.map(|token| format!("{host}/secure#{token}"));
    Ok(Issued::Carries(Payload::SecurityNotification { event, url }, true))
}

/// Returns whether a notification gets a "this wasn't me" link. Days may have passed since the event, so what was true
/// then must still be true: the recipient is the account's and could not be a thief's. Only the address that the event
/// itself took from the account need no longer be the account's.
async fn may_stop(app: &App, message: &Message, about: &AboutAccount) -> Result<bool, Error> {
    if !about.with_link || !about.event.can_be_stopped() {
        return Ok(false);
    }
    let user: Option<User> = app.store.get(&keys::user(&about.user_id), "reading an account").await?;
    let is_replaced = about.event.replaces(&message.recipient);
    Ok(user.is_some_and(|user| is_replaced || may_get_link(app, &user, &message.recipient)))
}

/// Returns whether the account's credentials have changed since the message was asked for. A change ends all codes and
/// links from before it, also those that the stream brings late. Times are whole seconds, and a message of the same
/// second as the change is sent.
fn is_outdated(message: &Message, user: &User) -> bool {
    user.credentials_changed_at.is_some_and(|at| message.created_at < at)
}

/// Returns the account that has this number or address, unless it is disabled.
async fn account_at(app: &App, recipient: &Recipient) -> Result<Option<User>, Error> {
    Ok(find_by_name(app, Some(&recipient.account_name())).await?.filter(|user| !user.disabled))
}

/// Returns the minutes until a moment, to the nearest: a moment has passed since the code or link was made.
fn minutes_until(app: &App, end: Timestamp) -> u64 {
    (app.clock.now().seconds_until(end) + 30) / 60
}
