//! Access tokens: JWTs that say who is signed in.

use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error as JwtError, ErrorKind};
use jsonwebtoken::signature::{Error as SignatureError, Signer, Verifier};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use ring::hmac;
use serde::{Deserialize, Serialize};

use super::{Keyring, Purpose, Timestamp, UserId, random_hex};

/// The `typ` of the header (RFC 9068 §2.1), so that no other JWT passes for an access token.
const HEADER_TYPE: &str = "at+jwt";
/// The `typ` claim: says the same where a library shows claims only (ASVS 9.2.2).
const CLAIM_TYPE: &str = "access";
/// Longer texts than this are not ours and are not looked at.
const MAX_LENGTH: usize = 4096;

/// The claims of an access token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessToken {
    /// Who made it: this deployment's address.
    #[serde(rename = "iss")]
    pub issuer: String,
    /// For whom: the services that trust this deployment.
    #[serde(rename = "aud")]
    pub audience: String,
    /// Who is signed in.
    #[serde(rename = "sub")]
    pub user_id: UserId,
    /// When it was made.
    #[serde(rename = "iat")]
    pub issued_at: Timestamp,
    /// It is good before this moment.
    #[serde(rename = "exp")]
    pub expires_at: Timestamp,
    /// Names this token.
    #[serde(rename = "jti")]
    pub id: String,
    /// Always `access`.
    #[serde(rename = "typ")]
    token_type: String,
    /// What it admits to, in OAuth's words.
    pub scope: String,
    /// The account's credential version when it was made; the token dies when that moves on.
    #[serde(rename = "ver")]
    pub credential_version: u64,
}

impl AccessToken {
    /// A token for a user, good for `life_seconds` from `now`.
    #[must_use]
    pub fn new(user_id: &UserId, credential_version: u64, grant: &Grant<'_>) -> Self {
        Self {
            issuer: grant.issuer.to_owned(),
            audience: grant.audience.to_owned(),
            user_id: user_id.clone(),
            issued_at: grant.now,
            expires_at: grant.now.plus_seconds(grant.life_seconds),
            id: random_hex::<16>(),
            token_type: CLAIM_TYPE.to_owned(),
            scope: "account".to_owned(),
            credential_version,
        }
    }
}

/// The circumstances in which a token is made or read.
#[derive(Clone, Copy, Debug)]
pub struct Grant<'a> {
    /// The deployment's address.
    pub issuer: &'a str,
    /// The audience that is configured.
    pub audience: &'a str,
    /// The program's time.
    pub now: Timestamp,
    /// How long a new token lives, in seconds.
    pub life_seconds: i64,
}

/// Makes and reads access tokens.
#[derive(Clone, Debug)]
pub struct TokenKeys {
    keyring: Keyring,
}

impl TokenKeys {
    /// Tokens signed by keys derived from these secrets.
    #[must_use]
    pub fn new(keyring: Keyring) -> Self {
        // A second installation in one process finds the same provider in place.
        let _ = PROVIDER.install_default();
        Self { keyring }
    }

    /// The token as text.
    pub fn sign(&self, token: &AccessToken) -> Result<String, TokenProblem> {
        let header = Header {
            typ: Some(HEADER_TYPE.to_owned()),
            kid: Some(self.keyring.newest_id().to_owned()),
            ..Header::new(Algorithm::HS256)
        };
        let key = EncodingKey::from_secret(&key_bytes(&self.keyring, self.keyring.newest_id()).ok_or(TokenProblem)?);
        jsonwebtoken::encode(&header, token, &key).map_err(|_| TokenProblem)
    }

    /// The token a text stands for. Everything is checked: algorithm, type, issuer, audience, expiry by the program's
    /// clock without leeway (all our clocks are one), and that no required claim is missing. `nbf` is not used: a token
    /// is good from its making. `jku`, `jwk` and `x5u` are never looked at (ASVS 9.1.3).
    pub fn verify(&self, text: &str, grant: &Grant<'_>) -> Result<AccessToken, TokenProblem> {
        if text.len() > MAX_LENGTH {
            return Err(TokenProblem);
        }
        let header = jsonwebtoken::decode_header(text).map_err(|_| TokenProblem)?;
        if header.typ.as_deref() != Some(HEADER_TYPE) || header.crit.is_some() {
            return Err(TokenProblem);
        }
        let kid = header.kid.ok_or(TokenProblem)?;
        let key = DecodingKey::from_secret(&key_bytes(&self.keyring, &kid).ok_or(TokenProblem)?);
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_audience(&[grant.audience]);
        validation.set_issuer(&[grant.issuer]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.leeway = 0;
        // The crate reads the system's clock; expiry is checked below against the program's.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        let token = jsonwebtoken::decode::<AccessToken>(text, &key, &validation).map_err(|_| TokenProblem)?.claims;
        let fresh = grant.now < token.expires_at && token.token_type == CLAIM_TYPE;
        fresh.then_some(token).ok_or(TokenProblem)
    }
}

/// The text is no token of ours that is still good. Which check failed is not told.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a valid access token")]
pub struct TokenProblem;

fn key_bytes(keyring: &Keyring, id: &str) -> Option<Vec<u8>> {
    let key = keyring.by_id(id, Purpose::AccessToken)?;
    Some(hmac::sign(&key, b"jwt").as_ref().to_vec())
}

/// HMAC by *ring*, the one cryptography library that is linked anyway; any other algorithm is refused.
static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: |algorithm, key| match algorithm {
        Algorithm::HS256 => Ok(Box::new(Hs256(hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes())))),
        _ => Err(JwtError::from(ErrorKind::InvalidAlgorithm)),
    },
    verifier_factory: |algorithm, key| match algorithm {
        Algorithm::HS256 => Ok(Box::new(Hs256(hmac::Key::new(hmac::HMAC_SHA256, key.try_get_as_bytes()?)))),
        _ => Err(JwtError::from(ErrorKind::InvalidAlgorithm)),
    },
    key_utils: KeyUtils::new_unimplemented(),
};

struct Hs256(hmac::Key);

impl Signer<Vec<u8>> for Hs256 {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, SignatureError> {
        Ok(hmac::sign(&self.0, message).as_ref().to_vec())
    }
}

impl Verifier<Vec<u8>> for Hs256 {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), SignatureError> {
        hmac::verify(&self.0, message, signature).map_err(|_| SignatureError::new())
    }
}

impl JwtSigner for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

impl JwtVerifier for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);
    const GRANT: Grant<'_> = Grant { issuer: "https://id.example", audience: "latchkey", now: NOW, life_seconds: 3600 };

    fn keys() -> TokenKeys {
        TokenKeys::new(Keyring::parse(&"t".repeat(32)).unwrap())
    }

    fn token() -> AccessToken {
        AccessToken::new(&UserId::generate(), 1, &GRANT)
    }

    /// Signs any header and claims with the right key: what only we could make, had we made a mistake.
    fn forge(change: impl Fn(&mut Value, &mut Value)) -> String {
        let keys = keys();
        let mut header = json!({"alg": "HS256", "typ": "at+jwt", "kid": keys.keyring.newest_id()});
        let mut claims = serde_json::to_value(token()).unwrap();
        change(&mut header, &mut claims);
        let text = [&header, &claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string())).join(".");
        let key = hmac::Key::new(hmac::HMAC_SHA256, &key_bytes(&keys.keyring, keys.keyring.newest_id()).unwrap());
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(hmac::sign(&key, text.as_bytes())))
    }

    #[test]
    fn a_token_is_good_until_it_expires_by_the_programs_clock() {
        let (keys, token) = (keys(), token());
        let text = keys.sign(&token).unwrap();
        assert_eq!(keys.verify(&text, &Grant { now: NOW.plus_seconds(3599), ..GRANT }).unwrap(), token);
        assert!(keys.verify(&text, &Grant { now: NOW.plus_seconds(3600), ..GRANT }).is_err());
        assert!(keys.verify(&text, &Grant { issuer: "https://other.example", ..GRANT }).is_err());
        assert!(keys.verify(&text, &Grant { audience: "other", ..GRANT }).is_err());
        assert!(keys.verify(&forge(|_, _| ()), &GRANT).is_ok(), "the forging below differs in one thing alone");
    }

    #[test]
    fn a_token_that_differs_in_one_thing_is_refused() {
        let keys = keys();
        for claim in ["iss", "aud", "sub", "iat", "exp", "jti", "typ", "scope", "ver"] {
            let without = forge(|_, claims| drop(claims.as_object_mut().unwrap().remove(claim)));
            assert!(keys.verify(&without, &GRANT).is_err(), "without {claim}");
        }
        let changes: [fn(&mut Value, &mut Value); 9] = [
            |header, _| header["alg"] = json!("none"),
            |header, _| header["alg"] = json!("HS512"),
            |header, _| header["alg"] = json!("RS256"),
            |header, _| header["typ"] = json!("JWT"),
            |header, _| header["kid"] = json!("00000000"),
            |header, _| header["crit"] = json!(["b64"]),
            |_, claims| claims["typ"] = json!("refresh"),
            |_, claims| claims["aud"] = json!(["other"]),
            |_, claims| claims["exp"] = json!("never"),
        ];
        for (index, change) in changes.iter().enumerate() {
            assert!(keys.verify(&forge(change), &GRANT).is_err(), "change {index}");
        }
    }

    #[test]
    fn an_unsigned_token_is_refused() {
        let text = forge(|header, _| header["alg"] = json!("none"));
        let unsigned = format!("{}.", text.rsplit_once('.').unwrap().0);
        assert!(keys().verify(&unsigned, &GRANT).is_err());
    }

    proptest! {
        #[test]
        fn reading_never_panics(text in "\\PC{0,60}|[a-zA-Z0-9_-]{0,30}\\.[a-zA-Z0-9_-]{0,30}\\.[a-zA-Z0-9_-]{0,30}") {
            prop_assert!(keys().verify(&text, &GRANT).is_err());
        }
    }
}
