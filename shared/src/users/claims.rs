//! Claims: the items that make a mobile number, an email address or a username unique to one account.

use crate::domain::{AccountName, UserId};
use crate::dynamodb::items::Claim;
use crate::dynamodb::{Condition, Write, keys};
use crate::error::Error;

/// Claims a name that no account has.
pub(crate) fn claim(name: &AccountName, user: &UserId) -> Result<Write, Error> {
    Write::put(keys::claim(name), &Claim { user_id: user.clone() }, Condition::no_item())
}

/// Moves a name's claim from one account to another.
pub(crate) fn take_over(name: &AccountName, user: &UserId, from: &UserId) -> Result<Write, Error> {
    Write::put(keys::claim(name), &Claim { user_id: user.clone() }, is_of(from))
}

/// Releases an account's claim on a name.
pub(crate) fn release(name: &AccountName, user: &UserId) -> Write {
    Write::delete(keys::claim(name), is_of(user))
}

fn is_of(user: &UserId) -> Condition {
    Condition::equal(Claim::USER_ID, user.as_str())
}
