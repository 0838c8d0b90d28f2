//! Faults on demand: the next calls to a service fail.

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

/// The way a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Throttle,
    Timeout,
    /// The answer is a server error.
    Error,
    /// The answer has status 200 and a body that is not the protocol's.
    Garbage,
    /// Another transaction conflicts with the call (DynamoDB only).
    Conflict,
    /// The call takes effect but is never answered (DynamoDB only).
    TimeoutAfterCommit,
}

/// The faults that are still to come.
#[derive(Clone, Debug, Default)]
pub struct Faults(Arc<Mutex<HashMap<Service, Fault>>>);

#[derive(Clone, Copy, Debug)]
struct Fault {
    kind: Kind,
    /// The number of calls that succeed first.
    after: u32,
    /// The number of calls that then fail.
    count: u32,
}

impl Faults {
    /// Makes the next `count` calls to a service fail. A count of 0 ends the fault.
    pub fn set(&self, service: Service, kind: Kind, count: u32) {
        self.set_after(service, kind, 0, count);
    }

    /// Makes calls to a service fail after `after` calls that succeed.
    pub fn set_after(&self, service: Service, kind: Kind, after: u32, count: u32) {
        let mut troubles = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        troubles.insert(service, Fault { kind, after, count });
    }

    /// Returns how this call fails, if it does.
    #[must_use]
    pub fn take(&self, service: Service) -> Option<Kind> {
        self.take_if(service, |_| true)
    }

    /// Returns how this call fails, if it does and if this kind of call can fail in that way. A call that cannot fail
    /// in that way is not counted.
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
