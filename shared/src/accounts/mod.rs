//! The use cases, one file each. They know neither HTTP nor texts: a handler gives them parsed values and shapes what
//! they return; [`crate::Error`] says why they refuse.

mod attempts;
mod bind_email;
mod captcha;
mod change_mobile;
mod change_password;
mod change_profile;
mod claims;
mod codes;
mod credentials;
mod delete_account;
mod export;
mod find;
mod limits;
mod log_in;
mod proof;
mod reauthenticate;
mod register;
mod reset_password;
mod second_proof;
mod secure_account;
mod send;
mod sessions;
mod signed_in;
mod sms_log_in;

pub use bind_email::{bind_email, send_email_code};
pub use captcha::{Solved, count_captcha, issue_captcha_pass, require_captcha_pass};
pub use change_mobile::change_mobile;
pub use change_password::change_password;
pub use change_profile::change_profile;
pub use codes::{CODE_LIFE_SECONDS, KEEP_CODE_SECONDS, MAX_GUESSES};
pub use delete_account::delete_account;
pub use export::{Export, export};
pub use find::{count_registered, find_by_name, is_mobile_free, unchanged};
pub use log_in::log_in;
pub use proof::{Credential, Proof, send_proof_code};
pub use reauthenticate::reauthenticate;
pub use register::{Registration, register};
pub use reset_password::{check_reset_link, reset_password_by_code, reset_password_by_link};
pub use second_proof::SecondProof;
pub use secure_account::secure_account;
pub use send::{SmsPurpose, is_sign_up, send_reset_link, send_sms_code};
pub use sessions::{end_session, list_sessions, log_out, log_out_everywhere, refresh};
pub use signed_in::{SignedIn, authorize};
pub use sms_log_in::{SmsLogIn, SmsSignUp, sms_log_in};
