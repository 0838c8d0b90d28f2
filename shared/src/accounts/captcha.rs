//! Captcha passes: issued when a captcha was solved, asked for by what `CAPTCHA_MODE=enforce` protects.

use crate::app::{App, Caller};
use crate::domain::{CaptchaAction, CaptchaPass};
use crate::dynamodb::items::Expiring;
use crate::dynamodb::{StoreError, Unless, keys};
use crate::error::Error;

/// A pass for a caller who solved a captcha.
pub fn issue_captcha_pass(app: &App, caller: &Caller, action: Option<CaptchaAction>) -> Result<String, Error> {
    Ok(CaptchaPass::issue(&caller.address, action, app.keyring()?, app.clock.now()))
}

/// Uses a pass up, where one is asked for. It is spent before anything else is looked at, so that one pass buys one try.
pub async fn require_captcha_pass(
    app: &App,
    caller: &Caller,
    pass: Option<&str>,
    action: CaptchaAction,
) -> Result<(), Error> {
    if !app.config.captcha.enforce {
        return Ok(());
    }
    let pass = pass.ok_or(Error::CaptchaRequired)?;
    let pass = CaptchaPass::verify(pass, &caller.address, action, app.keyring()?, app.clock.now());
    let pass = pass.ok_or(Error::CaptchaRequired)?;
    let spent = Expiring { expires_at: pass.expires_at };
    match app.store()?.put(&keys::spent_pass(&pass.id), &spent, Unless::Exists, "spending a pass").await {
        Ok(()) => Ok(()),
        Err(StoreError::Refused(_)) => Err(Error::CaptchaRequired),
        Err(StoreError::Failed(error)) => Err(error),
    }
}
