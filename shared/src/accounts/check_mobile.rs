//! Checks whether a mobile number has an account.

use crate::app::{App, Caller};
use crate::config::RateLimit;
use crate::domain::{AccountName, Mobile};
use crate::dynamodb::items::Claim;
use crate::dynamodb::keys;
use crate::error::Error;
use crate::throttling::limits::count_source_or_device;
use crate::users::claim_holder;

/// Returns whether a number can be registered. It can if no account has it, or if it was not proved and its account not
/// used for so long that a carrier may have reissued the number. If registration is not disclosed, the result is always
/// `true`, after the same first read.
pub async fn is_mobile_free(app: &App, caller: &Caller, mobile: &Mobile) -> Result<bool, Error> {
    let claim = probe(app, caller, mobile).await?;
    let Some(claim) = claim.filter(|_| app.config.answers.disclose_registration) else { return Ok(true) };
    let user = claim_holder(app, &claim.user_id, Some(&AccountName::Mobile(mobile.clone()))).await?;
    Ok(user.is_none_or(|user| user.may_lose_number(app.config.numbers.dormant_days, app.clock.now())))
}

/// Returns how many accounts a number has: 0 or 1. If registration is not disclosed, the result is always 1, after the
/// same read.
pub async fn count_registered(app: &App, caller: &Caller, mobile: &Mobile) -> Result<u8, Error> {
    let claim = probe(app, caller, mobile).await?;
    Ok(u8::from(claim.is_some() || !app.config.answers.disclose_registration))
}

/// Reads the number's claim, and counts that the source asked. A source beyond its limit is told nothing.
async fn probe(app: &App, caller: &Caller, mobile: &Mobile) -> Result<Option<Claim>, Error> {
    caller.who.note(mobile.masked());
    let key = keys::mobile_claim(mobile);
    let (counted, claim) = tokio::join!(
        count_source_or_device(app, caller, RateLimit::ProbeSource),
        app.store.get::<Claim>(&key, "checking a number")
    );
    counted?;
    claim
}
