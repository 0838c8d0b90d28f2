//! Runs `change-password` on AWS Lambda.

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::lambda::serve(&change_password::ENDPOINT)
}
