//! Secrets and randomness: keys and the keys derived from them, the digits of codes, signed values and links, access
//! tokens and their keys, and the hashing of passwords.

mod code_digits;
mod key_set;
mod keyring;
mod known_device;
mod not_me_link;
mod password_hash;
mod random;
mod sealed;
mod signed;
mod token;

pub use key_set::{KeyError, KeySet, LOOK_EVERY_SECONDS, PUBLISHED_AHEAD_SECONDS, Rotation, RotationRules, TokenKey};
pub use keyring::{KeyGroup, Keyring, KeyringError, MIN_SECRET_BYTES, Purpose};
pub use known_device::KnownDevice;
pub use not_me_link::NotMeLink;
pub use password_hash::{HashCost, PasswordHasher};
pub use random::{random, random_hex};
pub use sealed::{Sealed, UnsealError};
pub use signed::{CaptchaAction, CaptchaPass, CsrfValue, ReauthenticationToken, ResetLink, hash_address};
pub use token::{AccessToken, TokenContext, TokenKeys, is_access_token_shaped};
