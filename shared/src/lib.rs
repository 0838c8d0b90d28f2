//! The library that every Latchkey function is built on.
//!
//! The modules in reading order. Each uses only those above it:
//!
//! - [`domain`]: values and their rules. It is pure: no clock, no randomness, no input or output.
//! - [`crypto`]: secrets, randomness, and the values made from them.
//! - [`config`]: the settings. Only this module reads the environment.
//! - [`dynamodb`]: the table, its keys and its items.
//! - `app`: the state that a function holds while it runs, and the caller of a request.
//! - [`users`]: finding an account by name, claims on names, new accounts.
//! - `throttling`: limits on requests, and attempts at passwords.
//! - [`messages`]: requests for an SMS or an email, and security notifications.
//! - [`credentials`]: codes, reauthentication, captcha passes, and changes of credentials.
//! - [`sessions`]: opening and ending sessions, and the answer to a sign-in.
//! - [`accounts`]: the use cases, one file each.
//! - [`http`]: requests, replies and error formats.
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
