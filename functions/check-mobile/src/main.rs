//! Runs `check-mobile` on AWS Lambda.

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::lambda::serve(&check_mobile::ENDPOINT)
}
