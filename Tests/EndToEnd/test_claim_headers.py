"""What a real upstream is told of the caller: claims as headers of their own, and a signed assertion."""

import json
import secrets
import time

import jwt
import pytest
from joserfc import jwt as jose_jwt
from joserfc.jwk import KeySet
from support.gateway import bearer
from support.house import catalog, endpoint
from support.wire import request_bytes

CALL = "/told/call"
CLAIM_HEADERS = [
    {"claim": "groups", "header": "X-Groups"},
    {"claim": "email", "header": "X-User-Email"},
    {"claim": "level", "header": "X-Level"},
    {"claim": "admin", "header": "X-Admin"},
    {"claim": "roles", "header": "X-Roles", "separator": "; "},
    {"claim": "sub", "header": "X-Subject"},
]
NAMES = [entry["header"] for entry in CLAIM_HEADERS]
ASSERTION = {"audience": "https://orders.internal"}


@pytest.fixture
def plain_token() -> str:
    return secrets.token_hex(32)


@pytest.fixture
def gateway(start, people, upstream, plain_token):
    document = catalog(people, upstream.url)
    told = {"name": "told", "targets": [{"url": upstream.url}], "claim_headers": CLAIM_HEADERS, "assertion": ASSERTION}
    document["upstreams"].append(told)
    endpoints = [
        endpoint("call", "/call", upstream="told"),
        endpoint("open", "/open", upstream="told", authentication="none"),
    ]
    document["collections"].append({"name": "Told", "handle": "told", "version": "1", "endpoints": endpoints})
    document["clients"].append(
        {
            "name": "Plain",
            "profiles": [
                {"name": "plain", "method": "token", "api_tokens": [{"name": "default", "token": plain_token}]},
                {"name": "app", "method": "oauth2", "oauth2": {"scopes": ["a", "b"]}, "api_tokens": [
                    {"name": "default", "token": secrets.token_hex(32)}
                ]},
            ],
        }
    )  # fmt: skip
    for client in document["clients"]:
        for profile in client["profiles"]:
            profile["collections"] = ["api-endpoints-v1", "told"]
    document["settings"] = {"issuer": "https://gateway.example"}
    gateway = start()
    gateway.apply(document)
    return gateway


def arrived(gateway, upstream, headers, target: str = CALL):
    """The request as the upstream got it."""
    before = len(upstream.received)
    answer = gateway.call("GET", target, headers)
    assert answer.status == 200, (answer, gateway.decision(answer))
    return upstream.received[before]


def test_claims_arrive_as_headers(gateway, people, upstream):
    claims = {
        "groups": ["admins", "a,b", "50%", " x ", "Zoë", 7, True, None, ["nested"], {"o": 1}],
        "email": "john@acme.example",
        "level": 12.50,
        "admin": False,
        "roles": ["read; write", "x;y", "z"],
    }
    request = arrived(gateway, upstream, bearer(people.hmac.token(**claims)))
    assert request.header("x-groups") == "admins,a%2Cb,50%25,%20x%20,Zo%C3%AB,7,true"
    assert request.header("x-user-email") == "john@acme.example"
    assert request.header("x-level") == "12.5" and request.header("x-admin") == "false"
    assert request.header("x-roles") == "read%3B write; x%3By; z"
    # The claim holds the API token, which no upstream gets.
    assert request.all("x-subject") == []
    assert people.hmac.api_token not in request.head.decode("latin-1")


def test_there_is_no_header_for_what_says_nothing(gateway, people, upstream):
    for value in (None, "", [], {"a": 1}, [[1]], [None], "x" * 8193, ["y" * 4000] * 2 + ["é" * 100]):
        request = arrived(gateway, upstream, bearer(people.hmac.token(groups=value)))
        assert request.all("x-groups") == [], value
    request = arrived(gateway, upstream, bearer(people.hmac.token(groups="x" * 8192)))
    assert len(request.header("x-groups")) == 8192


@pytest.mark.parametrize(
    "value",
    ["a\r\nX-Admin: true", "a\nb", "\0", "\x7f", "\t", " a", "a ", "％", "\u2028", "x" * 100 + "\r\n\r\nGET / HTTP/1.1"],
)
def test_a_hostile_value_is_one_safe_value(gateway, people, upstream, value):
    for claim in (value, [value, value]):
        request = arrived(gateway, upstream, bearer(people.hmac.token(groups=claim)))
        written = request.header("x-groups")
        assert written == written.strip() and all(0x20 <= ord(character) < 0x7F for character in written)
        assert request.all("x-admin") == []


def test_the_api_token_is_in_no_claim_header(gateway, people, upstream):
    token = people.hmac.api_token
    for value in (token, f"x{token}y", [token], ["a", f"{token}!"]):
        request = arrived(gateway, upstream, bearer(people.hmac.token(groups=value, email="kept@x")))
        assert token not in request.head.decode("latin-1") and request.all("x-groups") == []
        assert request.header("x-user-email") == "kept@x"


def test_a_caller_cannot_say_it_itself(gateway, people, upstream, plain_token):
    spellings = [str, str.lower, str.upper, lambda name: name.replace("-", "_")]
    spoofed = [(spell(name), "mallory") for name in [*NAMES, "Portcullis-Assertion"] for spell in spellings]
    callers = [
        (CALL, bearer(people.hmac.token(groups=["genuine"]))),
        (CALL, [("API-Token", plain_token)]),
        ("/told/open", []),
    ]
    for target, credential in callers:
        for connection in ([], [("Connection", ", ".join([*NAMES, "Portcullis-Assertion"]))]):
            request = arrived(gateway, upstream, [*spoofed, *credential, *connection, *spoofed], target)
            assert b"mallory" not in request.head
            assert request.all("x-groups") == (["genuine"] if b"genuine" in request.head else [])
            assert len(request.all("portcullis-assertion")) == (0 if target == "/told/open" else 1)
    assert b"genuine" in arrived(gateway, upstream, callers[0][1]).head
    # Other upstreams' headers of these names are nobody's business.
    request = arrived(gateway, upstream, [*bearer(people.hmac.token()), ("X-Groups", "own")], "/api-endpoints-v1/call")
    assert request.header("x-groups") == "own" and request.all("portcullis-assertion") == []


def verified(gateway, assertion: str) -> dict:
    """As docs/upstream-claims.md tells upstreams to do it, with joserfc."""
    keys = KeySet.import_key_set(gateway.get("/oauth2/jwks").json)
    token = jose_jwt.decode(assertion, keys, algorithms=["ES256"])
    rules = {name: {"essential": True, "value": value} for name, value in
             (("iss", "https://gateway.example"), ("aud", ASSERTION["audience"]))}  # fmt: skip
    jose_jwt.JWTClaimsRegistry(**rules, exp={"essential": True}).validate(token.claims)
    return token.claims


def test_the_assertion(gateway, people, upstream, plain_token):
    token = people.hmac.token(scope="read write")
    claims = verified(gateway, arrived(gateway, upstream, bearer(token)).header("portcullis-assertion"))
    profile = gateway.find("profiles", name="acme-hmac")
    assert claims["sub"] == profile["id"] and claims["client"] == "Acme" and claims["profile"] == "acme-hmac"
    assert claims["name"] == "John Doe" and claims["scope"] == "read write"
    assert claims["exp"] - claims["iat"] == 60 and abs(claims["iat"] - time.time()) < 30
    # PyJWT agrees.
    assertion = arrived(gateway, upstream, bearer(token)).header("portcullis-assertion")
    key = jwt.PyJWKSet.from_dict(gateway.get("/oauth2/jwks").json)[jwt.get_unverified_header(assertion)["kid"]]
    jwt.decode(assertion, key, ["ES256"], audience=ASSERTION["audience"], issuer="https://gateway.example")
    with pytest.raises(jwt.InvalidAudienceError):
        jwt.decode(assertion, key, ["ES256"], audience="https://other.internal")

    plain = verified(gateway, arrived(gateway, upstream, [("API-Token", plain_token)]).header("portcullis-assertion"))
    assert plain["profile"] == "plain" and "name" not in plain


def test_an_assertion_is_signed_once_for_a_while(gateway, people, upstream):
    request = request_bytes("GET", CALL, bearer(people.hmac.token()))
    with gateway.connect() as wire:

        def told() -> str:
            before = len(upstream.received)
            assert wire.send(request).read().status == 200
            return upstream.received[before].header("portcullis-assertion")

        first = told()
        assert {told() for _ in range(20)} == {first}
        other = arrived(gateway, upstream, bearer(people.hmac.token(x=1))).header("portcullis-assertion")
        assert other != first
        # Whatever is changed is told at once.
        profile = gateway.find("profiles", name="acme-hmac")
        gateway.change("profiles", profile, name="renamed")
        assert verified(gateway, told())["profile"] == "renamed"
        before = told()
        body = {"activate_after_seconds": 0, "retire_after_seconds": 0}
        assert gateway.admin("POST", "/signing-keys/rotate", body).status == 200
        after = told()
        assert after != before and verified(gateway, after)["profile"] == "renamed"


def test_an_assertion_is_no_credential(gateway, people, upstream):
    assertion = arrived(gateway, upstream, bearer(people.hmac.token())).header("portcullis-assertion")
    assert gateway.get(CALL, assertion).code == "invalid_token"
    assert gateway.call("GET", CALL, [("Portcullis-Assertion", assertion)]).code == "credential_missing"
    # Not even that of an oauth2 profile.
    profile = gateway.find("profiles", name="app")
    issued = gateway.admin("POST", f"/profiles/{profile['id']}/api-tokens", {"name": "new"}).json["token"]
    body = {"grant_type": "client_credentials", "client_id": profile["id"], "client_secret": issued}
    answer = gateway.call("POST", "/oauth2/token", [("Content-Type", "application/json")], json.dumps(body).encode())
    request = arrived(gateway, upstream, bearer(answer.json["access_token"]))
    claims = verified(gateway, request.header("portcullis-assertion"))
    assert claims["profile"] == "app" and claims["scope"] == "a b" and claims["name"] == "Plain/app"
    assert request.header("x-subject") == profile["id"]
    assert gateway.get(CALL, request.header("portcullis-assertion")).code == "invalid_token"


def test_the_decision_as_a_service_tells_it_too(gateway, people):
    assert gateway.admin("PATCH", "/settings", {"trusted_proxies": ["127.0.0.1"]}).status == 200
    asked = [("X-Original-Method", "GET"), ("X-Original-URI", CALL), ("X-Forwarded-For", "192.0.2.1")]
    answer = gateway.call("GET", "/-/authorize", [*asked, *bearer(people.hmac.token(groups=["a", "b"]))])
    assert answer.status == 200 and answer.header("x-groups") == "a,b"
    assert verified(gateway, answer.header("portcullis-assertion"))["profile"] == "acme-hmac"


def test_the_keys_survive_kill_9(gateway, people, upstream):
    assertion = arrived(gateway, upstream, bearer(people.hmac.token())).header("portcullis-assertion")
    gateway.kill()
    gateway.start()
    assert verified(gateway, assertion)["profile"] == "acme-hmac"


def test_what_may_not_be_a_header(gateway):
    told = gateway.find("upstreams", name="told")
    for header in ("Authorization", "Host", "Portcullis-Client", "X-Forwarded-For", "a_b", "a b", "a:b", "", "Cookie"):
        change = {"claim_headers": [{"claim": "a", "header": header}]}
        assert gateway.admin("PATCH", f"/upstreams/{told['id']}", change).status in (400, 422), header
    for separator in ("", "%", "a", "1,", "é", "\n", "x" * 9):
        change = {"claim_headers": [{"claim": "a", "header": "X-A", "separator": separator}]}
        assert gateway.admin("PATCH", f"/upstreams/{told['id']}", change).status in (400, 422), separator
