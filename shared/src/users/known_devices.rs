//! The devices on which an account is known: recognising one, and listing it with the account.

use std::collections::BTreeMap;

use crate::app::{App, Caller};
use crate::crypto::KnownDevice;
use crate::domain::{DeviceUse, Session, User};
use crate::dynamodb::{Condition, Set, Value, keys};
use crate::error::Error;

/// Returns the caller's device, if the account knows it: it has the account's credential version, and the account lists
/// it.
pub(crate) fn known_device<'a>(caller: &'a Caller, user: &User) -> Option<&'a KnownDevice> {
    caller.devices.iter().find(|device| is_known(device, user))
}

fn is_known(device: &KnownDevice, user: &User) -> bool {
    device.user_id == user.id
        && device.credential_version == user.credential_version
        && user.devices.contains_key(&device.id)
}

/// Returns the device, if its account knows it.
pub(crate) async fn if_known<'a>(app: &App, device: &'a KnownDevice) -> Result<Option<&'a KnownDevice>, Error> {
    let user: Option<User> = app.store.get(&keys::user(&device.user_id), "reading an account").await?;
    Ok(user.filter(|user| is_known(device, user)).map(|_| device))
}

/// What a sign-in does to the count of wrong passwords on its device.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failures {
    /// A code signed in, which says nothing of the password.
    GoOn,
    /// The password was right.
    End,
}

/// Adds a sign-in on a device to an update of the account. Of more devices than `KNOWN_DEVICES`, those are forgotten
/// first that never came back, and then those that were unused for the longest time.
pub(crate) fn list_device(
    app: &App,
    set: Set,
    user: &User,
    device: &KnownDevice,
    failures: Failures,
) -> Result<Set, Error> {
    let (today, listed) = (app.clock.now().day(), user.devices.get(&device.id));
    let used = listed.map_or_else(|| DeviceUse::first(today), |listed| listed.again(today));
    let used = if failures == Failures::End { used.without_failures() } else { used };
    if user.devices.is_empty() {
        // The item may have no map, and then it has no place for a device. Of two first devices at the same moment, the
        // account knows one.
        let first = BTreeMap::from([(&device.id, &used)]);
        return Ok(set.and_to(User::DEVICES, Value::of(&first)?));
    }
    let set = if listed == Some(&used) { set } else { set.and_to(path(&device.id), Value::of(&used)?) };
    let mut others: Vec<_> = user.devices.iter().filter(|(id, _)| **id != device.id).collect();
    others.sort_by_key(|(_, used)| (used.came_back, used.day));
    let excess = (others.len() + 1).saturating_sub(app.config.devices.most);
    Ok(others.into_iter().take(excess).fold(set, |set, (id, _)| set.and_remove(path(id))))
}

/// Adds to an update of the account that a listed device was used today, and nothing else: the count of wrong passwords
/// on it goes on. The update needs [`is_listed`] as a condition, because it has no place where the device is forgotten.
pub(crate) fn note_day(set: Set, device: &KnownDevice, today: i64) -> Set {
    let within = path(&device.id);
    let day = u64::try_from(today).unwrap_or(0);
    set.and_to(format!("{within}.{}", DeviceUse::DAY), day).and_to(format!("{within}.{}", DeviceUse::CAME_BACK), true)
}

/// Returns the condition that the account still lists a device.
pub(crate) fn is_listed(device: &KnownDevice) -> Condition {
    Condition::exists(path(&device.id))
}

/// Returns the devices of an account after its credential version has moved: the one that acts, if there is one.
pub(crate) fn only_device(app: &App, device: Option<&KnownDevice>) -> BTreeMap<String, DeviceUse> {
    device.map(|device| (device.id.clone(), DeviceUse::first(app.clock.now().day()))).into_iter().collect()
}

/// Returns the path of a device within the item of its account.
pub(crate) fn path(id: &str) -> String {
    format!("{}.{id}", User::DEVICES)
}

/// Returns whether the caller's network is that of a live session of the account. Where strangers have used up the
/// guesses, such a network still has some of its own, for clients that keep no device value.
pub(crate) fn is_in_known_network(app: &App, caller: &Caller, user: &User, sessions: &[Session]) -> bool {
    let network = caller.client_info().address;
    let now = app.clock.now();
    !network.is_empty()
        && sessions.iter().any(|session| session.is_live(user, now) && session.client.address == network)
}
