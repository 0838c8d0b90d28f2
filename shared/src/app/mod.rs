//! The application state that a function holds while it runs: settings, clock, table, hasher, keys.

pub(crate) mod audit;
mod breached;
mod clock;

use std::sync::{Arc, OnceLock};

use crate::config::{Config, ConfigError, Need};
use crate::crypto::{KeyGroup, Keyring, KnownDevice, PasswordHasher, TokenContext, TokenKeys};
use crate::domain::{
    ClientInfo, Language, NewPassword, Password, PasswordError, PasswordHashText, RefreshToken, device_name,
    shorten_address,
};
use crate::dynamodb::{self, KeyCache, Store};
use crate::error::{Error, error_chain};
use breached::BreachedPasswords;

pub use clock::Clock;

/// The application state, built once at start.
#[derive(Debug)]
pub struct App {
    pub config: Config,
    pub clock: Clock,
    /// The table. In a function that does not need it, every call is an internal error.
    pub store: Store,
    hasher: Option<PasswordHasher>,
    breached: Option<BreachedPasswords>,
    pub key_cache: KeyCache,
}

/// The sender of a request, as far as the request identifies them.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The network address of the caller. See `http::Request::source`.
    pub address: String,
    /// The language to answer in.
    pub language: Language,
    /// The `iss` of tokens issued for this request.
    pub issuer: String,
    /// The `User-Agent` header. A client can send any text in it.
    pub user_agent: String,
    /// The devices that the caller's values name, one for each account that was signed in to on it. An account decides
    /// whether it still knows its device: see `users::known_devices`.
    pub devices: Vec<KnownDevice>,
    /// The refresh token in the session cookie of our own page. Its session may be over.
    pub cookie_session: Option<RefreshToken>,
    /// The id that API Gateway gave the request.
    pub request_id: String,
    /// The account or recipient that the request is about.
    pub who: Who,
}

/// The loggable name of the account or recipient that a request is about: an account's id, or a masked number, email or
/// name. Clones share the value, so that the use case can set it and the endpoint can log it.
#[derive(Clone, Debug, Default)]
pub struct Who(Arc<Noted>);

#[derive(Debug, Default)]
struct Noted {
    name: OnceLock<String>,
    deleted: OnceLock<()>,
}

impl Who {
    /// Sets the value. If it is already set, the first value stays.
    pub fn note(&self, who: impl Into<String>) {
        let _ = self.0.name.set(who.into());
    }

    #[must_use]
    pub fn get(&self) -> Option<&str> {
        self.0.name.get().map(String::as_str)
    }

    /// Notes that the request has deleted the account. Its line in the log, which outlives the account, then tells only
    /// the network that the request came from.
    pub fn note_deleted(&self) {
        let _ = self.0.deleted.set(());
    }

    #[must_use]
    pub fn is_deleted(&self) -> bool {
        self.0.deleted.get().is_some()
    }
}

impl Caller {
    /// Returns the part of the caller's data that is stored with a session.
    #[must_use]
    pub fn client_info(&self) -> ClientInfo {
        ClientInfo { device: device_name(&self.user_agent), address: shorten_address(&self.address) }
    }
}

/// The error for the use of something that the function does not list among its needs. It is a bug, so the answer is a
/// 500.
#[derive(Debug, thiserror::Error)]
#[error("this function does not list it among its needs")]
struct NotNeeded;

impl App {
    /// Builds the parts that the needs list. Opens no connection.
    pub fn new(config: Config, clock: Clock, needs: &[Need]) -> Result<Self, ConfigError> {
        let hasher = if needs.iter().any(|need| matches!(need, Need::PasswordHashing | Need::SeldomPasswordHashing)) {
            let hasher = PasswordHasher::new(config.passwords.hash_cost);
            Some(hasher.map_err(|error| ConfigError { variable: "ARGON2_MEMORY_KIB", problem: error.to_string() })?)
        } else {
            None
        };
        let store = match &config.storage.table_name {
            Some(table) if needs.contains(&Need::Table) => {
                let client = dynamodb::client(&config.storage).map_err(|error| ConfigError {
                    variable: "AWS_ENDPOINT_URL_DYNAMODB",
                    problem: format!("does not lead to a client: {error}"),
                })?;
                Store::new(client, table.clone())
            }
            _ => Store::not_needed(),
        };
        let key_cache = KeyCache::new(config.keys.of(KeyGroup::SealedKeys).cloned());
        let breached = config.passwords.breached_url.as_deref().map(BreachedPasswords::new);
        Ok(Self { config, clock, hasher, store, breached, key_cache })
    }

    /// Prepares the slow parts at start, while Lambda gives a whole CPU, so that the first request is fast. A failure
    /// is only logged. If it persists, the first request fails by itself.
    pub async fn warm_up(&self, needs: &[Need]) {
        for need in needs {
            let warmed = match need {
                // One call opens the connection. If the function also reads the keys, that read does it.
                Need::Table if !needs.contains(&Need::TokenKeys) => self.store.warm_up().await,
                Need::TokenKeys => self.token_keys().await.map(drop),
                Need::PasswordHashing => self.hasher().map(PasswordHasher::warm_up),
                Need::Table | Need::Keys(_) | Need::SeldomPasswordHashing | Need::MailSender | Need::ClientHost => {
                    Ok(())
                }
            };
            if let Err(error) = warmed {
                error.log_ignored("the warm-up failed");
            }
        }
    }

    /// Hashes a new password. The function must list [`Need::PasswordHashing`] or [`Need::SeldomPasswordHashing`].
    pub fn hash(&self, password: &Password) -> Result<PasswordHashText, Error> {
        self.hasher()?.hash(password).map_err(|source| Error::internal("hashing a password", source))
    }

    /// Returns whether a password matches the stored hash. See [`PasswordHasher::verify`].
    pub fn verify(&self, password: &Password, stored: Option<&PasswordHashText>) -> Result<bool, Error> {
        self.hasher()?.verify(password, stored).map_err(|source| Error::internal("checking a password", source))
    }

    /// Returns a new hash of the password if its stored hash was made at another cost, or else `None`.
    pub fn rehash(&self, password: &Password, stored: &PasswordHashText) -> Result<Option<PasswordHashText>, Error> {
        if self.hasher()?.is_outdated(stored) { self.hash(password).map(Some) } else { Ok(None) }
    }

    fn hasher(&self) -> Result<&PasswordHasher, Error> {
        self.hasher.as_ref().ok_or_else(|| Error::internal("hashing a password", NotNeeded))
    }

    /// Returns the keys of a group. The function must list them in a [`Need::Keys`].
    pub fn keyring(&self, group: KeyGroup) -> Result<&Keyring, Error> {
        self.config.keys.of(group).ok_or_else(|| Error::internal("using a key", NotNeeded))
    }

    /// Returns the public address of the pages, for links. The function must list [`Need::ClientHost`].
    pub fn client_host(&self) -> Result<&str, Error> {
        let missing = || Error::internal("making a link", NotNeeded);
        self.config.answers.client_host.as_deref().ok_or_else(missing)
    }

    /// Refuses a new password that was breached elsewhere, if a look-up service is configured. If the service does not
    /// answer, the password is accepted, so that an outage of a third party keeps nobody from setting a password.
    pub async fn refuse_breached(&self, password: &NewPassword) -> Result<(), Error> {
        let Some(breached) = &self.breached else { return Ok(()) };
        match breached.holds(password.as_password()).await {
            Ok(false) => Ok(()),
            Ok(true) => Err(Error::PasswordRefused(PasswordError::Breached)),
            Err(error) => {
                let cause = error_chain(&error);
                tracing::warn!(cause, "a password was not looked up among the breached ones");
                Ok(())
            }
        }
    }

    /// Returns the keys of access tokens. It reads them again if the last read is five minutes old. Await it together
    /// with another read, so that it costs no round trip of its own.
    pub async fn token_keys(&self) -> Result<Arc<TokenKeys>, Error> {
        self.key_cache.current(&self.store, self.clock.now()).await
    }

    /// Returns the parameters for issuing and verifying tokens for a caller.
    #[must_use]
    pub fn token_context<'a>(&'a self, caller: &'a Caller) -> TokenContext<'a> {
        TokenContext {
            issuer: &caller.issuer,
            audience: &self.config.tokens.audience,
            client_id: &self.config.tokens.client_id,
            now: self.clock.now(),
            life_seconds: self.config.tokens.life_seconds,
        }
    }
}
