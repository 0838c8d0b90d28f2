//! Runs `log-in` on AWS Lambda.

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::lambda::serve(&log_in::ENDPOINT)
}
