//! Runs `not-found` on AWS Lambda.

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::lambda::serve(&not_found::ENDPOINT)
}
