"""Every way in, over the wire: API tokens by themselves, and from which addresses they are good."""

import base64
import secrets
import time

import pytest
import yaml
from support.house import catalog

CALL = "/api-endpoints-v1/call"


def basic(password: str, user: str = "api-token") -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.fixture(scope="module")
def api_token() -> str:
    return secrets.token_hex(32)


@pytest.fixture
def methods(start, people, upstream, api_token):
    """The standard catalog, and a profile whose callers send their API token alone."""
    document = catalog(people, upstream.url)
    document["clients"].append(
        {
            "name": "Plain",
            "profiles": [
                {
                    "name": "plain",
                    "method": "token",
                    "collections": ["api-endpoints-v1"],
                    "api_tokens": [{"name": "default", "token": api_token}],
                }
            ],
        }
    )
    gateway = start()
    gateway.apply(document)
    return gateway


def call(gateway, **headers):
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    with gateway.connect() as wire:
        return wire.send(f"GET {CALL} HTTP/1.1\r\nHost: x\r\n{lines}\r\n".encode()).read()


def test_an_api_token_by_itself(methods, api_token):
    for headers in ({"API_Token": api_token}, {"Authorization": basic(api_token)}):
        answer = call(methods, **headers)
        assert answer.status == 200, methods.decision(answer)
        fields = answer.json["fields"]
        names = [name for name, _ in fields]
        assert dict(fields)["Portcullis-Profile"] == "plain"
        assert "Authorization" not in names and "API-Token" not in names
        assert api_token not in answer.body.decode()


def test_each_methods_credential_on_each_other_methods_profile(methods, people, api_token):
    """All pairs: what a profile does not ask for is refused as if nobody had it."""
    for caller in people:
        for headers in ({"API_Token": caller.api_token}, {"Authorization": basic(caller.api_token)}):
            answer = call(methods, **headers)
            assert (answer.status, answer.code) == (401, "invalid_token"), headers
    for caller in people:
        genuine, theirs = caller.api_token, caller
        theirs.api_token = api_token
        try:
            answer = call(methods, Authorization=f"Bearer {theirs.token()}")
        finally:
            caller.api_token = genuine
        assert (answer.status, answer.code) == (401, "invalid_token")
    answer = call(methods, Authorization=f"Bearer {api_token}")
    assert (answer.status, answer.code) == (401, "invalid_token")


def test_a_credential_in_two_places(methods, people, api_token):
    bearer = f"Bearer {people.hmac.token()}"
    for headers in (
        {"API_Token": api_token, "Authorization": basic(api_token)},
        {"API_Token": api_token, "Authorization": bearer},
    ):
        answer = call(methods, **headers)
        assert (answer.status, answer.code) == (400, "credential_ambiguous")
    with methods.connect() as wire:
        head = f"GET {CALL} HTTP/1.1\r\nHost: x\r\nAPI-Token: {api_token}\r\napi-token: {api_token}\r\n\r\n"
        assert wire.send(head.encode()).read().code == "credential_ambiguous"


def test_an_api_token_is_switched_off_at_the_next_request(methods, api_token):
    profile = methods.find("profiles", name="plain")
    assert call(methods, API_Token=api_token).status == 200
    methods.change("profiles", profile, active=False)
    assert call(methods, API_Token=api_token).code == "client_inactive"
    methods.change("profiles", profile, active=True)
    assert call(methods, API_Token=api_token).status == 200


def test_only_a_trusted_proxy_says_whom_a_call_comes_from(methods, api_token):
    profile = methods.find("profiles", name="plain")
    methods.change("profiles", profile, ip_allow=["198.51.100.0/24"])
    spoofed = {"API_Token": api_token, "X_Forwarded_For": "198.51.100.7", "Forwarded": "for=198.51.100.7"}
    assert call(methods, **spoofed).code == "address_not_allowed"

    settings = methods.admin("PATCH", "/settings", {"trusted_proxies": ["127.0.0.0/8"]})
    assert settings.status == 200
    answer = call(methods, API_Token=api_token, X_Forwarded_For="198.51.100.7")
    assert answer.status == 200, methods.decision(answer)
    fields = dict(answer.json["fields"])
    assert fields["X-Forwarded-For"] == "198.51.100.7"
    assert fields["Forwarded"].startswith("for=198.51.100.7;")
    assert methods.decision(answer)["client_address"] == "198.51.100.7"
    # What the caller wrote stands to the left of what the proxy wrote; the other header proves nothing.
    for headers in (
        {"X_Forwarded_For": "198.51.100.7, 203.0.113.9"},
        {"X_Forwarded_For": "198.51.100.7, 203.0.113.9, 127.0.0.3"},
        {"Forwarded": "for=198.51.100.7"},
        {"X_Real_IP": "198.51.100.7"},
    ):
        assert call(methods, API_Token=api_token, **headers).code == "address_not_allowed", headers
    assert call(methods, API_Token=api_token, X_Forwarded_For="unknown").code == "bad_request"

    methods.admin("PATCH", "/settings", {"client_address_header": "forwarded"})
    assert call(methods, API_Token=api_token, Forwarded='for="198.51.100.7:1"').status == 200
    assert call(methods, API_Token=api_token, X_Forwarded_For="198.51.100.7").code == "address_not_allowed"


def test_an_api_token_has_address_lists_of_its_own(methods, people):
    profile = methods.find("profiles", name="acme-hmac")
    token = methods.admin("GET", f"/profiles/{profile['id']}/api-tokens").json["items"][0]
    path = f"/profiles/{profile['id']}/api-tokens/{token['id']}"
    bearer = {"Authorization": f"Bearer {people.hmac.token()}"}
    assert call(methods, **bearer).status == 200
    assert methods.admin("PATCH", path, {"ip_deny": ["127.0.0.1"]}).status == 200
    assert call(methods, **bearer).code == "address_not_allowed"
    assert methods.admin("PATCH", path, {"ip_deny": [], "ip_allow": ["10.0.0.0/8"]}).status == 200
    assert call(methods, **bearer).code == "address_not_allowed"
    assert methods.admin("PATCH", path, {"ip_allow": None}).status == 200
    assert call(methods, **bearer).status == 200


def signed(caller, **claims) -> dict:
    return {"Authorization": f"Bearer {caller.token(**claims)}"}


def test_revoking_is_seen_by_the_next_request(methods, people):
    """By jti, by the token itself, by subject and by time; on an open connection and with remembered tokens."""
    profile = methods.find("profiles", name="acme-hmac")
    path = f"/profiles/{profile['id']}/revocations"
    now = int(time.time())
    claims = {"jti": "4711", "iat": now - 60, "exp": now + 600}
    token = people.hmac.token(**claims)
    ways = [
        {"jti": "4711", "reason": "laptop lost"},
        {"token": token},
        {"issued_before": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now - 59))},
    ]
    request = f"GET {CALL} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
    with methods.connect() as wire:
        for way in ways:
            assert wire.send(request).read().status == 200
            made = methods.admin("POST", path, way)
            assert made.status == 201, made
            answer = wire.send(request).read()
            assert (answer.status, answer.code) == (401, "token_revoked"), way
            assert methods.decision(answer)["checks"][-1]["check"]
            assert methods.admin("GET", f"{path}/{made.json['id']}").json["id"] == made.json["id"]
            assert methods.admin("DELETE", f"{path}/{made.json['id']}").status == 204
            assert wire.send(request).read().status == 200
    by_token = methods.admin("POST", path, {"token": token}).json
    assert by_token["jti"] == "4711" and "token" not in by_token
    assert methods.admin("POST", path, {"jti": "4711"}).status == 409
    assert methods.admin("POST", path, {"jti": "1", "subject": "2"}).status in (400, 422)
    assert methods.admin("POST", path, {"subject": people.hmac.api_token}).status in (400, 422)
    # Somebody else's token of the same id is another token.
    assert call(methods, **signed(people.beta, jti="4711")).status == 200


def test_revocations_survive_kill_9(methods, people):
    profile = methods.find("profiles", name="acme-rsa")
    revoked = signed(people.rsa, jti="a")
    for number in range(20):
        body = {"jti": "a"} if number == 19 else {"jti": f"other-{number}"}
        assert methods.admin("POST", f"/profiles/{profile['id']}/revocations", body).status == 201
    methods.kill()
    methods.start()
    assert call(methods, **revoked).code == "token_revoked"
    assert call(methods, **signed(people.rsa, jti="b")).status == 200
    exported = yaml.safe_load(methods.cli("export").stdout)
    kept = next(p for c in exported["clients"] for p in c["profiles"] if p["name"] == "acme-rsa")["revocations"]
    assert len(kept) == 20
    # What was exported can be applied, and changes nothing.
    revision = methods.admin("GET", "/catalog").fields
    methods.apply(exported)
    assert [f for f in methods.admin("GET", "/catalog").fields if f[0] == "ETag"] == [
        f for f in revision if f[0] == "ETag"
    ]
    # What a file says nothing of must not come back to life, not even by pruning.
    exported["clients"][0]["profiles"] = [
        {k: v for k, v in p.items() if k != "revocations"} for p in exported["clients"][0]["profiles"]
    ]
    methods.apply(exported, "--prune")
    assert call(methods, **revoked).code == "token_revoked"


def test_a_profile_names_a_claim_of_its_own(methods, people):
    profile = methods.find("profiles", name="acme-hmac")
    claims = {"sub": "jdoe@okta.example", "okta_gateway_token": people.hmac.api_token}
    assert call(methods, **signed(people.hmac, **claims)).code == "invalid_token"
    methods.change("profiles", profile, identity_claim="okta_gateway_token")
    answer = call(methods, **signed(people.hmac, **claims))
    assert answer.status == 200, methods.decision(answer)
    assert people.hmac.api_token not in answer.body.decode()
    claims["okta_gateway_token"] = people.rsa.api_token
    assert call(methods, **signed(people.hmac, **claims)).code == "invalid_token"


@pytest.fixture
def ruled(methods):
    """The endpoint `order` with a rule over the token, the path, the query and a header."""
    endpoint = methods.find("endpoints", name="order")
    rule = 'claims.tenant == path.id && query.confirm == "yes" && headers["X-Reason"] in ["a", "b"]'
    methods.change("endpoints", endpoint, scopes=["Orders.read"], rule=rule)
    return methods


def order(gateway, caller, target: str, reason: str = "a", **claims):
    with gateway.connect() as wire:
        lines = f"Host: x\r\nX-Reason: {reason}\r\nAuthorization: Bearer {caller.token(**claims)}\r\n\r\n"
        return wire.send(f"GET /api-endpoints-v1/orders/{target} HTTP/1.1\r\n{lines}".encode()).read()


def test_an_endpoints_rule(ruled, people):
    good = {"tenant": "acme", "scope": "Orders.read Orders.write"}
    for target in ("acme?confirm=yes", "%61cme?x=1&confirm=y%65s"):
        answer = order(ruled, people.rsa, target, **good)
        assert answer.status == 200, ruled.decision(answer)
    for target, reason, claims in [
        ("other?confirm=yes", "a", good),
        ("acme", "a", good),
        ("acme?confirm=yes&confirm=yes", "a", good),
        ("acme?confirm=no", "a", good),
        ("acme?confirm=yes", "c", good),
        ("acme?confirm=yes", "a\r\nX-Reason: a", good),
        ("acme?confirm=yes", "a", {"tenant": "acme"}),
        ("acme?confirm=yes", "a", {"scope": "Orders.read"}),
        ("acme?confirm=yes", "a", {"tenant": ["acme"], "scope": "Orders.read"}),
    ]:
        answer = order(ruled, people.rsa, target, reason, **claims)
        assert (answer.status, answer.code) == (403, "not_authorized"), (target, reason, claims)
        assert 'error="insufficient_scope"' in dict(answer.fields)["WWW-Authenticate"]
    failed = [check for check in ruled.decision(answer)["checks"] if check["result"] == "failed"]
    assert [check["check"] for check in failed] == ["authorization"]


def test_a_rule_is_explained_as_it_is_decided(ruled, people):
    endpoint = ruled.find("endpoints", name="order")
    ruled.change("endpoints", endpoint, rule='claims.tenant == path.id && query.confirm == "yes"')
    token = people.rsa.token(tenant="acme", scope="Orders.read")
    for url, code in [("acme?confirm=yes", None), ("acme?confirm=no", "not_authorized"), ("x", "not_authorized")]:
        question = {"token": token, "url": f"/api-endpoints-v1/orders/{url}"}
        assert ruled.admin("POST", "/explain", question).json["code"] == code


def test_a_rule_is_checked_when_it_is_saved(methods, people, upstream, tmp_path):
    endpoint = methods.find("endpoints", name="order")
    for rule, words in [
        ("claims.a = 1", "column 10"),
        ("path.nothing == 'x'", "column 6: the path has no parameter {nothing}, it has {id}"),
        ("x" * 5000, ""),
    ]:
        answer = methods.admin("PATCH", f"/endpoints/{endpoint['id']}", {"rule": rule})
        assert answer.status in (400, 422) and words in answer.body.decode(), answer
    document = catalog(people, upstream.url)
    document["collections"][0]["endpoints"][1]["rule"] = "claims.tenant == "
    (tmp_path / "bad.yaml").write_text(yaml.safe_dump(document))
    refused = methods.cli("apply", "-f", tmp_path / "bad.yaml")
    assert refused.returncode == 1
    assert "bad.yaml:" in refused.stderr and "rule: column 18" in refused.stderr, refused.stderr
    assert methods.find("endpoints", name="order")["rule"] is None
    # The rule goes with the path that it was written for.
    methods.change("endpoints", endpoint, rule="path.id == '1'")
    changed = methods.admin("PATCH", f"/endpoints/{endpoint['id']}", {"path": "/orders/{number}"})
    assert changed.status in (400, 422) and "{id}" in changed.body.decode()
