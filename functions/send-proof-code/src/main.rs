//! Runs `send-proof-code` on AWS Lambda.

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::lambda::serve(&send_proof_code::ENDPOINT)
}
