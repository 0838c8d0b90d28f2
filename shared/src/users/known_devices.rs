//! The devices on which an account is known: recognising one, and listing it with the account.

use std::collections::BTreeMap;

use crate::app::{App, Caller};
use crate::crypto::KnownDevice;
use crate::domain::{DeviceUse, Session, User};
use crate::dynamodb::{Set, Value};
use crate::error::Error;

/// Returns the caller's device, if the account knows it: it has the account's credential version, and the account lists
/// it.
pub(crate) fn known_device<'a>(caller: &'a Caller, user: &User) -> Option<&'a KnownDevice> {
    caller.devices.iter().find(|device| is_known(device, user))
}

pub(crate) fn is_known(device: &KnownDevice, user: &User) -> bool {
    device.user_id == user.id
        && device.credential_version == user.credential_version
        && user.devices.contains_key(&device.id)
}

/// Adds a use of a device to an update of the account. Of more devices than `KNOWN_DEVICES`, those are forgotten first
/// that never came back, and then those that were unused for the longest time.
pub(crate) fn list_device(app: &App, set: Set, user: &User, device: &KnownDevice) -> Result<Set, Error> {
    let today = DeviceUse::on(app.clock.now().day(), user.devices.contains_key(&device.id));
    if user.devices.is_empty() {
        // The item may have no map, and then it has no place for a device. Of two first devices at the same moment, the
        // account knows one.
        let first = BTreeMap::from([(&device.id, &today)]);
        return Ok(set.and_to(User::DEVICES, Value::of(&first)?));
    }
    let is_listed = user.devices.get(&device.id) == Some(&today);
    let set = if is_listed { set } else { set.and_to(path(&device.id), Value::of(&today)?) };
    let mut others: Vec<_> = user.devices.iter().filter(|(id, _)| **id != device.id).collect();
    others.sort_by_key(|(_, used)| (used.came_back, used.day));
    let excess = (others.len() + 1).saturating_sub(app.config.devices.most);
    Ok(others.into_iter().take(excess).fold(set, |set, (id, _)| set.and_remove(path(id))))
}

/// Returns the devices of an account after its credential version has moved: the one that acts, if there is one.
pub(crate) fn only_device(app: &App, device: Option<&KnownDevice>) -> BTreeMap<String, DeviceUse> {
    device.map(|device| (device.id.clone(), DeviceUse::on(app.clock.now().day(), false))).into_iter().collect()
}

/// Returns the path of a device within the item of its account.
pub(crate) fn path(id: &str) -> String {
    format!("{}.{id}", User::DEVICES)
}

/// Returns whether the caller's network is that of a live session of the account. Where strangers have
/// used up the guesses, such a network still has some of its own, for clients that keep no device value.
pub(crate) fn is_in_known_network(app: &App, caller: &Caller, user: &User, sessions: &[Session]) -> bool {
    let network = caller.client_info().address;
    let now = app.clock.now();
    !network.is_empty()
        && sessions.iter().any(|session| session.is_live(user, now) && session.client.address == network)
}
