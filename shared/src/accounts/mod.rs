//! The use cases, one file each. They depend neither on HTTP nor on texts: a handler passes them parsed values and
//! turns their result into a reply. [`crate::Error`] says why they refuse.

mod bind_email;
mod change_mobile;
mod change_password;
mod change_profile;
mod check_mobile;
mod delete_account;
mod end_session;
mod export;
mod list_sessions;
mod log_in;
mod log_out;
mod reauthenticate;
mod refresh_token;
mod register;
mod reset_password;
mod secure_account;
mod send_proof_code;
mod send_reset_link;
mod send_sms_code;
mod sms_log_in;

pub use bind_email::{bind_email, send_email_code};
pub use change_mobile::change_mobile;
pub use change_password::change_password;
pub use change_profile::{change_nickname, rename};
pub use check_mobile::{count_registered, is_mobile_free};
pub use delete_account::delete_account;
pub use end_session::end_session;
pub use export::{Export, StoredCode, export};
pub use list_sessions::list_sessions;
pub use log_in::log_in;
pub use log_out::{log_out, log_out_everywhere};
pub use reauthenticate::reauthenticate;
pub use refresh_token::refresh;
pub use register::{Registration, register};
pub use reset_password::{check_reset_link, reset_password_by_code, reset_password_by_link};
pub use secure_account::secure_account;
pub use send_proof_code::send_proof_code;
pub use send_reset_link::send_reset_link;
pub use send_sms_code::{SmsPurpose, send_sms_code};
pub use sms_log_in::{SmsLogIn, SmsSignUp, sms_log_in};
