// The JavaScript part of verify_clients. It reads the token and the expected values as JSON from its standard input.
import assert from "node:assert";
import { readFileSync } from "node:fs";
import * as jose from "jose";
import * as oauth from "oauth4webapi";
import * as openid from "openid-client";
import { JwtVerifier } from "aws-jwt-verify";

const { issuer, audience, subject, token, tampered } = JSON.parse(readFileSync(0, "utf8"));
// All of these libraries refuse plain http by default, and a deployed system does not use it.
const insecure = { [oauth.allowInsecureRequests]: true };
const jwksUri = `${issuer}/.well-known/jwks.json`;

const keys = jose.createRemoteJWKSet(new URL(jwksUri));
async function byJose(text) {
  const requiredClaims = ["exp", "sub", "client_id", "iat", "jti"];
  const options = { issuer, audience, typ: "at+jwt", algorithms: ["RS256"], requiredClaims };
  return (await jose.jwtVerify(text, keys, options)).payload.sub;
}

const discovered = (algorithm) => async (text) => {
  const url = new URL(issuer);
  const answer = await oauth.discoveryRequest(url, { algorithm, ...insecure });
  const server = await oauth.processDiscoveryResponse(url, answer);
  const request = new Request("http://service.example/", { headers: { authorization: `Bearer ${text}` } });
  return (await oauth.validateJwtAccessToken(server, request, audience, insecure)).sub;
};

// This library fetches keys only by https. Here the keys come by plain http, so they are fetched without it.
const verifier = JwtVerifier.create({ issuer, audience, jwksUri });
verifier.cacheJwks(await (await fetch(jwksUri)).json());
const byAws = async (text) => (await verifier.verify(text)).sub;

for (const [name, verify] of [
  ["jose", byJose],
  ["oauth4webapi (OpenID Connect Discovery)", discovered("oidc")],
  ["oauth4webapi (RFC 8414)", discovered("oauth2")],
  ["aws-jwt-verify", byAws],
]) {
  assert.equal(await verify(token), subject, name);
  for (const [what, text] of Object.entries(tampered)) {
    const refused = await verify(text).then(() => null, (error) => error);
    assert.ok(refused, `${name} accepts ${what}`);
    console.log(`  ${name} refuses ${what}: ${refused.constructor.name}`);
  }
}

for (const algorithm of ["oidc", "oauth2"]) {
  const options = { algorithm, execute: [openid.allowInsecureRequests] };
  const config = await openid.discovery(new URL(issuer), "a-client", undefined, undefined, options);
  assert.equal(config.serverMetadata().jwks_uri, jwksUri);
  console.log(`  openid-client (${algorithm}) finds ${config.serverMetadata().jwks_uri}`);
}
