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
pub mod faults;
pub mod fuzzing;
pub mod gateway;
pub mod holds;
pub mod mailbox;
pub mod operator;
pub mod policy;
pub mod registry;
pub mod schedule;
pub mod settings;
pub mod smoke;
pub mod stream;
pub mod template;

use std::collections::{BTreeMap, HashSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

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

use caller::access_key_of;
use captcha::CaptchaGateway;
use cloud::{Cloud, Journal};
use control::Control;
use database_file::Traces;
use faults::Faults;
use gateway::{Function, Gateway};
use holds::Holds;
use mailbox::Mailbox;
use policy::Policies;
use schedule::Schedule;
use stream::Pump;
use template::{Cors, Template, TemplateProblem};

/// The most API Gateway takes, in bytes.
const MAX_BODY_BYTES: usize = 10 * 1024 * 1024;
/// The table's name.
pub const TABLE: &str = "latchkey";

/// The name by which a container knows the machine it runs on.
const HOST_OF_CONTAINERS: &str = "host.docker.internal";

/// How to start.
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
    traces: Traces,
    tasks: JoinSet<()>,
    /// Keeps the data folder to this instance.
    _opened: data::Opened,
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
    /// Another instance uses the folder.
    #[error("another Latchkey is running on the data folder {folder}. Stop it, or choose another folder with --data.")]
    InUse {
        /// The folder.
        folder: String,
    },
    /// What is kept cannot be read.
    #[error(
        "{file} is damaged: {reason}. Restore it, or delete the folder that it is in to start anew \
         (accounts and secrets are gone then)."
    )]
    Damaged {
        /// The file.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A setting that stands beside others has spaces.
    #[error("{name} may not contain spaces")]
    Spaces {
        /// The setting.
        name: String,
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
        let api = Listeners::bind(options.port, options.host).await?;
        let everywhere = options.containers.then_some(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        let aws = Listeners::bind(next_port(options.port), everywhere).await?;
        let clock = Clock::default();
        let opened = data::open(options.data.as_deref(), &clock)?;
        // On this machine a page is opened as `localhost`: passkeys ask for that name.
        let base_url = format!("http://localhost:{}", api.port);
        let cloud_url = format!("http://127.0.0.1:{}", aws.port);
        let variables_for = |cloud_url: &str| {
            let mut settings = data::settings(&base_url, cloud_url, &opened.secrets);
            settings.extend(options.variables.clone());
            settings::place(settings, &template.declared_variables())
        };
        let variables = variables_for(&cloud_url)?;
        opened.write_environment(&variables, &variables_for(&format!("http://{HOST_OF_CONTAINERS}:{}", aws.port))?)?;

        let mut tasks = JoinSet::new();
        let (faults, journal, mailbox) = (Faults::default(), Journal::default(), Mailbox::default());
        let captcha = CaptchaGateway::new(faults.clone());
        let holds = Holds::default();
        let cloud = Cloud {
            captcha: captcha.clone(),
            database: opened.database.clone(),
            file: opened.file.clone(),
            deleted: Arc::default(),
            secret: variables.get(data::ACCESS_KEY_ID).cloned().unwrap_or_default(),
            host_of_containers: options.containers.then_some(HOST_OF_CONTAINERS),
            journal: journal.clone(),
            policies: Policies::of(&template),
            faults: faults.clone(),
            holds: holds.clone(),
            mailbox: mailbox.clone(),
            clock: clock.clone(),
        };
        let deleted = Arc::clone(&cloud.deleted);
        aws.serve(&mut tasks, &cloud::router(cloud));
        let cors = Cors { origins: options.cors, ..template.cors()? };
        let public_url = options.host.filter(|host| !host.is_unspecified() && !host.is_loopback());
        let public_url = public_url.map(|host| format!("http://{}", SocketAddr::new(host, api.port)));
        let host =
            Host { template: &template, variables: &variables, clock: &clock, public_url: public_url.as_deref() };
        let pump = Arc::new(host.pump(opened.database.clone(), opened.engine_clock.clone())?);
        let schedule = Arc::new(host.schedule()?);
        let control = Control {
            mailbox: mailbox.clone(),
            clock: clock.clone(),
            faults: faults.clone(),
            pump: Arc::clone(&pump),
            schedule: Arc::clone(&schedule),
            clock_moved: opened.clock_keeper(&clock),
            captcha,
        };
        let gateway = Arc::new(host.gateway(cors, options.strict_slashes)?);
        data::create_table(&variables).await?;
        schedule.settle().await.map_err(|error| StartProblem::Engine(shared::error_chain(&error)))?;
        gateway.warm_up().await.map_err(|error| StartProblem::Engine(shared::error_chain(&error)))?;
        let _ = journal.take();
        let app = Router::new().fallback(through_gateway).with_state(gateway).merge(control::router(control));
        api.serve(&mut tasks, &app.layer(DefaultBodyLimit::max(MAX_BODY_BYTES)));
        let carrying = Arc::clone(&pump);
        tasks.spawn(async move { carrying.run().await });
        let scheduled = Arc::clone(&schedule);
        tasks.spawn(async move { scheduled.run().await });
        tasks.spawn(sweep(opened.database.clone()));
        let traces = Traces { file: opened.file.clone(), deleted, pump: Arc::clone(&pump) };
        tasks.spawn(traces.clone().run());
        let base_url = public_url.unwrap_or(base_url);
        Ok(Self {
            base_url,
            cloud_url,
            clock,
            faults,
            holds,
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
        self.traces.forget().await;
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
    /// Where other machines find the pages, when they may.
    public_url: Option<&'a str>,
}

impl Host<'_> {
    /// A function with the variables the template gives it, and those Lambda sets; no others. So a variable forgotten in
    /// the template is found here and not in the cloud.
    fn app(&self, function: &str, needs: &[Need]) -> Result<App, StartProblem> {
        let given: HashSet<String> = self.template.variables(function).into_iter().collect();
        let look_up = |name: &str| {
            let visible = name.starts_with("AWS_") || given.contains(name);
            let value = visible.then(|| self.variables.get(name).cloned()).flatten();
            // By its access key id the function is known to `policy`.
            if name == data::ACCESS_KEY_ID { value.map(|secret| access_key_of(&secret, function)) } else { value }
        };
        let setting = |source| StartProblem::Setting { function: function.to_owned(), source };
        let mut config = Config::read(&Environment::new(&look_up), needs).map_err(setting)?;
        // Set here and not as a variable: an address that crosses a network in clear is no setting of a deployment.
        if let Some(url) = self.public_url {
            config.answers.client_host = Some(url.to_owned());
        }
        App::new(config, self.clock.clone(), needs).map_err(setting)
    }

    fn gateway(&self, cors: Cors, strict_slashes: bool) -> Result<Gateway, StartProblem> {
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
        Ok(Gateway { routes, cors, clock: self.clock.clone(), strict_slashes })
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
        tokio::time::sleep(Duration::from_secs(600)).await;
        let database = database.clone();
        let _ = tokio::task::spawn_blocking(move || database.sweep_ttl()).await;
    }
}

const fn next_port(port: u16) -> u16 {
    if port == 0 { 0 } else { port.saturating_add(1) }
}

/// Where one of the two addresses is served: on IPv4, and on IPv6's loopback where `localhost` may mean that.
struct Listeners {
    port: u16,
    all: Vec<TcpListener>,
}

impl Listeners {
    /// Binds a port of an address; `None` for this machine alone.
    async fn bind(port: u16, address: Option<IpAddr>) -> Result<Self, StartProblem> {
        let problem = |source: std::io::Error| match source.kind() {
            std::io::ErrorKind::AddrInUse => StartProblem::PortTaken { port },
            _ => StartProblem::Port { port, source },
        };
        let first = address.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let listener = TcpListener::bind((first, port)).await.map_err(problem)?;
        let bound = listener.local_addr().map_err(problem)?.port();
        let mut all = vec![listener];
        if address.is_none() {
            match TcpListener::bind((Ipv6Addr::LOCALHOST, bound)).await {
                Ok(listener) => all.push(listener),
                // Whoever listens there would be taken for us by a browser that asks for `localhost`.
                Err(error) if error.kind() == std::io::ErrorKind::AddrInUse && port != 0 => return Err(problem(error)),
                // A machine without IPv6.
                Err(_) => {}
            }
        }
        Ok(Self { port: bound, all })
    }

    fn serve(self, tasks: &mut JoinSet<()>, router: &Router) {
        for listener in self.all {
            let service = router.clone().into_make_service_with_connect_info::<SocketAddr>();
            tasks.spawn(async move {
                if let Err(error) = axum::serve(listener, service).await {
                    tracing::error!(%error, "a server stopped");
                }
            });
        }
    }
}

/// The SDK's client for the engine.
pub fn dynamodb(variables: &BTreeMap<String, String>) -> Result<aws_sdk_dynamodb::Client, shared::Error> {
    let look_up = |name: &str| variables.get(name).cloned();
    let config = Config::read(&Environment::new(&look_up), &[]);
    client(&config.map_err(|source| shared::Error::unavailable("reading the settings", source))?.storage)
}
