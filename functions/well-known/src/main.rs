//! Runs `well-known` on AWS Lambda.

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::lambda::serve(&well_known::ENDPOINT)
}
