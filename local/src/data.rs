//! What `local` keeps: the engine's data, the secrets, how far the clock was moved. Only its owner may read any of it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType, StreamSpecification,
    StreamViewType, TimeToLiveSpecification,
};
use dynoxide::Database;
use shared::domain::{Clock, random_hex};
use shared::dynamodb::keys;

use crate::database_file::DatabaseFile;
use crate::{StartProblem, TABLE};

/// The form of what is stored. It is raised when an older form can no longer be read.
const VERSION: &str = "2";

/// The engine and what belongs to it.
pub(crate) struct Opened {
    pub database: Database,
    /// The file it is in; `None` in memory.
    pub file: Option<Arc<DatabaseFile>>,
    /// The engine's own time.
    pub engine_clock: Clock,
    pub secrets: BTreeMap<String, String>,
    folder: Option<PathBuf>,
    /// Held for as long as this runs.
    _lock: Option<File>,
}

/// The engine's clock, when it is in memory: the program's.
struct EngineClock(Clock);

impl dynoxide::storage_backend::Clock for EngineClock {
    fn now_unix_secs(&self) -> u64 {
        u64::try_from(self.0.now().unix_seconds()).unwrap_or_default()
    }

    #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 are exact in a double")]
    fn now_unix_secs_f64(&self) -> f64 {
        self.now_unix_secs() as f64
    }
}

/// Opens the folder, or memory.
pub(crate) fn open(folder: Option<&Path>, clock: &Clock) -> Result<Opened, StartProblem> {
    let engine = |error: dynoxide::DynoxideError| StartProblem::Engine(error.to_string());
    let Some(folder) = folder else {
        let database = Database::memory_with_clock(Arc::new(EngineClock(clock.clone()))).map_err(engine)?;
        let (engine_clock, secrets) = (clock.clone(), new_secrets());
        return Ok(Opened { database, file: None, engine_clock, secrets, folder: None, _lock: None });
    };
    let unusable = |reason: String| StartProblem::Data { folder: folder.display().to_string(), reason };
    make_private_folder(folder).map_err(unusable)?;
    let lock = lock(folder)?;
    check_version(folder)?;
    let secrets = kept_secrets(folder)?;
    if let Some(seconds) = kept_clock(folder)? {
        clock.advance_seconds(seconds);
    }
    let path = folder.join("dynamodb.sqlite");
    // SQLite gives its other files the permissions of this one.
    touch_private(&path).map_err(|error| unusable(error.to_string()))?;
    let file = DatabaseFile::open(&path).map_err(|reason| damaged(&path, &reason))?;
    let database = Database::new(&path.to_string_lossy()).map_err(|error| damaged(&path, &error.to_string()))?;
    // A database in a file takes the system's time; a moved clock is the program's alone.
    let (engine_clock, folder) = (Clock::default(), Some(folder.to_owned()));
    Ok(Opened { database, file: Some(Arc::new(file)), engine_clock, secrets, folder, _lock: Some(lock) })
}

fn damaged(file: &Path, reason: &str) -> StartProblem {
    StartProblem::Damaged { file: file.display().to_string(), reason: reason.to_owned() }
}

/// Makes a folder that only its owner may look into. One that is there already must be empty or ours.
fn make_private_folder(folder: &Path) -> Result<(), String> {
    let io = |error: std::io::Error| error.to_string();
    fs::create_dir_all(folder).map_err(io)?;
    let is_ours = folder.join("version").exists();
    if !is_ours && fs::read_dir(folder).map_err(io)?.next().is_some() {
        return Err("it holds other files".to_owned());
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).map_err(io)?;
        // An earlier version left them readable.
        for entry in fs::read_dir(folder).map_err(io)?.flatten().filter(|entry| entry.path().is_file()) {
            fs::set_permissions(entry.path(), fs::Permissions::from_mode(0o600)).map_err(io)?;
        }
    }
    Ok(())
}

/// Two instances on one folder would each carry the stream, and each would move the other's clock.
fn lock(folder: &Path) -> Result<File, StartProblem> {
    let shown = folder.display().to_string();
    let unusable = |error: std::io::Error| StartProblem::Data { folder: shown.clone(), reason: error.to_string() };
    let file = private_file().open(folder.join("lock")).map_err(unusable)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StartProblem::InUse { folder: shown }),
        Err(TryLockError::Error(error)) => Err(unusable(error)),
    }
}

/// A value as a line of an `env` file has it, for shells and for `cargo lambda`.
fn quoted(value: &str) -> Cow<'_, str> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./:,@%+=".contains(c);
    match value {
        _ if value.chars().all(is_plain) => value.into(),
        _ if value.contains('\'') => format!("\"{value}\"").into(),
        _ => format!("'{value}'").into(),
    }
}

/// The variables of an `env` file.
pub(crate) fn read_environment(folder: &Path) -> std::io::Result<BTreeMap<String, String>> {
    let text = fs::read_to_string(folder.join("env"))?;
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    let unquoted = |value: &str| {
        let inner = ['\'', '"'].iter().find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote));
        inner.unwrap_or(value).to_owned()
    };
    Ok(pairs.map(|(name, value)| (name.to_owned(), unquoted(value))).collect())
}

/// Whether an instance is running on a folder.
pub(crate) fn is_in_use(folder: &Path) -> bool {
    File::open(folder.join("lock")).is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

fn check_version(folder: &Path) -> Result<(), StartProblem> {
    let file = folder.join("version");
    let shown = folder.display().to_string();
    match fs::read_to_string(&file) {
        Ok(found) if found.trim() == VERSION => Ok(()),
        Ok(found) => {
            Err(StartProblem::OtherVersion { folder: shown, found: found.trim().to_owned(), expected: VERSION })
        }
        Err(_) => write_private(&file, &format!("{VERSION}\n"))
            .map_err(|error| StartProblem::Data { folder: shown, reason: error.to_string() }),
    }
}

/// How far the clock was moved; `None` when it never was.
fn kept_clock(folder: &Path) -> Result<Option<u32>, StartProblem> {
    let file = folder.join("clock_seconds");
    let Ok(text) = fs::read_to_string(&file) else { return Ok(None) };
    text.trim().parse().map(Some).map_err(|_| damaged(&file, "it is no number of seconds"))
}

/// The access key id of the local AWS: it holds a secret, which [`crate::caller`] checks.
pub(crate) const ACCESS_KEY_ID: &str = "AWS_ACCESS_KEY_ID";
const SECRETS: [&str; 3] = ["CODE_SECRET", "KEY_SECRET", ACCESS_KEY_ID];

fn new_secrets() -> BTreeMap<String, String> {
    SECRETS.into_iter().map(|name| (name.to_owned(), random_hex::<32>())).collect()
}

fn kept_secrets(folder: &Path) -> Result<BTreeMap<String, String>, StartProblem> {
    let file = folder.join("secrets.json");
    let io = |error: std::io::Error| damaged(&file, &error.to_string());
    let mut secrets: BTreeMap<String, String> = match fs::read_to_string(&file) {
        Ok(text) => serde_json::from_str(&text).map_err(|error| damaged(&file, &error.to_string()))?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => new_secrets(),
        Err(error) => return Err(io(error)),
    };
    // An earlier version had none.
    secrets.entry(ACCESS_KEY_ID.to_owned()).or_insert_with(random_hex::<32>);
    for name in SECRETS {
        if secrets.get(name).is_none_or(|secret| secret.len() < 32) {
            return Err(damaged(&file, &format!("{name} is missing or too short")));
        }
    }
    write_private(&file, &serde_json::to_string_pretty(&secrets).unwrap_or_default()).map_err(io)?;
    Ok(secrets)
}

/// How a file is opened that only its owner reads.
fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.create(true).write(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn touch_private(file: &Path) -> std::io::Result<()> {
    private_file().open(file).map(drop)
}

fn write_private(file: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write;
    let mut opened = private_file().open(file)?;
    opened.set_len(0)?;
    opened.write_all(text.as_bytes())
}

impl Opened {
    /// Writes the variables where other tools take them from: `env` for `cargo lambda watch --env-file`, `env.json` for
    /// `sam local invoke --env-vars`, and `credentials` for AWS's own tools. A profile of its own keeps anybody's real
    /// credentials out of a container, and its endpoint keeps these ones off the network.
    pub(crate) fn write_environment(
        &self,
        variables: &BTreeMap<String, String>,
        in_container: &BTreeMap<String, String>,
    ) -> Result<(), StartProblem> {
        let Some(folder) = &self.folder else {
            return Ok(());
        };
        let lines: String = variables.iter().map(|(name, value)| format!("{name}={}\n", quoted(value))).collect();
        let json = serde_json::json!({ "Parameters": in_container });
        let json = serde_json::to_string_pretty(&json).unwrap_or_default();
        let value = |name: &str| variables.get(name).map_or("", String::as_str);
        let credentials = format!(
            "[latchkey-local]\naws_access_key_id = {}\naws_secret_access_key = {}\nregion = {}\nendpoint_url = {}\n",
            value(ACCESS_KEY_ID),
            value("AWS_SECRET_ACCESS_KEY"),
            value("AWS_REGION"),
            value("AWS_ENDPOINT_URL"),
        );
        let written = [("env", lines), ("env.json", json), ("credentials", credentials)]
            .iter()
            .try_for_each(|(name, text)| write_private(&folder.join(name), text));
        written.map_err(|error| StartProblem::Data { folder: folder.display().to_string(), reason: error.to_string() })
    }

    /// Keeps how far the clock was moved, so that time does not run backwards over a restart.
    pub(crate) fn clock_keeper(&self, clock: &Clock) -> Arc<dyn Fn() + Send + Sync> {
        let (folder, clock) = (self.folder.clone(), clock.clone());
        Arc::new(move || {
            let Some(folder) = &folder else { return };
            let moved = Clock::default().now().seconds_until(clock.now());
            if let Err(error) = write_private(&folder.join("clock_seconds"), &moved.to_string()) {
                tracing::warn!(%error, "the moved clock was not kept");
            }
        })
    }
}

/// Every setting of every function, as a deployment would have it. `cloud_url` is where functions find AWS, and the
/// captcha's stand-in.
pub(crate) fn settings(
    base_url: &str,
    cloud_url: &str,
    secrets: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let captcha_url = format!("{cloud_url}/_local/captcha");
    let widget_url = format!("{base_url}/_local/captcha.js");
    let (terms_url, privacy_url) = (format!("{base_url}/_local/terms"), format!("{base_url}/_local/privacy"));
    let fixed = [
        ("TABLE_NAME", TABLE),
        ("AWS_ENDPOINT_URL", cloud_url),
        ("AWS_REGION", "us-east-1"),
        ("AWS_SECRET_ACCESS_KEY", "local"),
        // This machine may be busy building; in the cloud a second is long.
        ("AWS_ATTEMPT_TIMEOUT_MS", "10000"),
        ("AWS_CONNECT_TIMEOUT_MS", "5000"),
        ("ISSUER", base_url),
        ("CLIENT_HOST", base_url),
        ("BRAND", "Latchkey"),
        ("MAIL_FROM", "no-reply@example.com"),
        ("CAPTCHA_MODE", "off"),
        ("CAPTCHA_PROVIDER", "gateway"),
        ("CAPTCHA_URL", &captcha_url),
        ("CAPTCHA_WIDGET_URL", &widget_url),
        ("TERMS_URL", &terms_url),
        ("PRIVACY_URL", &privacy_url),
        ("CAPTCHA_APP_ID", "local"),
        ("CAPTCHA_APP_SECRET", "local"),
    ];
    let mut all = secrets.clone();
    all.extend(fixed.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())));
    all
}

/// Makes the table, unless it is there.
pub(crate) async fn create_table(variables: &BTreeMap<String, String>) -> Result<(), StartProblem> {
    let problem = |error: &dyn std::fmt::Display| StartProblem::Engine(error.to_string());
    let client = crate::dynamodb(variables).map_err(|error| problem(&error))?;
    if client.describe_table().table_name(TABLE).send().await.is_ok() {
        return Ok(());
    }
    let mut request =
        client.create_table().table_name(TABLE).billing_mode(BillingMode::PayPerRequest).stream_specification(
            StreamSpecification::builder()
                .stream_enabled(true)
                .stream_view_type(StreamViewType::NewImage)
                .build()
                .map_err(|error| problem(&error))?,
        );
    for (name, kind) in [(keys::PARTITION, KeyType::Hash), (keys::SORT, KeyType::Range)] {
        let element = KeySchemaElement::builder().attribute_name(name).key_type(kind).build();
        let attribute =
            AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S).build();
        request = request
            .key_schema(element.map_err(|error| problem(&error))?)
            .attribute_definitions(attribute.map_err(|error| problem(&error))?);
    }
    request.send().await.map_err(|error| problem(&shared::error_chain(&error)))?;
    let ttl = TimeToLiveSpecification::builder().enabled(true).attribute_name(keys::EXPIRES_AT).build();
    let request = client.update_time_to_live().table_name(TABLE);
    let request = request.time_to_live_specification(ttl.map_err(|error| problem(&error))?);
    request.send().await.map(drop).map_err(|error| problem(&shared::error_chain(&error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_environment_file_is_read_as_it_was_written() {
        let folder = std::env::temp_dir().join(format!("local-env-{}", random_hex::<8>()));
        fs::create_dir_all(&folder).unwrap();
        let values = ["plain", "with spaces", "Li's shop", "https://a.example/?b=c", "", "小店"];
        let variables: BTreeMap<_, _> =
            values.iter().enumerate().map(|(index, value)| (format!("V{index}"), (*value).to_owned())).collect();
        let lines: String = variables.iter().map(|(name, value)| format!("{name}={}\n", quoted(value))).collect();
        fs::write(folder.join("env"), lines).unwrap();
        assert_eq!(read_environment(&folder).unwrap(), variables);
        fs::remove_dir_all(&folder).unwrap();
    }
}
