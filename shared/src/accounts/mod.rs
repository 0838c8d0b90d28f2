//! The use cases, one file each. They know neither HTTP nor texts: a handler gives them parsed values and shapes what
//! they return; [`crate::Error`] says why they refuse.

mod bind_email;
mod captcha;
mod codes;
mod find;
mod log_in;
mod proof;
mod register;
mod reset_password;
mod send;
mod signed_in;

pub use bind_email::{bind_email, send_email_code};
pub use captcha::{issue_captcha_pass, require_captcha_pass};
pub use codes::{CODE_LIFE_SECONDS, KEEP_CODE_SECONDS, MAX_GUESSES};
pub use find::{count_registered, find_by_name, is_mobile_free};
pub use log_in::log_in;
pub use proof::{Proof, send_proof_code};
pub use register::{Registration, register};
pub use reset_password::{check_reset_link, reset_password_by_code, reset_password_by_link};
pub use send::{SmsPurpose, send_reset_link, send_sms_code};
pub use signed_in::{SignedIn, authorize};
