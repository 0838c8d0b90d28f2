//! Forged, borrowed and old tokens are refused. ASVS 9.1.1–9.1.3, 9.2.1–9.2.4, 7.2.1; RFC 8725 §3.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use graviola::signing::rsa::{KeySize, SigningKey};
use reqwest::Method;
use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair, RsaPublicKeyComponents};
use serde_json::{Value, json};

use crate::site::{NEW_PASSWORD, PASSWORD, Person, Site};

fn part(json: &Value) -> String {
    URL_SAFE_NO_PAD.encode(json.to_string())
}

fn decoded(token: &str, index: usize) -> Value {
    let bytes = URL_SAFE_NO_PAD.decode(token.split('.').nth(index).unwrap()).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

/// Decodes the header and the claims of an access token, so that a test can change them and sign them differently.
fn opened(token: &str) -> (Value, Value) {
    (decoded(token, 0), decoded(token, 1))
}

async fn is_refused_everywhere(site: &Site, token: &str, why: &str) {
    for (method, path) in
        [(Method::GET, "/users/me/"), (Method::POST, "/users/me/sms/"), (Method::DELETE, "/users/me/")]
    {
        let answer = site.send_as(token, method, path, &json!({ "password": PASSWORD })).await;
        assert_eq!((answer.status, answer.header("x-error-code")), (401, Some("unauthorized")), "{why} at {path}");
    }
}

async fn someone() -> (Site, Person) {
    let site = Site::with_settings(&[]).await;
    let person = site.register().await;
    (site, person)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_without_a_signature_is_none() {
    let (site, person) = someone().await;
    let (mut header, claims) = opened(&person.token);
    let signature = person.token.rsplit('.').next().unwrap();
    for alg in ["none", "None", "nOnE", "NONE", ""] {
        header["alg"] = alg.into();
        let text = format!("{}.{}", part(&header), part(&claims));
        for token in [text.clone(), format!("{text}."), format!("{text}.{signature}")] {
            is_refused_everywhere(&site, &token, alg).await;
        }
    }
    site.me(&person.token).await.is(200, &site.me(&person.token).await.json());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_public_key_signs_nothing() {
    let (site, person) = someone().await;
    let (mut header, claims) = opened(&person.token);
    let keys = site.get("/.well-known/jwks.json").await;
    let jwk = keys.json()["keys"][0].clone();
    let n = URL_SAFE_NO_PAD.decode(jwk["n"].as_str().unwrap()).unwrap();
    let secrets: [Vec<u8>; 5] =
        [keys.text.into_bytes(), jwk.to_string().into_bytes(), jwk["n"].as_str().unwrap().into(), n, Vec::new()];
    for (alg, algorithm) in [("HS256", hmac::HMAC_SHA256), ("HS384", hmac::HMAC_SHA384), ("HS512", hmac::HMAC_SHA512)] {
        header["alg"] = alg.into();
        let text = format!("{}.{}", part(&header), part(&claims));
        for secret in &secrets {
            let tag = hmac::sign(&hmac::Key::new(algorithm, secret), text.as_bytes());
            let token = format!("{text}.{}", URL_SAFE_NO_PAD.encode(tag));
            is_refused_everywhere(&site, &token, alg).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_a_token_brings_along_is_not_looked_at_and_nothing_is_fetched() {
    let (site, person) = someone().await;
    let (header, claims) = opened(&person.token);
    let key = SigningKey::generate(KeySize::Rsa2048).unwrap();
    let own = RsaKeyPair::from_der(key.to_pkcs1_der(&mut [0; 2048]).unwrap()).unwrap();
    let public = RsaPublicKeyComponents::<Vec<u8>>::from(own.public());
    let jwk = json!({ "kty": "RSA", "alg": "RS256", "n": URL_SAFE_NO_PAD.encode(public.n), "e": "AQAB" });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/keys.json", listener.local_addr().unwrap());
    for (name, value) in [
        ("jwk", jwk.clone()),
        ("jku", json!(url)),
        ("x5u", json!(url)),
        ("x5c", json!([URL_SAFE_NO_PAD.encode("certificate")])),
        ("kid", json!("../../dev/null")),
        ("kid", json!(url)),
        ("kid", json!("' OR 1=1 --")),
        ("crit", json!(["exp"])),
    ] {
        let mut header = header.clone();
        header[name] = value;
        let text = format!("{}.{}", part(&header), part(&claims));
        let mut signature = vec![0; own.public().modulus_len()];
        own.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature).unwrap();
        is_refused_everywhere(&site, &format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature)), name).await;
    }
    let fetched = tokio::time::timeout(std::time::Duration::from_millis(50), listener.accept()).await;
    assert!(fetched.is_err(), "someone came for the key");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_unknown_keys_costs_no_look_at_the_table() {
    let (site, person) = someone().await;
    site.me(&person.token).await;
    let (mut header, claims) = opened(&person.token);
    let (signature, journal) = (person.token.rsplit('.').next().unwrap(), &site.system.as_ref().unwrap().journal);
    site.get("/_local/inbox.json").await;
    let _still = site.system.as_ref().unwrap().pump.hold().await;
    let _ = journal.take();
    for kid in 0..20 {
        header["kid"] = format!("{kid:016x}").into();
        let token = format!("{}.{}.{signature}", part(&header), part(&claims));
        assert_eq!(site.me(&token).await.status, 401);
    }
    assert!(journal.take().is_empty(), "the keys were looked at a moment ago");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_value_of_one_purpose_serves_another() {
    let (site, person) = someone().await;
    let (person, email) = {
        drop(person);
        site.register_with_email().await
    };
    let log_in = site.post("/users/login/", &json!({ "username": person.mobile, "password": PASSWORD })).await;
    let device = log_in.json()["device"].as_str().unwrap().to_owned();
    let access = log_in.json()["token"].as_str().unwrap().to_owned();
    let refresh = log_in.json()["refresh_token"].as_str().unwrap().to_owned();
    let pass =
        site.get("/users/captcha/?ticket=pass-1&randstr=x").await.json()["captcha_pass"].as_str().unwrap().to_owned();
    let csrf = site.csrf().await;
    site.post("/users/find/password/email/", &json!({ "email": email })).await;
    let link = site.link_for(&email).await;
    for (name, value) in [("device", &device), ("refresh", &refresh), ("pass", &pass), ("csrf", &csrf), ("link", &link)]
    {
        is_refused_everywhere(&site, value, name).await;
    }
    for value in [&device, &access, &pass, &csrf, &link] {
        site.refresh(value).await.is_refused(401, "refresh_token_invalid");
        site.post("/users/logout/", &json!({ "refresh_token": value })).await.is_refused(401, "refresh_token_invalid");
    }
    for value in [&device, &access, &refresh, &pass, &csrf] {
        let answer = site.post("/users/find/password/", &json!({ "access_token": value })).await;
        assert_eq!((answer.status, answer.header("x-error-code")), (400, Some("link_invalid")));
    }
    let body = json!({ "mobile": person.mobile, "sms_code": "123456", "new_password": NEW_PASSWORD });
    for value in [&device, &access, &refresh, &pass, &link] {
        assert_eq!(site.forget_pwd(value, &body).await.header("x-error-code"), Some("csrf_refused"));
    }
    // A plain verifier that uses our published keys takes only the access token for a JWT.
    for value in [&device, &refresh, &pass, &csrf, &link] {
        assert!(jsonwebtoken::decode_header(value).is_err(), "{value}");
    }
    jsonwebtoken::decode_header(&access).unwrap();
    assert_eq!(site.me(&access).await.status, 200, "and nothing of this ended the session");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_token_from_before_a_reset_is_dead() {
    let site = Site::with_settings(&[]).await;
    let (person, email) = site.register_with_email().await;
    let other = site.log_in(&person.mobile).await;
    site.post("/users/find/password/email/", &json!({ "email": email })).await;
    let (first, body) = (
        site.link_for(&email).await,
        |token: &str, password: &str| json!({ "access_token": token, "password": password, "password2": password }),
    );
    site.advance(61).await;
    site.post("/users/find/password/email/", &json!({ "email": email })).await;
    let second = site.link_for(&email).await;
    // The answer contains no token, so a reset does not sign in.
    site.put("/users/find/password/", &body(&second, NEW_PASSWORD)).await.is(200, &json!("重置密码成功！"));
    let older = site.put("/users/find/password/", &body(&first, PASSWORD)).await;
    assert_eq!(older.header("x-error-code"), Some("link_invalid"), "an older link dies with the newer one's use");
    for token in [&person.token, other["token"].as_str().unwrap()] {
        is_refused_everywhere(&site, token, "from before").await;
    }
    for token in [&person.refresh_token, other["refresh_token"].as_str().unwrap()] {
        site.refresh(token).await.is_refused(401, "session_ended");
    }
}
