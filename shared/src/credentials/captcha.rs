//! Captcha passes: issued when a captcha was solved, asked for by what `CAPTCHA_MODE=enforce` protects.

use crate::app::{App, Caller};
use crate::crypto::{CaptchaAction, CaptchaPass, KeyGroup};
use crate::dynamodb::items::ExpiringItem;
use crate::dynamodb::{Condition, Transaction, Write, WriteError, keys};
use crate::error::Error;
use crate::messages::CaptchaResult;
use crate::throttling::limits::{SourceAction, count_source};

/// A pass for a caller who solved a captcha.
pub fn issue_captcha_pass(app: &App, caller: &Caller, action: Option<CaptchaAction>) -> Result<String, Error> {
    Ok(CaptchaPass::issue(&caller.address, action, app.keyring(KeyGroup::Visitors)?, app.clock.now()))
}

/// Counts a ticket: the gateway charges for each, and is asked for no more than a person solves.
pub async fn count_captcha(app: &App, caller: &Caller) -> Result<(), Error> {
    count_source(app, caller, SourceAction::Captchas, app.config.limits.captcha_source).await
}

/// Uses a pass up, where one is asked for, and tells whether one was. It is spent before anything else is looked at, so
/// that one pass buys one try. Where none is asked for, a good one still admits to more (`LIMIT_SOURCE_CAPTCHA`).
pub async fn require_captcha_pass(
    app: &App,
    caller: &Caller,
    pass: Option<&str>,
    action: CaptchaAction,
) -> Result<CaptchaResult, Error> {
    let required = app.config.captcha.enforce;
    let Some(pass) = pass else {
        return if required { Err(Error::CaptchaRequired) } else { Ok(CaptchaResult::NotSolved) };
    };
    let pass = CaptchaPass::verify(pass, &caller.address, action, app.keyring(KeyGroup::Visitors)?, app.clock.now());
    let Some(pass) = pass else {
        return if required { Err(Error::CaptchaRequired) } else { Ok(CaptchaResult::NotSolved) };
    };
    let spent = ExpiringItem { expires_at: pass.expires_at };
    let mut tx = Transaction::new("spending a pass", || WriteError::Refused);
    tx.require(Write::put(keys::used_pass(&pass.id), &spent, Condition::no_item())?);
    match WriteError::refused_as_none(app.store.commit(tx).await)? {
        Some(()) => Ok(CaptchaResult::Solved),
        None if required => Err(Error::CaptchaRequired),
        None => Ok(CaptchaResult::NotSolved),
    }
}
