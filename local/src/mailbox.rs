//! What SNS and SES would have sent, newest first.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;

/// A message that was sent.
#[derive(Clone, Debug, Serialize)]
pub struct Sent {
    /// `sms` or `email`.
    pub channel: &'static str,
    /// The number or the address.
    pub to: String,
    pub text: String,
    /// The same for a mail reader.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub html: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// What was said to the provider beside the message; not shown.
    #[serde(skip)]
    pub attributes: BTreeMap<String, String>,
    /// When, as RFC 3339 has it.
    pub at: String,
}

#[derive(Clone, Debug, Default)]
pub struct Mailbox(Arc<Mutex<Vec<Sent>>>);

impl Mailbox {
    /// The most that is kept.
    const CAPACITY: usize = 1000;

    /// Takes a message in.
    pub fn put(&self, message: Sent) {
        let mut messages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        messages.insert(0, message);
        messages.truncate(Self::CAPACITY);
    }

    /// All messages, newest first.
    #[must_use]
    pub fn all(&self) -> Vec<Sent> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
