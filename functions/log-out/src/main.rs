//! Runs `log-out` on AWS Lambda.

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::lambda::serve(&log_out::ENDPOINT)
}
