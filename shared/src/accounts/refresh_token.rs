//! Exchanging a refresh token for its successor.

use crate::app::{App, Caller, audit};
use crate::config::RateLimit;
use crate::crypto::{KeyGroup, KnownDevice};
use crate::domain::{Session, Standing, Timestamp, User};
use crate::dynamodb::items::SecurityEvent;
use crate::dynamodb::{Condition, Reason, Set, Transaction, Write, WriteError, keys};
use crate::error::Error;
use crate::messages::Notification;
use crate::sessions::{SignedIn, end, user_and_session, verify};
use crate::throttling::limits::of_account_and_names;
use crate::users::known_devices::{is_listed, known_device, note_day};

/// How often the exchange reads the session, when another use of the same token changes it meanwhile.
const TRIES: usize = 4;

/// Exchanges a refresh token for its successor. One conditional update increments the session's generation, so that of
/// many simultaneous uses only one makes a successor and the others get the same one. The update comes after signing,
/// so that a failure to sign rotates no token. [`Session::standing`] says which tokens are exchanged.
pub async fn refresh(app: &App, caller: &Caller, token: &str) -> Result<SignedIn, Error> {
    let token = verify(app.keyring(KeyGroup::Sessions)?, token)?;
    caller.who.note(token.user_id.as_str());
    for _ in 0..TRIES {
        let now = app.clock.now();
        let (user, session, keys) = user_and_session(app, &token.user_id, &token.session_id).await?;
        let (Some(user), Some(session)) = (user, session) else { return Err(Error::SessionEnded) };
        if user.disabled || !session.is_live(&user, now) {
            return Err(Error::SessionEnded);
        }
        match session.standing(token.generation, app.config.sessions.repeat_seconds, now) {
            Standing::Current => {
                let successor = successor_of(app, caller, &session, now);
                let signed_in = SignedIn::of_refresh(app, caller, &keys, user, successor.clone())?;
                let rotated = rotate(app, &signed_in.user, (&session, &successor));
                let (rotated, ()) = tokio::join!(rotated, note_use(app, caller, &signed_in.user, now));
                if rotated? {
                    return Ok(signed_in);
                }
            }
            Standing::Repeated => return SignedIn::of_refresh(app, caller, &keys, user, session),
            Standing::Replaced => return Err(Error::CredentialsChanged),
            Standing::Unknown => return Err(Error::SessionEnded),
            Standing::Reused => {
                end(app, &token.user_id, &token.session_id).await?;
                audit::refresh_token_reused(caller, &token.user_id, &token.session_id);
                return Err(Error::RefreshTokenReused);
            }
        }
    }
    Err(Error::unavailable("refreshing a session", "it kept changing"))
}

fn successor_of(app: &App, caller: &Caller, session: &Session, now: Timestamp) -> Session {
    let mut successor = session.clone();
    successor.generation += 1;
    successor.rotated_at = now;
    successor.last_used_at = now;
    successor.expires_at = now.plus_seconds(app.config.sessions.idle_seconds).min(session.ends_at);
    // Device and address move together. Otherwise a stolen token would be listed as the owner's device at the thief's
    // address.
    successor.client = caller.client_info();
    successor
}

/// Stores the successor, on condition that the session is still as it was read. Returns `false` if it is not. If the
/// session goes on from another device, the owner is told in the same transaction, so that a use of the token that is
/// repeated or loses a race tells nothing. Above the limit the successor is stored without telling.
async fn rotate(app: &App, user: &User, rotation: (&Session, &Session)) -> Result<bool, Error> {
    let (session, successor) = rotation;
    if session.client.device != successor.client.device {
        match rotate_and_tell(app, user, rotation).await {
            Ok(()) => return Ok(true),
            Err(RotateError::SessionChanged) => return Ok(false),
            Err(RotateError::OverLimit) => {}
            Err(RotateError::Failed(error)) => return Err(error),
        }
    }
    let (key, (set, unchanged)) = (keys::session(&session.user_id, &session.id), update(session, successor));
    let rotated = app.store.write("refreshing a session", &key, &set, &unchanged, |_| WriteError::Refused).await;
    Ok(WriteError::refused_as_none(rotated)?.is_some())
}

/// Why a refresh that tells the owner of another device was not stored.
#[derive(Debug)]
enum RotateError {
    /// The session is no longer as it was read.
    SessionChanged,
    /// The owner was told often enough.
    OverLimit,
    Failed(Error),
}

impl From<Error> for RotateError {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl Reason for RotateError {}

async fn rotate_and_tell(
    app: &App,
    user: &User,
    (session, successor): (&Session, &Session),
) -> Result<(), RotateError> {
    let (set, unchanged) = update(session, successor);
    let mut tx = Transaction::new("refreshing a session on another device", || RotateError::SessionChanged);
    tx.require(Write::update(keys::session(&session.user_id, &session.id), set, unchanged));
    for count in of_account_and_names(app, RateLimit::DeviceNotices, user)? {
        count.declare_as(&mut tx, |_| RotateError::OverLimit);
    }
    tx.add(Notification::new(app, user, SecurityEvent::Device).preferably_by_mail())?;
    app.store.commit(tx).await
}

/// Returns the update of the session to its successor, and the condition that it is still as it was read.
fn update(session: &Session, successor: &Session) -> (Set, Condition) {
    let set = Set::to(Session::GENERATION, successor.generation)
        .and_to(Session::ROTATED_AT, successor.rotated_at)
        .and_to(Session::LAST_USED_AT, successor.last_used_at)
        .and_to(Session::EXPIRES_AT, successor.expires_at)
        .and_to(Session::DEVICE, successor.client.device.as_str())
        .and_to(Session::ADDRESS, successor.client.address.as_str());
    let unchanged = Condition::equal(Session::GENERATION, session.generation)
        .and(Condition::equal(Session::CREDENTIAL_VERSION, session.credential_version));
    (set, unchanged)
}

/// A use is recorded at most once a day, so that most refreshes write only one item.
const NOTE_USE_SECONDS: i64 = 86_400;

/// Records that the account is in use, because only an account that was unused for long may lose its number to the
/// number's next owner, and that its known device is. If this fails, the next refresh records it.
async fn note_use(app: &App, caller: &Caller, user: &User, now: Timestamp) {
    let device = known_device(caller, user);
    let is_noted_on = |device: &KnownDevice| user.devices.get(&device.id).is_some_and(|used| used.day == now.day());
    let is_noted = user.last_used_at.is_some_and(|at| now < at.plus_seconds(NOTE_USE_SECONDS));
    if is_noted && device.is_none_or(is_noted_on) {
        return;
    }
    let (mut set, mut when) = (Set::to(User::LAST_USED_AT, now), Condition::exists(keys::PARTITION));
    if let Some(device) = device {
        (set, when) = (note_day(set, device, now.day()), when.and(is_listed(device)));
    }
    let noted = app.store.write("noting a use", &keys::user(&user.id), &set, &when, |_| WriteError::Refused).await;
    // Refused if the account has just been deleted or has forgotten the device.
    if let Err(error) = WriteError::refused_as_none(noted) {
        error.log_ignored("a use was not noted");
    }
}
