//! The start-up of a Lambda function.

use std::process::ExitCode;

use lambda_http::{LambdaEvent, lambda_runtime, service_fn};

use crate::app::App;
use crate::app::Clock;
use crate::config::{Config, ConfigError, Need, log_level};
use crate::http::Endpoint;

/// Runs an endpoint as a Lambda function. Returns only if the function cannot start or the runtime ends.
pub fn serve(endpoint: &Endpoint) -> ExitCode {
    run(endpoint.needs, async |app| {
        let handler = service_fn(async |event: LambdaEvent<serde_json::Value>| {
            endpoint.answer_event(app, event.payload, event.context).await
        });
        lambda_runtime::run(handler).await
    })
}

/// Builds the application that these needs require, and runs the function with it.
pub fn run(needs: &[Need], function: impl AsyncFnOnce(&App) -> Result<(), lambda_http::Error>) -> ExitCode {
    log_as_json();
    let app = match start(needs) {
        Ok(app) => app,
        Err(error) => return refuse(&error),
    };
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        return ExitCode::FAILURE;
    };
    runtime.block_on(async {
        if app.config.storage.aws.warm_up {
            app.warm_up(needs).await;
        }
        match function(&app).await {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => refuse(&*error),
        }
    })
}

fn start(needs: &[Need]) -> Result<App, ConfigError> {
    App::new(Config::from_process(needs)?, Clock::default(), needs)
}

fn refuse(error: &dyn std::fmt::Display) -> ExitCode {
    tracing::error!("cannot start: {error}");
    ExitCode::FAILURE
}

/// Writes the log as JSON lines to standard output, where Lambda collects them. [`log_level`] sets the level.
pub fn log_as_json() {
    let _ = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_target(false)
        .with_max_level(log_level())
        .try_init();
}
