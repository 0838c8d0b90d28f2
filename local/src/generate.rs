//! Generates files from `template.yaml` and the list of settings: the list of routes in
//! `functions/not-found/src/routes.rs`, the router of `cargo lambda watch` at the end of `Cargo.toml`, and
//! `docs/configuration.md`. A test checks that each file is up to date.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use shared::config::settings::{self, Form, Place, Setting};

use crate::openapi::{self, OpenApiError};
use crate::prices::Prices;
use crate::router::DEFAULT;
use crate::template::{Route, Template, TemplateError};

const ROUTES: &str = "functions/not-found/src/routes.rs";
const MANIFEST: &str = "Cargo.toml";
const CONFIGURATION: &str = "docs/configuration.md";
const API: &str = "docs/api.md";
const OPERATIONS: &str = "docs/operations.md";
const README: &str = "README.md";
const OPENAPI: &str = "docs/openapi.json";

/// The paths of the generated files in the project.
pub const FILES: [&str; 7] = [ROUTES, MANIFEST, CONFIGURATION, API, OPERATIONS, README, OPENAPI];

/// The title of the last section of the manifest. All lines after it are generated.
const SECTION: &str = "[workspace.metadata.lambda.watch.router]\n";

#[derive(Debug, thiserror::Error)]
pub enum GenerateError {
    #[error(transparent)]
    Template(#[from] TemplateError),
    #[error(transparent)]
    OpenApi(#[from] OpenApiError),
    #[error("docs/prices.json: {0}")]
    Prices(#[from] serde_json::Error),
    #[error("{file}: {source}")]
    File { file: &'static str, source: std::io::Error },
    #[error("{0} lacks the part that is generated")]
    NoSection(&'static str),
}

/// Writes the files into the project at `root`.
pub fn write(root: &Path) -> Result<(), GenerateError> {
    for file in FILES {
        let failed = |source| GenerateError::File { file, source };
        let path = root.join(file);
        let present = std::fs::read_to_string(&path).map_err(failed)?;
        std::fs::write(path, contents(root, file, &present)?).map_err(failed)?;
    }
    Ok(())
}

/// Returns the expected contents of a file. `present` is its present text, from which the parts that are not generated
/// are taken.
pub fn contents(root: &Path, file: &str, present: &str) -> Result<String, GenerateError> {
    match file {
        MANIFEST => manifest(present),
        CONFIGURATION => Ok(configuration()),
        API => api(root, present),
        OPERATIONS | README => months(present),
        OPENAPI => Ok(format!("{}\n", openapi::document()?)),
        _ => routes(),
    }
}

/// Returns all routes except `$default`, sorted by path and method.
fn routes_by_path() -> Result<BTreeMap<String, Vec<Route>>, TemplateError> {
    let mut by_path: BTreeMap<String, Vec<Route>> = BTreeMap::new();
    for route in Template::load()?.routes()?.into_iter().filter(|route| route.path != DEFAULT) {
        by_path.entry(route.path.clone()).or_default().push(route);
    }
    by_path.values_mut().for_each(|routes| routes.sort_by(|one, other| one.method.cmp(&other.method)));
    Ok(by_path)
}

fn routes() -> Result<String, GenerateError> {
    let mut text = "//! Every route of the template except `$default`. `cargo run -- generate` writes this file.\n\n\
        /// Methods and paths.\n\
        pub const ROUTES: &[(&str, &str)] = &[\n"
        .to_owned();
    for Route { method, path, .. } in routes_by_path()?.values().flatten() {
        let _ = writeln!(text, "    ({method:?}, {path:?}),");
    }
    Ok(text + "];\n")
}

/// Returns the manifest. `cargo lambda watch` treats a path that ends in a slash as a different path, so each path is
/// listed in both forms.
fn manifest(present: &str) -> Result<String, GenerateError> {
    let (before, _) = present.split_once(SECTION).ok_or(GenerateError::NoSection(MANIFEST))?;
    let mut text = format!("{before}{SECTION}");
    for (path, routes) in routes_by_path()? {
        let target = |route: &Route| format!("{{ function = {:?}, method = {:?} }}", route.function, route.method);
        let targets = routes.iter().map(target).collect::<Vec<_>>().join(", ");
        let slashed = (path != "/").then(|| format!("{path}/"));
        for path in [Some(path), slashed].into_iter().flatten() {
            let _ = writeln!(text, "{path:?} = [{targets}]");
        }
    }
    Ok(text)
}

const ENDPOINTS_HEAD: &str = "| function | routes | what it does |\n|---|---|---|\n";

/// The document with its table of endpoints: the routes of the template, and what each function's manifest says it
/// does.
fn api(root: &Path, present: &str) -> Result<String, GenerateError> {
    let (before, after) = around_rows(present, ENDPOINTS_HEAD).ok_or(GenerateError::NoSection(API))?;
    let template = Template::load()?;
    let mut text = format!("{before}{ENDPOINTS_HEAD}");
    let routes = template.routes()?;
    for function in template.functions().keys() {
        let routes = routes.iter().filter(|route| route.function == *function && route.path != DEFAULT);
        let routes: Vec<_> = routes.map(|route| format!("`{} {}`", route.method, as_sent(&route.path))).collect();
        let about = description(&root.join("functions").join(function).join("Cargo.toml"))?;
        let _ = writeln!(text, "| `{function}` | {} | {about} |", routes.join(", "));
    }
    Ok(text + after)
}

/// Returns what stands before the table with this head, and what stands after its rows.
fn around_rows<'a>(present: &'a str, head: &str) -> Option<(&'a str, &'a str)> {
    let (before, mut rest) = present.split_once(head)?;
    while rest.starts_with('|') {
        rest = rest.split_once('\n').map_or("", |(_, rest)| rest);
    }
    Some((before, rest))
}

/// Clients send a slash at the end of a path, except after the name of a file.
fn as_sent(path: &str) -> String {
    let is_file = path.rsplit('/').next().is_some_and(|last| last.contains('.'));
    if is_file || path == "/" { path.to_owned() } else { format!("{path}/") }
}

fn description(manifest: &Path) -> Result<String, GenerateError> {
    let text = std::fs::read_to_string(manifest)
        .map_err(|source| GenerateError::File { file: "functions/*/Cargo.toml", source })?;
    let line = text.lines().find_map(|line| line.strip_prefix("description = \"")?.strip_suffix('"'));
    line.map(|line| line.replace("\\\"", "\"")).ok_or(GenerateError::NoSection("functions/*/Cargo.toml"))
}

const MONTHS_HEAD: &str =
    "| users | requests | table | SMS | a month, with what is paid when idle |\n|---|---|---|---|---|\n";

/// The document with its table of what a month costs.
fn months(present: &str) -> Result<String, GenerateError> {
    let (before, after) = around_rows(present, MONTHS_HEAD).ok_or(GenerateError::NoSection("the table of a month"))?;
    let prices = Prices::load()?;
    let mut text = format!("{before}{MONTHS_HEAD}");
    for (users, written) in [(10_000, "10,000"), (1_000_000, "1,000,000")] {
        let month = prices.month(users);
        let _ = writeln!(
            text,
            "| {written} | ${:.0} | ${:.0} | ${:.0} | ${:.0} |",
            month.requests,
            month.table,
            month.sms,
            month.total()
        );
    }
    Ok(text + after)
}

const CONFIGURATION_HEAD: &str = "\
# Configuration

<!-- `cargo run -- generate` writes this file from `shared/src/config/settings.rs`. -->

Functions read their settings from environment variables. A function refuses to start without a variable that it needs,
or with a malformed one, and its log names the variable. An empty variable counts as absent.

On your own machine every setting is an option: `cargo run -- --set LIMIT_SOURCE=1000/h`.

A limit is written as a number of times and a period: `5/h`, `10/d`, `100/5m`. Where several are allowed they are
separated by commas, and all of them hold.
";

const PARAMETERS: &str = "\
The template has a parameter for each of these: that of `PASSWORD_MIN_LENGTH` is `PasswordMinLength`. For example:
`sam deploy --parameter-overrides PasswordMinLength=10`.
";

const IN_SETTINGS: &str = "\
These are seldom changed. They stand together in the parameter `Settings`, separated by spaces, and functions get them as
the variable `SETTINGS`. It takes two kinds of quotes, or SAM stops at the first space:
`sam deploy --parameter-overrides 'Settings=\"LIMIT_SOURCE=100/h SMS_DAILY_BUDGET=5000\"'`. Secrets do not belong there.
";

const BY_DEPLOYMENT: &str = "\
The template gives these to the functions that need them. The secrets are generated when the stack is created.
";

fn configuration() -> String {
    let mut text = CONFIGURATION_HEAD.to_owned();
    let sections = [
        ("Parameters of the template", PARAMETERS, Place::Parameter),
        ("Settings by name", IN_SETTINGS, Place::Settings),
        ("Set by the deployment", BY_DEPLOYMENT, Place::Deployment),
    ];
    for (title, about, place) in sections {
        let _ =
            write!(text, "\n## {title}\n\n{about}\n| variable | default | allowed | meaning |\n|---|---|---|---|\n");
        for setting in settings::ALL.iter().filter(|setting| setting.place == place) {
            let about = setting.about.trim();
            let _ =
                writeln!(text, "| `{}` | {} | {} | {about} |", setting.variable, default(setting), allowed(setting));
        }
    }
    text
}

fn default(setting: &Setting) -> String {
    if setting.default.is_empty() { String::new() } else { format!("`{}`", setting.default) }
}

fn allowed(setting: &Setting) -> String {
    match setting.form {
        Form::Number { least, most } => format!("{least} to {most}"),
        Form::Words(words) => words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", "),
        Form::Limit => "a limit".to_owned(),
        Form::Limits => "limits".to_owned(),
        Form::Text => String::new(),
    }
}
