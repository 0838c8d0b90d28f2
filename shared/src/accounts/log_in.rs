//! Logging in with a name and a password.

use futures_util::future::{OptionFuture, join_all};

use crate::app::{App, Caller};
use crate::config::RateLimit;
use crate::crypto::KnownDevice;
use crate::domain::{AccountName, Password, Session, User, UserId};
use crate::dynamodb::items::Claim;
use crate::dynamodb::{Set, Transaction, Write, keys};
use crate::error::Error;
use crate::messages::tell_of_guessing;
use crate::sessions::SignedIn;
use crate::sessions::{self, NewSession};
use crate::throttling::attempts::{self, Attempt, AttemptError, ThrottleKey};
use crate::throttling::limits::{
    count_hash_at, count_hash_in_network, count_hash_on_device, count_source, refund_source,
};
use crate::users::known_devices::{Failures, if_known, is_in_known_network, list_device};
use crate::users::{claim_holder, unchanged};

/// How much later than the count the claim is read. A read is faster than a write, so this makes nobody wait longer. It
/// keeps the claim out of the time that a refusal by the count takes.
const CLAIM_DELAY_MILLISECONDS: u64 = 2;

/// How long the account and its sessions take to read, at least. An account is larger than nothing, and the difference
/// would show before the password is compared.
const READ_MILLISECONDS: u64 = 5;

/// Logs in. The same error answers an unknown account, a wrong password, an account without a password and a disabled
/// one, after the same work and the same two round trips: the counts and the claim, then the account and its sessions.
/// Only a correct password takes a third one, which stores the session.
pub async fn log_in(
    app: &App,
    caller: &Caller,
    name: &str,
    password: &Password,
    remembered: bool,
) -> Result<SignedIn, Error> {
    let classified = AccountName::classify(name);
    caller.who.note(classified.as_ref().map_or_else(|| "?".to_owned(), AccountName::masked));
    let tried = Tried { canonical: attempts::canonical(classified.as_ref(), name), name: classified };
    let (entry, token_keys) = tokio::join!(enter(app, caller, &tried), app.token_keys());
    let (Entry { user, others, attempt, way }, token_keys) = (entry?, token_keys?);
    let hash = user.as_ref().and_then(|user| user.password_hash.as_ref());
    let right = app.verify(password, hash)?;
    let Some(user) = user.as_ref().filter(|user| right && !user.disabled) else {
        if attempt.is_last()
            && way == Way::Name
            && let Err(error) = tell_of_guessing(app, user.as_ref()).await
        {
            attempt.refund(app).await;
            return Err(error);
        }
        return Err(Error::BadCredentials);
    };

    // If the account was changed or deleted meanwhile, the password or the name may no longer be right.
    let mut tx = Transaction::new("opening a session", || Error::BadCredentials);
    let new = NewSession::new(app, caller, user, remembered, others);
    tx.add(&new)?;
    let set = Set::to(User::LAST_USED_AT, app.clock.now());
    let mut set = list_device(app, set, user, &new.device, Failures::End)?;
    // Only now is the password at hand, where its hash was made at another cost (ASVS 11.4.2).
    if let Some(hash) = user.password_hash.as_ref().map(|hash| app.rehash(password, hash)).transpose()?.flatten() {
        set = set.and_to(User::PASSWORD_HASH, hash.as_str());
    }
    tx.require(Write::update(keys::user(&user.id), set, unchanged(user, tried.name.as_ref())));
    let signed_in = SignedIn::of_sign_in(app, caller, &token_keys, user.clone(), &new)?;
    // Refund only this attempt. A successful log-in to one's own account must not reset the count of the whole address.
    let refund: OptionFuture<_> =
        (way != Way::KnownDevice).then(|| refund_source(app, caller, RateLimit::LogInSource)).into();
    let (committed, (), _) = tokio::join!(app.store.commit(tx), attempt.forgive(app), refund);
    committed.map(|()| signed_in)
}

/// The name that was tried.
struct Tried {
    /// `None` if no account can have it.
    name: Option<AccountName>,
    /// The form in which all its spellings count together.
    canonical: String,
}

/// A log-in whose attempt is counted, and whose password may be compared.
struct Entry {
    /// `None` if nobody has the name.
    user: Option<User>,
    /// The account's sessions. They are read to end the oldest.
    others: Vec<Session>,
    attempt: Attempt,
    way: Way,
}

/// What an attempt is counted at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Name,
    Network,
    /// A device is outside the limit of its address.
    KnownDevice,
}

async fn enter(app: &App, caller: &Caller, tried: &Tried) -> Result<Entry, Error> {
    let (attempt, way, id) = if caller.devices.is_empty() {
        // A refusal does not wait for the claim, whose time would tell whether there is one.
        let finding = async {
            app.clock.pause(CLAIM_DELAY_MILLISECONDS).await;
            Ok(holder(app, tried).await?)
        };
        match tokio::try_join!(count_at_name(app, caller, tried), finding) {
            Ok((attempt, id)) => (attempt, Way::Name, id),
            Err(refused) => {
                let (attempt, way) = or_at_network(app, caller, tried, Err(refused)).await?;
                (attempt, way, holder(app, tried).await?)
            }
        }
    } else {
        // The accounts of the devices are read beside the claim, so that a device that is no longer known shows in no
        // time.
        let devices = join_all(caller.devices.iter().map(|device| if_known(app, device)));
        let (id, devices) = tokio::join!(holder(app, tried), devices);
        let (id, devices) = (id?, devices.into_iter().collect::<Result<Vec<_>, _>>()?);
        let known = devices.into_iter().flatten().find(|device| Some(&device.user_id) == id.as_ref());
        if let Some(device) = known
            && let Some(entry) = enter_on_device(app, caller, tried, device).await?
        {
            return Ok(entry);
        }
        let counted = count_at_name(app, caller, tried).await;
        let (attempt, way) = or_at_network(app, caller, tried, counted).await?;
        (attempt, way, id)
    };
    // The account is read only after the name allows the attempt. Otherwise the time of a refusal would tell whether
    // there is one.
    let (found, hash, ()) = tokio::join!(
        read(app, id.clone(), tried),
        count_hash(app, caller, (id, tried, way)),
        app.clock.pause(READ_MILLISECONDS)
    );
    if let Err(error) = hash {
        // The password was not compared.
        tokio::join!(attempt.refund(app), refund_source(app, caller, RateLimit::LogInSource));
        return Err(error);
    }
    let (user, others) = found?;
    let is_compared = |user: &User| way == Way::Name || is_in_known_network(app, caller, user, &others);
    Ok(Entry { user: user.filter(is_compared), others, attempt, way })
}

/// Counts the attempt on a known device. Returns `None` if somebody guesses on the device, or if the account has just
/// forgotten it. From then on it is like any other.
async fn enter_on_device(
    app: &App,
    caller: &Caller,
    tried: &Tried,
    device: &KnownDevice,
) -> Result<Option<Entry>, Error> {
    let counting = attempts::count(app, caller, ThrottleKey::KnownDevice(device));
    let (counted, others, hash) =
        tokio::join!(counting, sessions::all_of(app, &device.user_id), count_hash_on_device(app, device));
    match counted {
        Ok(attempt) => {
            if let Err(error) = hash {
                attempt.refund(app).await;
                return Err(error);
            }
            let user = Some(attempt.user()?).filter(|user| bears(user, tried));
            Ok(Some(Entry { user, others: others.unwrap_or_default(), attempt, way: Way::KnownDevice }))
        }
        Err(AttemptError::Blocked(_) | AttemptError::Gone) => Ok(None),
        Err(refused) => Err(of_log_in(refused)),
    }
}

/// Counts the attempt at the name and at the caller's address. Both must allow it.
async fn count_at_name(app: &App, caller: &Caller, tried: &Tried) -> Result<Attempt, AttemptError> {
    let (attempt, source) = tokio::join!(
        attempts::count(app, caller, ThrottleKey::Name(&tried.canonical)),
        count_source(app, caller, RateLimit::LogInSource)
    );
    let attempt = attempt?;
    if let Err(error) = source {
        // A crowd behind one address must not use up the attempts at a name.
        attempt.refund(app).await;
        return Err(error.into());
    }
    Ok(attempt)
}

/// Lets the attempt pass as it was counted. Where others have used up the attempts at the name, it is counted anew for
/// the caller's network. It is then compared only if that is the network of a live session of the account, and with
/// nothing otherwise, so that neither the answer nor the time tells whose network it is.
async fn or_at_network(
    app: &App,
    caller: &Caller,
    tried: &Tried,
    counted: Result<Attempt, AttemptError>,
) -> Result<(Attempt, Way), Error> {
    match counted {
        Ok(attempt) => Ok((attempt, Way::Name)),
        Err(AttemptError::Blocked(own)) if own.is_innocent() => {
            let counting = attempts::count(app, caller, ThrottleKey::Network(&tried.canonical));
            let attempt = counting.await.map_err(|refused| match refused {
                AttemptError::Failed(error) => error,
                _ => Error::BadCredentials,
            })?;
            Ok((attempt, Way::Network))
        }
        Err(refused) => Err(of_log_in(refused)),
    }
}

fn of_log_in(refused: AttemptError) -> Error {
    match refused {
        AttemptError::Blocked(_) | AttemptError::Gone => Error::BadCredentials,
        AttemptError::TooSoon { retry_after_seconds } => Error::TooMany { retry_after_seconds },
        AttemptError::Failed(error) => error,
    }
}

async fn holder(app: &App, tried: &Tried) -> Result<Option<UserId>, Error> {
    let claim = tried.name.as_ref().map_or_else(keys::no_claim, keys::claim);
    let claim = app.store.get::<Claim>(&claim, "finding an account").await?;
    // A username that is only reserved for its former owner is like one that nobody has.
    Ok(claim.and_then(Claim::holder))
}

/// Counts the hash of the password, at the account or at the name that nobody has: neither the answer nor the time tells
/// which.
async fn count_hash(app: &App, caller: &Caller, (id, tried, way): (Option<UserId>, &Tried, Way)) -> Result<(), Error> {
    match id {
        // Strangers have used up the attempts at the name. What they try in their networks must not use up the hashes of
        // the account too, which the owner needs at another name.
        _ if way == Way::Network => count_hash_in_network(app, caller, &tried.canonical).await,
        Some(id) => count_hash_at(app, id.as_str()).await,
        None => count_hash_at(app, &tried.canonical).await,
    }
}

/// Reads the account and its sessions. An unknown name reads those of a new random id. If all of them read one
/// partition, they would slow down together, and that would show.
async fn read(app: &App, id: Option<UserId>, tried: &Tried) -> Result<(Option<User>, Vec<Session>), Error> {
    let id = id.unwrap_or_else(UserId::generate);
    let (user, others) = tokio::join!(claim_holder(app, &id, tried.name.as_ref()), sessions::all_of(app, &id));
    // The oldest session can be ended at the next sign-in.
    Ok((user?, others.unwrap_or_default()))
}

fn bears(user: &User, tried: &Tried) -> bool {
    tried.name.as_ref().is_some_and(|name| user.bears(name))
}
