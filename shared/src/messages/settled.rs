//! Settled addresses: those that an account has had for so long that no thief can have bound them to keep its owner out.

use crate::app::App;
use crate::crypto::NotMeLink;
use crate::domain::{Timestamp, User};
use crate::dynamodb::items::Recipient;

/// Returns whether an address was bound long enough ago to be trusted with what opens the account. A thief who binds an
/// address of their own must not be able to undo the owner's repair. So an address is settled when every notification of
/// its binding has been sent or given up, and every "this wasn't me" link in them has expired.
pub(crate) fn is_settled(app: &App, changed_at: Option<Timestamp>) -> bool {
    let seconds = app.config.messages.notification_seconds + NotMeLink::LIFE_SECONDS;
    changed_at.is_none_or(|at| at.plus_seconds(seconds) <= app.clock.now())
}

/// Returns whether a number or address may get a "this wasn't me" link: it is the account's, it is settled, and a number
/// was proved lately. Another person may have a number that was not.
#[must_use]
pub fn may_get_link(app: &App, user: &User, recipient: &Recipient) -> bool {
    match recipient {
        Recipient::Sms(mobile) => {
            user.mobile.as_ref() == Some(mobile)
                && is_settled(app, user.mobile_changed_at)
                && !user.is_number_unproved(app.config.numbers.proved_days, app.clock.now())
        }
        Recipient::Email(email) => user.email.as_ref() == Some(email) && is_settled(app, user.email_changed_at),
    }
}
