//! Parsers of the digits in a request: one for all fields with a mobile number, and one for all fields with a code.

use crate::domain::{Code, Mobile};
use crate::error::Error;

/// The forms in which a number or a code may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Digits {
    /// The digits alone. `register`, `forget_pwd_sms_code` and `forget_pwd` use this, so that their answers to the old
    /// clients stay the same. `send_email_code` and `bind_email` use it too.
    Exact,
    /// The digits as people paste them. The other operations use this.
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

    /// Parses a code of six digits.
    pub fn code(self, text: &str) -> Result<Code, Error> {
        let code = match self {
            Self::Exact => Code::parse(text),
            Self::Pasted => Code::parse_pasted(text),
        };
        code.map_err(|_| Error::CodeMalformed)
    }
}
