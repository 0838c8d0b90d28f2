//! The cache in which an instance holds the keys of access tokens.
//!
//! The keys are read at start. After that they are read every five minutes, together with the items that a request
//! reads anyway, so that they cost no round trip of their own. A rotation needs no restart.

use std::sync::{Arc, PoisonError, RwLock};

use super::Store;
use super::keys;
use crate::crypto::{KeySet, Keyring, LOOK_EVERY_SECONDS, TokenKeys};
use crate::domain::Timestamp;
use crate::error::Error;

/// The key set that an instance holds.
#[derive(Debug)]
pub struct KeyCache {
    /// The secrets that open private keys, in functions that sign.
    keyring: Option<Keyring>,
    held: RwLock<Option<CachedKeys>>,
}

#[derive(Clone, Debug)]
struct CachedKeys {
    keys: Arc<TokenKeys>,
    looked_at: Timestamp,
}

/// The error for a missing key set: `rotate-keys` has not run yet.
#[derive(Debug, thiserror::Error)]
#[error("there are no keys of access tokens yet: rotate-keys has not run")]
struct KeySetError;

impl KeyCache {
    #[must_use]
    pub fn new(keyring: Option<Keyring>) -> Self {
        Self { keyring, held: RwLock::default() }
    }

    /// Returns the keys held, and whether they were read recently.
    #[must_use]
    pub fn held(&self, now: Timestamp) -> Option<(Arc<TokenKeys>, bool)> {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        let held = held.as_ref()?;
        Some((Arc::clone(&held.keys), now < held.looked_at.plus_seconds(LOOK_EVERY_SECONDS)))
    }

    /// Returns the keys. It reads them first when they were not read recently.
    pub async fn current(&self, store: &Store, now: Timestamp) -> Result<Arc<TokenKeys>, Error> {
        match self.held(now) {
            Some((keys, true)) => Ok(keys),
            _ => self.hold(store.get(&keys::token_keys(), "reading the keys").await?, now),
        }
    }

    /// Stores a set that was just read.
    pub fn hold(&self, set: Option<KeySet>, now: Timestamp) -> Result<Arc<TokenKeys>, Error> {
        let set = set.ok_or_else(|| Error::unavailable("reading the keys", KeySetError))?;
        let keys = TokenKeys::new(set, self.keyring.as_ref());
        let keys = Arc::new(keys.map_err(|source| Error::internal("reading the keys", source))?);
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        *held = Some(CachedKeys { keys: Arc::clone(&keys), looked_at: now });
        Ok(keys)
    }
}
