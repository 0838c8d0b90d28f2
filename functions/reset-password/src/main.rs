//! Runs `reset-password` on AWS Lambda.

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::lambda::serve(&reset_password::ENDPOINT)
}
