//! The whole system on this machine, in one process: the routes of template.yaml, the functions behind them, DynamoDB's
//! engine, the stream that carries messages to `deliver`, and what receives them in place of SNS and SES.
//!
//! `main.rs` runs it for a person, the tests run one each.

pub mod cloud;
pub mod control;
mod data;
pub mod faults;
pub mod fuzzing;
pub mod gateway;
pub mod holds;
pub mod mailbox;
pub mod operator;
pub mod policy;
pub mod registry;
pub mod schedule;
pub mod stream;
pub mod template;

use std::collections::{BTreeMap, HashSet};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{ConnectInfo, DefaultBodyLimit, State};
use axum::http::{HeaderMap, Method, Response, Uri};
use dynoxide::Database;
use shared::App;
use shared::config::{Config, ConfigError, Environment, Need};
use shared::domain::Clock;
use shared::dynamodb::client;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use cloud::{Cloud, Journal};
use control::Control;
use faults::Faults;
use gateway::{Function, Gateway};
use holds::Holds;
use mailbox::Mailbox;
use policy::Policies;
use schedule::Schedule;
use stream::Pump;
use template::{Template, TemplateProblem};

/// The most API Gateway takes, in bytes.
const MAX_BODY_BYTES: usize = 10 * 1024 * 1024;
/// The table's name.
pub const TABLE: &str = "latchkey";

/// How to start.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The port of the API, and the one after it that of AWS; 0 takes any two that are free.
    pub port: u16,
    /// Where data is kept; `None` keeps it in memory.
    pub data: Option<PathBuf>,
    /// Variables that replace the ones `local` sets.
    pub variables: BTreeMap<String, String>,
}

/// The system, running until it is dropped.
pub struct System {
    /// Where the API is.
    pub base_url: String,
    /// Where AWS is.
    pub cloud_url: String,
    /// The clock of the program, and of an engine in memory.
    pub clock: Clock,
    /// Trouble on demand.
    pub faults: Faults,
    /// Calls that wait.
    pub holds: Holds,
    /// The calls to DynamoDB.
    pub journal: Journal,
    /// What was sent.
    pub mailbox: Mailbox,
    /// Every variable that a function is given, by its name.
    pub variables: BTreeMap<String, String>,
    /// Carries messages to `deliver`.
    pub pump: Arc<Pump>,
    /// Runs `rotate-keys`.
    pub schedule: Arc<Schedule>,
    tasks: JoinSet<()>,
}

/// Why the system does not start, in words for whoever started it.
#[derive(Debug, thiserror::Error)]
pub enum StartProblem {
    /// Somebody else listens there.
    #[error("port {port} is taken. Stop what listens there, or choose another with --port.")]
    PortTaken {
        /// The port.
        port: u16,
    },
    /// The port may not be used.
    #[error("port {port} cannot be used: {source}")]
    Port {
        /// The port.
        port: u16,
        /// Why.
        source: std::io::Error,
    },
    /// The folder cannot be used.
    #[error("the data folder {folder} cannot be used: {reason}. Choose another with --data, or none with --memory.")]
    Data {
        /// The folder.
        folder: String,
        /// Why.
        reason: String,
    },
    /// The data was made by another version.
    #[error(
        "the data in {folder} was made by another version of Latchkey ({found}; this one is {expected}). \
         Move it away or delete it: rm -r {folder}"
    )]
    OtherVersion {
        /// The folder.
        folder: String,
        /// Its version.
        found: String,
        /// Ours.
        expected: &'static str,
    },
    /// A setting is malformed, or the template does not give a function what it needs.
    #[error("{function}: {source}")]
    Setting {
        /// The function that would not start.
        function: String,
        /// Which setting.
        source: ConfigError,
    },
    /// The template is not understood.
    #[error(transparent)]
    Template(#[from] TemplateProblem),
    /// The engine does not work.
    #[error("the DynamoDB engine does not start: {0}")]
    Engine(String),
}

impl System {
    /// Starts everything. It is ready when this returns.
    pub async fn start(options: Options) -> Result<Self, StartProblem> {
        // Fails when one is installed already, which is then used.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let template = Template::load()?;
        let (api, aws) = (listen(options.port).await?, listen(next_port(options.port)).await?);
        let (base_url, cloud_url) = (url_of(&api), url_of(&aws));
        let clock = Clock::default();
        let opened = data::open(options.data.as_deref(), &clock)?;
        let mut variables = data::variables(&base_url, &cloud_url, &opened.secrets);
        variables.extend(options.variables);
        opened.write_environment(&variables)?;

        let mut tasks = JoinSet::new();
        let engine = listen(0).await?;
        let (faults, journal, mailbox) = (Faults::default(), Journal::default(), Mailbox::default());
        let holds = Holds::default();
        let cloud = Cloud {
            engine_url: url_of(&engine),
            http: reqwest::Client::builder().build().map_err(|error| StartProblem::Engine(error.to_string()))?,
            journal: journal.clone(),
            policies: Policies::of(&template),
            faults: faults.clone(),
            holds: holds.clone(),
            mailbox: mailbox.clone(),
            clock: clock.clone(),
        };
        tasks.spawn(dynoxide::server::serve_on(engine, opened.database.clone()));
        serve(&mut tasks, aws, cloud::router(cloud));
        let host = Host { template: &template, variables: &variables, clock: &clock };
        let pump = Arc::new(host.pump(opened.database.clone(), opened.engine_clock.clone())?);
        let schedule = Arc::new(host.schedule()?);
        let control = Control {
            mailbox: mailbox.clone(),
            clock: clock.clone(),
            faults: faults.clone(),
            pump: Arc::clone(&pump),
            schedule: Arc::clone(&schedule),
            clock_moved: opened.clock_keeper(&clock),
            spent_tickets: Arc::new(Mutex::new(HashSet::new())),
        };
        let gateway = Arc::new(host.gateway()?);
        data::create_table(&variables).await?;
        schedule.settle().await.map_err(|error| StartProblem::Engine(shared::error_chain(&error)))?;
        gateway.warm_up().await.map_err(|error| StartProblem::Engine(shared::error_chain(&error)))?;
        let _ = journal.take();
        let app = Router::new().fallback(through_gateway).with_state(gateway).merge(control::router(control));
        serve(&mut tasks, api, app.layer(DefaultBodyLimit::max(MAX_BODY_BYTES)));
        let carrying = Arc::clone(&pump);
        tasks.spawn(async move { carrying.run().await });
        let scheduled = Arc::clone(&schedule);
        tasks.spawn(async move { scheduled.run().await });
        tasks.spawn(sweep(opened.database));
        Ok(Self { base_url, cloud_url, clock, faults, holds, journal, mailbox, variables, pump, schedule, tasks })
    }

    /// Runs until a task ends, which none does by itself.
    pub async fn wait(mut self) {
        while self.tasks.join_next().await.is_some() {}
    }
}

/// What functions are started with.
struct Host<'a> {
    template: &'a Template,
    variables: &'a BTreeMap<String, String>,
    clock: &'a Clock,
}

impl Host<'_> {
    /// A function with the variables the template gives it, and those Lambda sets; no others. So a variable forgotten in
    /// the template is found here and not in the cloud.
    fn app(&self, function: &str, needs: &[Need]) -> Result<App, StartProblem> {
        let given: HashSet<String> = self.template.variables(function).into_iter().collect();
        let look_up = |name: &str| {
            // By its access key id the function is known to `policy`.
            if name == "AWS_ACCESS_KEY_ID" {
                return Some(function.to_owned());
            }
            let visible = name.starts_with("AWS_") || given.contains(name);
            visible.then(|| self.variables.get(name).cloned()).flatten()
        };
        let setting = |source| StartProblem::Setting { function: function.to_owned(), source };
        let config = Config::read(&Environment::new(&look_up), needs).map_err(setting)?;
        App::new(config, self.clock.clone(), needs).map_err(setting)
    }

    fn gateway(&self) -> Result<Gateway, StartProblem> {
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
        Ok(Gateway { routes, cors: self.template.cors(), clock: self.clock.clone() })
    }

    fn schedule(&self) -> Result<Schedule, StartProblem> {
        let app = self.app(rotate_keys::NAME, rotate_keys::NEEDS)?;
        let (rate_seconds, input) = self.template.schedule()?;
        let input = serde_json::from_value(input).map_err(|error| StartProblem::Engine(error.to_string()))?;
        Ok(Schedule::new(app, rate_seconds, input))
    }

    fn pump(&self, database: Database, engine_clock: Clock) -> Result<Pump, StartProblem> {
        let app = self.app(deliver::NAME, deliver::NEEDS)?;
        let providers = deliver::Providers::new(&app).map_err(|error| StartProblem::Engine(error.to_string()))?;
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

/// DynamoDB deletes expired items within days; the engine does so when it is told to.
async fn sweep(database: Database) {
    loop {
        tokio::time::sleep(std::time::Duration::from_secs(600)).await;
        let database = database.clone();
        let _ = tokio::task::spawn_blocking(move || database.sweep_ttl()).await;
    }
}

const fn next_port(port: u16) -> u16 {
    if port == 0 { 0 } else { port.saturating_add(1) }
}

async fn listen(port: u16) -> Result<TcpListener, StartProblem> {
    TcpListener::bind(("127.0.0.1", port)).await.map_err(|source| match source.kind() {
        std::io::ErrorKind::AddrInUse => StartProblem::PortTaken { port },
        _ => StartProblem::Port { port, source },
    })
}

fn url_of(listener: &TcpListener) -> String {
    listener.local_addr().map(|address| format!("http://{address}")).unwrap_or_default()
}

fn serve(tasks: &mut JoinSet<()>, listener: TcpListener, router: Router) {
    tasks.spawn(async move {
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        if let Err(error) = axum::serve(listener, service).await {
            tracing::error!(%error, "a server stopped");
        }
    });
}

/// The SDK's client for the engine.
pub fn dynamodb(variables: &BTreeMap<String, String>) -> Result<aws_sdk_dynamodb::Client, shared::Error> {
    let look_up = |name: &str| variables.get(name).cloned();
    let config = Config::read(&Environment::new(&look_up), &[]);
    client(&config.map_err(|source| shared::Error::unavailable("reading the settings", source))?.storage)
}
