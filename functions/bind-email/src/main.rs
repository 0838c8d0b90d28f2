//! Runs `bind-email` on AWS Lambda.

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::lambda::serve(&bind_email::ENDPOINT)
}
