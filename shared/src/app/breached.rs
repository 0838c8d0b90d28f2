//! Looking a new password up among those that were breached elsewhere (ASVS 6.2.12), where `BREACHED_PASSWORDS_URL` says
//! who is asked. Only the first five of its hash's forty digits leave, and the answer is some eight hundred hashes that
//! begin so: whoever is asked learns nothing (k-anonymity). The hash is SHA-1 because that is how such lists are kept.

use std::time::Duration;

use aws_smithy_http_client::{Connector, tls};
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorSettings};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::byte_stream::ByteStream;
use ring::digest;

use crate::domain::Password;

/// How long the whole look-up may take: a person waits.
const TIMEOUT: Duration = Duration::from_millis(1500);
/// Longer answers are none.
const MAX_BYTES: usize = 512 * 1024;
/// How many digits of the hash are told.
const PREFIX: usize = 5;

#[derive(Debug)]
pub struct BreachedPasswords {
    connector: Connector,
    url: String,
}

/// Nothing was learnt. It holds nothing of the password.
#[derive(Debug, thiserror::Error)]
pub enum LookUpError {
    /// No answer in time.
    #[error("no answer in time")]
    TooSlow,
    /// No answer, or one that breaks off.
    #[error("no answer")]
    NoAnswer(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Refused, or in trouble.
    #[error("answered with status {0}")]
    Status(u16),
    /// No list of hashes.
    #[error("the answer is no list of hashes")]
    Unreadable,
}

impl BreachedPasswords {
    /// Asks this address; the first digits of the hash come after it.
    #[must_use]
    pub fn new(url: &str) -> Self {
        let settings = HttpConnectorSettings::builder().connect_timeout(TIMEOUT).read_timeout(TIMEOUT).build();
        // Unlike the table it is not Amazon's: the system's own roots.
        let connector = Connector::builder()
            .connector_settings(settings)
            .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring))
            .build();
        Self { connector, url: url.trim_end_matches('/').to_owned() }
    }

    /// Whether the password is among them.
    pub async fn holds(&self, password: &Password) -> Result<bool, LookUpError> {
        let digest = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, password.as_bytes());
        let digits = hex::encode_upper(digest);
        let (prefix, rest) = digits.split_at(PREFIX);
        let list = tokio::time::timeout(TIMEOUT, self.range(prefix)).await.map_err(|_| LookUpError::TooSlow)??;
        let text = std::str::from_utf8(&list).map_err(|_| LookUpError::Unreadable)?;
        let mut found = false;
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (suffix, count) = line.split_once(':').ok_or(LookUpError::Unreadable)?;
            // Padding counts nothing.
            found |= suffix.eq_ignore_ascii_case(rest) && count.trim() != "0";
        }
        Ok(found)
    }

    async fn range(&self, prefix: &str) -> Result<Vec<u8>, LookUpError> {
        let mut request = HttpRequest::empty();
        let no_answer = |source: Box<dyn std::error::Error + Send + Sync>| LookUpError::NoAnswer(source);
        request.set_uri(format!("{}/{prefix}", self.url)).map_err(|source| no_answer(source.into()))?;
        // All answers of one length: who watches the line learns nothing either.
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
