//! `well_known`: the documents that other services fetch.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use crate::site::Site;

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
