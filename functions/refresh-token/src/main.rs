//! Runs `refresh-token` on AWS Lambda.

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::lambda::serve(&refresh_token::ENDPOINT)
}
