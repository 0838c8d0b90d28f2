//! Password hashing with Argon2id (RFC 9106; ASVS 11.4.2), in an arena that is faulted in once.

use std::sync::{Mutex, TryLockError};

use argon2::password_hash::phc::{Ident, Output, ParamsString, PasswordHash, Salt};
use argon2::{Block, Params, Version};
use subtle::ConstantTimeEq;

use super::random;
use crate::domain::{Password, PasswordHashText};

/// The cost of a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashCost {
    pub memory_kib: u32,
    /// The number of passes over the memory.
    pub passes: u32,
}

/// A hasher and verifier of passwords.
///
/// It keeps the arena between hashes. The pages of a new arena are faulted in one by one, which doubles the time of a
/// process's first hash. [`hash::argon2id`] describes the data that stays in the arena.
#[derive(Debug)]
pub struct PasswordHasher {
    params: Params,
    arena: Mutex<Vec<Block>>,
    /// The hash that is verified when there is no account, so that the answer takes as long as with one.
    dummy: String,
}

/// The error for a cost outside the range that Argon2 allows.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the cost is outside what Argon2 allows")]
pub struct HashCostError;

/// The error for a hash that cannot be computed, because it was stored with a cost that this process cannot pay.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the password hash cannot be computed")]
pub struct HashError;

impl PasswordHasher {
    /// Creates a hasher that makes hashes of this cost.
    pub fn new(cost: HashCost) -> Result<Self, HashCostError> {
        let params = Params::new(cost.memory_kib, cost.passes, 1, Some(Params::DEFAULT_OUTPUT_LEN));
        let params = params.map_err(|_| HashCostError)?;
        // No known password has a hash of 32 zero bytes. Only the time of the comparison with them matters.
        let dummy = encode(&params, &[0; 16], &[0; Params::DEFAULT_OUTPUT_LEN]).map_err(|_| HashCostError)?;
        Ok(Self { params, arena: Mutex::new(Vec::new()), dummy })
    }

    /// Faults the arena in, so that the first request does not pay for it.
    pub fn warm_up(&self) {
        if let Ok(mut arena) = self.arena.lock() {
            arena.resize(self.params.block_count(), Block::default());
        }
    }

    /// Hashes a password with a new salt.
    pub fn hash(&self, password: &Password) -> Result<PasswordHashText, HashError> {
        let salt = random::<16>();
        let output = self.compute(&self.params, password, &salt)?;
        encode(&self.params, &salt, &output).map(PasswordHashText)
    }

    /// Returns whether the password is the one that was hashed.
    ///
    /// Without a stored hash it does the same work and returns `false`, so that the time does not tell whether an
    /// account exists (ASVS 6.3.8).
    pub fn verify(&self, password: &Password, stored: Option<&PasswordHashText>) -> Result<bool, HashError> {
        let text = stored.map_or(self.dummy.as_str(), PasswordHashText::as_str);
        let parsed = PasswordHash::new(text).map_err(|_| HashError)?;
        let params = Params::try_from(&parsed).map_err(|_| HashError)?;
        let (Some(salt), Some(expected)) = (&parsed.salt, &parsed.hash) else {
            return Err(HashError);
        };
        let output = self.compute(&params, password, salt.as_ref())?;
        let equal: bool = output.ct_eq(expected.as_bytes()).into();
        Ok(equal && stored.is_some())
    }

    /// Returns whether a hash was made at another cost than that of new hashes.
    #[must_use]
    pub fn is_outdated(&self, stored: &PasswordHashText) -> bool {
        let params = PasswordHash::new(stored.as_str()).ok().and_then(|parsed| Params::try_from(&parsed).ok());
        params.is_none_or(|params| {
            (params.m_cost(), params.t_cost(), params.p_cost())
                != (self.params.m_cost(), self.params.t_cost(), self.params.p_cost())
        })
    }

    fn compute(
        &self,
        params: &Params,
        password: &Password,
        salt: &[u8],
    ) -> Result<[u8; Params::DEFAULT_OUTPUT_LEN], HashError> {
        let mut output = [0; Params::DEFAULT_OUTPUT_LEN];
        let mut hash_in = |arena: &mut Vec<Block>| {
            hash::argon2id(params, password.as_bytes(), salt, arena, &mut output).map_err(|_| HashError)
        };
        // A function hashes one password at a time. Where several are hashed at once, as in `local`, the others use
        // arenas of their own.
        match self.arena.try_lock() {
            Ok(mut arena) => hash_in(&mut arena)?,
            Err(TryLockError::WouldBlock | TryLockError::Poisoned(_)) => hash_in(&mut Vec::new())?,
        }
        Ok(output)
    }
}

fn encode(params: &Params, salt: &[u8], output: &[u8]) -> Result<String, HashError> {
    let hash = PasswordHash {
        algorithm: Ident::new("argon2id").map_err(|_| HashError)?,
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(params).map_err(|_| HashError)?,
        salt: Some(Salt::new(salt).map_err(|_| HashError)?),
        hash: Some(Output::new(output).map_err(|_| HashError)?),
    };
    Ok(hash.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use argon2::Argon2;
    use argon2::password_hash::PasswordVerifier;

    fn hasher() -> PasswordHasher {
        PasswordHasher::new(HashCost { memory_kib: 64, passes: 1 }).unwrap()
    }

    #[test]
    fn a_password_verifies_against_its_own_hash_only() {
        let hasher = hasher();
        let (right, wrong) = (Password::new("right"), Password::new("wrong"));
        let hash = hasher.hash(&right).unwrap();
        assert!(hasher.verify(&right, Some(&hash)).unwrap());
        assert!(!hasher.verify(&wrong, Some(&hash)).unwrap());
        assert!(!hasher.verify(&right, None).unwrap());
        assert!(hash.as_str().starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{}", hash.as_str());
    }

    #[test]
    fn the_hash_is_one_that_the_crate_itself_verifies() {
        let hash = hasher().hash(&Password::new("right")).unwrap();
        assert!(Argon2::default().verify_password(b"right", hash.as_str()).is_ok());
        assert!(Argon2::default().verify_password(b"wrong", hash.as_str()).is_err());
    }

    #[test]
    fn a_hash_of_another_cost_still_verifies() {
        let dearer = PasswordHasher::new(HashCost { memory_kib: 128, passes: 2 }).unwrap();
        let hash = dearer.hash(&Password::new("right")).unwrap();
        assert!(hasher().verify(&Password::new("right"), Some(&hash)).unwrap());
    }

    #[test]
    fn a_cost_argon2_cannot_have_is_refused() {
        assert_eq!(PasswordHasher::new(HashCost { memory_kib: 1, passes: 0 }).unwrap_err(), HashCostError);
    }
}
