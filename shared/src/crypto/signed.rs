//! Signed values that the system gives out and takes back: mailed links, refresh tokens, reauthentication tokens,
//! captcha passes and CSRF cookies.
//!
//! Each is `key id . payload . MAC`, under a key of its own purpose, so that no value is ever valid as another kind or
//! as an access token. The first part is not JSON, so no JWT library accepts a value as a token either.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{Keyring, Purpose, random};
use crate::domain::{ExposeSecret, RefreshToken, SecretString, Session, SessionId, Timestamp, UserId};

/// The maximum length of a text that is examined. A longer one is not ours.
const MAX_LENGTH: usize = 1024;

fn sign<T: Serialize>(payload: &T, purpose: Purpose, keyring: &Keyring) -> String {
    let json = serde_json::to_vec(payload).unwrap_or_default();
    let text = format!("{}.{}", keyring.newest_id(), URL_SAFE_NO_PAD.encode(json));
    let tag = hmac::sign(&keyring.newest(purpose), text.as_bytes());
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(tag))
}

fn verify<T: DeserializeOwned>(text: &str, purpose: Purpose, keyring: &Keyring) -> Option<T> {
    if text.len() > MAX_LENGTH {
        return None;
    }
    let (signed, tag) = text.rsplit_once('.')?;
    let (key_id, payload) = signed.split_once('.')?;
    let key = keyring.by_id(key_id, purpose)?;
    hmac::verify(&key, signed.as_bytes(), &URL_SAFE_NO_PAD.decode(tag).ok()?).ok()?;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
}

fn random_id() -> String {
    URL_SAFE_NO_PAD.encode(random::<16>())
}

/// A mailed link to set a new password.
///
/// It contains the credential version that it was made for. It therefore works once, and stops working with any change
/// of password, mobile or email.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResetLink {
    /// The account whose password may be set.
    #[serde(rename = "sub")]
    pub user_id: UserId,
    /// The credential version that the account must still have.
    #[serde(rename = "ver")]
    pub credential_version: u64,
    /// The moment from which the link is no longer valid.
    #[serde(rename = "exp")]
    pub expires_at: Timestamp,
}

impl ResetLink {
    /// Returns the token of the link.
    #[must_use]
    pub fn sign(&self, keyring: &Keyring) -> String {
        sign(self, Purpose::ResetLink, keyring)
    }

    /// Returns the link of a token, or `None` when the token is not ours or has expired.
    #[must_use]
    pub fn verify(text: &str, keyring: &Keyring, now: Timestamp) -> Option<Self> {
        verify::<Self>(text, Purpose::ResetLink, keyring).filter(|link| now < link.expires_at)
    }
}

impl RefreshToken {
    /// Returns the token as text.
    #[must_use]
    pub fn sign(&self, keyring: &Keyring) -> String {
        sign(self, Purpose::RefreshToken, keyring)
    }

    /// Returns the token of a text, or `None` when the text is not ours. Nothing is read from the table for a forged
    /// one.
    #[must_use]
    pub fn verify(text: &str, keyring: &Keyring) -> Option<Self> {
        verify(text, Purpose::RefreshToken, keyring)
    }
}

/// Evidence that the holder of a session recently proved that the account is theirs.
///
/// A sign-in and `reauthenticate` return one. A refresh never does, so neither a stolen access token nor a stolen
/// refresh token leads to one.
#[derive(Serialize, Deserialize)]
pub struct ReauthenticationToken {
    #[serde(rename = "sub")]
    user_id: UserId,
    #[serde(rename = "sid")]
    session_id: SessionId,
    #[serde(rename = "ver")]
    credential_version: u64,
    #[serde(rename = "exp")]
    expires_at: Timestamp,
}

impl ReauthenticationToken {
    /// The lifetime, in seconds.
    pub const LIFE_SECONDS: i64 = 300;

    /// Issues a token for a session in its current state.
    #[must_use]
    pub fn issue(session: &Session, keyring: &Keyring, now: Timestamp) -> SecretString {
        let value = Self {
            user_id: session.user_id.clone(),
            session_id: session.id.clone(),
            credential_version: session.credential_version,
            expires_at: now.plus_seconds(Self::LIFE_SECONDS),
        };
        SecretString::from(sign(&value, Purpose::Reauthentication, keyring))
    }

    /// Returns whether a text is a valid token for this session. The session must be live, so that its credential
    /// version is the account's.
    #[must_use]
    pub fn accepts(text: &SecretString, session: &Session, keyring: &Keyring, now: Timestamp) -> bool {
        verify::<Self>(text.expose_secret(), Purpose::Reauthentication, keyring).is_some_and(|value| {
            value.user_id == session.user_id
                && value.session_id == session.id
                && value.credential_version == session.credential_version
                && now < value.expires_at
        })
    }
}

/// The action that a captcha pass is valid for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CaptchaAction {
    Login,
    Register,
    Sms,
    Mail,
    Reset,
}

impl CaptchaAction {
    /// Parses the `action` parameter of `verify_captcha`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "login" => Self::Login,
            "register" => Self::Register,
            "sms" => Self::Sms,
            "mail" => Self::Mail,
            "reset" => Self::Reset,
            _ => return None,
        })
    }
}

/// Evidence that its bearer solved a captcha. It is valid once, for five minutes, for one network address and, if it
/// names one, for one action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaptchaPass {
    /// The id of the pass, by which it is recorded as used.
    #[serde(rename = "jti")]
    pub id: String,
    /// The only action that the pass is valid for. `None` allows every action.
    #[serde(rename = "act", skip_serializing_if = "Option::is_none")]
    pub action: Option<CaptchaAction>,
    /// A keyed hash of the caller's network address.
    #[serde(rename = "adr")]
    address: String,
    /// The moment from which the pass is no longer valid.
    #[serde(rename = "exp")]
    pub expires_at: Timestamp,
}

impl CaptchaPass {
    /// The lifetime of a pass, in seconds.
    pub const LIFE_SECONDS: i64 = 300;

    /// Issues a pass for a caller.
    #[must_use]
    pub fn issue(address: &str, action: Option<CaptchaAction>, keyring: &Keyring, now: Timestamp) -> String {
        let pass = Self {
            id: random_id(),
            action,
            address: hash_address(address, keyring, keyring.newest_id()).unwrap_or_default(),
            expires_at: now.plus_seconds(Self::LIFE_SECONDS),
        };
        sign(&pass, Purpose::CaptchaPass, keyring)
    }

    /// Returns the pass of a text, or `None` when the text is not ours, has expired, or belongs to another network
    /// address or action.
    #[must_use]
    pub fn verify(text: &str, address: &str, action: CaptchaAction, keyring: &Keyring, now: Timestamp) -> Option<Self> {
        let pass: Self = verify(text, Purpose::CaptchaPass, keyring)?;
        let key_id = text.split('.').next()?;
        let same_address = hash_address(address, keyring, key_id)? == pass.address;
        let same_action = pass.action.is_none_or(|named| named == action);
        (same_address && same_action && now < pass.expires_at).then_some(pass)
    }
}

/// Returns a keyed hash of a network address, so that a value or an item with the hash does not reveal the address.
///
/// Returns `None` when the secret with this id is not held.
#[must_use]
pub fn hash_address(address: &str, keyring: &Keyring, key_id: &str) -> Option<String> {
    let key = keyring.by_id(key_id, Purpose::Address)?;
    Some(URL_SAFE_NO_PAD.encode(&hmac::sign(&key, address.as_bytes()).as_ref()[..16]))
}

/// The value of the CSRF cookie: signed by us, and valid for a day (OWASP CSRF cheat sheet, signed double submit).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CsrfValue {
    #[serde(rename = "jti")]
    id: String,
    #[serde(rename = "exp")]
    expires_at: Timestamp,
}

impl CsrfValue {
    /// The lifetime of a value, in seconds: a page can stay open for a working day.
    pub const LIFE_SECONDS: i64 = 86_400;

    #[must_use]
    pub fn issue(keyring: &Keyring, now: Timestamp) -> String {
        let value = Self { id: random_id(), expires_at: now.plus_seconds(Self::LIFE_SECONDS) };
        sign(&value, Purpose::Csrf, keyring)
    }

    /// Returns whether the header equals the cookie, compared in constant time, and the value is ours and has not
    /// expired.
    #[must_use]
    pub fn accepts(cookie: &str, header: &str, keyring: &Keyring, now: Timestamp) -> bool {
        let equal: bool = subtle::ConstantTimeEq::ct_eq(cookie.as_bytes(), header.as_bytes()).into();
        equal && verify::<Self>(cookie, Purpose::Csrf, keyring).is_some_and(|value| now < value.expires_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{KnownDevice, random_hex};
    use crate::domain::ClientInfo;
    use proptest::prelude::*;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

    fn keyring() -> Keyring {
        Keyring::whole(&"k".repeat(32))
    }

    fn link() -> ResetLink {
        ResetLink { user_id: UserId::generate(), credential_version: 3, expires_at: NOW.plus_seconds(600) }
    }

    #[test]
    fn a_link_is_good_until_it_expires() {
        let (link, ring) = (link(), keyring());
        let token = link.sign(&ring);
        assert_eq!(ResetLink::verify(&token, &ring, NOW.plus_seconds(599)), Some(link));
        assert_eq!(ResetLink::verify(&token, &ring, NOW.plus_seconds(600)), None);
    }

    #[test]
    fn no_value_serves_another_purpose() {
        let ring = keyring();
        let (csrf, pass) = (CsrfValue::issue(&ring, NOW), CaptchaPass::issue("1.2.3.4", None, &ring, NOW));
        let link = link().sign(&ring);
        assert!(ResetLink::verify(&csrf, &ring, NOW).is_none() && ResetLink::verify(&pass, &ring, NOW).is_none());
        assert!(!CsrfValue::accepts(&link, &link, &ring, NOW) && !CsrfValue::accepts(&pass, &pass, &ring, NOW));
        assert!(CaptchaPass::verify(&link, "1.2.3.4", CaptchaAction::Sms, &ring, NOW).is_none());
        assert!(CaptchaPass::verify(&csrf, "1.2.3.4", CaptchaAction::Sms, &ring, NOW).is_none());
    }

    fn session() -> Session {
        Session {
            id: SessionId::parse(&random_hex::<16>()).unwrap(),
            user_id: UserId::generate(),
            generation: 0,
            rotated_at: NOW,
            replaced_generation: None,
            replaced_rotated_at: None,
            created_at: NOW,
            last_used_at: NOW,
            expires_at: NOW.plus_seconds(7200),
            ends_at: NOW.plus_seconds(7200),
            remembered: true,
            client: ClientInfo::default(),
            credential_version: 1,
        }
    }

    #[test]
    fn a_reauthentication_is_for_its_session_and_credential_version_and_five_minutes() {
        let (session, ring) = (session(), keyring());
        let value = ReauthenticationToken::issue(&session, &ring, NOW);
        let good = |session: &Session, now| ReauthenticationToken::accepts(&value, session, &ring, now);
        assert!(good(&session, NOW) && good(&session, NOW.plus_seconds(299)));
        assert!(!good(&session, NOW.plus_seconds(300)));
        assert!(!good(&Session { credential_version: 2, ..session.clone() }, NOW));
        assert!(!good(&Session { user_id: UserId::generate(), ..session.clone() }, NOW));
        assert!(!good(&Session { id: self::session().id, ..session.clone() }, NOW));
        // It stays valid when the session is refreshed.
        assert!(good(&Session { generation: 7, ..session }, NOW));
        assert_eq!(format!("{value:?}"), "SecretBox<str>([REDACTED])");
    }

    #[test]
    fn nothing_else_that_is_signed_is_a_reauthentication_and_it_is_nothing_else() {
        let (session, ring) = (session(), keyring());
        let value = ReauthenticationToken::issue(&session, &ring, NOW);
        let text = value.expose_secret();
        assert!(RefreshToken::verify(text, &ring).is_none() && ResetLink::verify(text, &ring, NOW).is_none());
        assert!(KnownDevice::open(text, &ring, NOW).is_none() && !CsrfValue::accepts(text, text, &ring, NOW));
        // The same claims, signed for each other purpose.
        let claims = ReauthenticationToken {
            user_id: session.user_id.clone(),
            session_id: session.id.clone(),
            credential_version: session.credential_version,
            expires_at: NOW.plus_seconds(300),
        };
        for purpose in [
            Purpose::RefreshToken,
            Purpose::ResetLink,
            Purpose::CaptchaPass,
            Purpose::Csrf,
            Purpose::KnownDevice,
            Purpose::NotMeLink,
        ] {
            let other = SecretString::from(sign(&claims, purpose, &ring));
            assert!(!ReauthenticationToken::accepts(&other, &session, &ring, NOW), "{purpose:?}");
        }
        let own = SecretString::from(sign(&claims, Purpose::Reauthentication, &ring));
        assert!(ReauthenticationToken::accepts(&own, &session, &ring, NOW), "they differ in the purpose alone");
        let foreign = Keyring::whole(&"f".repeat(32));
        assert!(!ReauthenticationToken::accepts(
            &ReauthenticationToken::issue(&session, &foreign, NOW),
            &session,
            &ring,
            NOW
        ));
        for length in 0..text.len() {
            let truncated = SecretString::from(text[..length].to_owned());
            assert!(!ReauthenticationToken::accepts(&truncated, &session, &ring, NOW), "{length}");
        }
    }

    #[test]
    fn a_pass_is_for_its_address_action_and_five_minutes() {
        let ring = keyring();
        let any = CaptchaPass::issue("1.2.3.4", None, &ring, NOW);
        let sms = CaptchaPass::issue("1.2.3.4", Some(CaptchaAction::Sms), &ring, NOW);
        let good = |text: &str, address, action, now| CaptchaPass::verify(text, address, action, &ring, now).is_some();
        assert!(good(&any, "1.2.3.4", CaptchaAction::Mail, NOW));
        assert!(good(&sms, "1.2.3.4", CaptchaAction::Sms, NOW.plus_seconds(299)));
        assert!(!good(&sms, "1.2.3.4", CaptchaAction::Mail, NOW));
        assert!(!good(&any, "1.2.3.5", CaptchaAction::Mail, NOW));
        assert!(!good(&any, "1.2.3.4", CaptchaAction::Mail, NOW.plus_seconds(300)));
    }

    #[test]
    fn a_csrf_value_must_be_equal_ours_and_fresh() {
        let ring = keyring();
        let (one, other) = (CsrfValue::issue(&ring, NOW), CsrfValue::issue(&ring, NOW));
        assert!(CsrfValue::accepts(&one, &one, &ring, NOW));
        assert!(!CsrfValue::accepts(&one, &other, &ring, NOW));
        assert!(!CsrfValue::accepts("", "", &ring, NOW));
        assert!(!CsrfValue::accepts("made-up", "made-up", &ring, NOW));
        assert!(!CsrfValue::accepts(&one, &one, &ring, NOW.plus_seconds(CsrfValue::LIFE_SECONDS)));
        let foreign = CsrfValue::issue(&Keyring::whole(&"f".repeat(32)), NOW);
        assert!(!CsrfValue::accepts(&foreign, &foreign, &ring, NOW));
    }

    proptest! {
        #[test]
        fn verifying_never_panics_and_nothing_made_up_passes(text in "[0-9a-zA-Z_.-]{0,80}") {
            prop_assert!(ResetLink::verify(&text, &keyring(), NOW).is_none());
        }

        #[test]
        fn a_changed_character_spoils_a_link(at in 0_usize..100, to in "[0-9a-zA-Z]") {
            let (link, ring) = (link(), keyring());
            let mut token = link.sign(&ring);
            let at = at % token.len();
            let changed = token[at..=at] != to;
            token.replace_range(at..=at, &to);
            // Some bits of a base64 text's last character carry no data. Strict decoding refuses changes of these too.
            prop_assert!(!changed || ResetLink::verify(&token, &ring, NOW).is_none());
        }
    }
}
