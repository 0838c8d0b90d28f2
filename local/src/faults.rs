//! Trouble on demand: the next calls to a service fail.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Deserialize;

/// A service that can be made to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Service {
    /// The table's engine.
    Dynamodb,
    /// SNS.
    Sms,
    /// SES.
    Email,
    /// The captcha gateway.
    Captcha,
}

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Refused for now.
    Throttle,
    /// Never answered.
    Timeout,
    /// Answered with a server error.
    Error,
    /// Answered with something else.
    Garbage,
    /// Another transaction is in the way (DynamoDB).
    Conflict,
    /// Done, but never answered (DynamoDB).
    TimeoutAfterCommit,
}

/// The trouble that is left.
#[derive(Clone, Debug, Default)]
pub struct Faults(Arc<Mutex<HashMap<Service, (Kind, u32)>>>);

impl Faults {
    /// Makes the next calls to a service fail; 0 ends it.
    pub fn set(&self, service: Service, kind: Kind, count: u32) {
        let mut left = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        left.insert(service, (kind, count));
    }

    /// How this call fails, if it does.
    #[must_use]
    pub fn take(&self, service: Service) -> Option<Kind> {
        let mut left = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (kind, count) = left.get_mut(&service)?;
        *count = count.checked_sub(1)?;
        Some(*kind)
    }
}
