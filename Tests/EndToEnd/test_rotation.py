"""Keys and API tokens replaced under load, when each was last used, one-time tokens, and tokens known by their claims."""

import json
import secrets
import threading
import time

import jwt
import pytest
from support.house import catalog, openssl_secret
from support.load import Load
from support.waiting import until

CALL = "/api-endpoints-v1/call"
ROUNDS = 100


def moment(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


class Keeper:
    """Callers that always sign with a credential that is valid, while it changes under them."""

    def __init__(self, gateway, sign):
        self.gateway, self.sign = gateway, sign
        self.stopping = threading.Event()
        self.answered, self.failures = 0, []
        self.threads = [threading.Thread(target=self._run) for _ in range(4)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for thread in self.threads:
            thread.join()

    def _run(self):
        with self.gateway.connect(timeout=30) as wire:
            while not self.stopping.is_set():
                token = self.sign()
                head = f"GET {CALL} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n"
                answer = wire.send(head.encode()).read()
                self.answered += 1
                if answer.status != 200:
                    self.failures.append(f"{answer.status} {answer.body[:300]!r}")


def test_a_hundred_rounds_of_key_rotation_under_load(own, people):
    """Each round: the new key is added, callers move over, the old one is retired and then refused."""
    profile = own.find("profiles", name="acme-hmac")
    path = f"/profiles/{profile['id']}/keys"
    key = own.admin("GET", path).json["items"][0]
    current = {"secret": people.hmac.secret}

    def sign() -> str:
        return jwt.encode(people.hmac.payload(), current["secret"], "HS256")

    with Keeper(own, sign) as keeper:
        for number in range(ROUNDS):
            old = current["secret"]
            old_token = jwt.encode(people.hmac.payload(round=number), old, "HS256")
            new = openssl_secret()
            added = own.admin("POST", path, {"name": f"key {number}", "secret": new})
            assert added.status == 201, added
            assert own.get(CALL, old_token).status == 200
            current["secret"] = new
            # What was signed a moment ago may still be on its way, as clocks and networks have it.
            seen = keeper.answered
            until("callers that moved over", lambda: keeper.answered >= seen + 8 or keeper.failures)
            if number % 2:
                assert own.admin("DELETE", f"{path}/{key['id']}").status == 204
            else:
                retired = own.admin("PATCH", f"{path}/{key['id']}", {"retire_at": moment(time.time() - 1)})
                assert retired.status == 200, retired
            assert own.get(CALL, old_token).code == "invalid_token"
            if number % 2 == 0:
                assert own.admin("DELETE", f"{path}/{key['id']}").status == 204
            key = added.json
    assert not keeper.failures, keeper.failures[:3]
    assert keeper.answered > ROUNDS * 8


def test_a_hundred_rounds_of_api_token_rotation_under_load(own, people):
    profile = own.find("profiles", name="acme-rsa")
    path = f"/profiles/{profile['id']}/api-tokens"
    token = own.admin("GET", path).json["items"][0]
    current = {"api_token": people.rsa.api_token}

    def sign(api_token=None) -> str:
        return jwt.encode({"sub": api_token or current["api_token"]}, people.rsa.key.private, "RS256")

    cached = {}

    def signed_once() -> str:
        # RS256 is slow to sign: a token for each API token is enough.
        api_token = current["api_token"]
        if api_token not in cached:
            cached[api_token] = sign(api_token)
        return cached[api_token]

    with Keeper(own, signed_once) as keeper:
        for number in range(ROUNDS):
            old = current["api_token"]
            refreshed = own.admin("POST", f"{path}/{token['id']}/refresh", {"overlap_seconds": 3600})
            assert refreshed.status == 201, refreshed
            assert own.get(CALL, sign(old)).status == 200
            current["api_token"] = refreshed.json["token"]
            seen = keeper.answered
            until("callers that moved over", lambda: keeper.answered >= seen + 8 or keeper.failures)
            items = own.admin("GET", path).json["items"]
            leaving = next(item for item in items if item["id"] == token["id"])
            assert leaving["expires_at"]
            if number % 2:
                assert own.admin("DELETE", f"{path}/{leaving['id']}").status == 204
                assert own.get(CALL, sign(old)).code == "invalid_token"
            else:
                ended = own.admin("PATCH", f"{path}/{leaving['id']}", {"expires_at": moment(time.time() - 1)})
                assert ended.status == 200, ended
                assert own.get(CALL, sign(old)).code == "client_inactive"
                assert own.admin("DELETE", f"{path}/{leaving['id']}").status == 204
            token = refreshed.json
    assert not keeper.failures, keeper.failures[:3]
    assert keeper.answered > ROUNDS * 8


def uses(gateway, profile) -> dict:
    items = gateway.admin("GET", f"/rotation?profile_id={profile['id']}").json["items"]
    return {(item["kind"], item["name"]): item for item in items}


def test_last_use_is_shown_and_survives(own, people):
    profile = own.find("profiles", name="acme-hmac")
    keys, tokens = (f"/profiles/{profile['id']}/{kind}" for kind in ("keys", "api-tokens"))
    assert own.admin("GET", keys).json["items"][0]["last_used_at"] is None
    revision = own.admin("GET", keys).header("etag")
    before = moment(time.time())
    wrong = jwt.encode(people.hmac.payload(), openssl_secret(), "HS256")
    assert own.get(CALL, wrong).code == "invalid_token"
    with own.connect() as wire:
        for _ in range(3):
            head = f"GET {CALL} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {people.hmac.token()}\r\n\r\n"
            assert wire.send(head.encode()).read().status == 200
    used = until("the use", lambda: own.admin("GET", keys).json["items"][0]["last_used_at"])
    assert before <= used <= moment(time.time())
    key = own.admin("GET", keys).json["items"][0]
    assert own.admin("GET", tokens).json["items"][0]["last_used_at"] == used
    one = own.admin("GET", f"{keys}/{key['id']}")
    assert one.json["last_used_at"] == used
    # What was read can be given back although it moves on, and a use changes nothing of the entity.
    assert own.admin("PATCH", f"{keys}/{key['id']}", {"last_used_at": None}).status == 200
    assert own.admin("GET", keys).header("etag") == revision
    assert own.stop() == 0
    own.start()
    assert own.admin("GET", keys).json["items"][0]["last_used_at"] == used

    # After the few seconds in which it is written, not even kill -9 loses it.
    assert own.get(CALL, people.rsa.token()).status == 200
    rsa = own.find("profiles", name="acme-rsa")
    later = until("the use", lambda: uses(own, rsa)[("key", "laptop")]["last_used_at"])
    time_of = own.data_dir / "portcullis.db"
    assert time_of.exists()
    until("that it is written", lambda: _is_kept(own, rsa), 20)
    own.kill()
    own.start()
    assert uses(own, rsa)[("key", "laptop")]["last_used_at"] == later


def _is_kept(gateway, profile) -> bool:
    import sqlite3

    key = gateway.admin("GET", f"/profiles/{profile['id']}/keys").json["items"][0]["id"]
    with sqlite3.connect(f"file:{gateway.data_dir}/portcullis.db?mode=ro", uri=True) as database:
        return database.execute("SELECT COUNT(*) FROM last_used WHERE id = ?", (key,)).fetchone()[0] == 1


def test_what_can_be_retired(own, people):
    profile = own.find("profiles", name="acme-hmac")
    path = f"/profiles/{profile['id']}"
    new = openssl_secret()
    assert own.admin("POST", f"{path}/keys", {"name": "second", "secret": new}).status == 201
    assert own.get(CALL, people.hmac.token()).status == 200
    until("the use", lambda: uses(own, profile)[("key", "shared")]["last_used_at"])
    assert not uses(own, profile)[("key", "shared")]["can_be_retired"]
    until("the next second", lambda: moment(time.time()) > uses(own, profile)[("key", "shared")]["last_used_at"])
    assert own.get(CALL, jwt.encode(people.hmac.payload(), new, "HS256")).status == 200
    until("the use", lambda: uses(own, profile)[("key", "second")]["last_used_at"])
    found = until(
        "a second without a use",
        lambda: (shown := own.cli("rotation", "--profile", "acme-hmac", "--unused-for", "1s").stdout).count("can go")
        and shown,
    )
    assert 'key "shared"' in next(line for line in found.splitlines() if "can go" in line)
    everything = own.cli("rotation", "--unused-for", "1s")
    assert everything.returncode == 0 and 'key "shared"' in everything.stdout and "keep" not in everything.stdout
    assert own.cli("rotation", "--profile", "nobody").returncode == 2
    assert own.cli("rotation", "--unused-for", "soon").returncode == 2


def test_api_tokens_on_the_command_line(own, people):
    made = own.cli("api-token", "create", "--profile", "acme-rsa", "--name", "ci")
    assert made.returncode == 0 and len(made.stdout.strip()) == 64, made.stderr
    signed = jwt.encode({"sub": made.stdout.strip()}, people.rsa.key.private, "RS256")
    assert own.get(CALL, signed).status == 200
    fresh = own.cli("api-token", "refresh", "--profile", "acme-rsa", "--client", "Acme", "--name", "ci", "--overlap", "1h")
    assert fresh.returncode == 0, fresh.stderr
    assert own.get(CALL, signed).status == 200, "the old one has an hour left"
    assert own.get(CALL, jwt.encode({"sub": fresh.stdout.strip()}, people.rsa.key.private, "RS256")).status == 200
    last = own.cli("api-token", "refresh", "--profile", "acme-rsa", "--name", "ci")
    assert last.returncode == 0
    assert own.get(CALL, jwt.encode({"sub": fresh.stdout.strip()}, people.rsa.key.private, "RS256")).code == "invalid_token"
    assert own.cli("api-token", "refresh", "--profile", "acme-rsa", "--name", "nothing").returncode == 2


def test_revoking_on_the_command_line(own, people, tmp_path):
    now = int(time.time())
    token = people.hmac.token(jti="77", iat=now, exp=now + 60)
    (tmp_path / "token.txt").write_text(token + "\n")
    assert own.get(CALL, token).status == 200
    done = own.cli("revoke", "--profile", "acme-hmac", "--token-file", tmp_path / "token.txt", "--reason", "lost")
    assert done.returncode == 0 and len(done.stdout.strip()) == 32, done.stderr
    assert own.get(CALL, token).code == "token_revoked"
    assert own.cli("revoke", "--profile", "acme-hmac", "--jti", "77").returncode == 1
    assert own.cli("revoke", "--profile", "acme-hmac", "--jti", "1", "--subject", "2").returncode == 2
    assert own.cli("revoke", "--profile", "acme-hmac", "--issued-before", moment(now + 5)).returncode == 0
    assert own.get(CALL, people.hmac.token()).code == "token_revoked"
    assert own.get(CALL, people.rsa.token()).status == 200


def test_one_time_tokens(own, people):
    profile = own.find("profiles", name="acme-hmac")
    leeway = 2
    own.change("profiles", profile, one_time_tokens=True, leeway_seconds=leeway)
    started = int(time.time())

    def token(ahead: int = 0) -> str:
        now = int(time.time())
        return people.hmac.token(jti=secrets.token_hex(8), iat=now + ahead, exp=now + 300)

    until("tokens that nobody can have used before", lambda: int(time.time()) > started + leeway)

    first = token()
    question = {"token": first, "url": CALL}
    assert own.admin("POST", "/explain", question).json["code"] is None
    assert own.get(CALL, first).status == 200
    again = own.get(CALL, first)
    assert (again.status, again.code) == (401, "token_revoked") and "used already" in again.json["detail"]
    assert own.admin("POST", "/explain", question).json["code"] == "token_revoked"
    assert own.get(CALL, people.hmac.token()).code == "claim_missing"
    # Of many at once exactly one gets in, whichever event loop it meets.
    contested, statuses = token(), []
    threads = [
        threading.Thread(target=lambda: statuses.append(own.get(CALL, contested).status)) for _ in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200] + [401] * 15
    # A new process knows nothing of earlier uses, so it takes nothing that could have been used before it, by clocks that
    # are ahead too.
    spare, ahead = token(), token(leeway)
    assert own.get(CALL, ahead).status == 200
    own.kill()
    own.start()
    started = int(time.time())
    until("the time that the last one names", lambda: int(time.time()) > started + leeway)
    for used in (first, contested, spare, ahead):
        assert own.get(CALL, used).code == "token_revoked"
    assert own.get(CALL, token()).status == 200


@pytest.fixture
def matched(own):
    own.change(
        "profiles",
        own.find("profiles", name="acme-rsa"),
        token_matches=[{"issuer": "https://id.example", "audience": "orders", "claims": {"azp": "web"}}],
    )
    return own


def test_an_unmodified_token_is_known_by_its_claims(matched, people):
    claims = {"iss": "https://id.example", "aud": ["orders"], "azp": "web", "sub": "jdoe@example", "name": "J"}
    token = jwt.encode(claims, people.rsa.key.private, "RS256")
    answer = matched.get(CALL, token)
    assert answer.status == 200, matched.decision(answer)
    fields = dict(answer.json["fields"])
    assert (fields["Portcullis-Profile"], fields["Portcullis-Subject-Name"]) == ("acme-rsa", "J")
    for other in ({"iss": "https://id.example/"}, {"aud": "other"}, {"azp": "app"}):
        refused = matched.get(CALL, jwt.encode(claims | other, people.rsa.key.private, "RS256"))
        assert refused.code == "invalid_token", other
    assert matched.get(CALL, jwt.encode(claims, people.beta_rsa.key.private, "RS256")).code == "invalid_token"
    # A second profile that would take it as well makes it nobody's, until one of them gives way.
    rival = matched.find("profiles", name="beta-rsa")
    matched.change("profiles", rival, token_matches=[{"issuer": "https://id.example"}])
    refused = matched.get(CALL, token)
    assert refused.code == "invalid_token"
    assert "both fit" in str(matched.decision(refused)["checks"])
    matched.change("profiles", rival, token_matches=[])
    assert matched.get(CALL, token).status == 200
    assert matched.admin("POST", "/explain", {"token": token, "url": CALL}).json["profile"] == "acme-rsa"


def test_changing_rules_under_load_loses_nothing(matched, people):
    claims = {"iss": "https://id.example", "aud": "orders", "azp": "web"}
    token = jwt.encode(claims, people.rsa.key.private, "RS256")
    profile = matched.find("profiles", name="beta-hmac")
    with Load(matched.port, CALL, [("Authorization", f"Bearer {token}")]) as load:
        for number in range(50):
            rule = {"issuer": "https://id.example", "claims": {"azp": f"other-{number}"}}
            matched.change("profiles", profile, token_matches=[rule])
    assert load.answered > 50 and not load.failures, load.failures[:3]


def test_many_api_tokens_are_counted_each_and_take_no_labels_from_others(start, upstream):
    gateway = start("--threads", "1")
    tokens = [secrets.token_hex(32) for _ in range(1200)]
    profile = {"name": "p", "method": "token", "collections": ["c"]}
    clients = [
        {
            "name": f"Client {number:02}",
            "profiles": [profile | {"api_tokens": [{"name": f"t{i}", "token": token} for i, token in enumerate(tokens[number::60])]}],
        }
        for number in range(60)
    ]
    gateway.apply(
        {
            "upstreams": [{"name": "echo", "targets": [{"url": upstream.url}]}],
            "collections": [
                {"name": "C", "handle": "c", "endpoints": [{"name": "e", "methods": ["GET"], "path": "/e", "upstream": "echo"}]}
            ],
            "clients": clients,
        }
    )
    with gateway.connect() as wire:
        # Sent in one go, so that one hand-over has them all.
        for token in tokens:
            wire.send(f"GET /c/e HTTP/1.1\r\nHost: x\r\nAPI-Token: {token}\r\n\r\n".encode())
        assert all(wire.read().status == 200 for _ in tokens)
    counted = [item["calls_last_hour"] for item in gateway.all("rotation")]
    assert counted == [1] * len(tokens)
    time.sleep(1)
    traffic = gateway.admin("GET", "/traffic").json
    assert traffic["requests"] == len(tokens) and "(other)" not in json.dumps(traffic)


def test_calls_of_the_last_hour_are_counted_key_by_key(start, people, upstream):
    gateway = start()
    gateway.apply(catalog(people, upstream.url))
    profile = gateway.find("profiles", name="acme-hmac")["id"]
    second = secrets.token_hex(32)
    made = gateway.admin("POST", f"/profiles/{profile}/keys", {"name": "second", "secret": second})
    assert made.status == 201, made
    token = people.hmac.token()
    forged = token[:-8] + ("A" * 8 if token[-8:] != "A" * 8 else "B" * 8)
    # Who only names the API token has not used it, nor has who got no further than the path.
    sent = [(CALL, token)] * 5 + [("/api-endpoints-v1/nothing", token)] + [(CALL, forged)] * 3 + [(CALL, None)]
    for path, credential in sent:
        gateway.get(path, credential)

    def counted() -> dict:
        return {(item["kind"], item["name"]): item["calls_last_hour"] for item in gateway.all("rotation", profile_id=profile)}

    expected = {("key", "shared"): 5, ("key", "second"): 0, ("api_token", "default"): 5}
    assert counted() == expected
    gateway.kill()
    gateway.start()
    assert counted() == expected
