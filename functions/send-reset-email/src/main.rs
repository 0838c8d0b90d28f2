//! Runs `send-reset-email` on AWS Lambda.

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::lambda::serve(&send_reset_email::ENDPOINT)
}
