//! Proof that whoever holds a token is the owner: the password, or a code sent to the account's own number
//! (ASVS 7.5.1).

use super::codes::{RightCode, redeem};
use super::send::send;
use crate::app::{App, Caller};
use crate::domain::{Code, CodeKey, Password, User};
use crate::dynamodb::items::{Content, Recipient};
use crate::error::Error;

/// What is offered as proof.
#[derive(Debug)]
pub enum Proof {
    /// The account's password.
    Password(Password),
    /// A code that [`send_proof_code`] sent.
    SmsCode(Code),
}

/// Asks for a code to the account's own number.
pub async fn send_proof_code(app: &App, caller: &Caller, user: &User) -> Result<(), Error> {
    let content = Content::Code(CodeKey::proof(&user.id));
    send(app, caller, Recipient::Sms(user.mobile.clone()), content, false, None).await
}

/// Checks a proof. A code that is right has yet to be used up, with what it pays for.
pub(super) async fn check(app: &App, user: &User, proof: &Proof) -> Result<Option<RightCode>, Error> {
    match proof {
        Proof::Password(password) => {
            let right = app.hasher.verify(password, user.password_hash.as_ref());
            let right = right.map_err(|source| Error::unavailable("checking a password", source))?;
            if right { Ok(None) } else { Err(Error::ProofWrong) }
        }
        Proof::SmsCode(code) => redeem(app, CodeKey::proof(&user.id), code).await.map(Some),
    }
}
