//! What a function holds while it runs: settings, clock, table, hasher.

use crate::config::{Config, ConfigError, Need};
use crate::domain::{Clock, Grant, Keyring, Language, PasswordHasher, TokenKeys};
use crate::dynamodb::{self, Store};
use crate::error::Error;

/// Built once at start.
#[derive(Debug)]
pub struct App {
    /// The settings.
    pub config: Config,
    /// The program's time.
    pub clock: Clock,
    /// Hashes and verifies passwords.
    pub hasher: PasswordHasher,
    store: Option<Store>,
    tokens: Option<TokenKeys>,
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
        let tokens = config.token_secret.clone().map(TokenKeys::new);
        Ok(Self { config, clock, hasher, store, tokens })
    }

    /// The table.
    pub fn store(&self) -> Result<&Store, Error> {
        self.store.as_ref().ok_or_else(|| Error::unavailable("reaching the table", NotConfigured("TABLE_NAME")))
    }

    /// The secrets of codes, links, passes and CSRF values.
    pub fn keyring(&self) -> Result<&Keyring, Error> {
        let missing = || Error::unavailable("deriving a key", NotConfigured("CODE_SECRET"));
        self.config.code_secret.as_ref().ok_or_else(missing)
    }

    /// The keys of access tokens.
    pub fn tokens(&self) -> Result<&TokenKeys, Error> {
        self.tokens.as_ref().ok_or_else(|| Error::unavailable("reading a token", NotConfigured("TOKEN_SECRET")))
    }

    /// The circumstances in which tokens are made and read for a caller.
    #[must_use]
    pub fn grant<'a>(&'a self, caller: &'a Caller) -> Grant<'a> {
        Grant {
            issuer: &caller.issuer,
            audience: &self.config.tokens.audience,
            now: self.clock.now(),
            life_seconds: self.config.tokens.life_seconds,
        }
    }
}
