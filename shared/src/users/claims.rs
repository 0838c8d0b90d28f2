//! Claims: the items that make a mobile number, an email address or a username unique to one account.

use crate::domain::{AccountName, Timestamp, UserId, Username};
use crate::dynamodb::items::Claim;
use crate::dynamodb::{Condition, Write, keys};
use crate::error::Error;

/// Claims a name that no account has.
pub(crate) fn claim(name: &AccountName, user: &UserId) -> Result<Write, Error> {
    Write::put(keys::claim(name), &held_by(user), Condition::no_item())
}

/// Claims a username that no account has, and that is not reserved for another account.
pub(crate) fn claim_username(username: &Username, user: &UserId, now: Timestamp) -> Result<Write, Error> {
    let own_reserved = is_of(user).and(Condition::exists(keys::EXPIRES_AT));
    Write::put(keys::username_claim(username), &held_by(user), Condition::no_live_item(now).or(own_reserved))
}

/// Turns an account's claim on its username into a reservation: until `until` nobody else can claim the name.
pub(crate) fn reserve(username: &Username, user: &UserId, until: Timestamp) -> Result<Write, Error> {
    let reserved = Claim { user_id: user.clone(), expires_at: Some(until) };
    Write::put(keys::username_claim(username), &reserved, is_of(user))
}

/// Moves a name's claim from one account to another.
pub(crate) fn take_over(name: &AccountName, user: &UserId, from: &UserId) -> Result<Write, Error> {
    Write::put(keys::claim(name), &held_by(user), is_of(from))
}

/// Releases an account's claim on a name, or its reservation.
pub(crate) fn release(name: &AccountName, user: &UserId) -> Write {
    Write::delete(keys::claim(name), is_of(user))
}

fn held_by(user: &UserId) -> Claim {
    Claim { user_id: user.clone(), expires_at: None }
}

fn is_of(user: &UserId) -> Condition {
    Condition::equal(Claim::USER_ID, user.as_str())
}
