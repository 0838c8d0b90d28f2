//! All that is stored about a person, for that person (PIPL article 45, GDPR articles 15 and 20).

use super::proof::{self, Proof, Proved};
use super::sessions;
use crate::app::App;
use crate::domain::{Authorized, Session, Timestamp, User};
use crate::dynamodb::{Expression, StoreError, Write, keys, seconds};
use crate::error::Error;

const DAY_SECONDS: i64 = 86_400;

/// What is stored, but for hashes.
#[derive(Debug)]
pub struct Export {
    /// The account.
    pub user: User,
    /// Every session that is still stored, the live and the ended.
    pub sessions: Vec<Session>,
    /// When this was put together.
    pub exported_at: Timestamp,
}

/// Puts the export together. Three a day: the times of the last three are kept, and the oldest must be a day ago.
pub async fn export(app: &App, who: Authorized, proof: &Proof) -> Result<Export, Error> {
    let now = app.clock.now();
    // Read before anything is paid: an export that cannot be put together costs nothing.
    let sessions = sessions::all_of(app, &who.user.id).await?;
    let proved = proof::check(app, &who, proof).await?;
    proved.or_give_back(app, count(app, &who, &proved, now)).await?;
    Ok(Export { user: who.user, sessions, exported_at: now })
}

async fn count(app: &App, who: &Authorized, proved: &Proved, now: Timestamp) -> Result<(), Error> {
    let values = [
        (":now", seconds(now)),
        (":never", seconds(Timestamp::from_unix_seconds(0))),
        (":yesterday", seconds(now.plus_seconds(-DAY_SECONDS))),
        (":until", seconds(now.plus_seconds(DAY_SECONDS))),
    ];
    let counted = Write::update(
        &keys::export_limit(&who.user.id),
        "SET third = if_not_exists(latest_but_one, :never), latest_but_one = if_not_exists(latest, :never), \
         latest = :now, expires_at = :until",
        Expression { text: "attribute_not_exists(third) OR third <= :yesterday", values: &values },
    )?;
    let mut writes = vec![counted, proof::still(&who.user)?];
    writes.extend(proved.while_signed_in(who, Write::check)?);
    match proved.pay(app, writes, "counting an export").await {
        Ok(()) => Ok(()),
        Err(StoreError::Refused(refusals)) => {
            let Some(counted) = refusals.iter().find(|refusal| refusal.index == 0) else {
                return Err(Error::AccountChanged);
            };
            let third = counted.item.as_ref().and_then(|item| item.get("third")?.as_n().ok());
            let third = third.and_then(|third| third.parse().ok()).map_or(now, Timestamp::from_unix_seconds);
            let retry_after_seconds = now.seconds_until(third.plus_seconds(DAY_SECONDS)).max(1);
            Err(Error::TooMany { retry_after_seconds })
        }
        Err(StoreError::Failed(error)) => Err(error),
    }
}
