//! Six-digit codes, and the purposes and subjects that they are bound to.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::characters::without_fillers;
use super::id::is_id;
use super::{Email, Mobile, UserId};

/// The lifetime of a code, in seconds (ASVS 6.5.5: ten minutes at most).
pub const CODE_LIFE_SECONDS: i64 = 600;
/// The remaining lifetime, in seconds, from which a repeated request re-sends the same code rather than a new one.
pub const KEEP_CODE_SECONDS: i64 = 300;
/// The number of guesses that are compared within a code's lifetime.
pub const MAX_GUESSES: u64 = 5;

/// The number of times that a right code is given back because the action that it was given for failed. From then on,
/// each use is one of the guesses.
pub const MAX_REFUNDS: u64 = 5;

/// The only use that a code is valid for (ASVS 6.6.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CodePurpose {
    /// Creating an account (`register`).
    Register,
    /// Signing in without a password (`sms_log_in`).
    LogIn,
    /// Changing an account's mobile number (`change_mobile`).
    ChangeMobile,
    /// Setting a new password (`forget_pwd`).
    ResetPassword,
    /// Confirming that the caller receives messages at the account's own number.
    Reauthentication,
    /// Binding an email (`bind_email`).
    BindEmail,
    /// Opening an account in addition to a code to its number, which was not proved for long (`sms_log_in`, `forget_pwd`).
    SecondProof,
}

impl CodePurpose {
    /// Returns the word for the purpose in keys and messages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Register => "register",
            Self::LogIn => "log_in",
            Self::ChangeMobile => "change_mobile",
            Self::ResetPassword => "reset_password",
            Self::Reauthentication => "reauthentication",
            Self::BindEmail => "bind_email",
            Self::SecondProof => "second_proof",
        }
    }
}

/// The key of the only code that can be live for a purpose, a subject and a challenge id.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeKey {
    pub purpose: CodePurpose,
    subject: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    challenge_id: Option<ChallengeId>,
}

/// Ties guesses at a code to the client that requested it: 128 random bits that the answer to the request contains.
///
/// A code requested with a challenge id is different from the code requested without one, so strangers' guesses at the
/// latter never use up the guesses at the former.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ChallengeId(String);

impl ChallengeId {
    pub(crate) const fn of_hex(text: String) -> Self {
        Self(text)
    }

    /// Parses a challenge id that was given out: 32 lower-case hex digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        is_id(text).then(|| Self(text.to_owned()))
    }

    /// Returns the id as it appears in answers.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ChallengeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ChallengeId(***)")
    }
}

impl CodeKey {
    /// Returns the key of a registration code, bound to the number.
    #[must_use]
    pub fn register(mobile: &Mobile) -> Self {
        Self { purpose: CodePurpose::Register, subject: mobile.as_str().to_owned(), challenge_id: None }
    }

    /// Returns the key of a sign-in code, bound to the number.
    #[must_use]
    pub fn log_in(mobile: &Mobile) -> Self {
        Self { purpose: CodePurpose::LogIn, subject: mobile.as_str().to_owned(), challenge_id: None }
    }

    /// Returns the key of a code for a forgotten password, bound to the number.
    #[must_use]
    pub fn reset_password(mobile: &Mobile) -> Self {
        Self { purpose: CodePurpose::ResetPassword, subject: mobile.as_str().to_owned(), challenge_id: None }
    }

    /// Returns the key of a code for a new number, bound to the account and the number.
    #[must_use]
    pub fn change_mobile(user: &UserId, mobile: &Mobile) -> Self {
        Self { purpose: CodePurpose::ChangeMobile, subject: format!("{user}/{}", mobile.as_str()), challenge_id: None }
    }

    /// Returns the key of a code sent to the account's own number.
    ///
    /// It is bound to the account and the number, so that a number the account has given up confirms nothing.
    #[must_use]
    pub fn reauthentication(user: &UserId, mobile: &Mobile) -> Self {
        Self {
            purpose: CodePurpose::Reauthentication,
            subject: format!("{user}/{}", mobile.as_str()),
            challenge_id: None,
        }
    }

    /// Returns the key of a code for a new email, bound to the account and the address.
    #[must_use]
    pub fn bind_email(user: &UserId, email: &Email) -> Self {
        Self { purpose: CodePurpose::BindEmail, subject: format!("{user}/{}", email.as_str()), challenge_id: None }
    }

    /// Returns the key of a code mailed to the account's own address, bound to the account and the address.
    #[must_use]
    pub fn second_proof(user: &UserId, email: &Email) -> Self {
        Self { purpose: CodePurpose::SecondProof, subject: format!("{user}/{}", email.as_str()), challenge_id: None }
    }

    /// Returns the account that the code is bound to, if its subject names one and not a number alone.
    #[must_use]
    pub fn user_id(&self) -> Option<UserId> {
        let (user, _) = self.subject.split_once('/')?;
        Some(UserId::from(user.to_owned()))
    }

    /// Returns the key with the same purpose and subject for the holder of a challenge id.
    #[must_use]
    pub fn under(self, challenge_id: Option<ChallengeId>) -> Self {
        Self { challenge_id, ..self }
    }

    /// Returns the key as one text.
    #[must_use]
    pub fn as_text(&self) -> String {
        let challenge_id =
            self.challenge_id.as_ref().map(|challenge_id| format!("#{}", challenge_id.as_str())).unwrap_or_default();
        format!("{}#{}{challenge_id}", self.purpose.as_str(), self.subject)
    }
}

impl fmt::Debug for CodeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CodeKey({}, ***)", self.purpose.as_str())
    }
}

/// The stored part of a code: a nonce and the id of the secret.
///
/// The digits are derived from these and the secret, so neither the table, its stream nor a dead-letter queue contains
/// anything that can be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeSeed {
    pub(crate) nonce: String,
    pub(crate) key_id: String,
}

/// The names of the attributes that conditions and updates use.
impl CodeSeed {
    pub const NONCE: &'static str = "nonce";
    pub const KEY_ID: &'static str = "key_id";
}

impl CodeSeed {
    /// Returns the nonce, which differs from that of the codes before and after this one.
    #[must_use]
    pub fn nonce(&self) -> &str {
        &self.nonce
    }

    /// Returns the id of the secret that the code was made under.
    #[must_use]
    pub fn key_id(&self) -> &str {
        &self.key_id
    }
}

/// A code of six digits. `Debug` hides them, and a comparison takes the same time whatever they are.
#[derive(Clone, Debug)]
pub struct Code(SecretString);

/// The error for a text that is not six ASCII digits.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a code")]
pub struct CodeError;

impl Code {
    /// Parses exactly six ASCII digits and nothing else.
    pub fn parse(text: &str) -> Result<Self, CodeError> {
        let well_formed = text.len() == 6 && text.bytes().all(|b| b.is_ascii_digit());
        well_formed.then(|| Self(text.into())).ok_or(CodeError)
    }

    /// Parses a code as people paste it: format characters, spaces and dashes of every kind are dropped.
    pub fn parse_pasted(text: &str) -> Result<Self, CodeError> {
        // The capacity fits the longest text that is kept, so that no reallocation leaves a copy of the digits behind.
        let mut digits = Zeroizing::new(String::with_capacity(4 * 7));
        digits.extend(without_fillers(text).take(7));
        Self::parse(&digits)
    }

    /// Returns the digits, for the message that carries them.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// Compares two codes in constant time.
    #[must_use]
    pub fn matches(&self, other: &Self) -> bool {
        self.expose().as_bytes().ct_eq(other.expose().as_bytes()).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pasted_code_loses_what_is_not_its_own() {
        for good in [
            "507096",
            "507 096",
            "507-096",
            "\u{2066}507096\u{2069}",
            "5 0 7 0 9 6\t",
            "507\u{2013}096\u{3000}",
            "507\u{A0}096",
        ] {
            assert_eq!(Code::parse_pasted(good).unwrap().expose(), "507096", "{good:?}");
        }
        for bad in ["", "50709", "5070961", "507096\n", "５０７０９６", "507.096", "507096 507096", &"1".repeat(10_000)]
        {
            assert!(Code::parse_pasted(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn only_six_ascii_digits_are_a_code() {
        assert!(Code::parse("012345").is_ok());
        for bad in ["", "12345", "1234567", "12345a", "１２３４５６", "123456\n", " 12345"] {
            assert_eq!(Code::parse(bad).unwrap_err(), CodeError, "{bad:?}");
        }
        assert_eq!(format!("{:?}", Code::parse("123456").unwrap()), "Code(SecretBox<str>([REDACTED]))");
    }
}
