//! Captcha passes. A solved captcha earns one, and the operations that `CAPTCHA_MODE=enforce` protects require one.

use crate::app::{App, Caller};
use crate::config::RateLimit;
use crate::crypto::{CaptchaAction, CaptchaPass, KeyGroup};
use crate::dynamodb::items::ExpiringItem;
use crate::dynamodb::{Condition, Transaction, Write, WriteError, keys};
use crate::error::Error;
use crate::messages::CaptchaResult;
use crate::throttling::limits::count_source_or_device;

/// Returns a pass for a caller who has solved a captcha.
pub fn issue_captcha_pass(app: &App, caller: &Caller, action: Option<CaptchaAction>) -> Result<String, Error> {
    Ok(CaptchaPass::issue(&caller.address, action, app.keyring(KeyGroup::Visitors)?, app.clock.now()))
}

/// Counts a captcha ticket of the caller's source. The captcha gateway charges for each ticket that it checks, so a
/// source gets no more checks than a person needs.
pub async fn count_captcha(app: &App, caller: &Caller) -> Result<(), Error> {
    count_source_or_device(app, caller, RateLimit::CaptchaSource).await
}

/// Uses up a captcha pass and returns whether the caller had a valid one.
///
/// The pass is used up before anything else is checked, so that one pass buys one attempt. Where no pass is required, a
/// valid one still raises the source's limit (`LIMIT_SOURCE_CAPTCHA`).
pub async fn require_captcha_pass(
    app: &App,
    caller: &Caller,
    pass: Option<&str>,
    action: CaptchaAction,
) -> Result<CaptchaResult, Error> {
    let (required, keyring) = (app.config.captcha.enforce, app.keyring(KeyGroup::Visitors)?);
    let Some(pass) = pass else {
        return if required { Err(Error::CaptchaRequired) } else { Ok(CaptchaResult::NotSolved) };
    };
    let pass = CaptchaPass::verify(pass, &caller.address, action, keyring, app.clock.now());
    let Some(pass) = pass else {
        return if required { Err(Error::CaptchaRequired) } else { Ok(CaptchaResult::NotSolved) };
    };
    let used = ExpiringItem { expires_at: pass.expires_at };
    let mut tx = Transaction::new("using a pass", || WriteError::Refused);
    tx.require(Write::put(keys::used_pass(&pass.id), &used, Condition::no_item())?);
    match WriteError::refused_as_none(app.store.commit(tx).await)? {
        Some(()) => Ok(CaptchaResult::Solved),
        None if required => Err(Error::CaptchaRequired),
        None => Ok(CaptchaResult::NotSolved),
    }
}
