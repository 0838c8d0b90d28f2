//! Runs `send-sms-code` on AWS Lambda.

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::lambda::serve(&send_sms_code::ENDPOINT)
}
