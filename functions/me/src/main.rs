//! Runs `me` on AWS Lambda.

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::lambda::serve(&me::ENDPOINT)
}
