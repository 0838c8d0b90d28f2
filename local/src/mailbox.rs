//! The messages that SNS and SES would have sent, newest first.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;

#[derive(Clone, Debug, Serialize)]
pub struct Sent {
    /// `sms` or `email`.
    pub channel: &'static str,
    /// The number or the address.
    pub to: String,
    pub text: String,
    /// The HTML form of a mail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub html: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The parameters that the provider received beside the message. They are not shown.
    #[serde(skip)]
    pub attributes: BTreeMap<String, String>,
    /// In RFC 3339.
    pub at: String,
}

#[derive(Clone, Debug, Default)]
pub struct Mailbox(Arc<Mutex<Vec<Sent>>>);

impl Mailbox {
    /// The largest number of messages kept. Older ones are dropped.
    const CAPACITY: usize = 1000;

    pub fn put(&self, message: Sent) {
        let mut messages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        messages.insert(0, message);
        messages.truncate(Self::CAPACITY);
    }

    /// Returns all messages, newest first.
    #[must_use]
    pub fn all(&self) -> Vec<Sent> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
