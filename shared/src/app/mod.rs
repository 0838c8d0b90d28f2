//! What a function holds while it runs: settings, clock, table, hasher, keys.

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

/// Built once at start.
#[derive(Debug)]
pub struct App {
    pub config: Config,
    pub clock: Clock,
    /// The table. In a function that does not need it, every call is an internal error.
    pub store: Store,
    hasher: Option<PasswordHasher>,
    breached: Option<BreachedPasswords>,
    /// The keys of access tokens.
    pub key_cache: KeyCache,
}

/// Who asks, as far as the request tells.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The network address of the caller, see `http::Request::source`.
    pub address: String,
    /// The language to answer in.
    pub language: Language,
    /// The `iss` of tokens made for this request.
    pub issuer: String,
    /// The `User-Agent` header: anyone's to make up.
    pub user_agent: String,
    /// The device, where an account was signed in to on it: its owner is told from strangers by it.
    pub device: Option<KnownDevice>,
    /// The session that the cookie of our own page names. It may be over.
    pub cookie_session: Option<RefreshToken>,
    /// The id API Gateway gave the request.
    pub request_id: String,
    /// Who it turned out to be about.
    pub who: Who,
}

/// Whom a request is about, as far as it may be logged: an account's id, or a masked number, email or name. Clones share
/// it, so that what a use case finds out stands in the request's line.
#[derive(Clone, Debug, Default)]
pub struct Who(Arc<OnceLock<String>>);

impl Who {
    /// Notes it; what was noted first stays.
    pub fn note(&self, who: impl Into<String>) {
        let _ = self.0.set(who.into());
    }

    #[must_use]
    pub fn get(&self) -> Option<&str> {
        self.0.get().map(String::as_str)
    }
}

impl Caller {
    /// What of it is kept with a session.
    #[must_use]
    pub fn client_info(&self) -> ClientInfo {
        ClientInfo { device: device_name(&self.user_agent), address: shorten_address(&self.address) }
    }
}

/// A function uses something that is not in its list of needs. That is a bug, so the answer is a 500.
#[derive(Debug, thiserror::Error)]
#[error("this function does not list it among its needs")]
struct NotNeeded;

impl App {
    /// Builds what is needed. No connection is opened.
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

    /// Does what is better done at start, while Lambda gives a whole CPU, than by the first request. A failure stops
    /// nothing: the first request finds out for itself.
    pub async fn warm_up(&self, needs: &[Need]) {
        for need in needs {
            let warmed = match need {
                // One real call opens the connection. Reading the keys is one.
                Need::Table if !needs.contains(&Need::TokenKeys) => self.store.warm_up().await,
                Need::TokenKeys => self.token_keys().await.map(drop),
                Need::PasswordHashing => self.hasher().map(PasswordHasher::warm_up),
                Need::Table | Need::Keys(_) | Need::SeldomPasswordHashing | Need::MailSender | Need::ClientHost => {
                    Ok(())
                }
            };
            if let Err(error) = warmed {
                tracing::warn!(error = error_chain(&error), ?need, "the warm-up failed");
            }
        }
    }

    /// Hashes a new password, in functions that need it ([`Need::PasswordHashing`]).
    pub fn hash(&self, password: &Password) -> Result<PasswordHashText, Error> {
        self.hasher()?.hash(password).map_err(|source| Error::internal("hashing a password", source))
    }

    /// Whether a password is the one that was hashed, see [`PasswordHasher::verify`].
    pub fn verify(&self, password: &Password, stored: Option<&PasswordHashText>) -> Result<bool, Error> {
        self.hasher()?.verify(password, stored).map_err(|source| Error::internal("checking a password", source))
    }

    /// A new hash of a password whose stored hash was made at another cost; `None` where it was not.
    pub fn rehash(&self, password: &Password, stored: &PasswordHashText) -> Result<Option<PasswordHashText>, Error> {
        if self.hasher()?.is_outdated(stored) { self.hash(password).map(Some) } else { Ok(None) }
    }

    fn hasher(&self) -> Result<&PasswordHasher, Error> {
        self.hasher.as_ref().ok_or_else(|| Error::internal("hashing a password", NotNeeded))
    }

    /// The keys of a group, in functions that need them ([`Need::Keys`]).
    pub fn keyring(&self, group: KeyGroup) -> Result<&Keyring, Error> {
        self.config.keys.of(group).ok_or_else(|| Error::internal("using a key", NotNeeded))
    }

    /// The public address of the pages, for links, in functions that need it ([`Need::ClientHost`]).
    pub fn client_host(&self) -> Result<&str, Error> {
        let missing = || Error::internal("making a link", NotNeeded);
        self.config.answers.client_host.as_deref().ok_or_else(missing)
    }

    /// Refuses a new password that was breached elsewhere, where a service is asked. Without an answer the password is
    /// taken: nobody is kept from a new password because a third party is down.
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

    /// The keys of access tokens. They are read again when the last read is five minutes old. Await it beside another
    /// read, so that it costs no round trip of its own.
    pub async fn token_keys(&self) -> Result<Arc<TokenKeys>, Error> {
        self.key_cache.current(&self.store, self.clock.now()).await
    }

    /// What tokens are made and read by for a caller.
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
