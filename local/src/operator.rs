//! The operators' commands: find, lock and unlock an account, end its sessions, recover it, rotate the keys.
//!
//! They work directly on the table, either the local engine's or a deployed one. For a deployed table, IAM therefore
//! decides who may use them. Every use writes an audit item. The item is written in the transaction of the change
//! itself, or, for the keys, just before the rotation.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::json;
use shared::Clock;
use shared::config::{Config, Environment, Need};
use shared::credentials::begin_recovery;
use shared::crypto::Rotation;
use shared::domain::{AccountName, Mobile, Session, Timestamp, User};
use shared::dynamodb::{Condition, Reason, Set, Transaction, Value, Write, keys};
use shared::users;
use shared::{App, Error, accounts, error_chain};

/// How long the record of an operator's act is kept, in seconds. It exceeds the 180 days for which security logs must
/// be kept in mainland China.
const KEPT_SECONDS: i64 = 400 * 86_400;

/// The act that an operator asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OperatorAction {
    Find(String),
    /// Locks an account and signs it out everywhere. Nobody can sign in to it.
    Disable(String),
    Enable(String),
    /// Signs the account out everywhere.
    EndSessions(String),
    /// Lets whoever has the account's number in by a code alone, after the owner was told and could stop it.
    Recover(String),
    /// Rotates the keys that sign access tokens.
    RotateKeys(Rotation),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// The table of the local system that runs on this data folder.
    Local(std::path::PathBuf),
    /// A deployed table, reached with the credentials of the environment.
    Table(String),
}

/// The reason why an act failed, worded for the operator.
#[derive(Debug, thiserror::Error)]
pub enum OperatorError {
    /// No local system has run on this folder.
    #[error("{0} has no data of a local system. Start one with `cargo run`, or name a deployed table with --table.")]
    NoData(String),
    /// No local system is running on this folder.
    #[error("no local system is running on {0}. Start it with `cargo run`, or name a deployed table with --table.")]
    NotRunning(String),
    #[error(transparent)]
    Setting(#[from] shared::config::ConfigError),
    #[error("no account has this number, email or username")]
    NoAccount,
    #[error("the account has no number to which a code could be sent")]
    NoNumber,
    /// The account changed in the meantime.
    #[error("the account was changed at the same moment: nothing was done, try again")]
    Changed,
    /// The table cannot be reached, or its content cannot be read.
    #[error("{0}")]
    Storage(String),
}

impl From<Error> for OperatorError {
    fn from(error: Error) -> Self {
        Self::Storage(error_chain(&error))
    }
}

impl Reason for OperatorError {}

/// The audit item of an act. It names an account only by its random id.
#[derive(Serialize)]
struct Record<'a> {
    kind: &'static str,
    at: String,
    operator: &'a str,
    act: &'static str,
    user_id: Option<&'a str>,
    expires_at: Timestamp,
}

/// Performs the act and returns the lines to show.
pub async fn act(act: &OperatorAction, target: &Target, operator: &str) -> Result<Vec<String>, OperatorError> {
    let needs: &[Need] = if matches!(act, OperatorAction::RotateKeys(_)) { rotate_keys::NEEDS } else { &[Need::Table] };
    let app = app(target, needs)?;
    let name = match act {
        OperatorAction::RotateKeys(rotation) => {
            record(&app, act, operator, None).await?;
            return Ok(list_keys(&rotate_keys::rotate(&app, rotation).await?));
        }
        OperatorAction::Find(name)
        | OperatorAction::Disable(name)
        | OperatorAction::Enable(name)
        | OperatorAction::EndSessions(name)
        | OperatorAction::Recover(name) => name,
    };
    let name = AccountName::classify(name);
    let Some(user) = users::find_by_name(&app, name.as_ref()).await? else {
        record(&app, act, operator, None).await?;
        return Err(OperatorError::NoAccount);
    };
    if matches!(act, OperatorAction::Recover(_)) && user.mobile.is_none() {
        record(&app, act, operator, None).await?;
        return Err(OperatorError::NoNumber);
    }
    record(&app, act, operator, Some((&user, name.as_ref()))).await?;
    // Read by id, so that the account shown is the one found and changed, even if its name has moved since.
    let user: Option<User> = app.store.get(&keys::user(&user.id), "reading an account").await?;
    let user = user.ok_or(OperatorError::NoAccount)?;
    let sessions = accounts::list_sessions(&app, &user).await?;
    Ok(show(&app, &user, &sessions))
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
        // The token lifetime of the deployment is not known here. The longest one allowed is assumed, so that no key is
        // dropped too early.
        let longest = || (from_process && name == "ACCESS_TOKEN_SECONDS").then(|| "86400".to_owned());
        variables.get(name).cloned().or_else(of_process).or_else(longest)
    };
    let config = Config::read(&Environment::new(&look_up), needs)?;
    let clock = Clock::default();
    clock.advance_seconds(clock_seconds);
    Ok(App::new(config, clock, needs)?)
}

/// Declares the write of an act. Its condition is that the account still has the name that the operator gave, because
/// the name may belong to another account by now.
fn declare_change(
    app: &App,
    act: &OperatorAction,
    user: &User,
    name: Option<&AccountName>,
    tx: &mut Transaction<OperatorError>,
) -> Result<(), Error> {
    // All known devices are forgotten too.
    let none = Value::of(&BTreeMap::<String, u8>::new())?;
    let ending = || Set::default().and_increment(User::CREDENTIAL_VERSION).and_to(User::DEVICES, none);
    let set = match act {
        OperatorAction::Find(_) | OperatorAction::RotateKeys(_) => return Ok(()),
        OperatorAction::Recover(_) => return begin_recovery(app, user, name, tx),
        OperatorAction::Disable(_) => ending().and_to(User::DISABLED, true),
        OperatorAction::Enable(_) => Set::to(User::DISABLED, false),
        OperatorAction::EndSessions(_) => ending(),
    };
    tx.require(Write::update(keys::user(&user.id), set, users::unchanged(user, name)));
    Ok(())
}

async fn record(
    app: &App,
    act: &OperatorAction,
    operator: &str,
    account: Option<(&User, Option<&AccountName>)>,
) -> Result<(), OperatorError> {
    let now = app.clock.now();
    let word = match act {
        OperatorAction::Find(_) => "find",
        OperatorAction::Disable(_) => "disable",
        OperatorAction::Enable(_) => "enable",
        OperatorAction::EndSessions(_) => "end_sessions",
        OperatorAction::Recover(_) => "recover",
        OperatorAction::RotateKeys(_) => "rotate_keys",
    };
    let user_id = account.map(|(user, _)| user.id.as_str());
    let expires_at = now.plus_seconds(KEPT_SECONDS);
    let record = Record { kind: "operator_act", at: now.rfc3339(), operator, act: word, user_id, expires_at };
    let mut tx = Transaction::new("recording an act", || OperatorError::Changed);
    if let Some((user, name)) = account {
        declare_change(app, act, user, name, &mut tx)?;
    }
    tx.require(Write::put(keys::operator_act(now), &record, Condition::no_item())?);
    app.store.commit(tx).await?;
    tracing::info!(audit = "operator", act = word, operator, user_id, "recorded");
    Ok(())
}

fn show(app: &App, user: &User, sessions: &[Session]) -> Vec<String> {
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
        format!("proved      {}", user.number_proved_at().rfc3339()),
        format!(
            "recovery    {}",
            user.current_recovery(app.clock.now()).map_or_else(none, |one| format!("opens {}", one.opens_at.rfc3339()))
        ),
        format!("sessions    {}", sessions.len()),
    ];
    lines.extend(sessions.iter().map(|session| {
        let device = if session.client.device.is_empty() { "unknown device" } else { &session.client.device };
        format!("  {}  {}  {}", session.last_used_at.rfc3339(), session.client.address, device)
    }));
    lines
}

/// Returns the first character followed by asterisks.
fn mask(text: &str) -> String {
    format!("{}***", text.chars().next().unwrap_or_default())
}

fn list_keys(listed: &[rotate_keys::ListedKey]) -> Vec<String> {
    listed.iter().map(|key| json!(key).to_string()).collect()
}
