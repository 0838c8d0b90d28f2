//! Runs `end-session` on AWS Lambda.

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::lambda::serve(&end_session::ENDPOINT)
}
