//! `cargo run`: the whole system on this machine.

use std::path::PathBuf;
use std::process::ExitCode;

use local::{Options, System};

const USAGE: &str = "\
Runs Latchkey on this machine.

  cargo run -- [options]

  --port N           the port of the API (3000); the next one is that of AWS
  --data FOLDER      where data is kept (.local)
  --memory           keep nothing
  --captcha MODE     off or enforce: whether protected calls need a captcha pass (off)
  --help             this
";

fn main() -> ExitCode {
    let options = match options(lexopt::Parser::from_env()) {
        Ok(Some(options)) => options,
        Ok(None) => {
            eprint!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("{error}\n\n{USAGE}");
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
    runtime.block_on(run(options))
}

/// One line a request. The engine's own lines say nothing to who runs this: a failed condition is a warning to it.
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
    let system = match System::start(options).await {
        Ok(system) => system,
        Err(problem) => {
            eprintln!("Latchkey did not start: {problem}");
            return ExitCode::FAILURE;
        }
    };
    eprintln!();
    eprintln!("  Latchkey is running.");
    eprintln!();
    eprintln!("  API      {}", system.base_url);
    eprintln!("  Page     {}/forget_pwd/", system.base_url);
    eprintln!("  Inbox    {}/_local/inbox   (SMS and mail arrive here)", system.base_url);
    eprintln!("  AWS      {}   (DynamoDB, SNS, SES)", system.cloud_url);
    eprintln!("  Data     {}", data.as_deref().unwrap_or("in memory, gone when it stops"));
    eprintln!();
    eprintln!("  Stop with Ctrl-C.");
    eprintln!();
    tokio::select! {
        () = system.wait() => ExitCode::FAILURE,
        _ = tokio::signal::ctrl_c() => ExitCode::SUCCESS,
    }
}

fn options(mut parser: lexopt::Parser) -> Result<Option<Options>, lexopt::Error> {
    use lexopt::prelude::{Long, ValueExt};
    let mut options = Options { port: 3000, data: Some(PathBuf::from(".local")), ..Options::default() };
    while let Some(argument) = parser.next()? {
        match argument {
            Long("port") => {
                options.port = parser.value()?.parse()?;
                if options.port == u16::MAX {
                    return Err("--port must leave room for the next one".into());
                }
            }
            Long("data") => options.data = Some(parser.value()?.into()),
            Long("memory") => options.data = None,
            Long("captcha") => {
                let mode = parser.value()?.string()?;
                if mode != "off" && mode != "enforce" {
                    return Err("--captcha takes off or enforce".into());
                }
                options.variables.insert("CAPTCHA_MODE".to_owned(), mode);
            }
            Long("help") => return Ok(None),
            _ => return Err(argument.unexpected()),
        }
    }
    Ok(Some(options))
}
