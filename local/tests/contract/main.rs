//! The HTTP contract, tested operation by operation over HTTP. With `LATCHKEY_STRICT_SLASHES=1` the tests run behind a
//! gateway that treats a path ending in a slash as a different path.
//!
//! With `LATCHKEY_BASE_URL` the tests run against a site that already runs elsewhere, as far as that site allows. Each
//! test is in the module that states what it needs of its site, so a filter by name selects the tests that can run
//! there, and the test runner counts the rest:
//! - `contract anywhere::` for a deployed stack,
//! - `contract anywhere:: with_inbox::` for a `local` that runs elsewhere.
//!
//! A test fails if its site lacks what the test needs.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

mod anywhere;
mod page;
mod reauthentications;
#[expect(dead_code, reason = "the tests of the system look into it")]
mod site;
mod with_inbox;
mod with_settings;
