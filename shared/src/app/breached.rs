//! Looks up whether a new password was breached elsewhere (ASVS 6.2.12), at the service that `BREACHED_PASSWORDS_URL`
//! names.
//!
//! The service gets only the first five of the forty hex digits of the password's hash. It answers with some eight
//! hundred hashes that start with these digits, so it does not learn the password (k-anonymity). The hash is SHA-1
//! because such lists use it.

use std::time::Duration;

use aws_smithy_http_client::{Connector, tls};
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorSettings};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::byte_stream::ByteStream;
use ring::digest;

use crate::domain::Password;

/// The timeout of the whole look-up. It is short because a person waits for the answer.
const TIMEOUT: Duration = Duration::from_millis(1500);
/// The maximum length of an answer. A longer one counts as unreadable.
const MAX_BYTES: usize = 512 * 1024;
/// The number of hex digits of the hash that are sent.
const PREFIX: usize = 5;

#[derive(Debug)]
pub struct BreachedPasswords {
    connector: Connector,
    url: String,
}

/// The error for a look-up without a result. It contains no part of the password or its hash.
#[derive(Debug, thiserror::Error)]
pub enum LookUpError {
    #[error("no answer in time")]
    TooSlow,
    /// The connection failed, or the answer was cut short.
    #[error("no answer")]
    NoAnswer(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The service answered with a status other than 200.
    #[error("answered with status {0}")]
    Status(u16),
    /// The answer is not a list of hashes, or is too long.
    #[error("the answer is no list of hashes")]
    Unreadable,
}

impl BreachedPasswords {
    /// Creates a client for the service at this address. The digits of the hash are appended to the address.
    #[must_use]
    pub fn new(url: &str) -> Self {
        let settings = HttpConnectorSettings::builder().connect_timeout(TIMEOUT).read_timeout(TIMEOUT).build();
        // The service is not Amazon's, so this client trusts the system's root certificates.
        let connector = Connector::builder()
            .connector_settings(settings)
            .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring))
            .build();
        Self { connector, url: url.trim_end_matches('/').to_owned() }
    }

    /// Returns whether the password was breached.
    pub async fn holds(&self, password: &Password) -> Result<bool, LookUpError> {
        let digest = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, password.as_bytes());
        let digits = hex::encode_upper(digest);
        let (prefix, rest) = digits.split_at(PREFIX);
        let list = tokio::time::timeout(TIMEOUT, self.range(prefix)).await.map_err(|_| LookUpError::TooSlow)??;
        let text = std::str::from_utf8(&list).map_err(|_| LookUpError::Unreadable)?;
        let mut found = false;
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (suffix, count) = line.split_once(':').ok_or(LookUpError::Unreadable)?;
            // Lines that only pad the answer have a count of 0.
            found |= suffix.eq_ignore_ascii_case(rest) && count.trim() != "0";
        }
        Ok(found)
    }

    async fn range(&self, prefix: &str) -> Result<Vec<u8>, LookUpError> {
        let mut request = HttpRequest::empty();
        let no_answer = |source: Box<dyn std::error::Error + Send + Sync>| LookUpError::NoAnswer(source);
        request.set_uri(format!("{}/{prefix}", self.url)).map_err(|source| no_answer(source.into()))?;
        // Padded answers have similar lengths, so their length does not reveal the prefix to an eavesdropper.
        request.headers_mut().insert("add-padding", "true");
        request.headers_mut().insert("user-agent", "latchkey");
        let answer = self.connector.call(request).await.map_err(|source| no_answer(source.into()))?;
        if answer.status().as_u16() != 200 {
            return Err(LookUpError::Status(answer.status().as_u16()));
        }
        let mut body = ByteStream::new(answer.into_body());
        let mut list = Vec::new();
        while let Some(bytes) = body.next().await {
            list.extend_from_slice(&bytes.map_err(|source| no_answer(source.into()))?);
            if list.len() > MAX_BYTES {
                return Err(LookUpError::Unreadable);
            }
        }
        Ok(list)
    }
}
