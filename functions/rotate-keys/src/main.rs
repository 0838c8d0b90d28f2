//! Runs `rotate-keys` on AWS Lambda.

use std::process::ExitCode;

fn main() -> ExitCode {
    rotate_keys::serve()
}
