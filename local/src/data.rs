//! What `local` keeps: the engine's data, the secrets, how far the clock was moved.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType, StreamSpecification,
    StreamViewType, TimeToLiveSpecification,
};
use dynoxide::Database;
use shared::domain::{Clock, random_hex};
use shared::dynamodb::keys;

use crate::{StartProblem, TABLE};

/// The form of what is stored. It is raised when an older form can no longer be read.
const VERSION: &str = "2";

/// The engine and what belongs to it.
pub(crate) struct Opened {
    pub database: Database,
    /// The engine's own time.
    pub engine_clock: Clock,
    pub secrets: BTreeMap<String, String>,
    folder: Option<PathBuf>,
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
        return Ok(Opened { database, engine_clock: clock.clone(), secrets: new_secrets(), folder: None });
    };
    let unusable = |reason: String| StartProblem::Data { folder: folder.display().to_string(), reason };
    let io = |error: std::io::Error| unusable(error.to_string());
    fs::create_dir_all(folder).map_err(io)?;
    check_version(folder)?;
    let secrets = kept_secrets(folder).map_err(io)?;
    if let Ok(text) = fs::read_to_string(folder.join("clock_seconds")) {
        clock.advance_seconds(text.trim().parse().unwrap_or(0));
    }
    let path = folder.join("dynamodb.sqlite");
    let database = Database::new(&path.to_string_lossy()).map_err(|error| unusable(error.to_string()))?;
    // A database in a file takes the system's time; a moved clock is the program's alone.
    Ok(Opened { database, engine_clock: Clock::default(), secrets, folder: Some(folder.to_owned()) })
}

fn check_version(folder: &Path) -> Result<(), StartProblem> {
    let file = folder.join("version");
    let shown = folder.display().to_string();
    match fs::read_to_string(&file) {
        Ok(found) if found.trim() == VERSION => Ok(()),
        Ok(found) => {
            Err(StartProblem::OtherVersion { folder: shown, found: found.trim().to_owned(), expected: VERSION })
        }
        Err(_) => fs::write(&file, format!("{VERSION}\n"))
            .map_err(|error| StartProblem::Data { folder: shown, reason: error.to_string() }),
    }
}

fn new_secrets() -> BTreeMap<String, String> {
    ["CODE_SECRET", "KEY_SECRET"].into_iter().map(|name| (name.to_owned(), random_hex::<32>())).collect()
}

fn kept_secrets(folder: &Path) -> std::io::Result<BTreeMap<String, String>> {
    let file = folder.join("secrets.json");
    if let Ok(text) = fs::read_to_string(&file) {
        return serde_json::from_str(&text).map_err(std::io::Error::other);
    }
    let secrets = new_secrets();
    write_private(&file, &serde_json::to_string_pretty(&secrets).unwrap_or_default())?;
    Ok(secrets)
}

/// Writes a file that only its owner reads.
fn write_private(file: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write;
    let mut options = fs::OpenOptions::new();
    options.create(true).write(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file)?.write_all(text.as_bytes())
}

impl Opened {
    /// Writes the variables where other tools take them from: `env` for `cargo lambda watch --env-file`, `env.json` for
    /// `sam local invoke --env-vars`.
    pub(crate) fn write_environment(&self, variables: &BTreeMap<String, String>) -> Result<(), StartProblem> {
        let Some(folder) = &self.folder else {
            return Ok(());
        };
        let lines: String = variables.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
        let json = serde_json::json!({ "Parameters": variables });
        let json = serde_json::to_string_pretty(&json).unwrap_or_default();
        let written =
            write_private(&folder.join("env"), &lines).and_then(|()| write_private(&folder.join("env.json"), &json));
        written.map_err(|error| StartProblem::Data { folder: folder.display().to_string(), reason: error.to_string() })
    }

    /// Keeps how far the clock was moved, so that time does not run backwards over a restart.
    pub(crate) fn clock_keeper(&self, clock: &Clock) -> Arc<dyn Fn() + Send + Sync> {
        let (folder, clock) = (self.folder.clone(), clock.clone());
        Arc::new(move || {
            let Some(folder) = &folder else { return };
            let moved = Clock::default().now().seconds_until(clock.now());
            if let Err(error) = fs::write(folder.join("clock_seconds"), moved.to_string()) {
                tracing::warn!(%error, "the moved clock was not kept");
            }
        })
    }
}

/// Every variable of every function, as a deployment would set it.
pub(crate) fn variables(
    base_url: &str,
    cloud_url: &str,
    secrets: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let captcha_url = format!("{base_url}/_local/captcha");
    let widget_url = format!("{base_url}/_local/captcha.js");
    let (terms_url, privacy_url) = (format!("{base_url}/_local/terms"), format!("{base_url}/_local/privacy"));
    let fixed = [
        ("TABLE_NAME", TABLE),
        ("AWS_ENDPOINT_URL", cloud_url),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "local"),
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
