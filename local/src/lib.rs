//! The whole system on this machine, in one process: the routes of template.yaml, the functions behind them, DynamoDB's
//! engine, the stream that carries messages to `deliver`, and what receives them in place of SNS and SES.
//!
//! `main.rs` runs it for a person, the tests run one each.

pub mod caller;
pub mod captcha;
pub mod cloud;
pub mod control;
mod data;
mod database_file;
mod engine;
mod env_file;
pub mod faults;
mod folder;
pub mod fuzzing;
pub mod gateway;
pub mod holds;
mod listeners;
pub mod mailbox;
pub mod operator;
pub mod policy;
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

use std::collections::{BTreeMap, HashSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{ConnectInfo, DefaultBodyLimit, State};
use axum::http::{HeaderMap, Method, Response, Uri};
use dynoxide::Database;
use shared::App;
use shared::Clock;
use shared::config::{Config, Environment, Need};
use shared::dynamodb::client;
use tokio::task::JoinSet;

use caller::access_key_of;
use captcha::CaptchaGateway;
use cloud::{Cloud, Journal};
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
use schedule::Schedule;
use stream::Pump;
use template::{Cors, Template};

pub use start_error::StartError;

/// The most API Gateway takes, in bytes.
const MAX_BODY_BYTES: usize = 10 * 1024 * 1024;
pub const TABLE: &str = "latchkey";

/// The name by which a container knows the machine it runs on.
const HOST_OF_CONTAINERS: &str = "host.docker.internal";

#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The port of the API, and the one after it that of AWS; 0 takes any two that are free.
    pub port: u16,
    /// Where the API listens; `None` for this machine alone.
    pub host: Option<IpAddr>,
    /// Whether the AWS port also listens where containers reach it.
    pub containers: bool,
    /// The origins whose pages may call the API, beside those of this machine.
    pub cors: Vec<String>,
    /// Where data is kept; `None` keeps it in memory.
    pub data: Option<PathBuf>,
    /// Variables that replace the ones `local` sets.
    pub variables: BTreeMap<String, String>,
    /// Whether the gateway takes a path with a slash at its end for another path.
    pub strict_slashes: bool,
}

/// The system, running until it is dropped.
pub struct System {
    /// Where the pages and the API are.
    pub base_url: String,
    /// The same by this machine's own name: here alone is the inbox.
    pub local_url: String,
    pub cloud_url: String,
    /// The clock of the program, and of an engine in memory.
    pub clock: Clock,
    pub faults: Faults,
    pub holds: Holds,
    /// Writes that are refused.
    pub refusals: Refusals,
    /// The calls to DynamoDB.
    pub journal: Journal,
    pub mailbox: Mailbox,
    /// Every variable that a function is given, by its name.
    pub variables: BTreeMap<String, String>,
    /// Carries messages to `deliver`.
    pub pump: Arc<Pump>,
    /// Runs `rotate-keys`.
    pub schedule: Arc<Schedule>,
    traces: Traces,
    tasks: JoinSet<()>,
    /// Keeps the data folder to this instance.
    _opened: data::Opened,
}

impl System {
    /// Starts everything. It is ready when this returns.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        // Fails when one is installed already, which is then used.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let template = Template::load()?;
        let api = Listeners::bind(options.port, options.host).await?;
        let everywhere = options.containers.then_some(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        let aws = Listeners::bind(next_port(options.port), everywhere).await?;
        let clock = Clock::default();
        let opened = data::open(options.data.as_deref(), &clock)?;
        // On this machine a page is opened as `localhost`: passkeys ask for that name.
        let (local_url, cloud_url) =
            (format!("http://localhost:{}", api.port), format!("http://127.0.0.1:{}", aws.port));
        let variables_for = |cloud_url: &str| {
            let mut settings = data::settings(&local_url, cloud_url, &opened.secrets);
            settings.extend(options.variables.clone());
            settings::place(settings, &template.declared_variables())
        };
        let variables = variables_for(&cloud_url)?;
        if let Some(folder) = &opened.folder {
            env_file::write(folder, &variables, &variables_for(&format!("http://{HOST_OF_CONTAINERS}:{}", aws.port))?)?;
        }
        let public_url = listeners::public_url(options.host, api.port);
        let base_url = public_url.clone().unwrap_or_else(|| local_url.clone());

        let mut tasks = JoinSet::new();
        let (faults, journal, mailbox) = (Faults::default(), Journal::default(), Mailbox::default());
        let (holds, refusals) = (Holds::default(), Refusals::default());
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
        let (carrying, scheduled) = (Arc::clone(&pump), Arc::clone(&schedule));
        tasks.spawn(async move { carrying.run().await });
        tasks.spawn(async move { scheduled.run().await });
        tasks.spawn(sweep(opened.database.clone()));
        tasks.spawn(traces.clone().run(Arc::clone(&pump)));
        Ok(Self {
            base_url,
            local_url,
            cloud_url,
            clock,
            faults,
            holds,
            refusals,
            journal,
            mailbox,
            variables,
            pump,
            schedule,
            traces,
            tasks,
            _opened: opened,
        })
    }

    /// Returns when the traces of every deleted account are gone from the database's file.
    pub async fn forget(&self) {
        self.traces.forget(&self.pump).await;
    }

    /// Ends the system: what is to be sent is sent, and the database's file is left tidy.
    pub async fn stop(mut self) {
        self.tasks.shutdown().await;
        self.traces.forget_all(&self.pump).await;
    }

    /// Returns when a task ends, which none does by itself.
    pub async fn wait(&mut self) {
        self.tasks.join_next().await;
    }
}

/// What functions are started with.
struct Host<'a> {
    template: &'a Template,
    variables: &'a BTreeMap<String, String>,
    clock: &'a Clock,
    /// Where other machines find the pages, when they may.
    public_url: Option<String>,
    /// Where this machine finds them.
    local_url: &'a str,
}

impl Host<'_> {
    /// A function with the variables the template gives it, and those Lambda sets; no others. So a variable forgotten in
    /// the template is found here and not in the cloud.
    fn app(&self, function: &str, needs: &[Need]) -> Result<App, StartError> {
        let given: HashSet<String> = self.template.variables(function).into_iter().collect();
        let look_up = |name: &str| {
            let visible = name.starts_with("AWS_") || given.contains(name);
            let value = visible.then(|| self.variables.get(name).cloned()).flatten();
            // By its access key id the function is known to `policy`.
            if name == ACCESS_KEY_ID { value.map(|secret| access_key_of(&secret, function)) } else { value }
        };
        let setting = |source| StartError::Setting { function: function.to_owned(), source };
        let mut config = Config::read(&Environment::new(&look_up), needs).map_err(setting)?;
        // Set here and not as a variable: an address that crosses a network in clear is no setting of a deployment.
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
        let app = self.app(rotate_keys::NAME, rotate_keys::NEEDS)?;
        let (rate_seconds, input) = self.template.schedule()?;
        let input = serde_json::from_value(input).map_err(|error| StartError::Engine(error.to_string()))?;
        Ok(Schedule::new(app, rate_seconds, input))
    }

    fn pump(&self, database: Database, engine_clock: Clock) -> Result<Pump, StartError> {
        let app = self.app(deliver::NAME, deliver::NEEDS)?;
        let providers = deliver::Providers::new(&app).map_err(|error| StartError::Engine(error.to_string()))?;
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

/// Makes what the functions expect to be there: the table, and the keys of access tokens.
async fn prepare(
    opened: &data::Opened,
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

/// DynamoDB deletes expired items within days; the engine does so when it is told to.
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

/// The SDK's client for the engine.
pub fn dynamodb(variables: &BTreeMap<String, String>) -> Result<aws_sdk_dynamodb::Client, shared::Error> {
    let look_up = |name: &str| variables.get(name).cloned();
    let config = Config::read(&Environment::new(&look_up), &[]);
    client(&config.map_err(|source| shared::Error::unavailable("reading the settings", source))?.storage)
}
