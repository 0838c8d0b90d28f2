//! What needs a secret or randomness: keys and what is derived from them, codes' digits, signed values and links, access
//! tokens and their keys, and the hashing of passwords.

mod code_digits;
mod key_set;
mod keyring;
mod password_hash;
mod random;
mod safety_link;
mod sealed;
mod signed;
mod token;

pub use key_set::{
    KeySet, LOOK_EVERY_SECONDS, PUBLISHED_AHEAD_SECONDS, Rotation, RotationRules, TokenKey, UnusableKey,
};
pub use keyring::{Keyring, KeyringProblem, Purpose};
pub use password_hash::{HashCost, PasswordHasher};
pub use random::{random, random_hex};
pub use safety_link::SafetyLink;
pub use sealed::{NotOpened, Sealed};
pub use signed::{CaptchaAction, CaptchaPass, CsrfValue, Device, Reauthentication, ResetLink, hash_address};
pub use token::{AccessToken, Grant, TokenKeys, is_access_token_shaped};
