//! Setting a new password without the old one, by a code to the number or by a mailed link.

use crate::app::{App, Caller};
use crate::config::RateLimit;
use crate::credentials::codes::{RightCode, forget_streaks, redeem_beside};
use crate::credentials::second_proof::{self, SecondProof};
use crate::credentials::{self, hash_new_password};
use crate::crypto::{KeyGroup, ResetLink};
use crate::domain::{
    AccountName, ChallengeId, Code, CodeKey, Email, Mobile, NewPassword, PasswordHashText, Person, User, UserId,
};
use crate::dynamodb::items::SecurityEvent;
use crate::dynamodb::{Set, Transaction, keys};
use crate::error::Error;
use crate::messages::Notification;
use crate::throttling::attempts::end_streaks;
use crate::throttling::limits::{count_hash_at, of_names};
use crate::users::find_by_name;

/// Sets a password by a code sent to the account's number, and returns the account's id. Every earlier session and
/// access token becomes invalid.
pub async fn reset_password_by_code(
    app: &App,
    caller: &Caller,
    mobile: &Mobile,
    (code, challenge_id): (&Code, Option<ChallengeId>),
    second_proof: Option<&SecondProof>,
    password: NewPassword,
) -> Result<UserId, Error> {
    caller.who.note(mobile.masked());
    // The guess is counted even if the account does not exist, and the account is read even if the guess is wrong.
    let name = AccountName::Mobile(mobile.clone());
    let key = CodeKey::reset_password(mobile).under(challenge_id);
    let finding = find_by_name(app, Some(&name));
    let (code, user) = redeem_beside(app, caller, (key, mobile, code), finding, |user| user).await;
    let code = code?;
    code.or_refund(app, async { set_by_code(app, caller, &code, user?, second_proof, password).await }).await
}

async fn set_by_code(
    app: &App,
    caller: &Caller,
    code: &RightCode,
    user: Option<User>,
    second_proof: Option<&SecondProof>,
    password: NewPassword,
) -> Result<UserId, Error> {
    let user = user.filter(|user| !user.disabled).ok_or(Error::NoSuchUser)?;
    code.refuse_outdated(&user)?;
    let checked = second_proof::check(app, caller, &user, second_proof).await?;
    let setting = async {
        // Checked only after the second proof: the refusal of a password that contains the account's name or email
        // would disclose them to anybody.
        let hash = hash_new_password(app, password, &Person::of(&user)).await?;
        // Refused if another change of the account was committed first, because the account is then no longer as it was
        // read.
        let transaction = || {
            let mut tx = Transaction::new("setting a password", || Error::AccountChanged);
            tx.add(code)?;
            let proved = Set::to(User::MOBILE_PROVED_AT, app.clock.now()).and_remove(User::RECOVERY);
            set_password(app, &user, (proved, &hash), &mut tx)?;
            tx.add(&checked)?;
            Ok(tx)
        };
        commit_and_tell(app, &user, transaction).await?;
        Ok(user.id)
    };
    checked.or_refund(app, setting).await
}

/// Returns the email address of the account that a reset link is valid for.
pub async fn check_reset_link(app: &App, token: &str) -> Result<Email, Error> {
    user_of_link(app, token).await?.email.ok_or(Error::LinkInvalid)
}

/// Sets a password by a mailed link, and returns the account's id. The link works once, because it names the credential
/// version, which this increments.
pub async fn reset_password_by_link(
    app: &App,
    caller: &Caller,
    token: &str,
    password: NewPassword,
) -> Result<UserId, Error> {
    let user = user_of_link(app, token).await?;
    caller.who.note(user.id.as_str());
    if user.email.is_none() {
        return Err(Error::LinkAccountGone);
    }
    // The link works once, but many requests with it may come at the same time.
    count_hash_at(app, &format!("{}/link", user.id)).await?;
    let hash = hash_new_password(app, password, &Person::of(&user)).await?;
    let transaction = || {
        let mut tx = Transaction::new("setting a password", || Error::LinkInvalid);
        set_password(app, &user, (Set::default(), &hash), &mut tx)?;
        Ok(tx)
    };
    commit_and_tell(app, &user, transaction).await?;
    Ok(user.id)
}

async fn user_of_link(app: &App, token: &str) -> Result<User, Error> {
    let link = ResetLink::verify(token, app.keyring(KeyGroup::Links)?, app.clock.now()).ok_or(Error::LinkInvalid)?;
    let user: Option<User> = app.store.get(&keys::user(&link.user_id), "reading an account").await?;
    let user = user.filter(|user| user.credential_version == link.credential_version && !user.disabled);
    user.ok_or(Error::LinkInvalid)
}

/// Declares the change of the password, on condition that the account is still as it was read. Of two simultaneous
/// changes, neither undoes the other.
fn set_password(
    app: &App,
    user: &User,
    (set, hash): (Set, &PasswordHashText),
    tx: &mut Transaction,
) -> Result<(), Error> {
    let set = set.and_to(User::PASSWORD_HASH, hash.as_str()).and_to(User::LAST_USED_AT, app.clock.now());
    tx.require(credentials::change(app, user, set.and_remove(User::GUESSED_AT), None)?);
    forget_streaks(user).for_each(|effect| tx.also(effect));
    end_streaks(app, user)?.into_iter().for_each(|effect| tx.also(effect));
    Ok(())
}

/// Commits a reset and tells the owner, who is told so often in a day. Above that the reset is committed without telling:
/// it is refused at no limit, because it is how an owner gets back in, and somebody who resets a password again and again
/// must not spend the day's notifications. Only a reset that is committed counts. Otherwise requests that lose a race
/// could use up the count, and the one that wins would be told to nobody.
async fn commit_and_tell(
    app: &App,
    user: &User,
    transaction: impl Fn() -> Result<Transaction, Error>,
) -> Result<(), Error> {
    let mut telling = transaction()?;
    telling.add(of_names(app, RateLimit::Resets, user)?)?;
    telling.add(Notification::new(app, user, SecurityEvent::new_password(user)))?;
    match app.store.commit(telling).await {
        // Nothing else in the transaction has a wait.
        Err(Error::TooMany { .. }) => app.store.commit(transaction()?).await,
        committed => committed,
    }
}
