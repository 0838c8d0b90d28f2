//! Rotates the keys that sign access tokens: makes the first ones, lets the next key sign when it is due, and drops
//! retired ones.
//!
//! Only this function may write the key set. A schedule runs it every hour, for the first time right after a deploy. An
//! operator invokes it with `{"rotation":"now"}`, `{"rotation":"drop","kid":"…"}` or `{"rotation":"drop_all"}`.
//! [`shared::crypto::KeySet`] has the rules.
//!
//! The graviola crate makes the keys, because *ring* makes no RSA keys: 2048 bits in about 20 ms, with formally
//! verified arithmetic. Its key generation is not protected against side channels. Therefore it runs here, in a
//! function of its own that no request reaches.

use std::process::ExitCode;

use graviola::signing::rsa::{KeySize, SigningKey};
use lambda_runtime::{LambdaEvent, service_fn};
use serde::Serialize;
use shared::config::Need;
use shared::crypto::{KeyGroup, KeySet, Rotation, TokenKey, random_hex};
use shared::dynamodb::{Condition, Transaction, Write, WriteError, keys};
use shared::{App, Error, error_chain};
use zeroize::Zeroizing;

pub const NAME: &str = "rotate-keys";
/// The settings that the function refuses to start without.
pub const NEEDS: &[Need] = &[Need::Table, Need::SEALED_KEYS];

/// How often the key set is read, when another invocation changes it meanwhile.
const TRIES: usize = 5;
/// A buffer size larger than any RSAPrivateKey of 2048 bits, in bytes.
const DER_LENGTH: usize = 2048;

pub fn serve() -> ExitCode {
    shared::lambda::run(NEEDS, async |app| {
        let handler = service_fn(async |event: LambdaEvent<Rotation>| {
            let rotated = rotate(app, &event.payload).await;
            log(&event.payload, &rotated, &event.context.request_id);
            rotated.map_err(|error| error_chain(&error))
        });
        lambda_runtime::run(handler).await
    })
}

/// A key as it is reported, without its secrets.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct ListedKey {
    pub kid: String,
    /// The time from which verifiers can fetch it.
    pub published_at: String,
    /// The time from which it signs; `None` while it is on standby.
    pub signs_from: Option<String>,
    /// The time at which it is dropped; `None` until another key takes over.
    pub retires_at: Option<String>,
}

/// Applies a rotation to the key set and returns its keys. Of two simultaneous invocations, the later one starts again
/// from the result of the other. Two first invocations therefore make only one set.
pub async fn rotate(app: &App, rotation: &Rotation) -> Result<Vec<ListedKey>, Error> {
    let store = &app.store;
    for _ in 0..TRIES {
        let stored: Option<KeySet> = store.get(&keys::token_keys(), "reading the keys").await?;
        let changed = change(app, stored.as_ref(), rotation)?;
        let unchanged = match &stored {
            Some(set) if set.keys == changed.keys => return Ok(list(set)),
            Some(set) => Condition::equal(KeySet::VERSION, set.version),
            None => Condition::no_item(),
        };
        let mut tx = Transaction::new("storing the keys", || WriteError::Refused);
        tx.require(Write::put(keys::token_keys(), &changed, unchanged)?);
        if WriteError::refused_as_none(store.commit(tx).await)?.is_some() {
            return Ok(list(&changed));
        }
    }
    Err(Error::unavailable("storing the keys", "they kept changing"))
}

fn change(app: &App, stored: Option<&KeySet>, rotation: &Rotation) -> Result<KeySet, Error> {
    let keyring = app.keyring(KeyGroup::SealedKeys)?;
    let now = app.clock.now();
    let make = || {
        let key = SigningKey::generate(KeySize::Rsa2048).map_err(|_| unusable("no key was made"))?;
        let mut buffer = Zeroizing::new([0; DER_LENGTH]);
        let private = key.to_pkcs1_der(&mut *buffer).map_err(|_| unusable("a key was not encoded"))?;
        TokenKey::new(private, random_hex::<8>(), keyring, now).map_err(|source| Error::internal(MAKING, source))
    };
    let rules = app.config.tokens.rotation_rules();
    let stored = stored.cloned().unwrap_or_default();
    let opens = |key: &TokenKey| key.private.open(&key.kid, keyring).is_ok();
    // With a secret other than the functions', this would make keys that none of them can use.
    if *rotation != Rotation::DropAll && !stored.keys.is_empty() && !stored.keys.iter().any(opens) {
        return Err(unusable("KEY_SECRET opens none of the keys that are there"));
    }
    if let Rotation::Drop(kid) = rotation
        && !stored.keys.iter().any(|key| key.kid == *kid)
    {
        let there: Vec<_> = stored.keys.iter().map(|key| key.kid.as_str()).collect();
        let problem = format!("no key has the id {kid}; those that are there: {}", there.join(", "));
        return Err(Error::internal("dropping a key", problem));
    }
    let mut changed = stored.rotated(rotation, now, &rules, make)?;
    changed.reseal(keyring);
    Ok(changed)
}

const MAKING: &str = "making a key";

fn unusable(problem: &'static str) -> Error {
    Error::internal(MAKING, problem)
}

fn list(set: &KeySet) -> Vec<ListedKey> {
    let keys = set.keys.iter().map(|key| ListedKey {
        kid: key.kid.clone(),
        published_at: key.published_at.rfc3339(),
        signs_from: key.signs_from.map(|at| at.rfc3339()),
        retires_at: key.retires_at.map(|at| at.rfc3339()),
    });
    keys.collect()
}

fn log(rotation: &Rotation, rotated: &Result<Vec<ListedKey>, Error>, request_id: &str) {
    match rotated {
        Ok(keys) => {
            let kids: Vec<_> = keys.iter().map(|key| key.kid.as_str()).collect();
            tracing::info!(function = NAME, audit = "keys", request_id, ?rotation, ?kids, "rotated");
        }
        Err(error) => {
            let (code, cause) = (error.code(), error_chain(error));
            tracing::error!(function = NAME, request_id, code, ?rotation, cause, "not rotated");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_event_asks_for_what_is_due() {
        let event: Rotation = serde_json::from_str(include_str!("../../../events/rotate-keys.json")).unwrap();
        assert_eq!(event, Rotation::Due);
    }

    #[test]
    fn by_hand_it_is_told_in_words() {
        for (event, rotation) in [
            (r#"{"rotation":"now"}"#, Rotation::Now),
            (r#"{"rotation":"drop","kid":"k1"}"#, Rotation::Drop("k1".into())),
            (r#"{"rotation":"drop_all"}"#, Rotation::DropAll),
        ] {
            assert_eq!(serde_json::from_str::<Rotation>(event).unwrap(), rotation);
        }
        assert!(serde_json::from_str::<Rotation>("{}").is_err());
    }
}
