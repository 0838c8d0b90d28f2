//! Runs `change-profile` on AWS Lambda.

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::lambda::serve(&change_profile::ENDPOINT)
}
