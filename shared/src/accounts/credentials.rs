//! What every change of password, mobile or email has in common: the account's credential version moves on, on condition
//! that the account is still as it was read; attempts at the password are forgotten; and the owner is told at every
//! address held before (ASVS 6.3.7).

use aws_sdk_dynamodb::types::AttributeValue;

use super::attempts;
use super::send::notices;
use crate::app::{App, Caller};
use crate::domain::User;
use crate::dynamodb::items::Notice;
use crate::dynamodb::{Expression, Write, keys, number};
use crate::error::Error;

/// The writes of a change: the account first, then the notices. `set` is what a `SET` assigns, with its values.
pub(super) fn change(
    app: &App,
    caller: &Caller,
    user: &User,
    set: &str,
    values: &[(&str, AttributeValue)],
    notice: Notice,
) -> Result<Vec<Write>, Error> {
    let mut values = values.to_vec();
    values.extend([(":one", number(1)), (":version", number(user.credential_version))]);
    let update = format!("SET {set}, credential_version = credential_version + :one {}", attempts::FORGET);
    let condition = Expression { text: "credential_version = :version", values: &values };
    let mut writes = vec![Write::update(&keys::user(&user.id), &update, condition)?];
    writes.extend(notices(app, caller, user, notice)?);
    Ok(writes)
}
