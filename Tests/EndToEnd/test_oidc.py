"""Identity providers: their tokens get in unmodified, their keys rotate, and what goes wrong with one harms nobody else."""

import base64
import itertools
import json
import secrets
import socket
import threading
import time

import jwt
import pytest
from joserfc import jwt as joserfc_jwt
from joserfc.jwk import ECKey
from support.house import catalog
from support.provider import Authority, Provider
from support.tokens import compact, hs
from support.waiting import until

CALL = "/api-endpoints-v1/call"
ALLOW = "127.0.0.0/8,::1/128"


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def provider(authority):
    provider = Provider(authority)
    yield provider
    provider.stop()


def profile_of(provider, name: str = "people", **fields) -> dict:
    """A profile that knows its tokens by issuer and audience."""
    return {
        "name": name,
        "method": "oidc",
        "collections": ["api-endpoints-v1"],
        "identity_provider": {"issuer": provider.issuer},
        "token_matches": [{"issuer": provider.issuer, "audience": "orders", "claims": {"azp": "web"}}],
    } | fields


@pytest.fixture
def serve(start, people, upstream, authority):
    """Starts a gateway that may fetch from loopback, with the profiles given."""

    def begin(*profiles, arguments=(), **options):
        gateway = start("--key-fetch-allow", ALLOW, "--key-fetch-ca", authority.path, *arguments, **options)
        document = catalog(people, upstream.url)
        document["clients"].append({"name": "Provided", "profiles": list(profiles)})
        gateway.apply(document)
        return gateway

    return begin


def key_set(gateway, name: str = "people") -> dict:
    profile = gateway.find("profiles", name=name)
    answer = gateway.admin("GET", f"/profiles/{profile['id']}/key-set")
    assert answer.status == 200, answer
    return answer.json


def fetched(gateway, name: str = "people") -> dict:
    return until("the key set", lambda: (found := key_set(gateway, name))["state"] == "fresh" and found)


def unknown_kid(provider) -> str:
    """A token as the provider's, signed by somebody else, with a kid that nobody has."""
    key = ECKey.generate_key("P-256")
    claims = {"iss": provider.issuer, "aud": "orders", "azp": "web", "sub": "x"}
    return joserfc_jwt.encode({"alg": "ES256", "kid": secrets.token_hex(8)}, claims, key)


def test_an_unmodified_token_gets_in(serve, provider):
    gateway = serve(profile_of(provider))
    shown = fetched(gateway)
    assert [key["kid"] for key in shown["keys"]] == ["key-1"] and shown["last_error"] is None
    assert shown["fetched_at"] < shown["fresh_until"] < shown["stale_until"]
    token = provider.token()
    for _ in range(2):
        answer = gateway.get(CALL, token)
        assert answer.status == 200, gateway.decision(answer)
    fields = dict(answer.json["fields"])
    assert (fields["Portcullis-Client"], fields["Portcullis-Profile"]) == ("Provided", "people")
    assert gateway.admin("POST", "/explain", {"token": token, "url": CALL}).json["code"] is None
    checks = {check["check"]: check["detail"] for check in gateway.decision(answer)["checks"]}
    assert "identity provider, fetched at" in checks["signature"]
    # Somebody else's client at the same provider is not this profile's.
    assert gateway.get(CALL, provider.token("app")).code == "invalid_token"


def test_the_first_token_waits_for_the_first_fetch(serve, provider):
    gateway = serve()
    gateway.admin("POST", "/profiles", {"client": "Provided", **profile_of(provider)})
    assert gateway.get(CALL, provider.token()).status == 200


@pytest.mark.parametrize("form", ["discovery", "key set", "in place", "IPv6", "name"])
def test_keys_can_come_from(serve, authority, form):
    options = {"IPv6": {"host": "::1"}, "name": {"name": "localhost"}}.get(form, {})
    provider = Provider(authority, **options)
    keys = {
        "discovery": {"discovery_url": f"{provider.origin}/.well-known/openid-configuration"},
        "key set": {"jwks_url": f"{provider.origin}/jwks"},
        "in place": {"jwks": {"keys": [key.as_dict(private=False) for key in provider.keys]}},
    }.get(form, {})
    try:
        gateway = serve(profile_of(provider, identity_provider={"issuer": provider.issuer} | keys))
        answer = gateway.get(CALL, provider.token())
        assert answer.status == 200, (gateway.decision(answer), key_set(gateway))
        assert key_set(gateway)["state"] == ("inline" if form == "in place" else "fresh")
        exported = gateway.cli("export").stdout
        assert provider.issuer in exported
    finally:
        provider.stop()


def test_the_issuer_is_the_providers(serve, provider):
    """Of an API token's bearer too: the claim decides who, the keys whether, and iss must be the provider's."""
    api_token = secrets.token_hex(32)
    gateway = serve(profile_of(provider, api_tokens=[{"name": "default", "token": api_token}], token_matches=[]))
    fetched(gateway)
    key = provider.keys[0]

    def token(**claims) -> str:
        claims = {"sub": api_token, "iss": provider.issuer} | claims
        return joserfc_jwt.encode({"alg": "RS256", "kid": "key-1"}, claims, key)

    assert gateway.get(CALL, token()).status == 200
    for issuer in (f"{provider.issuer}/", provider.issuer.upper(), [provider.issuer], ""):
        assert gateway.get(CALL, token(iss=issuer)).code == "claim_not_accepted", issuer
    missing = joserfc_jwt.encode({"alg": "RS256", "kid": "key-1"}, {"sub": api_token}, key)
    assert gateway.get(CALL, missing).code == "claim_missing"


def test_no_profiles_keys_verify_for_another_method(serve, provider, people):
    api_token = secrets.token_hex(32)
    gateway = serve(profile_of(provider, api_tokens=[{"name": "default", "token": api_token}]))
    fetched(gateway)
    header = {"alg": "RS256", "kid": "key-1"}
    # The provider's key on a jwt profile's API token, and a jwt profile's keys on the provider's.
    theirs = joserfc_jwt.encode(header, {"sub": people.rsa.api_token, "iss": provider.issuer}, provider.keys[0])
    assert gateway.get(CALL, theirs).code == "invalid_token"
    claims = {"sub": api_token, "iss": provider.issuer}
    for kid in (None, "key-1"):
        headers = {"kid": kid} if kid else {}
        signed = jwt.encode(claims, people.rsa.key.private, "RS256", headers)
        assert gateway.get(CALL, signed).code == "invalid_token"
    # An access token of the gateway itself.
    secret = secrets.token_hex(32)
    machines = {
        "client": "Provided",
        "name": "machines",
        "method": "oauth2",
        "collections": ["api-endpoints-v1"],
        "api_tokens": [{"name": "default", "token": secret}],
    }
    client_id = gateway.admin("POST", "/profiles", machines).json["oauth2_client_id"]
    form = f"grant_type=client_credentials&client_id={client_id}&client_secret={secret}".encode()
    kind = [("Content-Type", "application/x-www-form-urlencoded")]
    issued = gateway.call("POST", "/oauth2/token", kind, form).json["access_token"]
    assert gateway.get(CALL, issued).status == 200
    own = jwt.decode(issued, options={"verify_signature": False})
    for claims_of_ours in (own, own | {"iss": provider.issuer}, own | {"sub": api_token}, {"sub": secret, "iss": provider.issuer}):
        for header_of_theirs in (header, header | {"typ": "at+jwt", "kid": jwt.get_unverified_header(issued)["kid"]}):
            signed = joserfc_jwt.encode(header_of_theirs, claims_of_ours, provider.keys[0])
            refused = gateway.get(CALL, signed)
            # With the API token of the oidc profile it is that profile's, whose issuer it does not name.
            assert refused.code in ("invalid_token", "claim_not_accepted"), claims_of_ours
    # The public key as an HMAC secret, and the API token by itself.
    for public in (provider.keys[0].as_pem(private=False), json.dumps(provider.keys[0].as_dict(private=False)).encode()):
        assert gateway.get(CALL, compact({"alg": "HS256", "kid": "key-1"}, claims, hs(public))).code == "invalid_token"
    assert gateway.call("GET", CALL, [("API-Token", api_token)]).code == "invalid_token"
    basic = base64.b64encode(f"api-token:{api_token}".encode()).decode()
    assert gateway.call("GET", CALL, [("Authorization", f"Basic {basic}")]).code == "invalid_token"
    assert gateway.get(CALL, compact({"alg": "none"}, claims, lambda _: b"")).code == "invalid_token"


class Callers:
    """Threads that call with the newest token of a provider."""

    def __init__(self, gateway, provider, count: int = 4):
        self.gateway, self.token = gateway, provider.token()
        self.stopping = threading.Event()
        self.answered, self.failures, self.slowest = 0, [], 0.0
        self.threads = [threading.Thread(target=self._run) for _ in range(count)]

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
                head = f"GET {CALL} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {self.token}\r\n\r\n"
                began = time.monotonic()
                answer = wire.send(head.encode()).read()
                self.slowest = max(self.slowest, time.monotonic() - began)
                self.answered += 1
                if answer.status != 200:
                    self.failures.append(f"{answer.status} {answer.body[:300]!r}")


def test_rotation_at_the_provider_loses_no_request(serve, provider):
    gateway = serve(profile_of(provider))
    fetched(gateway)
    with Callers(gateway, provider) as callers:
        for _ in range(12):
            # The new key signs at once, as careless providers do it.
            provider.rotate()
            callers.token = provider.token()
            seen = callers.answered
            until("calls with the new key", lambda: callers.answered > seen + 20)
    assert not callers.failures, callers.failures[:3]
    # What is no longer in the set is no longer believed, remembered or not.
    old = provider.token()
    assert gateway.get(CALL, old).status == 200
    provider.rotate(keep=0)
    assert gateway.get(CALL, provider.token()).status == 200
    assert gateway.get(CALL, old).code == "invalid_token"


def test_calls_go_on_while_the_provider_is_down(serve, authority):
    provider = Provider(authority)
    gateway = serve(profile_of(provider), arguments=("--stale-keys-seconds", "600"))
    fetched(gateway)
    token = provider.token()
    provider.stop()
    try:
        # More tokens with unknown keys than any budget, so that the gateway has noticed.
        for _ in range(6):
            assert gateway.get(CALL, unknown_kid(provider)).code == "invalid_token"
        shown = until("a failure", lambda: (found := key_set(gateway))["failures"] and found)
        assert shown["last_error"] and [key["kid"] for key in shown["keys"]] == ["key-1"]
        for _ in range(50):
            assert gateway.get(CALL, token).status == 200
        assert gateway.get(CALL, provider.token()).status == 200, "a new token of the old key"
        # A gateway that starts meanwhile goes on with what it had, kill -9 or not.
        gateway.kill()
        gateway.start()
        assert gateway.get(CALL, token).status == 200
        # Back with new keys alone: within a second of the first token.
        provider.rotate(keep=0)
        provider.start()
        began = time.monotonic()
        answer = gateway.get(CALL, provider.token())
        assert answer.status == 200, (gateway.decision(answer), key_set(gateway))
        assert time.monotonic() - began < 2, "a second, and the time of the fetch itself"
        assert gateway.get(CALL, token).code == "invalid_token"
    finally:
        provider.stop()


def test_stale_keys_are_believed_for_a_bounded_time(serve, authority):
    """Keys that were kept long ago: the database is set back instead of waiting."""
    import sqlite3

    provider = Provider(authority)
    gateway = serve(profile_of(provider), arguments=("--stale-keys-seconds", "3600"))
    fetched(gateway)
    token = provider.token()
    provider.stop()
    assert gateway.stop() == 0
    for age, status in ((3000, 200), (3601, 401)):
        with sqlite3.connect(gateway.data_dir / "portcullis.db") as database:
            now = int(time.time())
            database.execute("UPDATE key_sets SET fetched_at = ?, fresh_until = ?", (now - age - 600, now - age))
        gateway.start()
        assert gateway.get(CALL, token).status == status
        assert key_set(gateway)["state"] == ("stale" if status == 200 else "missing")
        assert gateway.stop() == 0


class Flood:
    """Threads that call with random kids of these issuers, and mostly do not wait for the answer."""

    def __init__(self, gateway, *issuers: str, count: int | None = None, threads: int = 4):
        self.gateway, self.count = gateway, count
        key = ECKey.generate_key("P-256")
        claims = [{"iss": issuer, "aud": "orders", "azp": "web"} for issuer in issuers]
        self.genuine = [joserfc_jwt.encode({"alg": "ES256"}, each, key).split(".") for each in claims]
        self.stopping = threading.Event()
        self.sent, self.answers = 0, []
        self.threads = [threading.Thread(target=self._run) for _ in range(threads)]

    def __enter__(self):
        self.began = time.monotonic()
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        if self.count is None:
            self.stopping.set()
        for thread in self.threads:
            thread.join()
        self.seconds = time.monotonic() - self.began

    def _run(self):
        kept = []
        numbers = range(self.count // len(self.threads)) if self.count else itertools.count()
        for number in numbers:
            if self.stopping.is_set():
                break
            header = {"alg": "ES256", "kid": secrets.token_hex(8)}
            first = base64.urlsafe_b64encode(json.dumps(header).encode()).rstrip(b"=").decode()
            token = ".".join([first, *self.genuine[number % len(self.genuine)][1:]])
            wire = self.gateway.connect(timeout=30)
            wire.send(f"GET {CALL} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
            self.sent += 1
            if number % 100 == 0:
                kept.append(wire)
            else:
                wire.reset()
        for wire in kept:
            self.answers.append(wire.read())
            wire.socket.close()


def test_ten_thousand_random_kids_cause_a_handful_of_fetches(serve, provider):
    gateway = serve(profile_of(provider))
    fetched(gateway)
    before = provider.fetches
    good = provider.token()
    with Flood(gateway, provider.issuer, count=10_000) as flood:
        for _ in range(100):
            assert gateway.get(CALL, good).status == 200
        # A genuine new key is not lost among them.
        provider.rotate()
        began = time.monotonic()
        assert gateway.get(CALL, provider.token()).status == 200
        assert time.monotonic() - began < 6
    assert [answer.code for answer in flood.answers] == ["invalid_token"] * 100
    assert provider.fetches - before <= 4 + flood.seconds / 4 + flood.seconds / 15


def test_floods_at_many_providers_do_not_hinder_rotation_at_another(serve, authority, provider):
    other = Provider(authority)
    try:
        flooded = [
            profile_of(other, f"flooded {number}", token_matches=[{"issuer": f"flooded-{number}"}])
            | {"identity_provider": {"issuer": f"flooded-{number}", "jwks_url": f"{other.origin}/jwks?{number}"}}
            for number in range(12)
        ]
        gateway = serve(profile_of(provider), *flooded)
        fetched(gateway)
        for number in range(12):
            fetched(gateway, f"flooded {number}")
        with Flood(gateway, *(f"flooded-{number}" for number in range(12)), threads=2) as flood:
            until("a flood", lambda: flood.sent > 500)
            for _ in range(6):
                provider.rotate()
                began = time.monotonic()
                assert gateway.get(CALL, provider.token()).status == 200
                assert time.monotonic() - began < 3
                time.sleep(0.7)
        assert {answer.code for answer in flood.answers} == {"invalid_token"}
    finally:
        other.stop()


@pytest.mark.parametrize("mode", ["slow", "endless", "huge", "rubbish", "empty", "secret", "broken"])
def test_a_mad_provider_harms_nobody_else(serve, authority, provider, people, mode):
    mad = Provider(authority)
    mad.mode = mode
    try:
        gateway = serve(profile_of(provider), profile_of(mad, "mad"))
        fetched(gateway)
        genuine = mad.token()
        refused = []
        waiting = [threading.Thread(target=lambda: refused.append(gateway.get(CALL, genuine))) for _ in range(4)]
        for thread in waiting:
            thread.start()
        with Callers(gateway, provider, 2) as callers:
            token = people.rsa.token()
            slowest = 0.0
            for _ in range(200):
                began = time.monotonic()
                assert gateway.get(CALL, token).status == 200
                slowest = max(slowest, time.monotonic() - began)
            provider.rotate()
            callers.token = provider.token()
            seen = callers.answered
            until("calls with the new key", lambda: callers.answered > seen + 20)
            for thread in waiting:
                thread.join()
        assert not callers.failures and slowest < 1 and callers.slowest < 4, (slowest, callers.slowest)
        assert [answer.code for answer in refused] == ["invalid_token"] * 4
        shown = until("the reason", lambda: (found := key_set(gateway, "mad"))["last_error"] and found)
        assert shown["state"] == "missing" and shown["keys"] == []
        assert gateway.resident_bytes() < 400 << 20
        # Once it is in its right mind again it is believed.
        mad.mode = "good"
        until("that the provider is believed", lambda: gateway.get(CALL, genuine).status == 200, 40)
    finally:
        mad.stop()


def test_many_slow_providers_and_those_who_wait_for_them_take_no_place_from_others(serve, authority, provider):
    mad = Provider(authority)
    mad.mode = "slow"
    try:
        slow = [
            profile_of(mad, f"slow {number}", token_matches=[{"issuer": f"slow-{number}"}])
            | {"identity_provider": {"issuer": f"slow-{number}", "jwks_url": f"{mad.origin}/jwks?{number}"}}
            for number in range(40)
        ]
        gateway = serve(profile_of(provider), *slow)
        fetched(gateway)
        key = ECKey.generate_key("P-256")
        wires = []
        for number in range(400):
            claims = {"iss": f"slow-{number % 40}"}
            token = joserfc_jwt.encode({"alg": "ES256", "kid": secrets.token_hex(8)}, claims, key)
            wire = gateway.connect(timeout=30)
            wire.send(f"GET {CALL} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
            wires.append(wire)
        for _ in range(3):
            provider.rotate()
            began = time.monotonic()
            assert gateway.get(CALL, provider.token()).status == 200
            assert time.monotonic() - began < 3
        for wire in wires:
            assert wire.read().code == "invalid_token"
            wire.socket.close()
    finally:
        mad.stop()


def test_a_discovery_document_of_another_issuer(serve, provider):
    provider.named_issuer = "https://other.example"
    gateway = serve(profile_of(provider))
    shown = until("the reason", lambda: (found := key_set(gateway))["last_error"] and found)
    assert "another issuer" in shown["last_error"]
    assert gateway.get(CALL, provider.token()).code == "invalid_token"


def test_a_certificate_that_nobody_vouches_for(start, people, upstream, provider):
    gateway = start("--key-fetch-allow", ALLOW)
    document = catalog(people, upstream.url)
    document["clients"].append({"name": "Provided", "profiles": [profile_of(provider)]})
    gateway.apply(document)
    shown = until("the reason", lambda: (found := key_set(gateway))["last_error"] and found)
    assert shown["state"] == "missing" and provider.fetches == 0
    assert gateway.get(CALL, provider.token()).code == "invalid_token"


INTERNAL = [
    "https://127.0.0.1:{port}/jwks",
    "https://[::1]:{port}/jwks",
    "https://[::ffff:127.0.0.1]:{port}/jwks",
    "https://[::ffff:7f00:1]:{port}/jwks",
    "https://[::127.0.0.1]:{port}/jwks",
    "https://[64:ff9b::7f00:1]:{port}/jwks",
    "https://[2002:7f00:1::]:{port}/jwks",
    "https://[fe80::1]:{port}/jwks",
    "https://[fd00::1]:{port}/jwks",
    "https://10.0.0.1/jwks",
    "https://172.16.0.1/jwks",
    "https://192.168.0.1/jwks",
    "https://169.254.169.254/latest",
    "https://100.64.0.1/jwks",
    "https://0.0.0.0:{port}/jwks",
]
# What some resolvers take for 127.0.0.1.
DISGUISED = [
    "https://2130706433:{port}/jwks",
    "https://0x7f000001:{port}/jwks",
    "https://0x7f.1:{port}/jwks",
    "https://127.1:{port}/jwks",
    "https://0177.0.0.1:{port}/jwks",
    "https://127.0.0.1.:{port}/jwks",
    "https://user@127.0.0.1:{port}/jwks",
    "https://example.com@127.0.0.1:{port}/jwks",
    "https://example.com\\@127.0.0.1:{port}/jwks",
    "http://127.0.0.1:{port}/jwks",
    "https://127.0.0.1:{port}/jwks#x",
    "file:///etc/passwd",
]


@pytest.mark.parametrize("field", ["jwks_url", "discovery_url"])
def test_an_internal_address_is_refused_when_it_is_saved(own, authority, provider, field):
    client = own.find("clients", name="Acme")
    for number, url in enumerate(INTERNAL + DISGUISED):
        body = {
            "client_id": client["id"],
            "name": f"p{number}",
            "method": "oidc",
            "identity_provider": {"issuer": "x", field: url.format(port=provider.port)},
        }
        answer = own.admin("POST", "/profiles", body)
        assert answer.status in (400, 422), url
        assert f"identity_provider.{field}" in answer.body.decode(), answer.body
    assert provider.fetches == 0


def internal_names() -> list[str]:
    """Names of this machine that lead to it without a server being asked."""
    names = ["localhost", socket.gethostname(), "ip6-localhost", "localhost.localdomain"]
    return ["localhost", *(name for name in dict.fromkeys(names[1:]) if resolves(name))]


def resolves(name: str) -> bool:
    try:
        return bool(socket.getaddrinfo(name, 443))
    except OSError:
        return False


@pytest.mark.parametrize("host", internal_names())
def test_a_name_that_resolves_to_an_internal_address_is_refused(start, people, upstream, authority, provider, host):
    gateway = start("--key-fetch-ca", authority.path)
    document = catalog(people, upstream.url)
    url = f"https://{host}:{provider.port}/jwks"
    profile = profile_of(provider, identity_provider={"issuer": provider.issuer, "jwks_url": url})
    document["clients"].append({"name": "Provided", "profiles": [profile]})
    gateway.apply(document)
    shown = until("the reason", lambda: (found := key_set(gateway))["last_error"] and found)
    assert "not public" in shown["last_error"], shown
    assert gateway.get(CALL, provider.token()).code == "invalid_token"
    assert provider.fetches == 0


def test_a_catalog_file_names_an_internal_address(start, people, upstream, authority, provider, tmp_path):
    """Without an admin API to refuse it, it is refused when it is asked."""
    import yaml

    document = catalog(people, upstream.url)
    keys = {"issuer": provider.issuer, "jwks_url": f"{provider.origin}/jwks"}
    document["clients"].append({"name": "Provided", "profiles": [profile_of(provider, identity_provider=keys)]})
    (tmp_path / "catalog.yaml").write_text(yaml.safe_dump(document))
    gateway = start("--key-fetch-ca", authority.path, catalog=tmp_path / "catalog.yaml")
    shown = until("the reason", lambda: (found := key_set(gateway))["last_error"] and found)
    assert "not public" in shown["last_error"] and provider.fetches == 0


@pytest.mark.parametrize(
    "target",
    ["https://192.168.7.7/jwks", "https://[fd00::1]/jwks", "http://127.0.0.1:{port}/jwks", "https://2130706433/", "//x"],
)
def test_a_redirect_is_followed_to_public_places_alone(start, people, upstream, authority, provider, target):
    # Only the provider itself is allowed: what it points to is judged anew.
    mad = Provider(authority)
    mad.mode, mad.redirect_to = "redirect", target.format(port=provider.port)
    try:
        gateway = start("--key-fetch-allow", "127.0.0.1/32", "--key-fetch-ca", authority.path)
        document = catalog(people, upstream.url)
        document["clients"].append({"name": "Provided", "profiles": [profile_of(mad)]})
        gateway.apply(document)
        shown = until("the reason", lambda: (found := key_set(gateway))["last_error"] and found)
        assert "redirect" in shown["last_error"] or "not public" in shown["last_error"], shown
        assert provider.fetches == 0
        # To itself for ever.
        mad.redirect_to = "/jwks"
        until("the reason", lambda: "redirects" in (key_set(gateway)["last_error"] or ""), 20)
    finally:
        mad.stop()


def test_a_redirect_within_the_provider_is_followed(serve, authority, provider):
    front = Provider(authority)
    front.mode, front.redirect_to = "redirect", f"{provider.origin}/jwks"
    front.keys = provider.keys
    try:
        gateway = serve(profile_of(front))
        assert gateway.get(CALL, front.token()).status == 200
    finally:
        front.stop()


def test_two_profiles_of_one_provider_share_its_keys(serve, provider):
    second = [{"issuer": provider.issuer, "audience": "orders", "claims": {"azp": "app"}}]
    gateway = serve(profile_of(provider), profile_of(provider, "second", token_matches=second))
    fetched(gateway)
    assert gateway.get(CALL, provider.token()).status == 200
    assert gateway.get(CALL, provider.token("app")).status == 200
    assert provider.fetches == 1
    # The one that allows another algorithm alone takes none of them.
    profile = gateway.find("profiles", name="second")
    gateway.change("profiles", profile, identity_provider={"issuer": provider.issuer, "algorithms": ["ES256"]})
    assert gateway.get(CALL, provider.token("app")).code == "invalid_token"
    assert gateway.get(CALL, provider.token()).status == 200
