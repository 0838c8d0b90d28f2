//! Six-digit codes, and what they are bound to.

use std::fmt;

use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::characters::without_fillers;
use super::{Email, Mobile, UserId, is_id};

/// How long a code lives, in seconds (ASVS 6.5.5: ten minutes at most).
pub const CODE_LIFE_SECONDS: i64 = 600;
/// Asking again re-sends the same code while this much of its life remains, in seconds.
pub const KEEP_CODE_SECONDS: i64 = 300;
/// How many guesses are compared within a code's life.
pub const MAX_GUESSES: u64 = 5;

/// What a code may be used for, and nothing else (ASVS 6.6.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CodePurpose {
    /// Making an account (B3).
    Register,
    /// Signing in without a password (C9).
    LogIn,
    /// Moving an account to another number (C7).
    ChangeMobile,
    /// Setting a new password (A4).
    ResetPassword,
    /// Showing that one holds the account's own number.
    Reauthentication,
    /// Binding an email (B10).
    BindEmail,
    /// Opening an account that was long unused, beside a code to its number (C9, A4).
    SecondProof,
}

impl CodePurpose {
    /// The word for it in keys and messages.
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

/// Names the one code that may be live for a purpose and a subject.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeKey {
    /// What the code is for.
    pub purpose: CodePurpose,
    subject: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    challenge_id: Option<ChallengeId>,
}

/// Ties guesses at a code to whoever asked for it: 128 random bits that the answer to that request holds. A code under a
/// handle is another one than the code without, so strangers' guesses at the one never wear out the other.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ChallengeId(String);

impl ChallengeId {
    pub(crate) const fn of_hex(text: String) -> Self {
        Self(text)
    }

    /// A handle that was given out: 32 lower-case hex digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        is_id(text).then(|| Self(text.to_owned()))
    }

    /// As it stands in an answer.
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
    /// A registration code, bound to the number.
    #[must_use]
    pub fn register(mobile: &Mobile) -> Self {
        Self { purpose: CodePurpose::Register, subject: mobile.as_str().to_owned(), challenge_id: None }
    }

    /// A sign-in code, bound to the number.
    #[must_use]
    pub fn log_in(mobile: &Mobile) -> Self {
        Self { purpose: CodePurpose::LogIn, subject: mobile.as_str().to_owned(), challenge_id: None }
    }

    /// A code for a forgotten password, bound to the number.
    #[must_use]
    pub fn reset_password(mobile: &Mobile) -> Self {
        Self { purpose: CodePurpose::ResetPassword, subject: mobile.as_str().to_owned(), challenge_id: None }
    }

    /// A code for a new number, bound to the account and the number.
    #[must_use]
    pub fn change_mobile(user: &UserId, mobile: &Mobile) -> Self {
        Self { purpose: CodePurpose::ChangeMobile, subject: format!("{user}/{}", mobile.as_str()), challenge_id: None }
    }

    /// A code sent to the account's own number, bound to both: whoever still has a number that was given up proves nothing.
    #[must_use]
    pub fn proof(user: &UserId, mobile: &Mobile) -> Self {
        Self {
            purpose: CodePurpose::Reauthentication,
            subject: format!("{user}/{}", mobile.as_str()),
            challenge_id: None,
        }
    }

    /// A code for a new email, bound to the account and the address.
    #[must_use]
    pub fn bind_email(user: &UserId, email: &Email) -> Self {
        Self { purpose: CodePurpose::BindEmail, subject: format!("{user}/{}", email.as_str()), challenge_id: None }
    }

    /// A code mailed to the account's own address, bound to both.
    #[must_use]
    pub fn second_proof(user: &UserId, email: &Email) -> Self {
        Self { purpose: CodePurpose::SecondProof, subject: format!("{user}/{}", email.as_str()), challenge_id: None }
    }

    /// The same purpose and subject, for whoever holds the handle.
    #[must_use]
    pub fn under(self, challenge_id: Option<ChallengeId>) -> Self {
        Self { challenge_id, ..self }
    }

    /// The key in one text.
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

/// What is stored of a code: a nonce and the name of the secret. The digits follow from them and the secret, so that
/// neither the table, its stream nor a dead letter holds anything that can be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeSeed {
    pub(crate) nonce: String,
    pub(crate) key_id: String,
}

/// The attributes that conditions and updates name.
impl CodeSeed {
    pub const NONCE: &'static str = "nonce";
    pub const KEY_ID: &'static str = "key_id";
}

impl CodeSeed {
    /// The nonce, which tells this code from the one before and after it.
    #[must_use]
    pub fn nonce(&self) -> &str {
        &self.nonce
    }

    /// The name of the secret it was made under.
    #[must_use]
    pub fn key_id(&self) -> &str {
        &self.key_id
    }
}

/// Six digits. `Debug` hides them; comparing takes the same time whatever they are.
#[derive(Clone)]
pub struct Code(Zeroizing<String>);

/// The text is not six ASCII digits.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a code")]
pub struct CodeError;

impl Code {
    /// Six ASCII digits, nothing else.
    pub fn parse(text: &str) -> Result<Self, CodeError> {
        let well_formed = text.len() == 6 && text.bytes().all(|b| b.is_ascii_digit());
        well_formed.then(|| Self(Zeroizing::new(text.to_owned()))).ok_or(CodeError)
    }

    /// The same as people paste it: format characters, spaces and dashes of every kind are dropped.
    pub fn parse_pasted(text: &str) -> Result<Self, CodeError> {
        // Its capacity is that of the longest text that is kept, so that no copy of the digits is left behind.
        let mut digits = Zeroizing::new(String::with_capacity(4 * 7));
        digits.extend(without_fillers(text).take(7));
        Self::parse(&digits)
    }

    /// The digits, for the message that carries them.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Compares in constant time.
    #[must_use]
    pub fn matches(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code(***)")
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
        assert_eq!(format!("{:?}", Code::parse("123456").unwrap()), "Code(***)");
    }
}
