//! Runs `forget-pwd-sms-code` on AWS Lambda.

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::lambda::serve(&forget_pwd_sms_code::ENDPOINT)
}
