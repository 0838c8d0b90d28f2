//! Tests that run against any site.

mod accounts;
mod bad_input;
pub mod forgotten;
pub mod pages;
mod recover;
mod sms;
mod well_known;
