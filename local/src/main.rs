//! `cargo run`: the whole system on this machine, and the commands for operators.

mod arguments;

use std::path::Path;
use std::process::ExitCode;

use arguments::Command;
use local::operator::{OperatorAction, Target, act};
use local::smoke::Address;
use local::{Options, System};

fn main() -> ExitCode {
    let command = match arguments::parse(lexopt::Parser::from_env()) {
        Ok(Command::Help) => return print(arguments::USAGE),
        Ok(Command::Version) => return print(concat!("Latchkey ", env!("CARGO_PKG_VERSION"), "\n")),
        Ok(command) => command,
        Err(error) => {
            eprintln!("{error}\n\nThe options: cargo run -- --help");
            return ExitCode::from(2);
        }
    };
    log_for_people();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    runtime.block_on(async {
        match command {
            Command::Run(options) => run(options).await,
            Command::Operate { act, target } => operate(&act, &target).await,
            Command::Help | Command::Version => ExitCode::SUCCESS,
            Command::Smoke(address) => smoke(&address).await,
            Command::Generate => generate(),
        }
    })
}

fn print(text: &str) -> ExitCode {
    let shown = std::io::Write::write_all(&mut std::io::stdout(), text.as_bytes());
    if shown.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn smoke(address: &Address) -> ExitCode {
    match local::smoke::run(address, &mut std::io::stdout()).await {
        Ok(counts) if counts.failed == 0 => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}

/// Writes into the project that this program was built from.
fn generate() -> ExitCode {
    match local::generate::write(&Path::new(env!("CARGO_MANIFEST_DIR")).join("..")) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn operate(what: &OperatorAction, target: &Target) -> ExitCode {
    // The name is only for the record. The permissions on the table decide whether the operator may act.
    let operator = std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).unwrap_or_else(|_| "unknown".to_owned());
    match act(what, target, &operator).await {
        Ok(lines) => print(&(lines.join("\n") + "\n")),
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}

/// Logs one line for each request. The engine's own log is off: it warns about every failed condition, which is of no
/// use to a person.
fn log_for_people() {
    use tracing_subscriber::layer::SubscriberExt;
    use tracing_subscriber::util::SubscriberInitExt;
    let lines = tracing_subscriber::fmt::layer().compact().with_target(false).with_writer(std::io::stderr);
    let lines = lines.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()));
    let levels = tracing_subscriber::filter::Targets::new()
        .with_default(tracing::Level::INFO)
        .with_target("dynoxide", tracing_subscriber::filter::LevelFilter::OFF);
    tracing_subscriber::registry().with(lines).with(levels).init();
}

async fn run(options: Options) -> ExitCode {
    let data = options.data.as_ref().map(|folder| folder.display().to_string());
    let mut system = match System::start(options).await {
        Ok(system) => system,
        Err(problem) => {
            eprintln!("Latchkey did not start: {problem}");
            return ExitCode::FAILURE;
        }
    };
    eprintln!();
    eprintln!("  Latchkey is running.");
    eprintln!();
    eprintln!("  Pages    {}/", system.base_url);
    eprintln!("  API      {}", system.base_url);
    eprintln!("  Inbox    {}/_local/inbox   (SMS and mail arrive here)", system.local_url);
    eprintln!("  AWS      {}   (DynamoDB, SNS, SES)", system.cloud_url);
    eprintln!("  Data     {}", data.as_deref().unwrap_or("in memory, gone when it stops"));
    eprintln!();
    eprintln!("  Stop with Ctrl-C.");
    eprintln!();
    tokio::select! {
        () = system.wait() => ExitCode::FAILURE,
        () = asked_to_stop() => {
            system.stop().await;
            ExitCode::SUCCESS
        }
    }
}

/// Returns when a person presses Ctrl-C, or when another program terminates this one.
async fn asked_to_stop() {
    #[cfg(unix)]
    if let Ok(mut terminated) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        tokio::select! {
            _ = terminated.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
        return;
    }
    let _ = tokio::signal::ctrl_c().await;
}
