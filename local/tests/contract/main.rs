//! The HTTP contract, row by row, over HTTP. With `LATCHKEY_STRICT_SLASHES=1` the tests run behind a gateway that takes a path
//! with a slash at its end for another path.
//!
//! With `LATCHKEY_BASE_URL` they run against a site that is elsewhere, as far as it lets them. A test stands in the module
//! that says what it needs of its site, so that a filter by name leaves out what cannot run there and the test runner
//! counts it:
//! - `contract anywhere::` for a deployed stack,
//! - `contract anywhere:: with_inbox::` for a `local` that runs elsewhere.
//!
//! A test that is run without what it needs fails.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

mod anywhere;
mod page;
mod reauthentications;
#[expect(dead_code, reason = "the tests of the system look into it")]
mod site;
mod with_inbox;
mod with_settings;
