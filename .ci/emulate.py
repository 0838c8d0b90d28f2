"""Runs every function's release binary in AWS's own runtime interface emulator, with the local engine behind it.

Usage: emulate.py BINARIES PORT ENVIRONMENT
BINARIES is the folder of release binaries, PORT that of a running `local`, ENVIRONMENT the `env` file it wrote.

Each function gets the variables that template.yaml gives it, and no others. First every event file is sent and its
status checked; then a person registers and signs in through the binaries alone.
"""
import copy
import json
import os
import pathlib
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request

import samcli
from samcli.yamlhelper import yaml_parse

RIE = pathlib.Path(samcli.__file__).parent / "local/rapid/aws-lambda-rie-x86_64"
EMULATOR, RUNTIME_API = 4390, 4391

# What each event file is answered with, on a table in which nobody has registered.
EXPECTED = {
    "log-in": (400, "bad_credentials"),
    "verify-captcha": (400, "captcha_refused"),
    "register": (400, "code_expired"),
    "send-sms-code": (200, None),
    "check-mobile": (200, None),
    "send-reset-email": (400, "email_unknown"),
    "check-reset-token": (400, "link_invalid"),
    "reset-password": (400, "link_invalid"),
    "send-email-code": (401, "unauthorized"),
    "bind-email": (401, "unauthorized"),
    "me": (401, "unauthorized"),
    "send-proof-code": (401, "unauthorized"),
    "pages": (200, None),
    "forget-pwd-mobile": (200, None),
    "forget-pwd-sms-code": (200, "too_many_requests"),
    "forget-pwd": (403, "csrf_refused"),
    "not-found": (404, "not_found"),
}


def variables_of(function):
    template = yaml_parse(pathlib.Path("template.yaml").read_text(encoding="utf-8"))
    for resource in template["Resources"].values():
        if resource.get("Metadata", {}).get("BuildProperties", {}).get("Binary") == function:
            return resource["Properties"].get("Environment", {}).get("Variables", {})
    raise SystemExit(f"{function} is not in template.yaml")


class Emulated:
    """One function, running in the emulator."""

    def __init__(self, binaries, function, environment):
        given = variables_of(function)
        visible = {k: v for k, v in environment.items() if k in given or k.startswith("AWS_")}
        visible["AWS_LAMBDA_FUNCTION_NAME"] = function
        # By it `local` knows whose policy to hold the function to.
        visible["AWS_ACCESS_KEY_ID"] = function
        command = [
            RIE, "--runtime-interface-emulator-address", f"127.0.0.1:{EMULATOR}",
            "--runtime-api-address", f"127.0.0.1:{RUNTIME_API}", binaries / function,
        ]
        self.function = function
        self.log = open(f"target/emulated-{function}.log", "wb")
        self.process = subprocess.Popen(
            command, env={"PATH": os.environ["PATH"], **visible}, stdout=self.log, stderr=self.log, start_new_session=True
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.killpg(self.process.pid, 9)
        self.process.wait()
        self.log.close()

    def invoke(self, event):
        request = urllib.request.Request(
            f"http://127.0.0.1:{EMULATOR}/2015-03-31/functions/function/invocations", json.dumps(event).encode()
        )
        for _ in range(100):
            try:
                with urllib.request.urlopen(request, timeout=30) as answer:
                    return json.load(answer)
            except urllib.error.URLError as error:
                if not isinstance(error.reason, ConnectionRefusedError):
                    raise
                time.sleep(0.05)
        raise SystemExit(f"{self.function} did not come up: see target/emulated-{self.function}.log")


def inbox_of(port):
    return json.load(urllib.request.urlopen(f"http://127.0.0.1:{port}/_local/inbox.json"))


def put_item(environment, item):
    """Straight into the engine, which checks no signature but wants one to be there."""
    scope = f"local/{time.strftime('%Y%m%d', time.gmtime())}/us-east-1/dynamodb/aws4_request"
    headers = {
        "content-type": "application/x-amz-json-1.0",
        "x-amz-target": "DynamoDB_20120810.PutItem",
        "x-amz-date": time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()),
        "authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=none",
    }
    body = json.dumps({"TableName": environment["TABLE_NAME"], "Item": item}).encode()
    urllib.request.urlopen(urllib.request.Request(environment["AWS_ENDPOINT_URL"], body, headers)).close()


def event_of(function):
    return json.loads(pathlib.Path(f"events/{function}.json").read_text(encoding="utf-8"))


def check(function, answer, status, code):
    headers = {name.lower(): value for name, value in answer.get("headers", {}).items()}
    got = (answer.get("statusCode"), headers.get("x-error-code"))
    if got != (status, code):
        raise SystemExit(f"{function}: {got}, not {(status, code)}: {answer}")
    print(f"  {function}: {status} {code or ''}")


def main():
    binaries, port, env_file = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2], sys.argv[3]
    lines = pathlib.Path(env_file).read_text(encoding="utf-8").splitlines()
    environment = dict(line.split("=", 1) for line in lines)
    functions = sorted(path.stem for path in pathlib.Path("events").glob("*.json"))
    assert set(functions) == {*EXPECTED, "deliver"}, "every event has an expectation"

    print("Every event file, in the emulator:")
    # In this order the message interval of send-sms-code is there when forget-pwd-sms-code asks.
    for function, (status, code) in [(f, e) for f, e in EXPECTED.items()]:
        with Emulated(binaries, function, environment) as emulated:
            check(function, emulated.invoke(event_of(function)), status, code)
    event = event_of("deliver")
    image = event["Records"][0]["dynamodb"]["NewImage"]
    now = int(time.time())
    image["created_at"]["N"], image["expires_at"]["N"] = str(now), str(now + 600)
    image["to"]["S"] = image["code"]["M"]["subject"]["S"] = "13900005678"
    # Stored as another kind, so that the running system's own stream leaves it to the emulated function.
    put_item(environment, {**image, "kind": {"S": "emulated"}})
    with Emulated(binaries, "deliver", environment) as emulated:
        answer = emulated.invoke(event)
        assert answer == {"batchItemFailures": []}, answer
    sent = [message for message in inbox_of(port) if message["to"] == "+8613900005678"]
    assert len(sent) == 1 and "您正在注册" in sent[0]["text"], sent
    print("  deliver: one SMS sent")

    print("A person registers and signs in, in the emulator:")
    event = event_of("register")
    body = json.loads(event["body"])
    message = next(message for message in inbox_of(port) if message["to"] == "+86" + body["mobile"])
    code = re.search(r"(?<!\d)(\d{6})(?!\d)", message["text"]).group(1)
    event["body"] = json.dumps({**body, "sms_code": code})
    with Emulated(binaries, "register", environment) as emulated:
        check("register", emulated.invoke(event), 201, None)
    with Emulated(binaries, "log-in", environment) as emulated:
        answer = emulated.invoke(event_of("log-in"))
        check("log-in", answer, 200, None)
    event = copy.deepcopy(event_of("me"))
    event["headers"]["authorization"] = "Bearer " + json.loads(answer["body"])["token"]
    with Emulated(binaries, "me", environment) as emulated:
        check("me", emulated.invoke(event), 200, None)


main()
