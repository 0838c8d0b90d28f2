//! Credentials: one-time codes, reauthentication, second proofs and captcha passes, and the change of a password,
//! mobile or email.

mod captcha;
mod changes;
pub(crate) mod codes;
mod new_password;
pub(crate) mod reauthentication;
pub(crate) mod second_proof;

pub use captcha::{count_captcha, issue_captcha_pass, require_captcha_pass};
pub(crate) use changes::change;
pub(crate) use new_password::hash_new_password;
pub use reauthentication::{Credential, Reauthentication};
pub use second_proof::SecondProof;
