//! Changing the mobile number of a signed-in person.

use crate::app::{App, Caller};
use crate::config::RateLimit;
use crate::credentials;
use crate::credentials::codes::{RightCode, Streak, forget_device_streaks, of_confirm_code, redeem};
use crate::credentials::reauthentication::{self, CheckedReauthentication, Reauthentication};
use crate::crypto::TokenKeys;
use crate::domain::{AccountName, Code, CodeKey, Mobile, Principal, User};
use crate::dynamodb::items::SecurityEvent;
use crate::dynamodb::{Effect, Set, Transaction, keys};
use crate::error::Error;
use crate::messages::Notification;
use crate::sessions::{self, SignedIn};
use crate::throttling::attempts::end_streak;
use crate::throttling::limits::{of_account_and_names, refuse_spent};
use crate::users::claims::{claim, release};

/// Changes the account's number to the one that the code was sent to. It also takes a reauthentication: a thief with a
/// stolen token and a phone of their own must not be able to move the account. The old number is released and gets a
/// security notification.
pub async fn change_mobile(
    app: &App,
    caller: &Caller,
    principal: Principal,
    mobile: Mobile,
    code: &Code,
    offered: &Reauthentication,
) -> Result<SignedIn, Error> {
    let token_keys = app.token_keys().await?;
    let allowed = refuse_spent(app, of_account_and_names(app, RateLimit::Changes, &principal.user));
    let checked = reauthentication::check(app, caller, (&principal.user, &principal.session), offered, allowed)
        .await
        .map_err(of_confirm_code)?
        .into_confirm_code();
    let moved = async {
        let key = CodeKey::change_mobile(&principal.user.id, &mobile);
        let code = redeem(app, key, Streak::of_new_name(&principal.user.id), code).await?;
        code.or_refund(app, move_to(app, caller, principal, &token_keys, mobile, (&code, &checked))).await
    };
    checked.or_refund(app, moved).await
}

async fn move_to(
    app: &App,
    caller: &Caller,
    principal: Principal,
    token_keys: &TokenKeys,
    mobile: Mobile,
    (code, checked): (&RightCode, &CheckedReauthentication),
) -> Result<SignedIn, Error> {
    let Principal { user, session } = principal;
    code.refuse_outdated(&user)?;
    if user.pending_mobile.as_ref() != Some(&mobile) {
        return Err(Error::CodeExpired);
    }
    if user.mobile.as_ref() == Some(&mobile) {
        return Err(Error::MobileTaken);
    }
    let (session, carried) = sessions::carry(&session);
    let mut tx = Transaction::new("changing a number", || Error::AccountChanged);
    tx.add(code)?;
    let name = AccountName::Mobile(mobile.clone());
    tx.require_or(claim(&name, &user.id)?, |_| Error::MobileTaken);
    tx.also(end_streak(app, &name)?);
    of_account_and_names(app, RateLimit::Changes, &user)?.into_iter().try_for_each(|count| tx.add(count))?;
    let (now, acting) = (app.clock.now(), credentials::acting_device(app, caller, &user));
    let set = Set::to(User::MOBILE, mobile.as_str()).and_to(User::MOBILE_CHANGED_AT, now);
    let set = set.and_to(User::MOBILE_PROVED_AT, now).and_remove(User::PENDING_MOBILE);
    tx.require(credentials::change(app, &user, set, acting.as_ref())?);
    tx.require(carried);
    if let Some(old) = &user.mobile {
        tx.require(release(&AccountName::Mobile(old.clone()), &user.id));
        tx.also(Effect::remove(keys::failure_streak(old.as_str())));
    }
    tx.also(Effect::remove(keys::failure_streak(mobile.as_str())));
    forget_device_streaks(&user).into_iter().for_each(|effect| tx.also(effect));
    tx.add(checked)?;
    tx.add(Notification::new(app, &user, SecurityEvent::new_mobile(&user)))?;
    let mobile_proved_at = Some(now);
    let user = User { credential_version: user.credential_version + 1, mobile: Some(mobile), mobile_proved_at, ..user };
    let signed_in = SignedIn::of_change(app, caller, token_keys, user, (session, acting))?;
    app.store.commit(tx).await?;
    Ok(signed_in)
}
