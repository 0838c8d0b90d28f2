//! Changing the nickname and the username of a signed-in person.

use crate::app::{App, Caller};
use crate::config::RateLimit;
use crate::credentials::reauthentication::{self, CheckedReauthentication, Reauthentication};
use crate::domain::{AccountName, Nickname, Principal, User, Username};
use crate::dynamodb::items::SecurityEvent;
use crate::dynamodb::{Set, Transaction, Write, keys};
use crate::error::Error;
use crate::messages::Notification;
use crate::throttling::attempts::end_streak;
use crate::throttling::limits::{count_account, of_account, of_account_and_names, refuse_spent};
use crate::users::claims::{claim_username, release, reserve};
use crate::users::{unchanged, unchanged_with_username};

/// Changes the nickname, if one is given.
pub async fn change_nickname(app: &App, user: User, nickname: Option<Nickname>) -> Result<User, Error> {
    let Some(nickname) = nickname else { return Ok(user) };
    let mut tx = Transaction::new("changing a profile", || Error::AccountChanged);
    let set = Set::to(User::NICKNAME, nickname.as_str());
    tx.require(Write::update(keys::user(&user.id), set, unchanged(&user, None)));
    app.store.commit(tx).await?;
    Ok(User { nickname, ..user })
}

/// Changes the username, and the nickname if one is given, in one transaction.
///
/// A username signs in, so a change of it takes a reauthentication and is told to the owner. Whether a name is taken
/// tells who has an account. Therefore each attempt counts, and only then is the name looked at.
pub async fn rename(
    app: &App,
    caller: &Caller,
    principal: Principal,
    offered: &Reauthentication,
    username: Username,
    nickname: Option<Nickname>,
) -> Result<User, Error> {
    let Principal { user, session } = principal;
    if !is_same(user.username.as_ref(), &username) {
        app.config.reserved_usernames.refuse(&username)?;
    }
    let limits = of_account_and_names(app, RateLimit::Renames, &user).map(|mut limits| {
        limits.push(of_account(app, RateLimit::RenameTries, &user.id));
        limits
    });
    let allowed = refuse_spent(app, limits);
    let checked = reauthentication::check(app, caller, (&user, &session), offered, allowed).await?;
    let renaming = async {
        count_account(app, RateLimit::RenameTries, &user.id).await?;
        let renamed = renamed(app, &user, username, nickname.as_ref());
        app.store.commit(transaction(app, (&user, &renamed), nickname.as_ref(), &checked)?).await?;
        Ok(renamed)
    };
    checked.or_refund(app, renaming).await
}

/// Returns whether a name of the account is another spelling of this one.
fn is_same(own: Option<&Username>, username: &Username) -> bool {
    own.is_some_and(|own| own.key() == username.key())
}

/// Returns the account as it is after the change. The last username stays reserved, and the one reserved before does
/// not. Another spelling of the username changes neither.
fn renamed(app: &App, user: &User, username: Username, nickname: Option<&Nickname>) -> User {
    let mut renamed = user.clone();
    if let Some(nickname) = nickname {
        renamed.nickname = nickname.clone();
    }
    if !is_same(user.username.as_ref(), &username) {
        let until = app.clock.now().plus_seconds(86_400 * app.config.name_reserved_days);
        renamed.username_reserved_until = user.username.as_ref().map(|_| until);
        renamed.reserved_username.clone_from(&user.username);
    }
    renamed.username = Some(username);
    renamed
}

/// Returns the writes of the change. A claim makes a username unique, so that only one of two accounts that take it at
/// the same moment gets it.
fn transaction(
    app: &App,
    (user, renamed): (&User, &User),
    nickname: Option<&Nickname>,
    checked: &CheckedReauthentication,
) -> Result<Transaction, Error> {
    let mut tx = Transaction::new("changing a username", || Error::AccountChanged);
    tx.add(checked)?;
    require_claims(app, user, renamed, &mut tx)?;
    of_account_and_names(app, RateLimit::Renames, user)?.into_iter().try_for_each(|count| tx.add(count))?;
    tx.require(update(user, renamed, checked.note_number_proved(app, Set::default()), nickname));
    if let Some((session, goes_on)) = checked.session() {
        tx.require(Write::check(session, goes_on));
    }
    tx.add(Notification::new(app, user, SecurityEvent::new_username(user)))?;
    Ok(tx)
}

/// Declares the claim of the new username, the reservation of the old one, and the release of the one that was reserved
/// before. If the new username is the one that was reserved, its owner takes it back.
fn require_claims(app: &App, user: &User, renamed: &User, tx: &mut Transaction) -> Result<(), Error> {
    let now = app.clock.now();
    let Some(new) = renamed.username.as_ref().filter(|new| !is_same(user.username.as_ref(), new)) else {
        return Ok(());
    };
    tx.require_or(claim_username(new, &user.id, now)?, |_| Error::UsernameTaken);
    tx.also(end_streak(app, &AccountName::Username(new.clone()))?);
    if let (Some(old), Some(until)) = (&user.username, renamed.username_reserved_until) {
        tx.require(reserve(old, &user.id, until)?);
    }
    // A reservation that has expired may be another account's claim by now.
    if let Some(freed) = user.name_in_reserve(now).filter(|freed| !is_same(Some(freed), new)) {
        tx.require(release(&AccountName::Username(freed.clone()), &user.id));
    }
    Ok(())
}

/// Returns the update of the account. Its condition is that the usernames are still those that were read, so that no
/// claim is left behind. A nickname is written only if one was given, so that a concurrent change of it is kept.
fn update(user: &User, renamed: &User, mut set: Set, nickname: Option<&Nickname>) -> Write {
    if let Some(nickname) = nickname {
        set = set.and_to(User::NICKNAME, nickname.as_str());
    }
    if let Some(username) = &renamed.username {
        set = set.and_to(User::USERNAME, username.as_str());
    }
    set = match (&renamed.reserved_username, renamed.username_reserved_until) {
        (Some(reserved), Some(until)) => {
            set.and_to(User::RESERVED_USERNAME, reserved.as_str()).and_to(User::USERNAME_RESERVED_UNTIL, until)
        }
        _ => set.and_remove(User::RESERVED_USERNAME).and_remove(User::USERNAME_RESERVED_UNTIL),
    };
    Write::update(keys::user(&user.id), set, unchanged_with_username(user))
}
