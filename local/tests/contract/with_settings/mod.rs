//! Tests that start a site of their own. They cannot run against a site that already runs elsewhere.

mod accounts;
mod bad_input;
mod captcha;
mod cookies;
mod device_cookies;
mod fields;
mod forgotten;
mod pages;
mod reauthentication;
mod recover;
mod sessions;
mod signing_in_again;
mod sms_log_in;
mod well_known;
