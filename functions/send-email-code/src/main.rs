//! Runs `send-email-code` on AWS Lambda.

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::lambda::serve(&send_email_code::ENDPOINT)
}
