//! Credentials: one-time codes, reauthentication, second proofs and captcha passes, and the change of a password,
//! mobile or email.

mod captcha;
mod changes;
pub(crate) mod codes;
pub(crate) mod counters;
mod new_password;
pub(crate) mod reauthentication;
mod recovery;
pub(crate) mod second_proof;
pub(crate) mod take_over;

pub use captcha::{count_captcha, issue_captcha_pass, require_captcha_pass};
pub(crate) use changes::{acting_device, change};
pub use counters::Counter;
pub(crate) use new_password::hash_new_password;
pub use reauthentication::{Credential, Reauthentication};
pub use recovery::begin_recovery;
pub use second_proof::SecondProof;
