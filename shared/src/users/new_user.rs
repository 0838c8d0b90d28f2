use std::collections::BTreeMap;

use crate::app::{App, Caller};
use crate::domain::{Consent, Mobile, Nickname, User, UserId};
use crate::dynamodb::{Condition, Write, keys};
use crate::error::Error;

/// Refuses a sign-up without consent, if consent is required, and consent to other versions than the configured ones.
pub(crate) fn check_consent(app: &App, consent: Option<&Consent>) -> Result<(), Error> {
    let config = &app.config.consent;
    let Some(consent) = consent else {
        return if config.required { Err(Error::ConsentRequired) } else { Ok(()) };
    };
    if config.accepts(consent) {
        return Ok(());
    }
    Err(Error::ConsentOutdated { terms: config.terms.clone(), privacy: config.privacy.clone() })
}

/// Returns a new account without a password, in the language of the person who signs up.
pub(crate) fn new_user(app: &App, caller: &Caller, mobile: Mobile, nickname: Nickname) -> User {
    User {
        id: UserId::generate(),
        username: None,
        reserved_username: None,
        username_reserved_until: None,
        nickname,
        mobile: Some(mobile),
        email: None,
        avatar: String::new(),
        language: Some(caller.language),
        password_hash: None,
        credential_version: 1,
        credentials_changed_at: None,
        disabled: false,
        consent: None,
        created_at: app.clock.now(),
        mobile_changed_at: None,
        email_changed_at: None,
        last_used_at: Some(app.clock.now()),
        pending_email: None,
        pending_mobile: None,
        mobile_proved_at: Some(app.clock.now()),
        devices: BTreeMap::new(),
        guessed_at: None,
        guessing_texted_at: None,
        recovery: None,
    }
}

/// Returns the write that stores a new account.
pub(crate) fn make(user: &User) -> Result<Write, Error> {
    Write::put(keys::user(&user.id), user, Condition::no_item())
}
