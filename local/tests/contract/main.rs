//! The HTTP contract, row by row, over HTTP. With `LATCHKEY_BASE_URL` the same tests run against a deployed stack.
//! With `LATCHKEY_STRICT_SLASHES=1` they run behind a gateway that takes a path with a slash at its end for another path.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

mod accounts;
mod bad_input;
mod captcha;
mod cookies;
mod device_cookies;
mod email;
mod fields;
mod forgotten;
mod own_account;
mod page;
mod pages;
mod proofs;
mod reauthentication;
mod recover;
mod sessions;
mod signing_in_again;
mod site;
mod sms;
mod sms_log_in;
mod well_known;
