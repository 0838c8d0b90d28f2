//! Storage: one DynamoDB table.

mod expression;
pub mod items;
mod key_cache;
pub mod keys;
mod store;
mod transaction;

pub use expression::{Attribute, Condition, Set, Value};
pub use key_cache::KeyCache;
pub use store::{
    Expression, Item, Refusal, Store, StoreError, Unless, Write, client, number, read_item, sdk_config, seconds, text,
};
pub use transaction::{Effect, Part, Refused, Transaction, Write as ConditionalWrite};
