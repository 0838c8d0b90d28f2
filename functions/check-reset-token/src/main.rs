//! Runs `check-reset-token` on AWS Lambda.

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::lambda::serve(&check_reset_token::ENDPOINT)
}
