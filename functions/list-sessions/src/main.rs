//! Runs `list-sessions` on AWS Lambda.

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::lambda::serve(&list_sessions::ENDPOINT)
}
