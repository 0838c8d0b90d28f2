//! The known devices that an account lists.

use serde::{Deserialize, Serialize};

/// The use of a known device, as its account stores it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceUse {
    /// The day (UTC) of the last sign-in on it, in days since the Unix epoch.
    pub day: i64,
    /// Whether the account was signed in to on it more than once. A client that keeps no device value is a new device
    /// at every sign-in, and never comes back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub came_back: bool,
    /// The number of wrong passwords in a row on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_failures: Option<u32>,
}

impl DeviceUse {
    /// Returns a use on this day, without wrong passwords.
    #[must_use]
    pub const fn on(day: i64, came_back: bool) -> Self {
        Self { day, came_back, password_failures: None }
    }
}
