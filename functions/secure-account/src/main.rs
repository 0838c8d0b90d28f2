//! Runs `secure-account` on AWS Lambda.

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::lambda::serve(&secure_account::ENDPOINT)
}
