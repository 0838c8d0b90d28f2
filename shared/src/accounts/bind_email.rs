//! Binding an email address to an account, in two steps: a code to the new address, then the address itself.

use crate::app::{App, Caller};
use crate::config::RateLimit;
use crate::credentials;
use crate::credentials::codes::{RightCode, Streak, forget_device_streaks, redeem};
use crate::credentials::reauthentication::{self, CheckedReauthentication, Reauthentication, SameOwner};
use crate::crypto::{KnownDevice, TokenKeys};
use crate::domain::{AccountName, Code, CodeKey, Email, Principal, User};
use crate::dynamodb::items::{Content, Recipient, SecurityEvent};
use crate::dynamodb::{Part, Reason, Set, Transaction};
use crate::error::Error;
use crate::messages::CaptchaResult;
use crate::messages::{MessageRequest, Notification, refuse_early, send};
use crate::sessions::{self, SignedIn};
use crate::throttling::attempts::end_streak;
use crate::throttling::limits::of_account_and_names;
use crate::users::claims::{claim, release};

/// Sends a code to the address. It does not tell whether another account has the address: only a person who reads its
/// mail learns that.
pub async fn send_email_code(
    app: &App,
    caller: &Caller,
    principal: &Principal,
    email: &Email,
    offered: &Reauthentication,
) -> Result<(), Error> {
    let content = Content::Code(CodeKey::bind_email(&principal.user.id, email));
    let request = MessageRequest {
        recipient: Recipient::Email(email.clone()),
        content,
        requires_account: false,
        language: caller.language,
    };
    let captcha = CaptchaResult::of_owner(caller, &principal.user).unwrap_or(CaptchaResult::NotAsked);
    let of_new_emails = of_account_and_names(app, RateLimit::NewEmails, &principal.user)?;
    let allowed = refuse_early(app, caller, &captcha, &request, of_new_emails);
    let checked = reauthentication::check(app, caller, (&principal.user, &principal.session), offered, allowed).await?;
    let pending = Set::to(User::PENDING_EMAIL, email.as_str());
    let same_owner = SameOwner::new(app, &principal.user, &checked).with(&pending);
    let cost = OwnerCost { app, user: &principal.user, same_owner, checked: &checked };
    checked.or_refund(app, send(app, caller, captcha, request, cost)).await
}

/// The cost of a code to a new address: it counts at the account, the reauthentication is used up, and the account
/// remembers the address. A code to an address that was asked for before is then worth nothing.
#[derive(Clone, Copy)]
struct OwnerCost<'a> {
    app: &'a App,
    user: &'a User,
    same_owner: SameOwner<'a>,
    checked: &'a CheckedReauthentication,
}

impl<E: Reason> Part<E> for OwnerCost<'_> {
    fn declare(self, transaction: &mut Transaction<E>) -> Result<(), Error> {
        transaction.add(of_account_and_names(self.app, RateLimit::NewEmails, self.user)?)?;
        transaction.add(self.same_owner)?;
        transaction.add(self.checked)
    }
}

/// Binds the address, releases the one bound before, and returns new tokens. A change of email invalidates every older
/// access token, the caller's own too. The caller's session lives on, and every other session ends.
pub async fn bind_email(
    app: &App,
    caller: &Caller,
    principal: Principal,
    email: Email,
    code: &Code,
) -> Result<SignedIn, Error> {
    let token_keys = app.token_keys().await?;
    let key = CodeKey::bind_email(&principal.user.id, &email);
    let code = redeem(app, key, Streak::of_new_name(&principal.user.id), code).await?;
    code.or_refund(app, bind(app, caller, principal, &token_keys, email, &code)).await
}

async fn bind(
    app: &App,
    caller: &Caller,
    principal: Principal,
    token_keys: &TokenKeys,
    email: Email,
    code: &RightCode,
) -> Result<SignedIn, Error> {
    let Principal { mut user, mut session } = principal;
    code.refuse_outdated(&user)?;
    if user.pending_email.as_ref() != Some(&email) {
        return Err(Error::CodeExpired);
    }
    // If the account has changed meanwhile, the access token of this request is no longer valid either.
    let mut tx = Transaction::new("binding an email", || Error::Unauthorized);
    tx.add(code)?;
    let mut acting = None;
    if user.email.as_ref() != Some(&email) {
        let (carried, carries) = sessions::carry(&session);
        acting = credentials::acting_device(app, caller, &user);
        move_to(app, &user, (&email, acting.as_ref()), &mut tx)?;
        tx.require(carries);
        session = carried;
        user = User { credential_version: user.credential_version + 1, email: Some(email), ..user };
    }
    let signed_in = SignedIn::of_change(app, caller, token_keys, user, (session, acting))?;
    app.store.commit(tx).await?;
    Ok(signed_in)
}

fn move_to(
    app: &App,
    user: &User,
    (email, acting): (&Email, Option<&KnownDevice>),
    tx: &mut Transaction,
) -> Result<(), Error> {
    of_account_and_names(app, RateLimit::Changes, user)?.into_iter().try_for_each(|count| tx.add(count))?;
    let name = AccountName::Email(email.clone());
    tx.require_or(claim(&name, &user.id)?, |_| Error::EmailTaken);
    tx.also(end_streak(app, &name)?);
    let set = Set::to(User::EMAIL, email.as_str()).and_to(User::EMAIL_CHANGED_AT, app.clock.now());
    let set = set.and_remove(User::PENDING_EMAIL);
    forget_device_streaks(user).into_iter().for_each(|effect| tx.also(effect));
    tx.require(credentials::change(app, user, set, acting)?);
    if let Some(old) = &user.email {
        tx.require(release(&AccountName::Email(old.clone()), &user.id));
    }
    tx.add(Notification::new(app, user, SecurityEvent::new_email(user)))
}
