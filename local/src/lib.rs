//! The whole system in one process on this machine. It serves the routes of template.yaml and runs the functions behind
//! them. An embedded DynamoDB engine holds the table and its stream. Stand-ins for SNS and SES receive the messages
//! that `deliver` sends.
//!
//! `main.rs` runs one system for a person. Each test runs one of its own.

pub mod caller;
pub mod captcha;
pub mod cloud;
pub mod conflicts;
pub mod control;
mod data;
mod database_file;
mod engine;
mod env_file;
pub mod faults;
mod folder;
pub mod fuzzing;
pub mod gateway;
pub mod generate;
pub mod holds;
mod listeners;
pub mod mailbox;
pub mod openapi;
pub mod operator;
pub mod policy;
pub mod prices;
pub mod refusals;
pub mod registry;
mod router;
pub mod schedule;
pub mod settings;
pub mod smoke;
mod start_error;
pub mod stream;
mod streams;
pub mod template;
pub mod units;
mod yaml;

use std::collections::{BTreeMap, HashSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{ConnectInfo, DefaultBodyLimit, State};
use axum::http::{HeaderMap, Method, Response, Uri};
use deliver::Providers;
use dynoxide::Database;
use serde::de::DeserializeOwned;
use shared::App;
use shared::Clock;
use shared::config::{Config, Environment, Need};
use shared::dynamodb::client;
use tokio::task::JoinSet;

use caller::access_key_of;
use captcha::CaptchaGateway;
use cloud::{Cloud, Journal};
use conflicts::Conflicts;
use control::Control;
use database_file::Traces;
use faults::Faults;
use folder::ACCESS_KEY_ID;
use gateway::{Function, Gateway};
use holds::Holds;
use listeners::Listeners;
use mailbox::Mailbox;
use policy::Policies;
use refusals::Refusals;
use schedule::{Rate, Schedule};
use stream::Pump;
use template::{Cors, Template};

pub use start_error::StartError;

/// The largest body that API Gateway accepts, in bytes.
const MAX_BODY_BYTES: usize = 10 * 1024 * 1024;
pub const TABLE: &str = "latchkey";

/// The name by which a container reaches the machine it runs on.
const HOST_OF_CONTAINERS: &str = "host.docker.internal";

#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The port of the API. AWS gets the port after it. 0 takes any two free ports.
    pub port: u16,
    /// The address the API listens on. `None` listens on this machine only.
    pub host: Option<IpAddr>,
    /// Whether the AWS port also listens on the addresses that containers reach.
    pub containers: bool,
    /// The origins whose pages may call the API, in addition to those of this machine.
    pub cors: Vec<String>,
    /// The data folder. `None` keeps all data in memory.
    pub data: Option<PathBuf>,
    /// Variables that override the ones `local` sets.
    pub variables: BTreeMap<String, String>,
    /// Whether the gateway treats a path that ends in a slash as a different path.
    pub strict_slashes: bool,
}

/// A running system. It stops when it is dropped.
pub struct System {
    /// The URL of the pages and the API.
    pub base_url: String,
    /// The same under this machine's own name. The inbox is served only here.
    pub local_url: String,
    pub cloud_url: String,
    /// The program's clock. An engine in memory follows it too.
    pub clock: Clock,
    pub faults: Faults,
    pub holds: Holds,
    /// Makes simultaneous calls conflict, on demand.
    pub conflicts: Conflicts,
    /// Makes writes fail on demand.
    pub refusals: Refusals,
    /// Records the calls to DynamoDB.
    pub journal: Journal,
    pub mailbox: Mailbox,
    /// Every variable that any function gets, by name.
    pub variables: BTreeMap<String, String>,
    /// Carries stream records to `deliver`.
    pub pump: Arc<Pump>,
    /// Runs `rotate-keys`.
    pub schedule: Arc<Schedule>,
    traces: Traces,
    tasks: JoinSet<()>,
    /// Holds the lock on the data folder.
    opened: data::EngineData,
}

impl System {
    /// Starts the system. It is ready to serve when this function returns.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        // This fails if a provider is already installed. That provider is then used.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let template = Template::load()?;
        let api = Listeners::bind(options.port, options.host).await?;
        let everywhere = options.containers.then_some(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        let aws = Listeners::bind(next_port(options.port), everywhere).await?;
        let clock = Clock::default();
        let opened = data::open(options.data.as_deref(), &clock)?;
        // Pages are opened under the name `localhost`, because passkeys need a name and not an address.
        let (local_url, cloud_url) =
            (format!("http://localhost:{}", api.port), format!("http://127.0.0.1:{}", aws.port));
        let variables = variables(&template, &opened, &options, (&local_url, &cloud_url), aws.port)?;
        let public_url = listeners::public_url(options.host, api.port);
        let base_url = public_url.clone().unwrap_or_else(|| local_url.clone());

        let mut tasks = JoinSet::new();
        let (faults, journal, mailbox) = (Faults::default(), Journal::default(), Mailbox::default());
        let (holds, conflicts, refusals) = (Holds::default(), Conflicts::default(), Refusals::default());
        let (captcha, traces) = (CaptchaGateway::new(faults.clone()), Traces::new(opened.file.clone()));
        let cloud = Cloud {
            captcha: captcha.clone(),
            database: opened.database.clone(),
            traces: traces.clone(),
            secret: variables.get(ACCESS_KEY_ID).cloned().unwrap_or_default(),
            host_of_containers: options.containers.then_some(HOST_OF_CONTAINERS),
            journal: journal.clone(),
            policies: Policies::of(&template),
            faults: faults.clone(),
            holds: holds.clone(),
            conflicts: conflicts.clone(),
            refusals: refusals.clone(),
            mailbox: mailbox.clone(),
            clock: clock.clone(),
        };
        aws.serve(&mut tasks, &cloud::router(cloud));
        let cors = Cors { origins: options.cors, ..template.cors()? };
        let host =
            Host { template: &template, variables: &variables, clock: &clock, public_url, local_url: &local_url };
        let pump = Arc::new(host.pump(opened.database.clone(), opened.engine_clock.clone())?);
        let schedule = Arc::new(host.schedule()?);
        let gateway = Arc::new(host.gateway(cors, options.strict_slashes)?);
        prepare(&opened, &variables, &schedule, &gateway).await?;
        traces.forget_all(&pump).await;
        let _ = journal.take();
        let control = Control {
            mailbox: mailbox.clone(),
            clock: clock.clone(),
            faults: faults.clone(),
            pump: Arc::clone(&pump),
            schedule: Arc::clone(&schedule),
            clock_moved: opened.clock_keeper(&clock),
            captcha,
        };
        let app = Router::new().fallback(through_gateway).with_state(gateway).merge(control::router(control));
        api.serve(&mut tasks, &app.layer(DefaultBodyLimit::max(MAX_BODY_BYTES)));
        spawn(&mut tasks, &pump, &schedule, &opened, &traces);
        Ok(Self {
            base_url,
            local_url,
            cloud_url,
            clock,
            faults,
            holds,
            conflicts,
            refusals,
            journal,
            mailbox,
            variables,
            pump,
            schedule,
            traces,
            tasks,
            opened,
        })
    }

    /// Returns once the database file holds no trace of any deleted account.
    pub async fn forget(&self) {
        self.traces.forget(&self.pump).await;
    }

    /// Deletes expired items, as DynamoDB does within days. Returns their number.
    pub fn expire(&self) -> Result<usize, StartError> {
        self.opened.database.sweep_ttl().map_err(|error| StartError::Engine(error.to_string()))
    }

    /// Stops the system. Sends the messages still waiting, and removes the traces of deleted data from the database
    /// file.
    pub async fn stop(mut self) {
        self.tasks.shutdown().await;
        self.traces.forget_all(&self.pump).await;
    }

    /// Returns when a task ends. No task ends unless something is wrong.
    pub async fn wait(&mut self) {
        self.tasks.join_next().await;
    }
}

/// Returns the variables of the functions, and writes them into the data folder for `sam local` and `cargo lambda`.
fn variables(
    template: &Template,
    opened: &data::EngineData,
    options: &Options,
    (local_url, cloud_url): (&str, &str),
    aws_port: u16,
) -> Result<BTreeMap<String, String>, StartError> {
    let variables_for = |cloud_url: &str| {
        let mut settings = data::settings(local_url, cloud_url, &opened.secrets);
        settings.extend(options.variables.clone());
        settings.insert("CORS_ORIGINS".to_owned(), options.cors.join(","));
        settings::place(settings, &template.declared_variables())
    };
    let variables = variables_for(cloud_url)?;
    if let Some(folder) = &opened.folder {
        let for_containers = variables_for(&format!("http://{HOST_OF_CONTAINERS}:{aws_port}"))?;
        env_file::write(folder, &variables, &for_containers)?;
    }
    Ok(variables)
}

/// Starts the tasks that run in the background.
fn spawn(
    tasks: &mut JoinSet<()>,
    pump: &Arc<Pump>,
    schedule: &Arc<Schedule>,
    opened: &data::EngineData,
    traces: &Traces,
) {
    let (carrying, scheduled) = (Arc::clone(pump), Arc::clone(schedule));
    tasks.spawn(async move { carrying.run().await });
    tasks.spawn(async move { scheduled.run().await });
    tasks.spawn(sweep(opened.database.clone()));
    tasks.spawn(traces.clone().run(Arc::clone(pump)));
}

/// What the functions are started with.
struct Host<'a> {
    template: &'a Template,
    variables: &'a BTreeMap<String, String>,
    clock: &'a Clock,
    /// The URL of the pages for other machines, if those may connect.
    public_url: Option<String>,
    /// The URL of the pages for this machine.
    local_url: &'a str,
}

impl Host<'_> {
    /// Builds a function's `App` from the variables that the template gives it and those that Lambda sets, and no
    /// others. A variable that is missing in the template is therefore found here and not in the cloud.
    fn app(&self, function: &str, needs: &[Need]) -> Result<App, StartError> {
        let given: HashSet<String> = self.template.variables(function).into_iter().collect();
        let look_up = |name: &str| {
            let visible = name.starts_with("AWS_") || given.contains(name);
            let value = visible.then(|| self.variables.get(name).cloned()).flatten();
            // `policy` recognizes the function by its access key id.
            if name == ACCESS_KEY_ID { value.map(|secret| access_key_of(&secret, function)) } else { value }
        };
        let setting = |source| StartError::Setting { function: function.to_owned(), source };
        let mut config = Config::read(&Environment::new(&look_up), needs).map_err(setting)?;
        config.answers.admits_this_machine = true;
        // Set in the config and not as a variable: a deployment must have no setting that sends an address over the
        // network in clear.
        if let Some(url) = &self.public_url {
            config.answers.client_host = Some(url.clone());
            config.answers.own_origins = vec![self.local_url.to_owned()];
        }
        App::new(config, self.clock.clone(), needs).map_err(setting)
    }

    fn gateway(&self, cors: Cors, strict_slashes: bool) -> Result<Gateway, StartError> {
        let mut functions = BTreeMap::new();
        for endpoint in registry::ENDPOINTS {
            let app = self.app(endpoint.name, endpoint.needs)?;
            functions.insert(endpoint.name.to_owned(), Arc::new(Function { endpoint, app }));
        }
        let mut routes = Vec::new();
        for route in self.template.routes()? {
            if let Some(function) = functions.get(&route.function) {
                routes.push((route, Arc::clone(function)));
            }
        }
        let router = router::Router::new(routes).map_err(|error| StartError::Engine(error.to_string()))?;
        Ok(Gateway { router, cors, clock: self.clock.clone(), strict_slashes })
    }

    fn schedule(&self) -> Result<Schedule, StartError> {
        let (delivering, providers) = self.deliver()?;
        Ok(Schedule {
            rotating: self.app(rotate_keys::NAME, rotate_keys::NEEDS)?,
            rotations: self.rate(rotate_keys::NAME)?,
            delivering,
            providers,
            resends: self.rate(deliver::NAME)?,
        })
    }

    fn rate<Input: DeserializeOwned>(&self, function: &str) -> Result<Rate<Input>, StartError> {
        let (seconds, input) = self.template.schedule(function)?;
        let input = serde_json::from_value(input).map_err(|error| StartError::Engine(error.to_string()))?;
        Ok(Rate::new(seconds, input))
    }

    fn deliver(&self) -> Result<(App, Providers), StartError> {
        let app = self.app(deliver::NAME, deliver::NEEDS)?;
        let providers = Providers::new(&app).map_err(|error| StartError::Engine(error.to_string()))?;
        Ok((app, providers))
    }

    fn pump(&self, database: Database, engine_clock: Clock) -> Result<Pump, StartError> {
        let (app, providers) = self.deliver()?;
        Ok(Pump::new(database, app, providers, self.template.stream_mapping()?, engine_clock))
    }
}

async fn through_gateway(
    State(gateway): State<Arc<Gateway>>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<axum::body::Body> {
    gateway.answer(method, uri, headers, body, from).await
}

/// Creates what the functions expect to exist: the table and the keys of access tokens.
async fn prepare(
    opened: &data::EngineData,
    variables: &BTreeMap<String, String>,
    schedule: &Schedule,
    gateway: &Gateway,
) -> Result<(), StartError> {
    let problem = |error: shared::Error| {
        let text = shared::error_chain(&error);
        match &opened.folder {
            Some(folder) if text.contains("KEY_SECRET opens none") => folder
                .damaged("secrets.json", "its KEY_SECRET is not the one that the keys in the table were sealed with"),
            _ => StartError::Engine(text),
        }
    };
    data::create_table(variables).await?;
    schedule.settle().await.map_err(problem)?;
    gateway.warm_up().await.map_err(problem)?;
    opened.folder.as_ref().map_or(Ok(()), folder::Folder::mark_used)
}

/// Deletes expired items regularly. DynamoDB deletes them by itself, within days. The engine does so only when told to.
async fn sweep(database: Database) {
    loop {
        tokio::time::sleep(Duration::from_secs(600)).await;
        let database = database.clone();
        let _ = tokio::task::spawn_blocking(move || database.sweep_ttl()).await;
    }
}

const fn next_port(port: u16) -> u16 {
    if port == 0 { 0 } else { port.saturating_add(1) }
}

/// Returns an SDK client for the engine.
pub fn dynamodb(variables: &BTreeMap<String, String>) -> Result<aws_sdk_dynamodb::Client, shared::Error> {
    let look_up = |name: &str| variables.get(name).cloned();
    let config = Config::read(&Environment::new(&look_up), &[]);
    client(&config.map_err(|source| shared::Error::unavailable("reading the settings", source))?.storage)
}
