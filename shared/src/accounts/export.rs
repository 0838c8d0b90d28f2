//! Exporting all that is stored about a person, for that person (PIPL article 45, GDPR articles 15 and 20).

use crate::app::{App, Caller};
use crate::config::RateLimit;
use crate::credentials::reauthentication::{self, CheckedReauthentication, Reauthentication, SameOwner};
use crate::domain::{Principal, Session, Timestamp, User};
use crate::dynamodb::Transaction;
use crate::error::Error;
use crate::sessions;
use crate::throttling::limits::{of_account, refuse_spent};

/// All that is stored about a person, except hashes.
#[derive(Debug)]
pub struct Export {
    pub user: User,
    /// Every session that is still stored, whether live or ended.
    pub sessions: Vec<Session>,
    pub exported_at: Timestamp,
}

/// Collects the export. An account has three a day.
pub async fn export(
    app: &App,
    caller: &Caller,
    principal: Principal,
    offered: &Reauthentication,
) -> Result<Export, Error> {
    let now = app.clock.now();
    // Read before a code or an export is used up, so that an export that cannot be collected costs nothing.
    let sessions = sessions::all_of(app, &principal.user.id).await?;
    let allowed = refuse_spent(app, Ok(vec![of_account(app, RateLimit::Exports, &principal.user.id)]));
    let checked = reauthentication::check(app, caller, (&principal.user, &principal.session), offered, allowed).await?;
    checked.or_refund(app, count(app, &principal.user, &checked)).await?;
    Ok(Export { user: principal.user, sessions, exported_at: now })
}

async fn count(app: &App, user: &User, checked: &CheckedReauthentication) -> Result<(), Error> {
    let mut tx = Transaction::new("counting an export", || Error::AccountChanged);
    tx.add(checked)?;
    tx.add(of_account(app, RateLimit::Exports, &user.id))?;
    tx.add(SameOwner::new(app, user, checked))?;
    app.store.commit(tx).await
}
