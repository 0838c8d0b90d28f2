//! Runs `verify-captcha` on AWS Lambda.

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::lambda::serve(&verify_captcha::ENDPOINT)
}
