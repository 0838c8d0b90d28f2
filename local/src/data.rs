//! The engine with its data, and the other things that `local` keeps.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType, StreamSpecification,
    StreamViewType, TimeToLiveSpecification,
};
use dynoxide::Database;
use shared::Clock;
use shared::dynamodb::keys;

use crate::database_file::DatabaseFile;
use crate::folder::{self, DATABASE, Folder};
use crate::{StartError, TABLE};

/// The opened engine and what belongs to it.
pub(crate) struct EngineData {
    pub database: Database,
    /// The engine's file, or `None` if it is in memory.
    pub file: Option<Arc<DatabaseFile>>,
    /// The clock that the engine follows.
    pub engine_clock: Clock,
    pub secrets: BTreeMap<String, String>,
    pub folder: Option<Folder>,
}

/// The program's clock, as an engine in memory reads it.
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

/// Opens the data folder, or an engine in memory if there is no path.
pub(crate) fn open(path: Option<&Path>, clock: &Clock) -> Result<EngineData, StartError> {
    let engine = |error: dynoxide::DynoxideError| StartError::Engine(error.to_string());
    let Some(path) = path else {
        let database = Database::memory_with_clock(Arc::new(EngineClock(clock.clone()))).map_err(engine)?;
        let (engine_clock, secrets) = (clock.clone(), folder::new_secrets());
        return Ok(EngineData { database, file: None, engine_clock, secrets, folder: None });
    };
    let folder = Folder::take(path)?;
    let secrets = folder.secrets()?;
    clock.advance_seconds(folder.clock_seconds()?);
    let path = folder.database()?;
    let damaged = |reason: String| folder.damaged(DATABASE, &reason);
    let file = DatabaseFile::open(&path).map_err(damaged)?;
    if folder.is_used && !file.has_table(TABLE) {
        return Err(damaged("it does not hold the table".to_owned()));
    }
    let database = Database::new(&path.to_string_lossy()).map_err(|error| damaged(error.to_string()))?;
    // An engine in a file follows the system's clock. Moving the program's clock does not affect it.
    Ok(EngineData {
        database,
        file: Some(Arc::new(file)),
        engine_clock: Clock::default(),
        secrets,
        folder: Some(folder),
    })
}

impl EngineData {
    /// Returns a function that stores how far the clock has been moved.
    pub(crate) fn clock_keeper(&self, clock: &Clock) -> Arc<dyn Fn() + Send + Sync> {
        let (path, clock) = (self.folder.as_ref().map(|folder| folder.path.clone()), clock.clone());
        Arc::new(move || {
            let Some(path) = &path else { return };
            let moved = Clock::default().now().seconds_until(clock.now());
            if let Err(error) = Folder::keep_clock_seconds(path, moved) {
                tracing::warn!(%error, "the moved clock was not kept");
            }
        })
    }
}

/// Returns every setting of every function, as a deployment would have them. At `cloud_url` the functions find AWS and
/// the captcha gateway's stand-in.
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
        // These exceed a deployment's timeouts, because this machine may be busy compiling.
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

/// Creates the table if it does not exist.
pub(crate) async fn create_table(variables: &BTreeMap<String, String>) -> Result<(), StartError> {
    let problem = |error: &dyn std::fmt::Display| StartError::Engine(error.to_string());
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
