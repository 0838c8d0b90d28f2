//! The system's values and their rules: mobile numbers, emails, usernames, passwords, codes, sessions and limits.
//!
//! Everything here is pure. Constructors such as [`Mobile::parse`] check their text, so a value that exists has been
//! checked and no later code checks it again. Nothing here reads a clock or draws random numbers. Functions take the
//! current time and new ids as arguments, and [`crate::crypto`] generates the ids.
//!
//! Keys and hashes depend on the **canonical form** of a value, so each form is decided once:
//!
//! - Mobile number: the eleven ASCII digits. Full-width digits are refused. [`Mobile::parse_pasted`] drops the
//!   characters that pasting adds.
//! - Email: Unicode NFKC in lower case. A domain that is not ASCII is brought to its ASCII form (UTS #46). Tags
//!   (`a+b@…`) and dots are kept, because some providers treat them as different addresses.
//! - Username: shown as chosen (NFKC). Usernames are compared after NFKC and case folding, without joiners
//!   ([`Username::key`]).
//! - Nickname: as typed, without the white space around it. It is never compared with another nickname.
//! - Password: Unicode NFKC (NIST SP 800-63B §3.1.1.2) and nothing else: no trimming, no change of case, no truncation.

mod account_name;
mod characters;
mod code;
mod consent;
mod device;
mod device_use;
mod email;
mod id;
mod language;
mod limit;
mod mobile;
mod nickname;
mod password;
mod principal;
mod refresh_token;
mod session;
mod time;
mod user;
mod username;

pub use account_name::AccountName;
pub use code::{
    CODE_LIFE_SECONDS, ChallengeId, Code, CodeKey, CodePurpose, CodeSeed, KEEP_CODE_SECONDS, MAX_GUESSES, MAX_REFUNDS,
};
pub use consent::Consent;
pub use device::device_name;
pub use device_use::DeviceUse;
pub use email::Email;
pub use language::Language;
pub use limit::{Limit, LimitError, sources_of};
pub use mobile::Mobile;
pub use nickname::{Nickname, NicknameError};
pub use password::{NewPassword, Password, PasswordError, PasswordRules, Person};
pub use principal::Principal;
pub use refresh_token::RefreshToken;
pub use secrecy::{ExposeSecret, SecretString};
pub use session::{ClientInfo, MAX_SESSIONS, Session, SessionId, SessionRules, Standing, shorten_address};
pub use time::Timestamp;
pub use user::{PasswordHashText, Recovery, User, UserId};
pub use username::{ReservedUsernames, Username, UsernameError};
