//! What a function holds while it runs: settings, clock, table, hasher, keys.

pub(crate) mod audit;
mod breached;
mod clock;

use std::sync::{Arc, OnceLock};

use crate::config::{Config, ConfigError, Need};
use crate::crypto::{Keyring, KnownDevice, PasswordHasher, TokenContext, TokenKeys};
use crate::domain::{ClientInfo, Language, NewPassword, PasswordError, RefreshToken, device_name, shorten_address};
use crate::dynamodb::{self, KeyCache, Store};
use crate::error::{Error, error_chain};
use breached::BreachedPasswords;

pub use clock::Clock;

/// Built once at start.
#[derive(Debug)]
pub struct App {
    pub config: Config,
    pub clock: Clock,
    /// Hashes and verifies passwords.
    pub hasher: PasswordHasher,
    store: Option<Store>,
    breached: Option<BreachedPasswords>,
    /// The keys of access tokens.
    pub key_cache: KeyCache,
}

/// Who asks, as far as the request tells.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The address API Gateway saw. Never a header: those can be made up.
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

/// Something that a function was started without. Not the client's fault, so a 503.
#[derive(Debug, thiserror::Error)]
#[error("{0} is not configured for this function")]
struct NotConfigured(&'static str);

impl App {
    /// Builds what is needed. No connection is opened.
    pub fn new(config: Config, clock: Clock, needs: &[Need]) -> Result<Self, ConfigError> {
        let hasher = PasswordHasher::new(config.passwords.hash_cost)
            .map_err(|problem| ConfigError { variable: "ARGON2_MEMORY_KIB", problem: problem.to_string() })?;
        let store = if needs.contains(&Need::Storage) {
            let client = dynamodb::client(&config.storage).map_err(|error| ConfigError {
                variable: "AWS_ENDPOINT_URL_DYNAMODB",
                problem: format!("does not lead to a client: {error}"),
            })?;
            config.storage.table_name.clone().map(|table| Store::new(client, table))
        } else {
            None
        };
        let key_cache = KeyCache::new(config.key_secret.clone());
        let breached = config.passwords.breached_url.as_deref().map(BreachedPasswords::new);
        Ok(Self { config, clock, hasher, store, breached, key_cache })
    }

    pub fn store(&self) -> Result<&Store, Error> {
        self.store.as_ref().ok_or_else(|| Error::unavailable("reaching the table", NotConfigured("TABLE_NAME")))
    }

    /// Refuses a new password that was breached elsewhere, where someone is asked. When there is no answer it is taken: nobody
    /// is kept from a new password because a third party is down.
    pub async fn refuse_breached(&self, password: &NewPassword) -> Result<(), Error> {
        let Some(breached) = &self.breached else { return Ok(()) };
        match breached.holds(password.as_password()).await {
            Ok(false) => Ok(()),
            Ok(true) => Err(Error::PasswordRefused(PasswordError::Breached)),
            Err(problem) => {
                let cause = error_chain(&problem);
                tracing::warn!(cause, "a password was not looked up among the breached ones");
                Ok(())
            }
        }
    }

    /// The public address of the pages, for links. Functions that make links need it configured ([`Need::ClientHost`]).
    pub fn client_host(&self) -> Result<&str, Error> {
        let missing = || Error::unavailable("making a link", NotConfigured("CLIENT_HOST"));
        self.config.answers.client_host.as_deref().ok_or_else(missing)
    }

    /// The secrets of codes, links, passes and CSRF values.
    pub fn keyring(&self) -> Result<&Keyring, Error> {
        let missing = || Error::unavailable("deriving a key", NotConfigured("CODE_SECRET"));
        self.config.code_secret.as_ref().ok_or_else(missing)
    }

    /// The secrets under which private keys are sealed.
    pub fn key_keyring(&self) -> Result<&Keyring, Error> {
        let missing = || Error::unavailable("deriving a key", NotConfigured("KEY_SECRET"));
        self.config.key_secret.as_ref().ok_or_else(missing)
    }

    /// The keys of access tokens, read when they were not looked at lately. Meant to be awaited beside another read.
    pub async fn token_keys(&self) -> Result<Arc<TokenKeys>, Error> {
        self.key_cache.current(self.store()?, self.clock.now()).await
    }

    /// The circumstances in which tokens are made and read for a caller.
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
