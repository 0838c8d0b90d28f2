//! Tests of the system as a whole: simultaneous requests, faults, delivery, and names that must agree between its
//! parts.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

#[path = "../contract/site.rs"]
#[expect(dead_code, reason = "the contract's tests use the rest")]
mod site;

#[path = "../contract/reauthentications.rs"]
#[expect(dead_code, reason = "the contract's tests use the rest")]
mod reauthentications;

mod attacks_on_requests;
mod attacks_on_tokens;
mod behind_the_api;
mod breached_passwords;
mod budgets;
mod captcha_gateways;
mod deleted_life;
mod delivery;
mod dying_reauthentications;
mod error_formats;
mod event_table;
mod events;
mod faults;
mod fuzzed;
mod guessing;
mod keys;
mod limits;
mod month;
mod moved_messages;
mod moves;
mod moving_away;
mod on_this_machine;
mod operators;
mod other_devices;
mod outage_cases;
mod outages;
mod outages_of_reauthentication;
mod outdated_codes;
mod races;
mod refused_together;
mod reissued;
mod renames;
mod round_trips;
mod security_notifications;
mod slashes;
mod spent_limits;
mod strangers;
mod structure;
mod three_people;
mod unsent_notifications;
mod warnings;
