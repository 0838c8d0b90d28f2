//! Runs `forget-pwd` on AWS Lambda.

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::lambda::serve(&forget_pwd::ENDPOINT)
}
