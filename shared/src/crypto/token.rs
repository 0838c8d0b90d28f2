//! Access tokens: JWTs that tell who is signed in (RFC 7519, RFC 9068). They are signed with RSA (RS256), because API
//! Gateway's JWT authorizer accepts only RSA.
//!
//! *ring* signs and verifies. It is linked for TLS anyway, its RSA private key operation takes constant time, and it
//! checks each signature before it returns it. The `rsa` crate leaks the key through its timing (RUSTSEC-2023-0071),
//! and aws-lc takes 50 ms at start.

use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error as JwtError, ErrorKind};
use jsonwebtoken::signature::{Error as SignatureError, Signer, Verifier};
use jsonwebtoken::{Algorithm, DecodingKey, DecodingKeyKind, EncodingKey, Header, Validation};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair, RsaPublicKeyComponents};
use serde::{Deserialize, Serialize};

use super::{KeySet, Keyring, TokenKey, random_hex};
use crate::domain::{Session, SessionId, Timestamp, User, UserId};

/// The `typ` of the header (RFC 9068 §2.1), so that no other JWT passes for an access token.
const HEADER_TYPE: &str = "at+jwt";
/// The `typ` claim, which says the same to code whose library shows only the claims (ASVS 9.2.2).
const CLAIM_TYPE: &str = "access";
/// The maximum length of a text that is examined. A longer one is not ours.
const MAX_LENGTH: usize = 4096;

/// The claims of an access token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessToken {
    /// The issuer: this deployment's address.
    #[serde(rename = "iss")]
    pub issuer: String,
    /// The audience: the services that trust this deployment.
    #[serde(rename = "aud")]
    pub audience: String,
    /// The account that is signed in.
    #[serde(rename = "sub")]
    pub user_id: UserId,
    #[serde(rename = "iat")]
    pub issued_at: Timestamp,
    /// The moment from which the token is no longer valid.
    #[serde(rename = "exp")]
    pub expires_at: Timestamp,
    /// The OAuth client that the token was issued to. All front ends of a deployment are one client.
    pub client_id: String,
    /// The id of this token alone.
    #[serde(rename = "jti")]
    pub id: String,
    /// Always `access`.
    #[serde(rename = "typ")]
    token_type: String,
    /// The token's scope, in OAuth's sense.
    pub scope: String,
    /// The session that the token belongs to. The token becomes invalid when the session ends.
    #[serde(rename = "sid")]
    pub session_id: SessionId,
    /// The account's credential version at the time of issue. The token becomes invalid when the account's version
    /// changes.
    #[serde(rename = "ver")]
    pub credential_version: u64,
}

impl AccessToken {
    /// Creates a token for a session. The token expires when the session ends at the latest.
    #[must_use]
    pub fn new(user: &User, session: &Session, issued_at: Timestamp, context: &TokenContext<'_>) -> Self {
        Self {
            issuer: context.issuer.to_owned(),
            audience: context.audience.to_owned(),
            user_id: user.id.clone(),
            issued_at,
            expires_at: issued_at.plus_seconds(context.life_seconds).min(session.ends_at),
            client_id: context.client_id.to_owned(),
            id: random_hex::<16>(),
            token_type: CLAIM_TYPE.to_owned(),
            scope: "account".to_owned(),
            session_id: session.id.clone(),
            credential_version: user.credential_version,
        }
    }

    /// Creates the token that answers a refresh of the session.
    ///
    /// It is made from stored values alone, so that a refresh whose answer was lost can be answered with the same token
    /// again. A session has each generation once, so no other token has this id.
    #[must_use]
    pub fn of_refresh(user: &User, session: &Session, context: &TokenContext<'_>) -> Self {
        let id = format!("{}-{}-{}", session.id, session.generation, user.credential_version);
        Self { id, ..Self::new(user, session, session.rotated_at, context) }
    }
}

/// The circumstances in which a token is issued or verified.
#[derive(Clone, Copy, Debug)]
pub struct TokenContext<'a> {
    pub issuer: &'a str,
    pub audience: &'a str,
    pub client_id: &'a str,
    pub now: Timestamp,
    /// The lifetime of a new token, in seconds.
    pub life_seconds: i64,
}

/// The key set as an instance holds it: ready to verify, and to sign where the instance has the secret.
pub struct TokenKeys {
    set: KeySet,
    /// The keys of `set`, in the same order.
    keys: Vec<ReadyKey>,
}

struct ReadyKey {
    public: DecodingKey,
    private: Option<EncodingKey>,
}

impl TokenKeys {
    /// Prepares a set for use. Without a keyring, or with one that lacks the secret, the result can only verify.
    pub fn new(set: KeySet, keyring: Option<&Keyring>) -> Result<Self, TokenError> {
        // A second installation in the same process finds this provider in place.
        let _ = PROVIDER.install_default();
        let ready = set.keys.iter().map(|key| {
            let private = keyring.and_then(|keyring| key.private.open(&key.kid, keyring).ok());
            Ok(ReadyKey {
                public: DecodingKey::from_rsa_components(&key.n, &key.e).map_err(|_| TokenError)?,
                private: private.map(|der| EncodingKey::from_rsa_der(&der)),
            })
        });
        let keys = ready.collect::<Result<_, _>>()?;
        Ok(Self { set, keys })
    }

    /// Returns the token as text, signed by the current key.
    pub fn sign(&self, token: &AccessToken, now: Timestamp) -> Result<String, TokenError> {
        let kid = &self.set.signer(now).ok_or(TokenError)?.kid;
        let header =
            Header { typ: Some(HEADER_TYPE.to_owned()), kid: Some(kid.clone()), ..Header::new(Algorithm::RS256) };
        let key = self.key(kid).and_then(|key| key.private.as_ref()).ok_or(TokenError)?;
        jsonwebtoken::encode(&header, token, key).map_err(|_| TokenError)
    }

    /// Returns the public keys in the form of RFC 7517 §5.
    #[must_use]
    pub fn jwks(&self) -> serde_json::Value {
        let jwk = |key: &TokenKey| {
            serde_json::json!({
                "kty": "RSA", "use": "sig", "alg": "RS256", "kid": key.kid, "n": key.n, "e": key.e
            })
        };
        serde_json::json!({ "keys": self.set.keys.iter().map(jwk).collect::<Vec<_>>() })
    }

    /// Returns whether the key that a token names is in the set.
    #[must_use]
    pub fn has_key_of(&self, text: &str) -> bool {
        header_of(text).and_then(|header| header.kid).is_some_and(|kid| self.key(&kid).is_some())
    }

    /// Verifies a text and returns its token.
    ///
    /// This checks the algorithm, type, issuer, audience and expiry, and that no required claim is missing. Expiry is
    /// checked by the program's clock without leeway, because the program that issues tokens uses the same clock. `nbf`
    /// is not used: a token is valid from its issue. `jku`, `jwk` and `x5u` are ignored (ASVS 9.1.3). A token with a
    /// `kid` that is not in the set is refused, and the key is not searched for elsewhere.
    pub fn verify(&self, text: &str, context: &TokenContext<'_>) -> Result<AccessToken, TokenError> {
        let kid = header_of(text).and_then(|header| header.kid).ok_or(TokenError)?;
        let key = &self.key(&kid).ok_or(TokenError)?.public;
        let mut validation = Validation::new(Algorithm::RS256);
        validation.set_audience(&[context.audience]);
        validation.set_issuer(&[context.issuer]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.leeway = 0;
        // The crate would read the system's clock, so expiry is checked below against the program's.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        let token = jsonwebtoken::decode::<AccessToken>(text, key, &validation).map_err(|_| TokenError)?.claims;
        let fresh = context.now < token.expires_at && token.token_type == CLAIM_TYPE;
        fresh.then_some(token).ok_or(TokenError)
    }

    fn key(&self, kid: &str) -> Option<&ReadyKey> {
        let index = self.set.keys.iter().position(|key| key.kid == kid)?;
        self.keys.get(index)
    }
}

impl std::fmt::Debug for TokenKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.set.keys.iter().map(|key| &key.kid)).finish()
    }
}

/// Returns the header of a text, when it is one of ours.
fn header_of(text: &str) -> Option<Header> {
    let header = if text.len() > MAX_LENGTH { None } else { jsonwebtoken::decode_header(text).ok() };
    header.filter(|header| {
        header.alg == Algorithm::RS256 && header.typ.as_deref() == Some(HEADER_TYPE) && header.crit.is_none()
    })
}

/// Returns whether a text has the form of an access token, before any key is used.
#[must_use]
pub fn is_access_token_shaped(text: &str) -> bool {
    header_of(text).is_some_and(|header| header.kid.is_some())
}

/// The error for a text that is not a valid token of ours. It does not tell which check failed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a valid access token")]
pub struct TokenError;

/// The RS256 implementation by *ring*. It refuses every other algorithm.
static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: |algorithm, key| match algorithm {
        Algorithm::RS256 => RsaKeyPair::from_der(key.as_bytes())
            .map(|pair| Box::new(Rs256Signer(pair)) as Box<dyn JwtSigner>)
            .map_err(|_| JwtError::from(ErrorKind::InvalidKeyFormat)),
        _ => Err(JwtError::from(ErrorKind::InvalidAlgorithm)),
    },
    verifier_factory: |algorithm, key| match (algorithm, key.kind()) {
        (Algorithm::RS256, DecodingKeyKind::RsaModulusExponent { n, e }) => {
            Ok(Box::new(Rs256Verifier(RsaPublicKeyComponents { n: n.clone(), e: e.clone() })))
        }
        _ => Err(JwtError::from(ErrorKind::InvalidAlgorithm)),
    },
    key_utils: KeyUtils::new_unimplemented(),
};

struct Rs256Signer(RsaKeyPair);

impl Signer<Vec<u8>> for Rs256Signer {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, SignatureError> {
        let mut signature = vec![0; self.0.public().modulus_len()];
        self.0
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)
            .map_err(|_| SignatureError::new())?;
        Ok(signature)
    }
}

impl JwtSigner for Rs256Signer {
    fn algorithm(&self) -> Algorithm {
        Algorithm::RS256
    }
}

struct Rs256Verifier(RsaPublicKeyComponents<Vec<u8>>);

impl Verifier<Vec<u8>> for Rs256Verifier {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), SignatureError> {
        self.0.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature).map_err(|_| SignatureError::new())
    }
}

impl JwtVerifier for Rs256Verifier {
    fn algorithm(&self) -> Algorithm {
        Algorithm::RS256
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ClientInfo, Mobile, Nickname, SessionRules};
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use graviola::signing::rsa::{KeySize, SigningKey};
    use proptest::prelude::*;
    use serde_json::{Value, json};
    use std::sync::LazyLock;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);
    const CONTEXT: TokenContext<'_> = TokenContext {
        issuer: "https://id.example",
        audience: "latchkey",
        client_id: "latchkey",
        now: NOW,
        life_seconds: 3600,
    };

    /// An RSAPrivateKey (DER), generated once for these tests.
    fn private() -> Vec<u8> {
        static KEY: LazyLock<Vec<u8>> = LazyLock::new(|| {
            let key = SigningKey::generate(KeySize::Rsa2048).unwrap();
            key.to_pkcs1_der(&mut [0; 2048]).unwrap().to_vec()
        });
        KEY.clone()
    }

    fn keys() -> TokenKeys {
        let keyring = Keyring::whole(&"t".repeat(32));
        let key = TokenKey::new(&private(), "k1".into(), &keyring, NOW).unwrap();
        let key = TokenKey { signs_from: Some(NOW), ..key };
        TokenKeys::new(KeySet { version: 1, keys: vec![key] }, Some(&keyring)).unwrap()
    }

    fn user_and_session() -> (User, Session) {
        let user = User {
            id: UserId::generate(),
            username: None,
            reserved_username: None,
            username_reserved_until: None,
            nickname: Nickname::parse("李雷").unwrap(),
            mobile: Some(Mobile::parse("13800000000").unwrap()),
            email: None,
            avatar: String::new(),
            language: None,
            password_hash: None,
            credential_version: 1,
            credentials_changed_at: None,
            disabled: false,
            consent: None,
            created_at: NOW,
            mobile_changed_at: None,
            email_changed_at: None,
            last_used_at: None,
            pending_email: None,
            pending_mobile: None,
            mobile_proved_at: None,
            devices: std::collections::BTreeMap::new(),
            guessed_at: None,
            guessing_texted_at: None,
            recovery: None,
        };
        let rules =
            SessionRules { idle_seconds: 7200, max_seconds: 7200, unremembered_seconds: 7200, repeat_seconds: 30 };
        let session = Session::open(SessionId::generate(), &user, rules, true, ClientInfo::default(), NOW);
        (user, session)
    }

    fn token() -> AccessToken {
        let (user, session) = user_and_session();
        AccessToken::new(&user, &session, NOW, &CONTEXT)
    }

    /// Signs any header and claims with the correct key: tokens that only a mistake of ours could produce.
    fn forge(change: impl Fn(&mut Value, &mut Value)) -> String {
        let mut header = json!({"alg": "RS256", "typ": "at+jwt", "kid": "k1"});
        let mut claims = serde_json::to_value(token()).unwrap();
        change(&mut header, &mut claims);
        let text = [&header, &claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string())).join(".");
        let signer = Rs256Signer(RsaKeyPair::from_der(&private()).unwrap());
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(signer.try_sign(text.as_bytes()).unwrap()))
    }

    #[test]
    fn each_token_has_an_id_of_its_own_and_a_repeated_refresh_the_same() {
        let (mut user, mut session) = user_and_session();
        let mut ids = std::collections::BTreeSet::new();
        for _ in 0..3 {
            assert!(ids.insert(AccessToken::new(&user, &session, NOW, &CONTEXT).id));
            session.generation += 1;
            let refreshed = AccessToken::of_refresh(&user, &session, &CONTEXT);
            assert_eq!(refreshed, AccessToken::of_refresh(&user, &session, &CONTEXT));
            assert!(ids.insert(refreshed.id));
            user.credential_version += 1;
            assert!(ids.insert(AccessToken::of_refresh(&user, &session, &CONTEXT).id));
        }
    }

    #[test]
    fn a_token_is_good_until_it_expires_by_the_programs_clock() {
        let (keys, token) = (keys(), token());
        let text = keys.sign(&token, NOW).unwrap();
        assert_eq!(keys.verify(&text, &TokenContext { now: NOW.plus_seconds(3599), ..CONTEXT }).unwrap(), token);
        assert!(keys.verify(&text, &TokenContext { now: NOW.plus_seconds(3600), ..CONTEXT }).is_err());
        assert!(keys.verify(&text, &TokenContext { issuer: "https://other.example", ..CONTEXT }).is_err());
        assert!(keys.verify(&text, &TokenContext { audience: "other", ..CONTEXT }).is_err());
        assert!(keys.verify(&forge(|_, _| ()), &CONTEXT).is_ok(), "the forging below differs in one thing alone");
    }

    #[test]
    fn a_token_that_differs_in_one_thing_is_refused() {
        let keys = keys();
        for claim in ["iss", "aud", "sub", "iat", "exp", "jti", "client_id", "typ", "scope", "sid", "ver"] {
            let without = forge(|_, claims| drop(claims.as_object_mut().unwrap().remove(claim)));
            assert!(keys.verify(&without, &CONTEXT).is_err(), "without {claim}");
        }
        let changes: [fn(&mut Value, &mut Value); 9] = [
            |header, _| header["alg"] = json!("none"),
            |header, _| header["alg"] = json!("HS256"),
            |header, _| header["alg"] = json!("RS512"),
            |header, _| header["typ"] = json!("JWT"),
            |header, _| header["kid"] = json!("00000000"),
            |header, _| header["crit"] = json!(["b64"]),
            |_, claims| claims["typ"] = json!("refresh"),
            |_, claims| claims["aud"] = json!(["other"]),
            |_, claims| claims["exp"] = json!("never"),
        ];
        for (index, change) in changes.iter().enumerate() {
            assert!(keys.verify(&forge(change), &CONTEXT).is_err(), "change {index}");
        }
    }

    #[test]
    fn an_unsigned_token_is_refused() {
        let text = forge(|header, _| header["alg"] = json!("none"));
        let unsigned = format!("{}.", text.rsplit_once('.').unwrap().0);
        assert!(keys().verify(&unsigned, &CONTEXT).is_err());
    }

    #[test]
    fn the_public_key_is_no_secret_to_sign_with() {
        let keys = keys();
        for secret in [keys.set.keys[0].n.clone().into_bytes(), URL_SAFE_NO_PAD.decode(&keys.set.keys[0].n).unwrap()] {
            let text = forge(|header, _| header["alg"] = json!("HS256"));
            let signed = text.rsplit_once('.').unwrap().0;
            let tag = ring::hmac::sign(&ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &secret), signed.as_bytes());
            assert!(keys.verify(&format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag)), &CONTEXT).is_err());
        }
    }

    #[test]
    fn a_set_without_its_secret_verifies_and_cannot_sign() {
        let token = token();
        let text = keys().sign(&token, NOW).unwrap();
        for keyring in [None, Some(Keyring::whole(&"x".repeat(32)))] {
            let public = TokenKeys::new(keys().set, keyring.as_ref()).unwrap();
            assert_eq!(public.verify(&text, &CONTEXT).unwrap(), token);
            assert!(public.sign(&token, NOW).is_err());
        }
        assert!(keys().has_key_of(&text));
        assert!(!keys().has_key_of(&forge(|header, _| header["kid"] = json!("k2"))));
    }

    proptest! {
        #[test]
        fn reading_never_panics(text in "\\PC{0,60}|[a-zA-Z0-9_-]{0,30}\\.[a-zA-Z0-9_-]{0,30}\\.[a-zA-Z0-9_-]{0,30}") {
            prop_assert!(keys().verify(&text, &CONTEXT).is_err());
        }
    }
}
