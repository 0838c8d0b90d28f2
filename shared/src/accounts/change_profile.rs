//! A signed-in person's nickname and username.

use crate::app::App;
use crate::domain::{Nickname, User, Username};
use crate::dynamodb::items::Marker;
use crate::dynamodb::{Expression, StoreError, Unless, Write, keys, number, text};
use crate::error::Error;

/// Changes what is given, in one transaction. A username is held by a marker, so that of two who take one at the same
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
    let mut writes = vec![update(&user, nickname.as_ref(), changed.username.as_ref())?];
    let mine = Expression { text: "user_id = :me", values: &[(":me", text(user.id.as_str()))] };
    let (old_key, new_key) = (user.username.as_ref().map(Username::key), changed.username.as_ref().map(Username::key));
    if let Some(new) = changed.username.as_ref().filter(|_| old_key != new_key) {
        app.config.reserved_usernames.refuse(new)?;
        writes.push(Write::put(&keys::username_marker(new), &Marker { user_id: user.id.clone() }, Unless::Exists)?);
        if let Some(old) = &user.username {
            writes.push(Write::delete(&keys::username_marker(old), mine)?);
        }
    }
    match app.store()?.transact(writes, "changing a profile").await {
        Ok(()) => Ok(changed),
        Err(StoreError::Refused(refusals)) if refusals.iter().any(|refusal| refusal.index == 1) => {
            Err(Error::UsernameTaken)
        }
        Err(StoreError::Refused(_)) => Err(Error::AccountChanged),
        Err(StoreError::Failed(error)) => Err(error),
    }
}

/// On condition that the username is still the one that was read, so that no marker is left behind. A nickname that was
/// not given stays what it is by then.
fn update(user: &User, nickname: Option<&Nickname>, username: Option<&Username>) -> Result<Write, Error> {
    let mut set = vec!["credential_version = :version"];
    let mut condition = "credential_version = :version AND ".to_owned();
    let mut values = vec![(":version", number(user.credential_version))];
    if let Some(nickname) = nickname {
        set.push("nickname = :nickname");
        values.push((":nickname", text(nickname.as_str())));
    }
    if let Some(username) = username {
        set.push("username = :username");
        values.push((":username", text(username.as_str())));
    }
    if let Some(old) = &user.username {
        condition.push_str("username = :old");
        values.push((":old", text(old.as_str())));
    } else {
        condition.push_str("attribute_not_exists(username)");
    }
    let set = format!("SET {}", set.join(", "));
    Write::update(&keys::user(&user.id), &set, Expression { text: &condition, values: &values })
}
