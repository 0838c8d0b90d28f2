//! Identifies the caller of the local AWS port by its access key id, which contains a secret.
//!
//! A stock SDK or command line cannot send a header of ours, but it signs with any credentials it is given. A web page
//! has no credentials, and a program of another user cannot read the file that holds them.

use axum::http::{HeaderMap, header};
use subtle::ConstantTimeEq;

/// Separates the secret from a function's name.
const SEPARATOR: char = '-';

/// The signer of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// A function, by its name. Its policy in the template decides what it may do.
    Function(String),
    /// A person, a test, or a function run by hand. It may do anything.
    Person,
}

/// Returns the access key id that a function of this process signs with.
#[must_use]
pub fn access_key_of(secret: &str, function: &str) -> String {
    format!("{secret}{SEPARATOR}{function}")
}

/// Identifies the signer of a call. Returns `None` if the secret is missing or wrong.
#[must_use]
pub fn identify(headers: &HeaderMap, secret: &str) -> Option<Caller> {
    let authorization = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let access_key = authorization.split_once("Credential=")?.1.split('/').next()?;
    let (sent, function) = match access_key.split_once(SEPARATOR) {
        Some((sent, function)) => (sent, Some(function)),
        None => (access_key, None),
    };
    let is_known: bool = sent.as_bytes().ct_eq(secret.as_bytes()).into();
    is_known.then(|| function.map_or(Caller::Person, |name| Caller::Function(name.to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed_by(access_key: &str) -> HeaderMap {
        let value = format!("AWS4-HMAC-SHA256 Credential={access_key}/20260101/us-east-1/dynamodb/aws4_request");
        HeaderMap::from_iter([(header::AUTHORIZATION, value.parse().unwrap())])
    }

    #[test]
    fn the_secret_says_who_may_call_and_the_name_after_it_as_whom() {
        let by = |access_key: &str| identify(&signed_by(access_key), "SECRET");
        assert_eq!(by("SECRET"), Some(Caller::Person));
        assert_eq!(by(&access_key_of("SECRET", "log-in")), Some(Caller::Function("log-in".to_owned())));
        for stranger in ["", "local", "log-in", "SECRE", "SECRETS", "-SECRET", "OTHER-log-in"] {
            assert_eq!(by(stranger), None, "{stranger}");
        }
        assert_eq!(identify(&HeaderMap::new(), "SECRET"), None);
    }
}
