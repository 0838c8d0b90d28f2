//! Runs `delete-account` on AWS Lambda.

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::lambda::serve(&delete_account::ENDPOINT)
}
