//! What every Latchkey function is built on.
pub mod config;
pub mod domain;
pub mod dynamodb;
mod error;
pub use error::{Error, FieldFault, FieldProblem};
pub mod accounts;
mod app;
pub use app::{App, Caller};
