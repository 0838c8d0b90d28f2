//! The keys of access tokens: created once, rotated without an interruption, and dropped at once after a leak.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::future::join_all;
use reqwest::Method;
use rotate_keys::rotate;
use serde_json::{Value, json};
use shared::App;
use shared::config::{Config, Environment};
use shared::crypto::{PUBLISHED_AHEAD_SECONDS, Rotation};
use shared::dynamodb::keys;

use crate::site::{PASSWORD, Site};

fn kid(token: &str) -> String {
    let header = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
    serde_json::from_slice::<Value>(&header).unwrap()["kid"].as_str().unwrap().to_owned()
}

async fn published(site: &Site) -> Vec<String> {
    let keys = site.get("/.well-known/jwks.json").await.json()["keys"].as_array().unwrap().clone();
    keys.iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

fn invoke(site: &Site, rotation: Rotation) -> impl Future<Output = ()> {
    let schedule = Arc::clone(&site.system.as_ref().unwrap().schedule);
    async move { drop(schedule.rotate(&rotation).await.unwrap()) }
}

async fn token(site: &Site, mobile: &str) -> String {
    site.log_in(mobile).await["token"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_race_of_first_invocations_makes_one_set() {
    let site = Site::with_settings(&[]).await;
    let system = site.system.as_ref().unwrap();
    let client = local::dynamodb(&system.variables).unwrap();
    let key = Some(keys::token_keys().attributes());
    client.delete_item().table_name(local::TABLE).set_key(key).send().await.unwrap();
    let look_up = |name: &str| system.variables.get(name).cloned();
    let config = Config::read(&Environment::new(&look_up), rotate_keys::NEEDS).unwrap();
    let app = App::new(config, system.clock.clone(), rotate_keys::NEEDS).unwrap();
    let sets = join_all((0..10).map(|_| rotate(&app, &Rotation::Due))).await;
    let first = sets[0].as_ref().unwrap();
    assert_eq!(first.len(), 2);
    assert!(sets.iter().all(|set| set.as_ref().unwrap() == first), "{sets:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn three_rotations_under_continuous_log_ins_fail_nobody() {
    let site = Arc::new(Site::with_settings(&[]).await);
    // Two accounts are used. An account has at most twenty live sessions, so continuous log-ins to one account would
    // soon end the session that is observed.
    let (person, busy) = (site.register().await, site.register().await);
    let (running, done) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicUsize::new(0)));
    let work = (0..3).map(|_| {
        let (site, running, done, mobile) =
            (Arc::clone(&site), Arc::clone(&running), Arc::clone(&done), busy.mobile.clone());
        tokio::spawn(async move {
            while running.load(Ordering::Relaxed) {
                let body = json!({ "username": mobile, "password": PASSWORD });
                let answer = site.post("/users/login/", &body).await;
                assert_eq!(answer.status, 200, "{answer:?}");
                // This request goes to another function, which looks for new keys at other times.
                let me = site.me(answer.json()["token"].as_str().unwrap()).await;
                // The clock may have moved past the token's expiry in between.
                assert!(me.status == 200 || me.status == 401, "{me:?}");
                done.fetch_add(usize::from(me.status == 200), Ordering::Relaxed);
            }
        })
    });
    let work: Vec<_> = work.collect();
    let mut seen = vec![kid(&token(&site, &person.mobile).await)];
    for _ in 0..3 {
        let old = token(&site, &person.mobile).await;
        let before = published(&site).await;
        invoke(&site, Rotation::Now).await;
        // The old key signs until the new one has been published for long enough.
        site.advance(290).await;
        assert_eq!(&kid(&token(&site, &person.mobile).await), seen.last().unwrap());
        assert_eq!(site.me(&old).await.status, 200, "an old token is still good");
        site.advance(u32::try_from(PUBLISHED_AHEAD_SECONDS).unwrap() - 290 - 600).await;
        let late = token(&site, &person.mobile).await;
        site.advance(600).await;
        // Instances look for new keys every five minutes.
        site.advance(301).await;
        let new = token(&site, &person.mobile).await;
        assert!(!seen.contains(&kid(&new)) && before.contains(&kid(&new)), "published before it signs");
        assert_eq!(site.me(&late).await.status, 200, "old token still good");
        assert_eq!(site.me(&new).await.status, 200, "new token new kid");
        seen.push(kid(&new));
    }
    site.advance(2 * 3600).await;
    running.store(false, Ordering::Relaxed);
    for task in work {
        task.await.unwrap();
    }
    assert!(done.load(Ordering::Relaxed) > 10, "the log-ins went on all the while");
    let left = published(&site).await;
    assert!(!left.contains(&seen[0]) && left.contains(seen.last().unwrap()), "what has retired is gone: {left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_leaked_is_dropped_at_once_and_the_next_one_is_known_already() {
    let site = Site::with_settings(&[]).await;
    let person = site.register().await;
    let (old, before) = (person.token.clone(), published(&site).await);
    invoke(&site, Rotation::Drop(kid(&old))).await;
    site.advance(301).await;
    let new = token(&site, &person.mobile).await;
    assert_eq!(site.me(&new).await.status, 200);
    site.me(&old).await.is_refused(401, "unauthorized");
    assert!(before.contains(&kid(&new)), "a verifier that cached the keys accepts it");
    assert!(!published(&site).await.contains(&kid(&old)));
    assert_eq!(site.refresh(&person.refresh_token).await.status, 200, "the session goes on, under the next key");

    invoke(&site, Rotation::DropAll).await;
    site.advance(301).await;
    site.me(&new).await.is_refused(401, "unauthorized");
    assert!(published(&site).await.iter().all(|kid| !before.contains(kid)));
    token(&site, &person.mobile).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_schedule_rotates_after_thirty_days() {
    let site = Site::with_settings(&[]).await;
    let person = site.register().await;
    site.advance(31 * 86_400).await;
    let new = token(&site, &person.mobile).await;
    assert_ne!(kid(&new), kid(&person.token));
    assert_eq!(site.me(&new).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_table_holds_no_private_key_in_clear() {
    let site = Site::with_settings(&[]).await;
    let client = local::dynamodb(&site.system.as_ref().unwrap().variables).unwrap();
    let key = Some(keys::token_keys().attributes());
    let item = client.get_item().table_name(local::TABLE).set_key(key).send().await.unwrap().item.unwrap();
    for key in item["keys"].as_l().unwrap() {
        let ciphertext = key.as_m().unwrap()["private"].as_m().unwrap()["ciphertext"].as_s().unwrap();
        let bytes = URL_SAFE_NO_PAD.decode(ciphertext).unwrap();
        assert!(ring_refuses(&bytes), "an RSAPrivateKey is a DER sequence");
        assert!(bytes.len() > 1000, "and a private key it is");
    }
}

/// A DER sequence of this length starts with `30 82`.
fn ring_refuses(bytes: &[u8]) -> bool {
    bytes[..2] != [0x30, 0x82]
}

#[tokio::test(flavor = "multi_thread")]
async fn no_other_function_may_write_the_keys() {
    let site = Site::with_settings(&[]).await;
    let mut variables = site.system.as_ref().unwrap().variables.clone();
    for function in local::registry::ENDPOINTS.iter().map(|endpoint| endpoint.name).chain([deliver::NAME]) {
        variables.insert("AWS_ACCESS_KEY_ID".into(), function.into());
        let client = local::dynamodb(&variables).unwrap();
        let put = client.put_item().table_name(local::TABLE).set_item(Some(keys::token_keys().attributes()));
        assert!(put.send().await.is_err(), "{function}");
        let delete = client.delete_item().table_name(local::TABLE).set_key(Some(keys::token_keys().attributes()));
        assert!(delete.send().await.is_err(), "{function}");
    }
    assert_eq!(site.request(Method::GET, "/.well-known/jwks.json").send().await.unwrap().status(), 200);
}
