//! Storage: one DynamoDB table.

pub mod items;
pub mod keys;
mod store;

pub use store::{
    Expression, Item, Refusal, Store, StoreError, Unless, Write, client, number, sdk_config, seconds, text,
};
