//! What every Latchkey function is built on.
//!
//! In reading order, each using only those above it:
//!
//! - [`domain`]: values and their rules. Pure: no clock, no randomness, no input or output.
//! - [`crypto`]: secrets, randomness, and what is made by them.
//! - [`config`]: the settings, and the only reader of the environment.
//! - [`dynamodb`]: keys, stored items, the table.
//! - [`accounts`]: the use cases, one file each.
//! - [`http`]: requests, replies, the dialects of errors.
//! - [`lambda`]: start-up, and `serve`.

pub mod accounts;
mod app;
pub mod config;
pub mod crypto;
pub mod domain;
pub mod dynamodb;
mod error;
pub mod http;
pub mod lambda;
#[cfg(feature = "testing")]
pub mod testing;

pub use app::{App, Caller, Clock, Who};
pub use error::{Error, FieldFault, FieldProblem, error_chain};
