//! The words of the system: what a mobile number, a password, a code or a token is, and which texts are one.
//!
//! Everything here is pure. A value that exists has been checked (`Mobile::parse` is the only way to a [`Mobile`]),
//! so nothing downstream checks it again. Time and randomness are arguments.
//!
//! **Canonical forms**, decided once because keys and hashes depend on them:
//!
//! | what | canonical form |
//! |---|---|
//! | mobile number | the eleven ASCII digits; full-width digits are refused. [`Mobile::parse_pasted`] drops what pasting adds |
//! | email | Unicode NFKC, then lower case, then a domain that is not ASCII in its ASCII form (UTS #46); tags (`a+b@…`) and dots are kept: they are other addresses at some providers |
//! | username | shown as chosen (NFKC); compared by NFKC and case folding, without joiners ([`Username::key`]) |
//! | nickname | as typed, trimmed; nothing compares it |
//! | password | Unicode NFKC (NIST SP 800-63B §3.1.1.2), nothing else: no trimming, no change of case, no truncation |

mod account_name;
mod characters;
mod code;
mod consent;
mod device;
mod email;
mod id;
mod language;
mod limit;
mod mobile;
mod nickname;
mod password;
mod principal;
mod refresh_token;
mod secret;
mod session;
mod time;
mod user;
mod username;

pub use account_name::AccountName;
pub use code::{CODE_LIFE_SECONDS, ChallengeId, Code, CodeKey, CodePurpose, CodeSeed, KEEP_CODE_SECONDS, MAX_GUESSES};
pub use consent::Consent;
pub use device::device_name;
pub use email::Email;
pub use id::is_id;
pub use language::Language;
pub use limit::{Limit, LimitError, sources_of};
pub use mobile::Mobile;
pub use nickname::{Nickname, NicknameError};
pub use password::{NewPassword, Password, PasswordError, PasswordRules, Person};
pub use principal::Principal;
pub use refresh_token::RefreshToken;
pub use secret::Secret;
pub use session::{ClientInfo, MAX_SESSIONS, Session, SessionId, SessionRules, Standing, shorten_address};
pub use time::Timestamp;
pub use user::{PasswordHashText, User, UserId};
pub use username::{ReservedUsernames, Username, UsernameError};
