"""Measures whether the time of a refused log-in tells which names have an account: equal_times.py URL

URL is a fresh local system, with high limits of a source address and a cheap Argon2, whose time would hide differences.

For each pair of kinds of log-ins, a threshold between their times is chosen on one half of the samples and tried on the
other half, both ways round. By chance it is right 0.5 of the time, give or take 0.05.

Times on a shared machine prove nothing, so they are reported and not judged: small differences show in this table, and a
person reads it. The bound of 0.75 is so far off that noise, which is the same for all kinds, does not reach it. Another
call to DynamoDB for known names does, wherever the answer waits for it. `round_trips.rs` counts such calls without a
clock. The last line of the table is a difference of that kind, for comparison: the count alone, and the count with the
account and the hash. If it is near 0.5 too, the machine is too busy to tell anything.
"""

import collections
import gc
import http.client
import json
import random
import re
import statistics
import sys
import time
import urllib.parse

PASSWORD = "correct horse battery"
WRONG = "wrong password"
MAX_FAILURES = 33  # PASSWORD_MAX_FAILURES
LONGEST_WAIT = 901  # seconds, after which any attempt may follow another
FREE_ATTEMPTS = 5  # wrong passwords after which none has to wait
BLOCKED_ROUNDS = 400
FRESH_NAMES = 40  # and networks
WARM_UP = 20  # rounds that do not count
BOUND = 0.75


class Client:
    """One connection that is kept alive, from an address of this machine."""

    def __init__(self, base, source=None):
        url = urllib.parse.urlsplit(base)
        address = (source, 0) if source else None
        self.connection = http.client.HTTPConnection(url.hostname, url.port, timeout=30, source_address=address)
        self.connection.connect()

    def ask(self, method, path, body=None, **headers):
        """The status, the body as it came, and the time in milliseconds."""
        headers = {name.replace("_", "-"): value for name, value in headers.items()} | {"content-type": "application/json"}
        body = None if body is None else json.dumps(body)
        began = time.perf_counter_ns()
        self.connection.request(method, path, body, headers)
        answer = self.connection.getresponse()
        text = answer.read()
        return answer.status, text, (time.perf_counter_ns() - began) / 1e6

    def must(self, status, method, path, body=None, **headers):
        got, text, _ = self.ask(method, path, body, **headers)
        if got != status:
            sys.exit(f"{method} {path}: {got} {text.decode()}")
        return json.loads(text) if text else None

    def refused(self, name, **headers):
        """The time of a log-in with a wrong password. All such log-ins must get one answer."""
        status, text, took = self.ask("POST", "/users/login/", {"username": name, "password": WRONG}, **headers)
        if status != 400 or json.loads(text).get("code") != "bad_credentials":
            sys.exit(f"a log-in at {name}: {status} {text.decode()}")
        return took

    def advance(self, seconds):
        self.must(200, "POST", "/_local/clock", {"advance_seconds": seconds})

    def code_for(self, recipient):
        messages = self.must(200, "GET", "/_local/inbox.json")
        texts = (message["text"] for message in messages if message["to"] == recipient)
        return next(code[0] for text in texts if (code := re.search(r"(?<!\d)\d{6}(?!\d)", text)))

    def sign_up(self, mobile):
        """The answer to the sign-up, which also has the device."""
        self.must(200, "POST", f"/users/sms/{mobile}/", {})
        person = {"nickname": "Li", "mobile": mobile, "sms_code": self.code_for(f"+86{mobile}"), "password": PASSWORD}
        return self.must(201, "POST", "/users/", person)


def numbers():
    """Mobile numbers that differ in no way but their digits."""
    return (f"19{number:09}" for number in random.sample(range(10**9), 10**4))


def username_of(mobile):
    """A username of its digits. It must not look like the whole number."""
    return f"anna{mobile[3:]}"


def account(client, mobile):
    """Signs up, with an email and a username too. Returns the username."""
    token = client.sign_up(mobile)["token"]
    email, username = f"{username_of(mobile)}@example.com", username_of(mobile)
    client.must(200, "POST", "/users/me/email/", {"email": email, "password": PASSWORD}, authorization=f"Bearer {token}")
    bind = {"email": email, "email_code": client.code_for(email)}
    token = client.must(200, "PUT", "/users/me/email/", bind, authorization=f"Bearer {token}")["token"]
    name = {"username": username, "password": PASSWORD}
    client.must(200, "PATCH", "/users/me/", name, authorization=f"Bearer {token}")
    return username


def measure(kinds, rounds, warm_up=0):
    """The times of each kind. Every round has all kinds, in an order of its own, so that none follows another always."""
    times = collections.defaultdict(list)
    for number in range(-warm_up, rounds):
        for kind, attempt in random.sample(list(kinds.items()), len(kinds)):
            took = attempt(number)
            if number >= 0:
                times[kind].append(took)
    return times


def right(threshold, is_above, above, below):
    """How often a time is on its kind's side of the threshold, for two kinds of equal weight."""
    of_above = sum(time > threshold for time in above) / len(above)
    of_below = sum(time <= threshold for time in below) / len(below)
    share = (of_above + of_below) / 2
    return share if is_above else 1 - share


def accuracy(one, other):
    """What the best threshold of one half gets right on the other half: the mean of both ways."""
    halves = [(one[part::2], other[part::2]) for part in (0, 1)]
    found = []
    for (train, check) in (halves, halves[::-1]):
        choices = ((threshold, is_above) for threshold in {*train[0], *train[1]} for is_above in (True, False))
        best = max(choices, key=lambda choice: right(*choice, *train))
        found.append(right(*best, *check))
    return statistics.mean(found)


def blocked(client, names, device):
    """Times of refusals at names that are used up, on no device and on one that another account knows."""
    for _ in range(MAX_FAILURES):
        client.advance(LONGEST_WAIT)
        for name in names.values():
            client.refused(name)
    kinds = {}
    for kind, name in names.items():
        kinds[kind] = lambda _, name=name: client.refused(name)
        kinds[f"{kind}, foreign device"] = lambda _, name=name: client.refused(name, x_device=device)
    return measure(kinds, BLOCKED_ROUNDS, WARM_UP)


def in_other_networks(base, names):
    """Times of refusals at the same names, in networks that have not guessed there. These are compared with nothing."""
    times = collections.defaultdict(list)
    for network in range(100, 100 + FRESH_NAMES):
        client = Client(base, f"127.0.{network}.1")
        client.must(200, "GET", "/_local/inbox.json")  # so that the connection is warm
        kinds = {f"{kind}, other network": lambda _, name=name: client.refused(name) for kind, name in names.items()}
        for kind, more in measure(kinds, FREE_ATTEMPTS).items():
            times[kind] += more
    return times


def compared(client, known, unknown):
    """Times of wrong passwords that are compared, at names that need not wait."""
    kinds = {
        "known": lambda number: client.refused(known[number // FREE_ATTEMPTS]),
        "unknown": lambda number: client.refused(unknown[number // FREE_ATTEMPTS]),
    }
    return measure(kinds, FREE_ATTEMPTS * FRESH_NAMES)


def main():
    base = sys.argv[1]
    client, mobiles = Client(base), numbers()
    mobile = next(mobiles)
    names = {"username": account(client, mobile), "number": mobile, "unknown": username_of(next(mobiles))}
    known = [next(mobiles) for _ in range(FRESH_NAMES)]
    devices = [client.sign_up(mobile)["device"] for mobile in known]
    gc.disable()
    times = blocked(client, names, devices[0])
    times |= in_other_networks(base, names)
    times |= {f"compared, {kind}": of for kind, of in compared(client, known, [next(mobiles) for _ in known]).items()}
    equal = [
        (f"{one}{way}", f"{other}{way}")
        for way in ("", ", foreign device", ", other network")
        for one, other in (("username", "unknown"), ("number", "unknown"), ("username", "number"))
    ]
    equal.append(("compared, known", "compared, unknown"))
    print(f"{'log-ins of two kinds':58} {'each':>5} {'medians in ms':>15}  told apart")
    worst = 0
    for one, other in [*equal, ("unknown", "compared, unknown")]:
        share = accuracy(times[one], times[other])
        medians = f"{statistics.median(times[one]):.2f} {statistics.median(times[other]):.2f}"
        print(f"{one + ' / ' + other:58} {len(times[one]):5} {medians:>15}  {share:.3f}")
        worst = max(worst, share if (one, other) in equal else 0)
    if worst > BOUND:
        sys.exit(f"Times tell two kinds apart: {worst:.2f} of the samples, where chance is 0.5")


main()
