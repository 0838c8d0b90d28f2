//! C10: what other services need to trust our tokens.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Method;
use serde_json::{Value, json};

use crate::site::{PASSWORD, Site};

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
    let server = site.get("/.well-known/oauth-authorization-server").await;
    assert_eq!(server.json(), body, "RFC 8414 asks for the same elsewhere");
    for answer in [&configuration, &keys, &server] {
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
    assert_eq!(claims["client_id"], "latchkey");
    assert!(claims["sid"].is_string() && claims["jti"].is_string() && claims["ver"].is_u64(), "{claims}");
}

#[tokio::test(flavor = "multi_thread")]
async fn c10_no_two_tokens_have_one_id() {
    let Some(site) = Site::with_inbox().await else { return };
    let (mut person, email) = site.register_with_email().await;
    let mut ids = std::collections::BTreeSet::from([part(&person.token, 1)["jti"].to_string()]);
    // The address that is bound already: nothing changes, and the token is a new one all the same.
    for _ in 0..2 {
        let asked = json!({ "email": email, "password": PASSWORD });
        let answer = site.send_as(&person.token, Method::POST, "/users/me/email/", &asked).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let body = json!({ "email": email, "email_code": site.code_for(&email).await });
        let answer = site.send_as(&person.token, Method::PUT, "/users/me/email/", &body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        person.token = answer.json()["token"].as_str().unwrap().to_owned();
        assert!(ids.insert(part(&person.token, 1)["jti"].to_string()), "{ids:?}");
        site.advance(61).await;
    }
    let refreshed = site.post("/users/token/refresh/", &json!({ "refresh_token": person.refresh_token })).await;
    let token = refreshed.json()["token"].as_str().unwrap().to_owned();
    assert!(ids.insert(part(&token, 1)["jti"].to_string()), "{ids:?}");
    // The same refresh once more is the same answer.
    let again = site.post("/users/token/refresh/", &json!({ "refresh_token": person.refresh_token })).await;
    assert_eq!(again.json(), refreshed.json());
}

#[tokio::test(flavor = "multi_thread")]
async fn c10_the_client_id_is_configured_and_by_default_the_audience() {
    for (settings, client_id) in
        [(&[("AUDIENCE", "shop")][..], "shop"), (&[("AUDIENCE", "shop"), ("CLIENT_ID", "app")], "app")]
    {
        let Some(site) = Site::with_settings(settings).await else { return };
        let claims = part(&site.register().await.token, 1);
        assert_eq!((&claims["aud"], &claims["client_id"]), (&json!("shop"), &json!(client_id)));
    }
}
