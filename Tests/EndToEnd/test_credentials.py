"""Every way in, over the wire: API tokens by themselves, and from which addresses they are good."""

import base64
import secrets

import pytest
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
