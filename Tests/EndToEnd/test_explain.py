"""Explain decides as the gateway does, over many calls, and names what mends a refused one."""

import base64
import json
import random
import time

import jwt
import pytest
from support.gateway import Gateway
from support.house import Caller, endpoint, openssl_secret, profile
from support.tokens import SSHKey, b64, compact, hs

SEED = 20261124
CALL = "/api-endpoints-v1/call"
PATHS = [
    *[CALL] * 50,
    "/api-endpoints-v1/orders/7",
    "/api-endpoints-v1/scoped",
    "/api-endpoints-v1/ruled/acme?tenant=acme",
    "/api-endpoints-v1/ruled/beta",
    "/api-endpoints-v1/status",
    "/api-endpoints-v1/asleep",
    "/api-endpoints-v1/Call",
    "/api-endpoints-v1/call/",
    "/api-endpoints-v1/c%61ll",
    "/api-endpoints-v1/../call",
    "/api-endpoints-v1/a%2Fb",
    "/api-endpoints-v1/call#part",
    "/api-endpoints-v1/call?a=b#part",
    "/call",
    "/ungranted/x",
    "/sleeping/x",
    "/nowhere",
    "/",
]


def digits(name: str) -> str:
    """An API token that is the same in every run."""
    return random.Random(name).randbytes(32).hex()


class Callers:
    """Profiles of every kind of key, and of every kind of rule."""

    def __init__(self, folder):
        self.secret = openssl_secret()
        self.keys = {
            "rs": SSHKey(folder, "explain-rs", "rsa", 2048),
            "es": SSHKey(folder, "explain-es", "ecdsa", 256),
            "ed": SSHKey(folder, "explain-ed", "ed25519"),
        }
        self.algorithms = {"rs": "RS256", "es": "ES256", "ed": "EdDSA"}
        self.hmac_names = ["hs", "decoded", "strict", "asleep", "denied", "ungranted", "alone", "once", "retired"]

    def names(self) -> list[str]:
        return [*self.hmac_names, *self.keys]

    def sign(self, name: str, payload: dict, headers=None) -> str:
        # As a JWS: PyJWT itself would not write all of these claims.
        written = json.dumps(payload, separators=(",", ":")).encode()
        if name in self.keys:
            return jwt.api_jws.encode(written, self.keys[name].private, self.algorithms[name], headers)
        secret = base64.b64decode(self.secret) if name == "decoded" else self.secret.encode()
        return jwt.api_jws.encode(written, secret, "HS256", headers)

    def payload(self, name: str, now: int) -> dict:
        claims = {"sub": digits(name), "iat": now, "exp": now + 600, "jti": f"{name}-{now}"}
        if name == "strict":
            claims |= {"iss": "acme", "aud": ["orders", "x"], "tenant": "t"}
        return claims

    def profile(self, name: str, *collections: str, **fields) -> dict:
        caller = Caller("Acme", name, digits(name), secret=self.secret, key=self.keys.get(name))
        if name in self.keys:
            caller.secret = None
        return profile(caller, *collections, **fields)

    def catalog(self, upstream: str) -> dict:
        endpoints = [
            endpoint("call", "/call", "GET", "POST"),
            endpoint("order", "/orders/{id}", "GET"),
            endpoint("scoped", "/scoped", scopes=["orders.read"]),
            endpoint("ruled", "/ruled/{tenant}", rule='query.tenant == path.tenant || claims.tenant == path.tenant'),
            endpoint("status", "/status", authentication="none"),
            endpoint("asleep", "/asleep", active=False),
        ]
        granted = "api-endpoints-v1"
        rules = {
            "issuers": ["acme"],
            "audiences": ["orders"],
            "required_claims": ["tenant"],
            "require_exp": True,
            "max_lifetime_seconds": 3600,
        }
        decoded = self.profile("decoded", granted)
        decoded["keys"][0]["secret_is_base64"] = True
        alone = self.profile("alone", granted, method="token")
        alone["keys"] = []
        retired = self.profile("retired", granted)
        retired["keys"][0]["retire_at"] = "2026-01-01T00:00:00Z"
        return {
            "upstreams": [{"name": "echo", "targets": [{"url": upstream}]}],
            "collections": [
                {"name": "API", "handle": granted, "version": "1", "endpoints": endpoints},
                {"name": "Ungranted", "handle": "ungranted", "version": "1", "endpoints": [endpoint("x", "/x")]},
                {
                    "name": "Sleeping",
                    "handle": "sleeping",
                    "version": "1",
                    "active": False,
                    "endpoints": [endpoint("x", "/x")],
                },
            ],
            "clients": [
                {
                    "name": "Acme",
                    "profiles": [
                        self.profile("hs", granted),
                        decoded,
                        self.profile("strict", granted, **rules),
                        self.profile("denied", granted, ip_deny=["127.0.0.0/8"]),
                        self.profile("ungranted"),
                        alone,
                        self.profile("once", granted, one_time_tokens=True),
                        retired,
                        *(self.profile(name, granted) for name in self.keys),
                    ],
                },
                {"name": "Dormant", "active": False, "profiles": [self.profile("asleep", granted)]},
            ],
        }


@pytest.fixture(scope="module")
def callers(tmp_path_factory) -> Callers:
    return Callers(tmp_path_factory.mktemp("explain-keys"))


@pytest.fixture(scope="module")
def gateway(tmp_path_factory, callers, upstream):
    server = Gateway(tmp_path_factory.mktemp("explain") / "data").start()
    server.apply(callers.catalog(upstream.url))
    yield server
    server.stop()


UNSIGNED = b64(b'{"alg":"none"}')

# What becomes of a token on its way, or what is wrong with its claims.
CLAIMS = {
    "sound": lambda claims, now: claims,
    "expired": lambda claims, now: claims | {"iat": now - 900, "exp": now - 600},
    "ahead": lambda claims, now: claims | {"iat": now + 600, "exp": now + 900},
    "later": lambda claims, now: claims | {"nbf": now + 600},
    "milliseconds": lambda claims, now: claims | {"iat": now * 1000, "exp": (now + 60) * 1000},
    "text time": lambda claims, now: claims | {"exp": str(now + 60)},
    "endless": lambda claims, now: {key: value for key, value in claims.items() if key != "exp"},
    "long": lambda claims, now: claims | {"exp": now + 86_400},
    "scoped": lambda claims, now: claims | {"scope": "orders.read", "tenant": "acme"},
    "capitals": lambda claims, now: claims | {"sub": claims["sub"].upper()},
    "elsewhere": lambda claims, now: claims | {"sub": "john", "api_key": claims["sub"]},
    "unknown": lambda claims, now: claims | {"sub": "0" * 64},
    "nobody": lambda claims, now: {key: value for key, value in claims.items() if key != "sub"},
    "other audience": lambda claims, now: claims | {"aud": "Orders/"},
    "other issuer": lambda claims, now: claims | {"iss": ["acme"]},
    "null claim": lambda claims, now: claims | {"tenant": None},
}
DAMAGE = {
    "none": lambda token, dice: token,
    "quotes": lambda token, dice: f'"{token}"',
    "scheme": lambda token, dice: f"Bearer {token}",
    "space": lambda token, dice: token[:20] + " " + token[20:],
    "comma": lambda token, dice: token + ",",
    "padding": lambda token, dice: token + "==",
    "short": lambda token, dice: token[: dice.randrange(1, len(token))],
    "another byte": lambda token, dice: _changed(token, dice.randrange(len(token)), dice),
    "twice": lambda token, dice: f"{token}.{token}",
    "unsigned": lambda token, dice: ".".join([UNSIGNED, token.split(".")[1], ""]),
    "empty": lambda token, dice: "",
}


def _changed(token: str, place: int, dice) -> str:
    return token[:place] + dice.choice("Aa9_-.~*") + token[place + 1 :]


def question(callers, dice, now):
    """A call at random: most of its parts are sound, so that every check is reached."""
    name = dice.choice(callers.names())
    kind = dice.choice(["sound"] * 16 + list(CLAIMS))
    claims = CLAIMS[kind](callers.payload(name, now), now)
    claims["jti"] = dice.randbytes(8).hex()
    signer = name if dice.random() < 0.9 else dice.choice(callers.names())
    headers = {"typ": dice.choice(["JWT", "at+jwt", "logout+jwt"])} if dice.random() < 0.1 else None
    damage = dice.choice(["none"] * 16 + list(DAMAGE))
    token = DAMAGE[damage](callers.sign(signer, claims, headers), dice)
    if name == "alone" and dice.random() < 0.7:
        token = dice.choice([digits(name), digits("hs"), "f" * 64])
    if dice.random() < 0.03:
        token = None
    method = dice.choice(["GET"] * 9 + ["POST", "DELETE", "HEAD", "get", "Post", "PROPFIND", "M-SEARCH"])
    return (name, kind, signer, damage), method, dice.choice(PATHS), token


def ask(gateway, method, path, token) -> dict:
    asked = {"method": method, "url": path} | ({} if token is None else {"token": token})
    answer = gateway.admin("POST", "/explain", asked)
    assert answer.status == 200, answer
    return answer.json


def call(gateway, method, path, token):
    if token is None:
        headers = []
    elif len(token) == 64 and all(digit in "0123456789abcdef" for digit in token):
        headers = [("API-Token", token)]
    else:
        headers = [("Authorization", f"Bearer {token}")]
    return gateway.call(method, path, headers)


def test_explain_decides_as_the_gateway(gateway, callers):
    dice = random.Random(SEED)
    outcomes: dict[str | None, int] = {}
    causes: set[str] = set()
    for _ in range(1000):
        why, method, path, token = question(callers, dice, int(time.time()))
        # Asked first: a token that is accepted once would be used up by the call.
        explained = ask(gateway, method, path, token)
        answer = call(gateway, method, path, token)
        if method == "HEAD":
            # An answer to HEAD has no body that could say its code.
            assert (explained["status"] or 200) == answer.status, (why, path, explained)
        else:
            assert (explained["code"], explained["status"] or 200) == (answer.code, answer.status), (why, path, explained)
        assert bool(explained["likely_causes"]) <= (explained["code"] is not None)
        outcomes[explained["code"]] = outcomes.get(explained["code"], 0) + 1
        causes |= {cause["code"] for cause in explained["likely_causes"]}
        for secret in (callers.secret, *map(digits, callers.names())):
            assert secret not in str(explained["likely_causes"]), why
    assert outcomes[None] >= 100, outcomes
    expected = {
        "endpoint_not_found", "method_not_allowed", "credential_missing", "invalid_token", "token_expired",
        "token_not_yet_valid", "claim_missing", "client_inactive", "address_not_allowed", "collection_not_granted",
        "not_authorized", "bad_request",
    }
    assert expected <= outcomes.keys(), expected - outcomes.keys()
    assert len(causes) >= 20, sorted(causes)


def test_each_refusal_of_the_corpus_keeps_its_promise(gateway, callers):
    """What "then" says of a token that is only corrected is what the gateway does with it."""
    token = callers.sign("hs", callers.payload("hs", int(time.time())))
    for damaged in (f'"{token}"', f"Bearer {token}", token + "==", f" {token[:9]} {token[9:]}"):
        explained = ask(gateway, "GET", CALL, damaged)
        assert {cause["then"]["outcome"] for cause in explained["likely_causes"]} == {"admitted"}, explained
        assert explained["code"] == "invalid_token"
    assert call(gateway, "GET", CALL, token).status == 200


def test_a_remedy_does_what_was_promised(start, people, upstream):
    """The Base64 switch, the retired key and the missing grant, mended as the remedy says."""
    from support.house import catalog

    own = start()
    own.apply(catalog(people, upstream.url))
    token = jwt.encode(people.hmac.payload(), base64.b64decode(people.hmac.secret), "HS256")
    (cause,) = ask(own, "GET", CALL, token)["likely_causes"]
    assert cause["code"] == "secret_base64_decoded" and cause["then"]["outcome"] == "admitted", cause
    remedy = cause["remedy"]
    assert remedy["action"] == "set_secret_is_base64" and remedy["secret_is_base64"] is True
    key = f"/profiles/{remedy['profile_id']}/keys/{remedy['key_id']}"
    # A secret is never read back, so the switch is set together with it.
    changed = own.admin("PATCH", key, {"secret": people.hmac.secret, "secret_is_base64": True})
    assert changed.status == 200, changed
    assert own.get(CALL, token).status == 200

    token = people.rsa.token()
    (cause,) = ask(own, "GET", "/ungranted/x", token)["likely_causes"]
    assert cause["code"] == "collection_not_granted" and cause["then"]["outcome"] == "admitted", cause
    profile = own.find("profiles", name="acme-rsa")
    own.change("profiles", profile, collections=[*profile["collections"], "ungranted"])
    assert own.get("/ungranted/x", token).status == 200


def test_the_remedy_that_was_shown_is_applied_or_none(start, people, upstream):
    """The missing grant, mended through the API: not when another remedy is named than what is found anew."""
    from support.house import catalog

    own = start()
    own.apply(catalog(people, upstream.url))
    token = people.rsa.token()
    (cause,) = ask(own, "GET", "/ungranted/x", token)["likely_causes"]
    asked = {"method": "GET", "url": "/ungranted/x", "token": token, "cause": cause["code"]} | cause["remedy"]
    for changed in ({"action": "activate_client"}, {"collection_id": "0" * 32}, {"value": "x"}):
        assert own.admin("POST", "/explain/mend", asked | changed).status == 409, changed
    assert own.get("/ungranted/x", token).status == 403
    assert own.admin("POST", "/explain/mend", asked).json == {"cause": cause["code"], "action": "grant_collection"}
    assert own.get("/ungranted/x", token).status == 200


def test_the_command_line_tells_causes(gateway, callers):
    payload = callers.payload("hs", int(time.time()))
    token = jwt.encode(payload, base64.b64decode(callers.secret), "HS256")
    told = gateway.cli("token", "explain", token, "--url", CALL)
    assert told.returncode == 1, told.stderr
    assert "likely cause: the signer Base64-decodes the secret of key \"shared\"" in told.stdout
    assert "then the call would be let in" in told.stdout
    plain = gateway.cli("token", "explain", token, "--url", CALL, "--json")
    assert '"code":"secret_base64_decoded"' in plain.stdout.replace(" ", ""), plain.stdout


# MARK: the tools


HOSTS = [
    "a.example", "A.Example:80", "127.0.0.1", "[::1]:8443", "a_b", "-", "x" * 300, "a:99999", "a:", ":80", "a:80:80", "[::1",
    "::1", "a@b", "u:p@b", "a,b", "a%20", "a\\b", "*.a", "é", "x" * 16_378, "x" * 16_379,
]  # fmt: skip


@pytest.mark.parametrize("host", HOSTS, ids=lambda host: host[:12])
def test_explain_takes_a_host_as_the_gateway_does(gateway, callers, host):
    for token in (None, callers.sign("hs", callers.payload("hs", int(time.time())))):
        explained = ask(gateway, "GET", f"http://{host}{CALL}", token)
        fields = "" if token is None else f"Authorization: Bearer {token}\r\n"
        answer = raw(gateway, f"GET {CALL} HTTP/1.1\r\nHost: {host}\r\n{fields}\r\n")
        assert (explained["code"], explained["status"] or 200) == (answer.code, answer.status), explained


@pytest.mark.parametrize("length", [65_000, 65_510, 65_511, 65_521, 65_522, 65_536, 70_000])
def test_explain_takes_a_length_as_the_gateway_does(gateway, length):
    target = "/" + "a" * (length - 1)
    explained = ask(gateway, "GET", target, None)
    answer = raw(gateway, f"GET {target} HTTP/1.1\r\nHost: -\r\n\r\n")
    assert (explained["code"], explained["status"]) == (answer.code, answer.status), explained["checks"][0]


@pytest.mark.parametrize("method", ["CONNECT", "A" * 32, "A" * 33, "A" * 500, "~"])
def test_explain_takes_a_method_as_the_gateway_does(gateway, method):
    explained = ask(gateway, method, CALL, None)
    answer = raw(gateway, f"{method} {CALL} HTTP/1.1\r\nHost: -\r\n\r\n")
    assert (explained["code"], explained["status"]) == (answer.code, answer.status), explained["checks"][0]


def raw(gateway, request: str):
    with gateway.connect() as wire:
        wire.send(request.encode())
        return wire.read()


def tool(gateway, path: str, status: int = 200, **body):
    answer = gateway.admin("POST", path, body)
    assert answer.status == status, answer
    return answer.json


def test_a_token_is_decoded_with_its_faults_in_place(gateway, callers):
    token = callers.sign("hs", {"sub": "x", "exp": 1})
    read = tool(gateway, "/tokens/decode", token=token)
    assert read["problems"] == [] and read["payload"] == '{"sub":"x","exp":1}' and read["signature_bytes"] == 32
    assert any("expired" in line for line in read["times"])
    place = token.index(".") + 3
    broken = tool(gateway, "/tokens/decode", token=token[:place] + "*" + token[place + 1 :])
    assert broken["problems"][0] | {"text": ""} == {"part": "payload", "position": place, "text": ""}, broken
    twice = compact({"alg": "HS256"}, '{"a":1,"a":2}', hs(b"x" * 32))
    assert "twice" in str(tool(gateway, "/tokens/decode", token=twice)) or tool(
        gateway, "/tokens/decode", token=twice
    )["problems"]


def test_a_token_is_minted_verified_and_noted(gateway, callers):
    profile = gateway.find("profiles", name="hs")
    (key,) = gateway.admin("GET", f"/profiles/{profile['id']}/keys").json["items"]
    claims = {"sub": digits("hs"), "name": "John"}
    minted = tool(gateway, "/tokens/mint", payload=claims, profile_id=profile["id"], key_id=key["id"], expires_in=60)
    assert jwt.decode(minted["token"], callers.secret, ["HS256"])["name"] == "John"
    assert call(gateway, "GET", CALL, minted["token"]).status == 200
    entry = gateway.admin("GET", "/audit?limit=1").json["items"][0]
    assert entry["action"] == "mint" and entry["id"] == key["id"], entry
    assert minted["token"].split(".")[2] not in str(entry)
    verdict = tool(gateway, "/tokens/verify", token=minted["token"], profile_id=profile["id"])
    assert verdict["verified"] and verdict["key_name"] == "shared", verdict
    retired = gateway.find("profiles", name="retired")
    verdict = tool(gateway, "/tokens/verify", token=minted["token"], profile_id=retired["id"])
    assert not verdict["verified"] and "retired" in verdict["reason"], verdict
    verdict = tool(gateway, "/tokens/verify", token=minted["token"], secret=callers.secret, secret_is_base64=True)
    assert not verdict["verified"] and "text" in verdict["reason"], verdict
    tool(gateway, "/tokens/mint", 422, payload=claims, profile_id=profile["id"], key_id=key["id"], expires_in=86_401)
    public = gateway.find("profiles", name="rs")
    (key,) = gateway.admin("GET", f"/profiles/{public['id']}/keys").json["items"]
    tool(gateway, "/tokens/mint", 422, payload=claims, profile_id=public["id"], key_id=key["id"])
    assert minted["token"] not in gateway.log and callers.secret not in gateway.log


@pytest.mark.parametrize("kind", ["rs", "es", "ed"])
def test_a_pasted_private_key_signs_for_its_profile(gateway, callers, kind):
    pasted = callers.keys[kind].path.read_text()
    minted = tool(gateway, "/tokens/mint", payload={"sub": digits(kind)}, key=pasted)
    assert call(gateway, "GET", CALL, minted["token"]).status == 200
    assert tool(gateway, "/tokens/verify", token=minted["token"], key=callers.keys[kind].public_line)["verified"]


def test_keys_are_recognised_or_what_is_wrong_is_said(gateway, callers):
    (key,) = tool(gateway, "/keys/recognise", key=callers.keys["rs"].public_line)["keys"]
    assert key["kind"] == "RSA 2048 bits" and key["comment"] == "explain-rs@laptop" and key["weaknesses"], key
    (key,) = tool(gateway, "/keys/recognise", key=callers.keys["ed"].path.read_text())["keys"]
    assert key["is_private"] and key["algorithms"] == ["EdDSA"]
    assert "ssh" in tool(gateway, "/keys/recognise", key="rubbish")["problem"].lower()
    assert "32" in tool(gateway, "/keys/recognise", key="short", is_secret=True)["problem"]
    (key,) = tool(gateway, "/keys/recognise", key=callers.secret, is_secret=True)["keys"]
    assert key["weaknesses"] == [] and callers.secret not in str(key)


@pytest.mark.parametrize("kind", ["hmac", "rsa", "ec", "ed25519"])
def test_a_generated_key_is_good_and_not_kept(gateway, kind):
    made = tool(gateway, "/keys/generate", kind=kind, comment="made@here")
    given = {"secret": made["secret"]} if kind == "hmac" else {"key": made["private_key"]}
    minted = tool(gateway, "/tokens/mint", payload={"sub": "x"}, **given)
    given = {"secret": made["secret"]} if kind == "hmac" else {"key": made["public_key"]}
    verdict = tool(gateway, "/tokens/verify", token=minted["token"], **given)
    assert verdict["verified"] and verdict["fingerprint"] == made["fingerprint"], (verdict, made["fingerprint"])


def test_a_route_is_tested(gateway, upstream):
    found = tool(gateway, "/routes/test", url="/api-endpoints-v1/orders/7?a=b")
    assert found["endpoint"] == "api-endpoints-v1/order" and found["parameters"] == [{"name": "id", "value": "7"}]
    assert found["upstream_url"] == f"{upstream.url}/orders/7?a=b" and found["code"] is None
    missed = tool(gateway, "/routes/test", url="/api-endpoints-v1/Call")
    assert missed["code"] == "endpoint_not_found" and missed["likely_causes"][0]["code"] == "path_case", missed
    asleep = tool(gateway, "/routes/test", url="/api-endpoints-v1/asleep")
    assert asleep["likely_causes"][0]["remedy"]["action"] == "activate_endpoint", asleep
