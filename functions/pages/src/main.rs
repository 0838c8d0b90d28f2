//! Runs `pages` on AWS Lambda.

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::lambda::serve(&pages::ENDPOINT)
}
