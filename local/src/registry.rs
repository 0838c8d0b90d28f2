//! The functions `local` runs: the same endpoints the Lambda binaries run.

use shared::http::Endpoint;

/// Every endpoint. `deliver`, which reads the stream, and `rotate-keys`, which a schedule runs, are none.
pub const ENDPOINTS: &[&Endpoint] = &[
    &log_in::ENDPOINT,
    &verify_captcha::ENDPOINT,
    &register::ENDPOINT,
    &send_sms_code::ENDPOINT,
    &check_mobile::ENDPOINT,
    &send_reset_email::ENDPOINT,
    &check_reset_token::ENDPOINT,
    &reset_password::ENDPOINT,
    &secure_account::ENDPOINT,
    &send_email_code::ENDPOINT,
    &bind_email::ENDPOINT,
    &me::ENDPOINT,
    &send_proof_code::ENDPOINT,
    &reauthenticate::ENDPOINT,
    &refresh_token::ENDPOINT,
    &log_out::ENDPOINT,
    &list_sessions::ENDPOINT,
    &end_session::ENDPOINT,
    &change_profile::ENDPOINT,
    &change_password::ENDPOINT,
    &change_mobile::ENDPOINT,
    &delete_account::ENDPOINT,
    &sms_log_in::ENDPOINT,
    &well_known::ENDPOINT,
    &export::ENDPOINT,
    &pages::ENDPOINT,
    &forget_pwd_mobile::ENDPOINT,
    &forget_pwd_sms_code::ENDPOINT,
    &forget_pwd::ENDPOINT,
    &not_found::ENDPOINT,
];
