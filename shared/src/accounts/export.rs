//! Exporting what is stored about a person, for that person (PIPL article 45, GDPR articles 15 and 20).
//!
//! The export has what is found by the account's id and its names, except hashes and what codes are made of. Other items
//! have random keys, keyed hashes or dates for keys, or are worth nothing after a minute: `docs/api.md` lists them, with
//! how long they are kept.

use crate::app::{App, Caller};
use crate::config::RateLimit;
use crate::credentials::Counter;
use crate::credentials::codes::{codes_of_account, codes_of_number};
use crate::credentials::counters;
use crate::credentials::reauthentication::{self, CheckedReauthentication, Reauthentication, SameOwner};
use crate::domain::{CodePurpose, Principal, Session, Timestamp, User};
use crate::dynamodb::items::CodeItem;
use crate::dynamodb::keys::{self, Key};
use crate::dynamodb::{Transaction, read_item};
use crate::error::Error;
use crate::sessions;
use crate::throttling::limits::{of_account, refuse_spent};

/// What is stored about a person.
#[derive(Debug)]
pub struct Export {
    pub user: User,
    /// Every session that is still stored, whether live or ended.
    pub sessions: Vec<Session>,
    pub codes: Vec<StoredCode>,
    pub counters: Vec<Counter>,
    pub exported_at: Timestamp,
}

/// A code that is stored. What its digits are made of is left out.
#[derive(Debug)]
pub struct StoredCode {
    pub purpose: CodePurpose,
    /// The number of guesses at it.
    pub guesses: u32,
    pub expires_at: Timestamp,
}

/// Collects the export. An account has three a day.
pub async fn export(
    app: &App,
    caller: &Caller,
    principal: &Principal,
    offered: &Reauthentication,
) -> Result<Export, Error> {
    let (user, session) = (&principal.user, &principal.session);
    let allowed = refuse_spent(app, Ok(vec![of_account(app, RateLimit::Exports, &user.id)]));
    let checked = reauthentication::check(app, caller, (user, session), offered, allowed).await?;
    let exporting = async {
        let exported_at = app.clock.now();
        // Read before a code or an export is used up, so that an export that cannot be collected costs neither.
        let (sessions, kept) = tokio::join!(sessions::all_of(app, &user.id), read_kept(app, user));
        let (sessions, (codes, counters)) = (sessions?, kept?);
        count(app, user, &checked).await?;
        Ok(Export { user: user.clone(), sessions, codes, counters, exported_at })
    };
    checked.or_refund(app, exporting).await
}

/// Reads the codes and counters of an account.
async fn read_kept(app: &App, user: &User) -> Result<(Vec<StoredCode>, Vec<Counter>), Error> {
    const DOING: &str = "reading codes and counters";
    let codes = codes_of_account(user).chain(user.mobile.iter().flat_map(codes_of_number));
    let (purposes, mut keys): (Vec<_>, Vec<Key>) = codes.map(|code| (code.purpose, keys::code(&code))).unzip();
    let (words, of_counters): (Vec<_>, Vec<Key>) = counters::of_account(app, user)?.into_iter().unzip();
    keys.extend(of_counters);
    let mut items = app.store.get_recent(&keys.iter().collect::<Vec<_>>(), DOING).await?;
    let counted = items.split_off(purposes.len());
    let mut codes = Vec::new();
    for (purpose, item) in purposes.into_iter().zip(items) {
        let Some(item) = item else { continue };
        let CodeItem { guesses, expires_at, .. } = read_item(item, DOING)?;
        codes.push(StoredCode { purpose, guesses, expires_at });
    }
    let counters = words.into_iter().zip(counted).filter_map(|(what, item)| Counter::read(what, &item?));
    // What has expired is worth nothing, and is deleted within days.
    let now = app.clock.now();
    codes.retain(|code| now < code.expires_at);
    Ok((codes, counters.filter(|counter| now < counter.expires_at).collect()))
}

async fn count(app: &App, user: &User, checked: &CheckedReauthentication) -> Result<(), Error> {
    let mut tx = Transaction::new("counting an export", || Error::AccountChanged);
    tx.add(checked)?;
    tx.add(of_account(app, RateLimit::Exports, &user.id))?;
    tx.add(SameOwner::new(app, user, checked))?;
    app.store.commit(tx).await
}
