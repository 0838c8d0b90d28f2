//! What every Latchkey function is built on.
pub mod domain;
