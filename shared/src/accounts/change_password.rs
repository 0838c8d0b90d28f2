//! Changing a signed-in person's password, or setting their first.

use crate::app::{App, Caller};
use crate::config::RateLimit;
use crate::credentials::codes::forget_streaks;
use crate::credentials::reauthentication::{self, CheckedReauthentication, Reauthentication};
use crate::credentials::{self, acting_device, hash_new_password};
use crate::crypto::TokenKeys;
use crate::domain::{NewPassword, Person, Principal, User};
use crate::dynamodb::items::SecurityEvent;
use crate::dynamodb::{Set, Transaction};
use crate::error::Error;
use crate::messages::Notification;
use crate::sessions::{self, SignedIn};
use crate::throttling::attempts::end_streaks;
use crate::throttling::limits::{count_hash_at, of_account_and_names, refuse_spent};

/// Changes the password. Every other session ends (ASVS 7.4.3), and this one gets new tokens.
pub async fn change_password(
    app: &App,
    caller: &Caller,
    principal: Principal,
    offered: &Reauthentication,
    password: NewPassword,
) -> Result<SignedIn, Error> {
    let token_keys = app.token_keys().await?;
    let allowed = refuse_spent(app, of_account_and_names(app, RateLimit::Changes, &principal.user));
    let checked = reauthentication::check(app, caller, (&principal.user, &principal.session), offered, allowed).await?;
    checked.or_refund(app, set(app, caller, principal, &token_keys, &checked, password)).await
}

async fn set(
    app: &App,
    caller: &Caller,
    principal: Principal,
    token_keys: &TokenKeys,
    checked: &CheckedReauthentication,
    password: NewPassword,
) -> Result<SignedIn, Error> {
    let Principal { user, session } = principal;
    if !matches!(checked, CheckedReauthentication::Outright) {
        // A password as proof has passed both already, before it was compared. These hashes have a count of their own, so
        // that none that is refused delays a log-in.
        let allowed = refuse_spent(app, of_account_and_names(app, RateLimit::Changes, &user));
        let counted_at = format!("{}/change", user.id);
        tokio::try_join!(allowed, count_hash_at(app, &counted_at))?;
    }
    let hash = hash_new_password(app, password, &Person::of(&user)).await?;
    let (session, carried) = sessions::carry_renewed(&session, app.clock.now());
    let mut tx = Transaction::new("changing a password", || Error::AccountChanged);
    tx.add(checked)?;
    of_account_and_names(app, RateLimit::Changes, &user)?.into_iter().try_for_each(|count| tx.add(count))?;
    let acting = acting_device(app, caller, &user);
    let set = Set::to(User::PASSWORD_HASH, hash.as_str()).and_remove(User::GUESSED_AT);
    let set = checked.note_number_proved(app, set);
    tx.require(credentials::change(app, &user, set, acting.as_ref())?);
    tx.require(carried);
    forget_streaks(&user).for_each(|effect| tx.also(effect));
    end_streaks(app, &user)?.into_iter().for_each(|effect| tx.also(effect));
    tx.add(Notification::new(app, &user, SecurityEvent::new_password(&user)))?;
    let user = User { credential_version: user.credential_version + 1, password_hash: Some(hash), ..user };
    let signed_in = SignedIn::of_change(app, caller, token_keys, user, (session, acting))?;
    app.store.commit(tx).await?;
    Ok(signed_in)
}
