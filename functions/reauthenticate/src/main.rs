//! Runs `reauthenticate` on AWS Lambda.

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::lambda::serve(&reauthenticate::ENDPOINT)
}
