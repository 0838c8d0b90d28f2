//! `well_known`: the claims of an access token.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Method;
use serde_json::{Value, json};

use crate::site::{PASSWORD, Site};

pub fn part(token: &str, index: usize) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(index).unwrap()).unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn c10_an_access_token_says_what_a_verifier_needs() {
    let site = Site::with_inbox().await;
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
    let site = Site::with_inbox().await;
    let (mut person, email) = site.register_with_email().await;
    let mut ids = std::collections::BTreeSet::from([part(&person.token, 1)["jti"].to_string()]);
    // The email is bound already, so nothing changes. The token is a new one nevertheless.
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
    // Repeating the refresh returns the same answer.
    let again = site.post("/users/token/refresh/", &json!({ "refresh_token": person.refresh_token })).await;
    assert_eq!(again.json(), refreshed.json());
}
