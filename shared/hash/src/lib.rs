//! Argon2id (RFC 9106), in a crate of its own so that it is compiled for speed.
//!
//! Two things decide the speed of a hash. First, Argon2's fill loop is generic, so it is compiled in the crate that
//! calls it. This is that crate, at the level that `Cargo.toml` gives it, and not `shared`, which is optimised for
//! size. Second, fat LTO vectorises at the level of the *binary's* package, so the function binaries are at level 2. At
//! "z" or "s" the same hash takes half as long again, whatever a dependency's profile says.
//! `shared/examples/request_cost.rs` measures both.

use argon2::{Algorithm, Argon2, Block, Params, Version};
use zeroize::Zeroize;

pub use argon2;

/// Hashes a password with Argon2id, in an arena that the caller keeps. The arena grows when it is too small for
/// `params`.
///
/// With one pass, the arena is wiped afterwards, because its blocks would let a guess be tested without Argon2's cost.
/// With more passes, it is left as it is. Every block has then been overwritten with values that only the whole
/// computation yields, and wiping 19 MiB would cost each log-in a millisecond.
///
/// # Errors
/// Returns an error when Argon2 refuses the input: a password over 4 GiB, or a salt under 8 bytes.
// If it were inlined, it would be compiled at its caller's level after all.
#[inline(never)]
pub fn argon2id(
    params: &Params,
    password: &[u8],
    salt: &[u8],
    arena: &mut Vec<Block>,
    output: &mut [u8],
) -> Result<(), argon2::Error> {
    if arena.len() < params.block_count() {
        arena.resize(params.block_count(), Block::default());
    }
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
    let hashed = argon2.hash_password_into_with_memory(password, salt, output, &mut *arena);
    if params.t_cost() == 1 {
        arena.iter_mut().for_each(|block| block.as_mut().zeroize());
    }
    hashed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(passes: u32, arena: &mut Vec<Block>) -> [u8; 32] {
        let params = Params::new(64, passes, 1, Some(32)).unwrap();
        let mut output = [0; 32];
        argon2id(&params, b"password", b"somesaltsomesalt", arena, &mut output).unwrap();
        output
    }

    #[test]
    fn a_used_arena_changes_no_hash() {
        let mut used = Vec::new();
        let first = hash(2, &mut used);
        assert_eq!(hash(2, &mut used), first);
        assert_eq!(hash(2, &mut Vec::new()), first);
    }

    #[test]
    fn one_pass_leaves_nothing_in_the_arena() {
        let mut arena = Vec::new();
        hash(1, &mut arena);
        assert!(arena.iter().all(|block| block.as_ref().iter().all(|word| *word == 0)));
    }
}
