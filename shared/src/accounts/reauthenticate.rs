//! Reauthenticating once, for several actions in the next minutes.

use std::future::ready;

use crate::app::{App, Caller};
use crate::credentials::reauthentication::{self, Credential, SameOwner};
use crate::crypto::{KeyGroup, ReauthenticationToken};
use crate::domain::{Principal, SecretString};
use crate::dynamodb::Transaction;
use crate::error::Error;

/// Exchanges a password or a code for a reauthentication token of this session. A reauthentication token is not
/// accepted here, so every token ends five minutes after a credential was given.
pub async fn reauthenticate(
    app: &App,
    caller: &Caller,
    principal: &Principal,
    credential: &Credential,
) -> Result<SecretString, Error> {
    let Principal { user, session } = principal;
    let checked = reauthentication::check_credential(app, caller, (user, session), credential, ready(Ok(()))).await?;
    if checked.code().is_some() {
        let using_up = async {
            let mut tx = Transaction::new("using a code up", || Error::AccountChanged);
            tx.add(&checked)?;
            tx.add(SameOwner::new(app, &principal.user, &checked))?;
            app.store.commit(tx).await
        };
        checked.or_refund(app, using_up).await?;
    }
    Ok(ReauthenticationToken::issue(&principal.session, app.keyring(KeyGroup::Sessions)?, app.clock.now()))
}
