//! How the digits of a request are read: one reader for every field that takes a number, one for every field that takes
//! a code.

use crate::domain::{Code, Mobile};
use crate::error::Error;

/// How a number or a code may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Digits {
    /// Digit by digit: where old clients ask (rows A and B), whose answers stay what they are.
    Exact,
    /// As people paste it (rows C).
    Pasted,
}

impl Digits {
    pub fn mobile(self, text: &str) -> Result<Mobile, Error> {
        let mobile = match self {
            Self::Exact => Mobile::parse(text),
            Self::Pasted => Mobile::parse_pasted(text),
        };
        mobile.map_err(|_| Error::MobileMalformed)
    }

    /// A code of six digits.
    pub fn code(self, text: &str) -> Result<Code, Error> {
        let code = match self {
            Self::Exact => Code::parse(text),
            Self::Pasted => Code::parse_pasted(text),
        };
        code.map_err(|_| Error::CodeMalformed)
    }
}
