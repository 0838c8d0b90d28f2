//! A signed-in person's nickname and username.

use crate::app::App;
use crate::domain::{AccountName, Nickname, User, Username};
use crate::dynamodb::{Set, Transaction, Write, keys};
use crate::error::Error;
use crate::users::claims::{claim, release};
use crate::users::unchanged_with_username;

/// Changes what is given, in one transaction. A username is held by a claim, so that of two who take one at the same
/// moment one gets it; the one given up is free again.
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

/// On condition that the username is still the one that was read, so that no claim is left behind. A nickname that was not
/// given stays what it is by then.
fn update(user: &User, nickname: Option<&Nickname>, username: Option<&Username>) -> Write {
    // Where nothing is given, the version stays the same: an update must set something.
    let mut set = Set::to(User::CREDENTIAL_VERSION, user.credential_version);
    if let Some(nickname) = nickname {
        set = set.and_to(User::NICKNAME, nickname.as_str());
    }
    if let Some(username) = username {
        set = set.and_to(User::USERNAME, username.as_str());
    }
    Write::update(keys::user(&user.id), set, unchanged_with_username(user))
}
