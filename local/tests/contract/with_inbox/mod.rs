//! Tests that read messages and move the clock. They cannot run against a deployed stack.

mod accounts;
mod bad_input;
mod email;
mod fields;
mod forgotten;
mod own_account;
pub mod reauthentication;
mod recover;
mod sessions;
mod sms;
pub mod sms_log_in;
pub mod well_known;
