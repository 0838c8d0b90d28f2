//! What every Latchkey function is built on.
//!
//! In reading order, each using only those above it:
//!
//! - [`domain`]: values and their rules. Pure: no clock, no randomness, no input or output.
//! - [`crypto`]: secrets, randomness, and what is made by them.
//! - [`config`]: the settings, and the only reader of the environment.
//! - [`dynamodb`]: keys, stored items, the table.
//! - `app`: what a function holds while it runs, and who asks.
//! - [`users`]: finding an account by a name, claims on names, a new account.
//! - `throttling`: limits of requests, and attempts at passwords.
//! - [`messages`]: asking for an SMS or an email, and telling an owner of a change.
//! - [`credentials`]: codes, proofs, captcha passes, and changes of credentials.
//! - [`sessions`]: opening, carrying and ending one; being signed in.
//! - [`accounts`]: the use cases, one file each.
//! - [`http`]: requests, replies, the error formats of errors.
//! - [`lambda`]: start-up, and `serve`.

pub mod accounts;
mod app;
pub mod config;
pub mod credentials;
pub mod crypto;
pub mod domain;
pub mod dynamodb;
mod error;
pub mod http;
pub mod lambda;
pub mod messages;
pub mod sessions;
#[cfg(feature = "testing")]
pub mod testing;
mod throttling;
pub mod users;

pub use app::{App, Caller, Clock, Who};
pub use error::{Error, FieldError, FieldFault, error_chain};
