//! What operators do by hand: find an account, lock and unlock it, end its sessions, rotate the keys.
//!
//! It works on the table itself, the local engine's or a deployed one's, so that whoever may do it is whom IAM lets
//! write the table. Every use leaves an item: in the transaction of what it did, or, for the keys, right before it.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::json;
use shared::Clock;
use shared::config::{Config, Environment, Need};
use shared::crypto::Rotation;
use shared::domain::{AccountName, Mobile, Session, Timestamp, User};
use shared::dynamodb::{Condition, Reason, Set, Transaction, Write, keys};
use shared::users;
use shared::{App, Error, accounts, error_chain};

/// How long an operator's act is kept, in seconds: over the 180 days that security logs are kept in mainland China.
const KEPT_SECONDS: i64 = 400 * 86_400;

/// What an operator asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OperatorAction {
    Find(String),
    /// Locks an account: it signs in nowhere, and is signed out everywhere.
    Disable(String),
    Enable(String),
    /// Signs it out everywhere.
    EndSessions(String),
    /// Rotates the keys of access tokens.
    RotateKeys(Rotation),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// That of the local system that runs on this folder's data.
    Local(std::path::PathBuf),
    /// A deployed one, by the credentials of the environment.
    Table(String),
}

/// Why an act did not happen, in words for whoever asked.
#[derive(Debug, thiserror::Error)]
pub enum OperatorError {
    /// No local system has run there.
    #[error("{0} has no data of a local system. Start one with `cargo run`, or name a deployed table with --table.")]
    NoData(String),
    /// The local system of this folder is not running.
    #[error("no local system is running on {0}. Start it with `cargo run`, or name a deployed table with --table.")]
    NotRunning(String),
    /// A setting is missing.
    #[error(transparent)]
    Setting(#[from] shared::config::ConfigError),
    /// No account has the name.
    #[error("no account has this number, email or username")]
    NoAccount,
    /// Somebody changed the account meanwhile.
    #[error("the account was changed at the same moment: nothing was done, try again")]
    Changed,
    /// The table cannot be reached, or what it holds cannot be read.
    #[error("{0}")]
    Storage(String),
}

impl From<Error> for OperatorError {
    fn from(error: Error) -> Self {
        Self::Storage(error_chain(&error))
    }
}

impl Reason for OperatorError {}

/// What is kept of an act. Accounts stand in it by their random id.
#[derive(Serialize)]
struct Record<'a> {
    kind: &'static str,
    at: String,
    operator: &'a str,
    act: &'static str,
    user_id: Option<&'a str>,
    expires_at: Timestamp,
}

/// Does it, and gives the lines to show.
pub async fn act(act: &OperatorAction, target: &Target, operator: &str) -> Result<Vec<String>, OperatorError> {
    let needs: &[Need] = if matches!(act, OperatorAction::RotateKeys(_)) { rotate_keys::NEEDS } else { &[Need::Table] };
    let app = app(target, needs)?;
    let name = match act {
        OperatorAction::RotateKeys(rotation) => {
            record(&app, act, operator, None, None).await?;
            return Ok(list_keys(&rotate_keys::rotate(&app, rotation).await?));
        }
        OperatorAction::Find(name)
        | OperatorAction::Disable(name)
        | OperatorAction::Enable(name)
        | OperatorAction::EndSessions(name) => name,
    };
    let name = AccountName::classify(name);
    let Some(user) = users::find_by_name(&app, name.as_ref()).await? else {
        record(&app, act, operator, None, None).await?;
        return Err(OperatorError::NoAccount);
    };
    record(&app, act, operator, Some(&user), change(act, &user, name.as_ref())).await?;
    // By its id: it is shown as it was found and changed, whatever it is called by now.
    let user: Option<User> = app.store.get(&keys::user(&user.id), "reading an account").await?;
    let user = user.ok_or(OperatorError::NoAccount)?;
    let sessions = accounts::list_sessions(&app, &user).await?;
    Ok(show(&user, &sessions))
}

fn app(target: &Target, needs: &[Need]) -> Result<App, OperatorError> {
    let mut clock_seconds = 0;
    let variables = match target {
        Target::Table(table) => BTreeMap::from([("TABLE_NAME".to_owned(), table.clone())]),
        Target::Local(folder) => {
            clock_seconds = crate::folder::moved_clock(folder);
            let variables = crate::env_file::read(folder);
            let variables = variables.map_err(|_| OperatorError::NoData(folder.display().to_string()))?;
            if !crate::folder::is_in_use(folder) {
                return Err(OperatorError::NotRunning(folder.display().to_string()));
            }
            variables
        }
    };
    let from_process = matches!(target, Target::Table(_));
    let look_up = |name: &str| {
        let of_process = || if from_process { std::env::var(name).ok() } else { None };
        // How long the deployment's tokens live is not known here: a key is kept for the longest they may.
        let longest = || (from_process && name == "ACCESS_TOKEN_SECONDS").then(|| "86400".to_owned());
        variables.get(name).cloned().or_else(of_process).or_else(longest)
    };
    let config = Config::read(&Environment::new(&look_up), needs)?;
    let clock = Clock::default();
    clock.advance_seconds(clock_seconds);
    Ok(App::new(config, clock, needs)?)
}

/// On condition that the account bears the name that the operator gave: another may have it by now.
fn change(act: &OperatorAction, user: &User, name: Option<&AccountName>) -> Option<Write> {
    let ending = || Set::default().and_increment(User::CREDENTIAL_VERSION);
    let set = match act {
        OperatorAction::Find(_) | OperatorAction::RotateKeys(_) => return None,
        OperatorAction::Disable(_) => ending().and_to(User::DISABLED, true),
        OperatorAction::Enable(_) => Set::to(User::DISABLED, false),
        OperatorAction::EndSessions(_) => ending(),
    };
    Some(Write::update(keys::user(&user.id), set, users::unchanged(user, name)))
}

async fn record(
    app: &App,
    act: &OperatorAction,
    operator: &str,
    user: Option<&User>,
    change: Option<Write>,
) -> Result<(), OperatorError> {
    let now = app.clock.now();
    let word = match act {
        OperatorAction::Find(_) => "find",
        OperatorAction::Disable(_) => "disable",
        OperatorAction::Enable(_) => "enable",
        OperatorAction::EndSessions(_) => "end_sessions",
        OperatorAction::RotateKeys(_) => "rotate_keys",
    };
    let user_id = user.map(|user| user.id.as_str());
    let expires_at = now.plus_seconds(KEPT_SECONDS);
    let record = Record { kind: "operator_act", at: now.rfc3339(), operator, act: word, user_id, expires_at };
    let mut tx = Transaction::new("recording an act", || OperatorError::Changed);
    change.into_iter().for_each(|change| tx.require(change));
    tx.require(Write::put(keys::operator_act(now), &record, Condition::no_item())?);
    app.store.commit(tx).await?;
    tracing::info!(audit = "operator", act = word, operator, user_id, "recorded");
    Ok(())
}

fn show(user: &User, sessions: &[Session]) -> Vec<String> {
    let none = || "none".to_owned();
    let mut lines = vec![
        format!("id          {}", user.id),
        format!("mobile      {}", user.mobile.as_ref().map_or_else(|| "-".to_owned(), Mobile::masked)),
        format!("email       {}", user.email.as_ref().map_or_else(none, shared::domain::Email::masked)),
        format!("username    {}", user.username.as_ref().map_or_else(none, |name| mask(name.as_str()))),
        format!("nickname    {}", mask(user.nickname.as_str())),
        format!("state       {}", if user.disabled { "disabled" } else { "enabled" }),
        format!("password    {}", if user.password_hash.is_some() { "set" } else { "none" }),
        format!("created     {}", user.created_at.rfc3339()),
        format!("sessions    {}", sessions.len()),
    ];
    lines.extend(sessions.iter().map(|session| {
        let device = if session.client.device.is_empty() { "unknown device" } else { &session.client.device };
        format!("  {}  {}  {}", session.last_used_at.rfc3339(), session.client.address, device)
    }));
    lines
}

/// The first character alone.
fn mask(text: &str) -> String {
    format!("{}***", text.chars().next().unwrap_or_default())
}

fn list_keys(listed: &[rotate_keys::ListedKey]) -> Vec<String> {
    listed.iter().map(|key| json!(key).to_string()).collect()
}
