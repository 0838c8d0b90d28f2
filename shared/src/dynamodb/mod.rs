//! Storage: one DynamoDB table.

pub mod items;
mod key_cache;
pub mod keys;
mod store;

pub use key_cache::KeyCache;
pub use store::{
    Expression, Item, Refusal, Store, StoreError, Unless, Write, client, number, read_item, sdk_config, seconds, text,
};
