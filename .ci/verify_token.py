"""Verifies an access token as another team's service would: with an independent library and the published keys.

Usage: verify_token.py URL, the address of a running `local` whose clock was not moved.
"""
import json
import re
import sys
import urllib.request

import jwt

BASE, MOBILE = sys.argv[1], "13800007777"


def call(path, body=None):
    request = urllib.request.Request(BASE + path, headers={"content-type": "application/json"})
    if body is not None:
        request.data = json.dumps(body).encode()
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


call(f"/users/sms/{MOBILE}/", {})
text = next(message["text"] for message in call("/_local/inbox.json") if message["to"] == "+86" + MOBILE)
code = re.search(r"(?<!\d)(\d{6})(?!\d)", text).group(1)
person = call("/users/", {"nickname": "小明", "mobile": MOBILE, "sms_code": code, "password": "correct horse battery"})

configuration = call("/.well-known/openid-configuration")
keys = jwt.PyJWKClient(configuration["jwks_uri"])


def verify(token, **changes):
    arguments = {"algorithms": ["RS256"], "audience": "latchkey", "issuer": configuration["issuer"], **changes}
    return jwt.decode(token, keys.get_signing_key_from_jwt(token), **arguments)


claims = verify(person["token"])
assert claims["sub"] == person["id"] and claims["scope"] == "account", claims
print(f"  PyJWT {jwt.__version__}: {claims['sub']} signed in until {claims['exp']}")
head, payload, signature = person["token"].split(".")
for token, changes in [
    (person["token"], {"audience": "another"}),
    (person["token"], {"issuer": "https://another.example"}),
    (f"{head}.{payload}.{'A' * len(signature)}", {}),
    # We signed this one for another purpose, and no verifier may accept it as an access token.
    (person["refresh_token"], {}),
]:
    try:
        verify(token, **changes)
    except jwt.PyJWTError as refused:
        print(f"  refused: {type(refused).__name__}")
    else:
        raise SystemExit(f"accepted: {token} {changes}")
