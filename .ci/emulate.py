"""Runs the release binary of every function in AWS's runtime interface emulator, with the local engine behind it.

Usage: emulate.py BUILT PORT ENVIRONMENT
BUILT is the output folder of `cargo lambda build`, PORT the port of a running `local`, ENVIRONMENT its `env` file.

Each function gets the variables that template.yaml gives it, and no others. First every event file is sent and the
status of its answer is checked. Then a person registers, binds an email and recovers the password twice, using only the
binaries.
"""
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

import samcli
from samcli.yamlhelper import yaml_parse

RIE = pathlib.Path(samcli.__file__).parent / "local/rapid/aws-lambda-rie-x86_64"
EMULATOR, RUNTIME_API = 4390, 4391

# The expected answers to the event files, on a table in which nobody has registered. Any other asks for a signed-in
# person.
EXPECTED = {
    "log-in": (400, "bad_credentials"),
    "verify-captcha": (400, "captcha_refused"),
    "register": (400, "code_expired"),
    "send-sms-code": (200, None),
    "check-mobile": (200, None),
    "send-reset-email": (400, "email_unknown"),
    "check-reset-token": (400, "link_invalid"),
    "secure-account": (400, "link_invalid"),
    "reset-password": (400, "link_invalid"),
    "refresh-token": (401, "refresh_token_invalid"),
    "log-out": (401, "refresh_token_invalid"),
    "sms-log-in": (400, "code_expired"),
    "well-known": (200, None),
    "pages": (200, None),
    "forget-pwd-mobile": (200, None),
    "forget-pwd-sms-code": (200, "too_many_requests"),
    "forget-pwd": (403, "csrf_refused"),
    "not-found": (404, "not_found"),
}


def variables_of(function):
    template = yaml_parse(pathlib.Path("template.yaml").read_text(encoding="utf-8"))
    shared = template["Globals"]["Function"]["Environment"]["Variables"]
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function" and resource["Properties"]["CodeUri"] == f"target/lambda/{function}":
            return {**shared, **resource["Properties"].get("Environment", {}).get("Variables", {})}
    raise SystemExit(f"{function} is not in template.yaml")


class Emulated:
    """A function that runs in the emulator."""

    def __init__(self, binaries, function, environment):
        given = variables_of(function)
        visible = {k: v for k, v in environment.items() if k in given or k.startswith("AWS_")}
        visible["AWS_LAMBDA_FUNCTION_NAME"] = function
        # `local` recognizes the function by this, and applies the function's policy.
        visible["AWS_ACCESS_KEY_ID"] += "-" + function
        command = [
            RIE, "--runtime-interface-emulator-address", f"127.0.0.1:{EMULATOR}",
            "--runtime-api-address", f"127.0.0.1:{RUNTIME_API}", binaries / function / "bootstrap",
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
    dynamodb(environment, "PutItem", {"Item": item})


def delete_item(environment, key):
    dynamodb(environment, "DeleteItem", {"Key": key})


def dynamodb(environment, operation, request):
    """Calls the local AWS directly. It checks the access key id and not the signature."""
    scope = f"{environment['AWS_ACCESS_KEY_ID']}/{time.strftime('%Y%m%d', time.gmtime())}/us-east-1/dynamodb/aws4_request"
    headers = {
        "content-type": "application/x-amz-json-1.0",
        "x-amz-target": f"DynamoDB_20120810.{operation}",
        "x-amz-date": time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()),
        "authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=none",
    }
    body = json.dumps({"TableName": environment["TABLE_NAME"], **request}).encode()
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
    # A value that contains spaces is quoted.
    environment = dict(shlex.split(line)[0].split("=", 1) for line in lines)
    functions = sorted(path.stem for path in pathlib.Path("events").glob("*.json"))

    print("Every event file, in the emulator:")
    # The order matters: forget-pwd-sms-code must meet the resend cooldown that send-sms-code has started.
    others = [function for function in functions if function not in {*EXPECTED, "deliver", "rotate-keys"}]
    expected = EXPECTED | dict.fromkeys(others, (401, "unauthorized"))
    for function, (status, code) in expected.items():
        with Emulated(binaries, function, environment) as emulated:
            check(function, emulated.invoke(event_of(function)), status, code)
    event = event_of("deliver")
    image = event["Records"][0]["dynamodb"]["NewImage"]
    now = int(time.time())
    image["created_at"]["N"], image["expires_at"]["N"] = str(now), str(now + 600)
    image["to"]["S"] = image["data"]["M"]["subject"]["S"] = "13900005678"
    # The item has another kind, so that the running system's own stream leaves it to the emulated function.
    put_item(environment, {**image, "kind": {"S": "emulated"}})
    with Emulated(binaries, "deliver", environment) as emulated:
        answer = emulated.invoke(event)
        assert answer == {"batchItemFailures": []}, answer
    sent = [message for message in inbox_of(port) if message["to"] == "+8613900005678"]
    assert len(sent) == 1 and "您正在注册" in sent[0]["text"], sent
    print("  deliver: one SMS sent")
    # Its next try is due later, so that the running system's own schedule leaves it to the emulated function.
    about = {"event": {"S": "password"}, "user_id": {"S": "0" * 32}, "with_link": {"BOOL": True}}
    put_item(environment, {
        **image, "pk": {"S": "MESSAGE#notifications#sms#0"}, "sk": image["id"], "to": {"S": "13900005679"},
        "kind": {"S": "emulated"}, "content": {"S": "security_notification"}, "data": {"M": about},
        "next_try_at": {"N": str(now + 600)},
    })
    with Emulated(binaries, "deliver", environment) as emulated:
        for which, sent in (("due", 0), ("all", 1), ("all", 0)):
            answer = emulated.invoke({"notifications": which})
            assert answer == {"sent": sent, "failed": 0}, (which, answer)
    sent = [message for message in inbox_of(port) if message["to"] == "+8613900005679"]
    assert len(sent) == 1 and "登录密码已修改" in sent[0]["text"], sent
    print("  deliver: an unsent notification sent again by hand")

    with Emulated(binaries, "rotate-keys", environment) as emulated:
        due = emulated.invoke(event_of("rotate-keys"))
        assert len(due) == 2 and due[1]["signs_from"] is None, due
        rotated = emulated.invoke({"rotation": "now"})
        assert len(rotated) == 3 and rotated[1]["kid"] == due[1]["kid"] and rotated[1]["signs_from"], rotated
    print("  rotate-keys: nothing due, then one rotation by hand")

    print("A person's first day, in the emulator:")

    def call(function, status=200, body=None, headers=None, cookies=None, query=None, path=None):
        """Invokes a function with its event after these changes, checks the status, and returns the answer."""
        event = event_of(function)
        if body:
            event["body"] = json.dumps({**json.loads(event["body"]), **body})
        event["headers"].update(headers or {})
        if cookies:
            event["cookies"] = cookies
        if path:
            event["pathParameters"] = path
        if query:
            event["queryStringParameters"] = query
            event["rawQueryString"] = urllib.parse.urlencode(query)
        with Emulated(binaries, function, environment) as emulated:
            answer = emulated.invoke(event)
        check(function, answer, status, None)
        return answer

    def newest(recipient, pattern):
        # A security notification of the same moment may be newer.
        texts = (message["text"] for message in inbox_of(port) if message["to"] == recipient)
        return next(found.group(1) for text in texts if (found := re.search(pattern, text)))

    mobile = json.loads(event_of("register")["body"])["mobile"]
    code = r"(?<!\d)(\d{6})(?!\d)"
    call("register", 201, body={"sms_code": newest("+86" + mobile, code)})
    token = json.loads(call("log-in")["body"])["token"]
    bearer = {"authorization": "Bearer " + token}
    call("me", headers=bearer)
    call("send-email-code", headers=bearer)
    email = json.loads(event_of("bind-email")["body"])["email"]
    call("bind-email", headers=bearer, body={"email_code": newest(email, code)})
    # The resend cooldown of the address lasts a real minute on this machine's clock, so it is removed here.
    delete_item(environment, {"pk": {"S": f"COOLDOWN#email#{email}"}, "sk": {"S": "COOLDOWN"}})
    call("send-reset-email")
    link = {"access_token": newest(email, r"access_token=(\S+)")}
    call("check-reset-token", body=link)
    password = "staple tractor violin"
    call("reset-password", body={**link, "password": password, "password2": password})
    # The account has had the number from the beginning, so its security notification contains a link. The address was
    # bound just now, so its notification contains none.
    safety_link = newest("+86" + mobile, r"/secure#(\S+)")
    token = json.loads(call("log-in", body={"password": password})["body"])["token"]
    delete_item(environment, {"pk": {"S": f"COOLDOWN#sms#{mobile}"}, "sk": {"S": "COOLDOWN"}})
    call("send-proof-code", headers={"authorization": "Bearer " + token})
    delete_item(environment, {"pk": {"S": f"COOLDOWN#sms#{mobile}"}, "sk": {"S": "COOLDOWN"}})
    # The owner did not make the change, undoes it with the "this wasn't me" link, and sets a new password.
    call("secure-account", body={"token": safety_link})
    call("forget-pwd-sms-code")
    csrf = call("pages")["cookies"][0].split(";")[0].removeprefix("csrf_token=")
    changed = {"sms_code": newest("+86" + mobile, code), "new_password": "gravel sunrise piano"}
    call("forget-pwd", body=changed, headers={"x-csrftoken": csrf}, cookies=["csrf_token=" + csrf])
    call("log-in", body={"password": "gravel sunrise piano"})
    tokens = json.loads(call("log-in", body={"password": "gravel sunrise piano"})["body"])
    tokens = json.loads(call("refresh-token", body={"refresh_token": tokens["refresh_token"]})["body"])
    bearer = {"authorization": "Bearer " + tokens["token"]}
    listed = json.loads(call("list-sessions", headers=bearer)["body"])
    other = next(session["id"] for session in listed if not session["current"])
    call("end-session", 204, headers=bearer, path={"id": other})
    call("change-profile", headers=bearer, body={"password": "gravel sunrise piano"})
    changed = {"password": "gravel sunrise piano", "new_password": password}
    bearer["authorization"] = "Bearer " + json.loads(call("change-password", headers=bearer, body=changed)["body"])["token"]
    new = json.loads(event_of("change-mobile")["body"])["mobile"]
    call("send-sms-code", headers=bearer, path={"mobile": new}, query={"purpose": "mobile"})
    changed = {"sms_code": newest("+86" + new, code), "password": password}
    bearer["authorization"] = "Bearer " + json.loads(call("change-mobile", headers=bearer, body=changed)["body"])["token"]
    proved = json.loads(call("reauthenticate", headers=bearer, body={"password": password})["body"])
    call("export", headers=bearer, body={"password": None, "reauthentication": proved["reauthentication"]})
    delete_item(environment, {"pk": {"S": f"COOLDOWN#sms#{new}"}, "sk": {"S": "COOLDOWN"}})
    call("send-sms-code", path={"mobile": new}, query={"purpose": "login"})
    by_sms = json.loads(call("sms-log-in", body={"mobile": new, "sms_code": newest("+86" + new, code)})["body"])
    call("log-out", 204, body={"refresh_token": by_sms["refresh_token"]})
    call("delete-account", 204, headers=bearer, body={"password": password})
    call("verify-captcha", query={"ticket": "pass-emulated", "randstr": "@abc"})


main()
