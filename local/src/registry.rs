//! The endpoints that `local` runs. The Lambda binaries run the same ones.

use shared::http::Endpoint;

/// All endpoints. `deliver` and `rotate-keys` are not among them, because a stream and a schedule run them.
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
