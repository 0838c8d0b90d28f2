//! Claims: the items that make a number, an address and a username one account's alone.

use crate::domain::{AccountName, UserId};
use crate::dynamodb::items::Claim;
use crate::dynamodb::{Condition, Write, keys};
use crate::error::Error;

/// Takes a name that no account has.
pub(crate) fn claim(name: &AccountName, user: &UserId) -> Result<Write, Error> {
    Write::put(keys::claim(name), &Claim { user_id: user.clone() }, Condition::no_item())
}

/// Takes a name from the account that has it.
pub(crate) fn take_over(name: &AccountName, user: &UserId, from: &UserId) -> Result<Write, Error> {
    Write::put(keys::claim(name), &Claim { user_id: user.clone() }, is_of(from))
}

/// Frees a name of the account's.
pub(crate) fn release(name: &AccountName, user: &UserId) -> Write {
    Write::delete(keys::claim(name), is_of(user))
}

fn is_of(user: &UserId) -> Condition {
    Condition::equal(Claim::USER_ID, user.as_str())
}
