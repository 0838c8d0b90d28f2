//! Storage in a single DynamoDB table.

mod expression;
pub mod items;
mod key_cache;
pub mod keys;
mod store;
mod transaction;

pub use expression::{Attribute, Condition, Set, Value};
pub use key_cache::KeyCache;
pub use store::{Item, Store, client, read_item, sdk_config};
pub use transaction::{Effect, Part, Reason, Transaction, Write, WriteError};
