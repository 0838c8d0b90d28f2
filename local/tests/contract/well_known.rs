//! C10: what other services need to trust our tokens.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::site::Site;

fn part(token: &str, index: usize) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(index).unwrap()).unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn c10_publishes_the_keys_and_where_they_are() {
    let site = Site::any().await;
    let configuration = site.get("/.well-known/openid-configuration").await;
    let body = configuration.json();
    let issuer = body["issuer"].as_str().unwrap();
    assert_eq!(body["jwks_uri"], format!("{issuer}/.well-known/jwks.json"));
    assert_eq!(body["id_token_signing_alg_values_supported"], json!(["RS256"]));
    let keys = site.get("/.well-known/jwks.json").await;
    for answer in [&configuration, &keys] {
        assert_eq!(answer.header("cache-control"), Some("public, max-age=60"));
        assert_eq!(answer.header("content-type"), Some("application/json; charset=utf-8"));
    }
    let keys = keys.json()["keys"].as_array().unwrap().clone();
    assert!(keys.len() >= 2, "one signs, one stands by: {keys:?}");
    for key in &keys {
        let names: Vec<_> = key.as_object().unwrap().keys().cloned().collect();
        assert_eq!(names, ["alg", "e", "kid", "kty", "n", "use"], "nothing private");
        assert_eq!((&key["kty"], &key["alg"], &key["use"]), (&json!("RSA"), &json!("RS256"), &json!("sig")));
        assert_eq!(URL_SAFE_NO_PAD.decode(key["n"].as_str().unwrap()).unwrap().len(), 256);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn c10_an_access_token_says_what_a_verifier_needs() {
    let Some(site) = Site::with_inbox().await else { return };
    let person = site.register().await;
    let header = part(&person.token, 0);
    assert_eq!((&header["alg"], &header["typ"]), (&json!("RS256"), &json!("at+jwt")));
    let keys = site.get("/.well-known/jwks.json").await.json();
    assert!(keys["keys"].as_array().unwrap().iter().any(|key| key["kid"] == header["kid"]));
    let claims = part(&person.token, 1);
    let issuer = site.get("/.well-known/openid-configuration").await.json()["issuer"].clone();
    assert_eq!((&claims["iss"], &claims["aud"], &claims["scope"]), (&issuer, &json!("latchkey"), &json!("account")));
    assert_eq!((&claims["sub"], &claims["typ"]), (&json!(person.id), &json!("access")));
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 3600);
    assert!(claims["sid"].is_string() && claims["jti"].is_string() && claims["ver"].is_u64(), "{claims}");
}
