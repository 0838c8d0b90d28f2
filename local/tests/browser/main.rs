//! The pages in a real browser: each journey a person makes, from the first page on. Run by `.ci/run`, which installs
//! chromium and its driver: `cargo test -p local --features browser --test browser`.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

mod browser;
mod centre;
mod fields;
mod hard_times;
mod journeys;
mod other_ports;
mod pictures;
mod reauthentication;
mod safety;
#[path = "../contract/site.rs"]
#[expect(dead_code, reason = "the contract's tests use the rest")]
mod site;
