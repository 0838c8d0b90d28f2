//! Fault on demand: the next calls to a service fail.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Deserialize;

/// A service that can be made to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Service {
    Dynamodb,
    Sms,
    Email,
    Captcha,
}

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Throttle,
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
pub struct Faults(Arc<Mutex<HashMap<Service, Fault>>>);

#[derive(Clone, Copy, Debug)]
struct Fault {
    kind: Kind,
    /// Calls that go well first.
    after: u32,
    /// Calls that then fail.
    count: u32,
}

impl Faults {
    /// Makes the next calls to a service fail; 0 ends it.
    pub fn set(&self, service: Service, kind: Kind, count: u32) {
        self.set_after(service, kind, 0, count);
    }

    /// Makes calls to a service fail after some that go well.
    pub fn set_after(&self, service: Service, kind: Kind, after: u32, count: u32) {
        let mut troubles = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        troubles.insert(service, Fault { kind, after, count });
    }

    /// How this call fails, if it does.
    #[must_use]
    pub fn take(&self, service: Service) -> Option<Kind> {
        self.take_if(service, |_| true)
    }

    /// How this call fails, if it does and can fail so. A call that cannot counts for nothing.
    #[must_use]
    pub fn take_if(&self, service: Service, can_fail_so: impl Fn(Kind) -> bool) -> Option<Kind> {
        let mut troubles = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let trouble = troubles.get_mut(&service).filter(|trouble| can_fail_so(trouble.kind))?;
        if trouble.after > 0 {
            trouble.after -= 1;
            return None;
        }
        trouble.count = trouble.count.checked_sub(1)?;
        Some(trouble.kind)
    }
}
