//! The pages in a real browser: complete journeys of people, from the first page on. `.ci/run` installs chromium and
//! its driver and runs these tests: `cargo test -p local --features browser --test browser`.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

mod account_page;
mod account_rows;
mod banners;
mod browser;
mod dead_cookies;
mod fields;
mod hard_times;
mod journeys;
mod left_open;
mod lost_answers;
mod old_browsers;
mod other_ports;
mod pictures;
mod reauthentication;
mod refusals;
mod refusing_browsers;
mod safety;
mod second_proof;
#[path = "../contract/site.rs"]
#[expect(dead_code, reason = "the contract's tests use the rest")]
mod site;
mod steady;
mod three_people;
mod unknown;
mod whole_forms;
