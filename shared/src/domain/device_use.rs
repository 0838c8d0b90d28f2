//! The known devices that an account lists.

use serde::{Deserialize, Serialize};

use super::Timestamp;

/// The use of a known device, as its account stores it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceUse {
    /// The day (UTC) of the last sign-in or refresh on it, in days since the Unix epoch.
    pub day: i64,
    /// Whether the account was used on it again after the first sign-in. A client that keeps no device value is a new
    /// device at every sign-in, and never comes back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub came_back: bool,
    /// The number of wrong passwords in a row on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_failures: Option<u32>,
    /// The time of the last of these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_tried_at: Option<Timestamp>,
}

/// The names of the attributes that conditions and updates use.
impl DeviceUse {
    pub const DAY: &'static str = "day";
    pub const CAME_BACK: &'static str = "came_back";
}

impl DeviceUse {
    /// Returns the first use of a device.
    #[must_use]
    pub const fn first(day: i64) -> Self {
        Self { day, came_back: false, password_failures: None, password_tried_at: None }
    }

    /// Returns the use after the device came back. The count of wrong passwords goes on.
    #[must_use]
    pub fn again(&self, day: i64) -> Self {
        Self { day, came_back: true, ..self.clone() }
    }

    /// Returns the use without wrong passwords, after a right one.
    #[must_use]
    pub fn without_failures(self) -> Self {
        Self { password_failures: None, password_tried_at: None, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_attributes_that_are_named_are_those_that_are_stored() {
        let stored = serde_json::to_value(DeviceUse::first(3).again(4)).unwrap();
        assert_eq!((&stored[DeviceUse::DAY], &stored[DeviceUse::CAME_BACK]), (&4.into(), &true.into()));
    }
}
