//! The gate that every new password passes, whoever sets it.

use crate::app::App;
use crate::domain::{NewPassword, PasswordHashText, Person};
use crate::error::Error;

/// Checks a new password against its person and the breached ones, and hashes it. Its length and commonness are checked
/// already: a [`NewPassword`] has no other source than its parser.
///
/// Call it after code, link or reauthentication are checked. A refusal tells what a person's name or email is, and the
/// look-up among breached passwords is a request to a third party.
pub(crate) async fn hash_new_password(
    app: &App,
    password: NewPassword,
    person: &Person<'_>,
) -> Result<PasswordHashText, Error> {
    let password = password.not_personal(person)?;
    app.refuse_breached(&password).await?;
    app.hash(password.as_password())
}
