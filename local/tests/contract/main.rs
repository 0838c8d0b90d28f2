//! The HTTP contract, row by row, over HTTP. With `LATCHKEY_BASE_URL` the same tests run against a deployed stack.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

mod accounts;
mod bad_input;
mod captcha;
mod email;
mod forgotten;
mod recover;
mod site;
mod sms;
