//! What every Latchkey function is built on.
//!
//! In reading order, each using only those above it:
//!
//! - [`domain`]: parsed values, codes, links, tokens, passwords. Pure.
//! - [`config`]: the settings, and the only reader of the environment.
//! - [`dynamodb`]: keys, stored items, the table.
//! - [`accounts`]: the use cases, one file each.
//! - [`http`]: requests, replies, the dialects of errors.
//! - [`lambda`]: start-up, and `serve`.

pub mod accounts;
mod app;
mod audit;
mod breached;
pub mod config;
pub mod domain;
pub mod dynamodb;
mod error;
pub mod http;
pub mod lambda;
#[cfg(feature = "testing")]
pub mod testing;

pub use app::{App, Caller, Who};
pub use error::{Error, FieldFault, FieldProblem, error_chain};
