//! Runs `sms-log-in` on AWS Lambda.

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::lambda::serve(&sms_log_in::ENDPOINT)
}
