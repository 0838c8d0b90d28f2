//! Storage in a single DynamoDB table.

mod expression;
pub mod items;
mod key_cache;
pub mod keys;
mod store;
mod transaction;
mod write;

pub use expression::{Attribute, Condition, Set, Value};
pub use key_cache::KeyCache;
pub use store::{Item, Store, client, read_item, sdk_config};
pub use transaction::{Part, Reason, Transaction, WriteError};
pub use write::{Effect, Write};
