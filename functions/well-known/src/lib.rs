//! `GET /openapi.json`: returns the description of the API (OpenAPI 3.1).
//!
//! `GET /.well-known/jwks.json`, `GET /.well-known/openid-configuration` and `GET
//! /.well-known/oauth-authorization-server`: return the keys and the metadata that other services need to trust our
//! access tokens. API Gateway's JWT authorizer reads the first two, OAuth libraries the last.

use serde_json::json;
use shared::config::Need;
use shared::http::{Endpoint, ErrorFormat, Reply, Request};
use shared::{App, Error};

pub const ENDPOINT: Endpoint = Endpoint {
    name: "well-known",
    error_format: ErrorFormat::Detail,
    needs: &[Need::Table, Need::TokenKeys],
    handle: |app, request| Box::pin(well_known(app, request)),
};

/// Must be short. A key is published 2 h 10 min before it signs. Verifiers cache keys for two hours, and an instance of
/// ours may be five minutes behind.
const CACHE: &str = "public, max-age=60";

/// The description of the API, generated from `docs/openapi.yaml`.
const OPENAPI: &str = include_str!("../../../docs/openapi.json");

async fn well_known(app: &App, request: &Request) -> Result<Reply, Error> {
    if request.path().trim_end_matches('/') == "/openapi.json" {
        let reply = Reply::bytes("application/json; charset=utf-8", OPENAPI.as_bytes().to_vec());
        return Ok(reply.with_header("cache-control", CACHE));
    }
    let is_keys = request.path().trim_end_matches('/').ends_with("/jwks.json");
    let document = if is_keys { app.token_keys().await?.jwks() } else { configuration(&request.caller(app).issuer) };
    Ok(Reply::ok(&document)?.with_header("cache-control", CACHE))
}

/// Returns the metadata of OpenID Connect Discovery 1.0 §3 and RFC 8414 §2, as far as it concerns the verification of
/// tokens. Nobody signs in through these documents, so they name no endpoint for that.
fn configuration(issuer: &str) -> serde_json::Value {
    json!({
        "issuer": issuer,
        "jwks_uri": format!("{issuer}/.well-known/jwks.json"),
        "response_types_supported": ["token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": ["account"],
        "claims_supported": ["iss", "aud", "sub", "iat", "exp", "jti", "client_id", "sid", "scope", "ver"],
    })
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn its_event_is_accepted_up_to_the_table() {
        let reply = shared::testing::answer(&super::ENDPOINT, include_str!("../../../events/well-known.json")).await;
        assert_eq!(reply.status(), 503);
    }
}
