//! Exporting what is stored about a person, for that person (PIPL article 45, GDPR articles 15 and 20).
//!
//! The export has all that is found by the account's id and its names, except hashes and what codes are made of. Some
//! items cannot be found so, because their keys are random, keyed hashes or dates: `docs/api.md` lists them, with how
//! long they are kept. None of them is found without reading the whole table.

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
    principal: Principal,
    offered: &Reauthentication,
) -> Result<Export, Error> {
    let now = app.clock.now();
    // Read before a code or an export is used up, so that an export that cannot be collected costs nothing.
    let (sessions, kept) = tokio::join!(sessions::all_of(app, &principal.user.id), read_kept(app, &principal.user));
    let (sessions, (codes, counters)) = (sessions?, kept?);
    let allowed = refuse_spent(app, Ok(vec![of_account(app, RateLimit::Exports, &principal.user.id)]));
    let checked = reauthentication::check(app, caller, (&principal.user, &principal.session), offered, allowed).await?;
    checked.or_refund(app, count(app, &principal.user, &checked)).await?;
    Ok(Export { user: principal.user, sessions, codes, counters, exported_at: now })
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
    Ok((codes, counters.collect()))
}

async fn count(app: &App, user: &User, checked: &CheckedReauthentication) -> Result<(), Error> {
    let mut tx = Transaction::new("counting an export", || Error::AccountChanged);
    tx.add(checked)?;
    tx.add(of_account(app, RateLimit::Exports, &user.id))?;
    tx.add(SameOwner::new(app, user, checked))?;
    app.store.commit(tx).await
}
