//! Changing the nickname and username of a signed-in person.

use crate::app::App;
use crate::domain::{AccountName, Nickname, User, Username};
use crate::dynamodb::{Set, Transaction, Write, keys};
use crate::error::Error;
use crate::users::claims::{claim, release};
use crate::users::unchanged_with_username;

/// Changes the given names in one transaction. A claim makes a username unique, so that only one of two accounts that
/// take it at the same moment gets it. The previous username is released.
pub async fn change_profile(
    app: &App,
    user: User,
    nickname: Option<Nickname>,
    username: Option<Username>,
) -> Result<User, Error> {
    let changed = User {
        nickname: nickname.clone().unwrap_or_else(|| user.nickname.clone()),
        username: username.or_else(|| user.username.clone()),
        ..user.clone()
    };
    let mut tx = Transaction::new("changing a profile", || Error::AccountChanged);
    let (old_key, new_key) = (user.username.as_ref().map(Username::key), changed.username.as_ref().map(Username::key));
    if let Some(new) = changed.username.as_ref().filter(|_| old_key != new_key) {
        app.config.reserved_usernames.refuse(new)?;
        tx.require_or(claim(&AccountName::Username(new.clone()), &user.id)?, |_| Error::UsernameTaken);
        if let Some(old) = &user.username {
            tx.require(release(&AccountName::Username(old.clone()), &user.id));
        }
    }
    tx.require(update(&user, nickname.as_ref(), changed.username.as_ref()));
    app.store.commit(tx).await?;
    Ok(changed)
}

/// Returns the update of the account. Its condition is that the username is still the one that was read, so that no
/// claim is left behind. A nickname is written only if one was given, so that a concurrent change of it is kept.
fn update(user: &User, nickname: Option<&Nickname>, username: Option<&Username>) -> Write {
    // An update must set something. If nothing was given, it sets the version to the value that it has.
    let mut set = Set::to(User::CREDENTIAL_VERSION, user.credential_version);
    if let Some(nickname) = nickname {
        set = set.and_to(User::NICKNAME, nickname.as_str());
    }
    if let Some(username) = username {
        set = set.and_to(User::USERNAME, username.as_str());
    }
    Write::update(keys::user(&user.id), set, unchanged_with_username(user))
}
