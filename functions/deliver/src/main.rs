//! Runs `deliver` on AWS Lambda.

use std::process::ExitCode;

fn main() -> ExitCode {
    deliver::serve()
}
