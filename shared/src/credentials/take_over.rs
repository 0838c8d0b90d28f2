//! Taking a number over from the account that has it. Carriers reissue numbers after 90 days, and a former owner must
//! not keep the present owner out.

use crate::app::App;
use crate::domain::{AccountName, User, UserId};
use crate::dynamodb::items::SecurityEvent;
use crate::dynamodb::{Condition, Set, Transaction, Write, keys};
use crate::error::Error;
use crate::messages::Notification;
use crate::users::{claims, unchanged};

/// Declares that the number moves to a new account, on condition that for `DORMANT_DAYS` it was not proved and its
/// account was not used. Whoever calls this has redeemed a code to the number.
///
/// The old account keeps everything but the number, and its sessions live on. Its email gets a security notification. An
/// account that an operator disabled loses the number too, and stays disabled.
pub(crate) fn take_over(
    app: &App,
    name: &AccountName,
    new: &UserId,
    old: User,
    tx: &mut Transaction,
) -> Result<(), Error> {
    let (now, days) = (app.clock.now(), app.config.numbers.dormant_days);
    if !old.may_lose_number(days, now) {
        return Err(Error::MobileTaken);
    }
    tx.require(claims::take_over(name, new, &old.id)?);
    let not_proved_since = match old.mobile_proved_at {
        Some(at) => Condition::equal(User::MOBILE_PROVED_AT, at),
        None => Condition::absent(User::MOBILE_PROVED_AT),
    };
    let not_used_since = Condition::at_most(User::LAST_USED_AT, now.plus_seconds(-86_400 * days));
    let when = unchanged(&old, None).and(not_used_since).and(not_proved_since);
    let without = Set::default().and_remove(User::MOBILE).and_remove(User::MOBILE_PROVED_AT);
    let without = without.and_remove(User::RECOVERY);
    tx.require(Write::update(keys::user(&old.id), without, when));
    // The number is no longer the old owner's, so the notification goes to the email alone.
    let old = User { mobile: None, ..old };
    tx.add(Notification::new(app, &old, SecurityEvent::Reissued))
}
