"""Client credentials at `/oauth2/token`, and what the access tokens are good for."""

import base64
import json
import secrets
import subprocess
import threading
import time
import urllib.parse

import jwt
import pytest
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from joserfc import jws
from joserfc import jwt as jose_jwt
from joserfc.jwk import KeySet
from support.gateway import bearer
from support.house import catalog, endpoint
from support.load import Load
from support.waiting import until

CALL = "/api-endpoints-v1/call"
TOKEN = "/oauth2/token"
FORM = "application/x-www-form-urlencoded"
ISSUER = "https://gateway.example"


class Client:
    """A profile of the method oauth2, as its client knows it."""

    def __init__(self, gateway, api_token: str):
        self.gateway, self.secret = gateway, api_token
        self.profile = gateway.find("profiles", name="orders-app")
        self.id = self.profile["oauth2_client_id"]

    def ask(self, secret: str | None = None, client_id: str | None = None, headers=(), **parameters):
        pairs = {"grant_type": "client_credentials"} | parameters
        body = urllib.parse.urlencode(pairs).encode()
        fields = [("Content-Type", FORM), ("Authorization", basic(client_id or self.id, secret or self.secret))]
        return self.gateway.call("POST", TOKEN, [*fields, *headers], body)

    def token(self, **parameters) -> str:
        answer = self.ask(**parameters)
        assert answer.status == 200, (answer, self.gateway.decision(answer))
        return answer.json["access_token"]

    @property
    def tokens(self) -> str:
        return f"/profiles/{self.profile['id']}/api-tokens"


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def profile(name: str, method: str, api_token: str, **fields) -> dict:
    tokens = [{"name": "default", "token": api_token}]
    return {"name": name, "method": method, "collections": ["api-endpoints-v1"], "api_tokens": tokens} | fields


@pytest.fixture
def plain_token() -> str:
    return secrets.token_hex(32)


@pytest.fixture
def gateway(start, people, upstream, plain_token):
    document = catalog(people, upstream.url)
    document["settings"] = {"issuer": ISSUER}
    document["collections"][0]["endpoints"].append(endpoint("scoped", "/scoped", scopes=["orders.write"]))
    oauth2 = {"scopes": ["orders.read", "orders.write"], "token_lifetime_seconds": 600}
    api_token = secrets.token_hex(32)
    document["clients"].append(
        {
            "name": "Apps",
            "profiles": [
                profile("orders-app", "oauth2", api_token, oauth2=oauth2),
                profile("plain", "token", plain_token),
            ],
        }
    )
    gateway = start()
    gateway.apply(document)
    gateway.api_token = api_token
    return gateway


@pytest.fixture
def client(gateway) -> Client:
    return Client(gateway, gateway.api_token)


def refused(answer, status: int, error: str):
    """RFC 6749 §5.2, to the letter."""
    assert (answer.status, answer.json["error"]) == (status, error), answer
    assert set(answer.json) <= {"error", "error_description", "error_uri"}
    assert answer.header("content-type") == "application/json"
    assert answer.header("cache-control") == "no-store" and answer.header("pragma") == "no-cache"
    challenge = answer.header("www-authenticate")
    assert (challenge == 'Basic realm="portcullis"') if status == 401 else challenge is None


# MARK: Getting a token


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_authlibs_client(gateway, client, upstream, method, monkeypatch):
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")
    base = f"http://127.0.0.1:{gateway.port}"
    session = OAuth2Session(client.id, client.secret, token_endpoint_auth_method=method, scope="orders.read")
    token = session.fetch_token(f"{base}{TOKEN}", grant_type="client_credentials")
    assert token["token_type"] == "Bearer" and token["expires_in"] == 600 and token["scope"] == "orders.read"
    answer = session.get(f"{base}{CALL}")
    assert answer.status_code == 200, answer.text
    fields = dict(answer.json()["fields"])
    assert fields["Portcullis-Profile"] == "orders-app" and fields["Portcullis-Client"] == "Apps"
    assert client.secret not in answer.text
    assert session.get(f"{base}/api-endpoints-v1/scoped").status_code == 403
    session.close()
    wrong = OAuth2Session(client.id, secrets.token_hex(32), token_endpoint_auth_method=method)
    with wrong, pytest.raises(OAuthError) as refusal:
        wrong.fetch_token(f"{base}{TOKEN}", grant_type="client_credentials")
    assert refusal.value.error == "invalid_client"


def test_curl_with_basic_form_and_json(gateway, client):
    url = f"http://127.0.0.1:{gateway.port}{TOKEN}"
    ways = [
        ["-u", f"{client.id}:{client.secret}", "-d", "grant_type=client_credentials"],
        ["-d", f"grant_type=client_credentials&client_id={client.id}&client_secret={client.secret}"],
        [
            *("-H", "Content-Type: application/json"),
            *("-d", json.dumps({"grant_type": "client_credentials", "client_id": client.id, "client_secret": client.secret})),
        ],
        ["-u", f"{client.id}:{client.secret}", "-d", "grant_type=client_credentials", "-H", "Transfer-Encoding: chunked"],
        ["-u", f"{client.id}:{client.secret}", "-d", "grant_type=client_credentials", "-H", "Expect: 100-continue"],
    ]
    for way in ways:
        done = subprocess.run(["curl", "-sS", *way, url], capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, done.stderr
        answer = json.loads(done.stdout)
        assert answer["token_type"] == "Bearer" and answer["scope"] == "orders.read orders.write", answer
        assert gateway.get(CALL, answer["access_token"]).status == 200


def test_what_the_token_says(gateway, client):
    before = int(time.time())
    answer = client.ask(scope="orders.write orders.read orders.write")
    assert answer.status == 200
    assert answer.header("cache-control") == "no-store" and answer.header("pragma") == "no-cache"
    assert set(answer.json) == {"access_token", "token_type", "expires_in", "scope"}
    token = answer.json["access_token"]
    published = gateway.get("/oauth2/jwks")
    assert published.status == 200 and published.header("cache-control") == "public, max-age=300"
    assert all("d" not in key for key in published.json["keys"])
    keys = KeySet.import_key_set(published.json)
    found = jose_jwt.decode(token, keys, algorithms=["ES256"])
    assert found.header["typ"] == "at+jwt" and found.header["alg"] == "ES256"
    claims = found.claims
    assert claims["iss"] == claims["aud"] == ISSUER
    assert claims["sub"] == claims["client_id"] == client.id
    assert claims["exp"] - claims["iat"] == 600 and before <= claims["iat"] <= int(time.time())
    assert claims["scope"] == "orders.write orders.read" and claims["name"] == "Apps/orders-app"
    assert len(claims["jti"]) == 32 and claims["portcullis_token"]
    # PyJWT too, from the published set.
    key = jwt.PyJWKSet.from_dict(published.json)[found.header["kid"]]
    assert jwt.decode(token, key, algorithms=["ES256"], audience=ISSUER, issuer=ISSUER) == claims
    assert jwt.decode(client.token(), key, algorithms=["ES256"], audience=ISSUER)["jti"] != claims["jti"]


def test_the_metadata_of_rfc_8414(gateway, client):
    answer = gateway.get("/.well-known/oauth-authorization-server")
    assert answer.header("cache-control") == "public, max-age=300"
    assert answer.json == {
        "issuer": ISSUER,
        "token_endpoint": f"{ISSUER}/oauth2/token",
        "jwks_uri": f"{ISSUER}/oauth2/jwks",
        "grant_types_supported": ["client_credentials"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "response_types_supported": [],
    }
    assert gateway.admin("PATCH", "/settings", {"issuer": None}).status == 200
    answer = gateway.get("/.well-known/oauth-authorization-server")
    assert answer.json["issuer"] == "urn:portcullis:gateway"
    assert answer.json["token_endpoint"] == "http://gateway.example/oauth2/token"
    # It names the host that was asked: nobody may keep it for those who ask another one.
    assert answer.header("cache-control") == "no-store"

    def origin(*headers) -> str:
        answer = gateway.call("GET", "/.well-known/oauth-authorization-server", headers)
        return answer.json["jwks_uri"].removesuffix("/oauth2/jwks")

    forwarded = [("X-Forwarded-Proto", "http, https"), ("Forwarded", "proto=https;for=192.0.2.1")]
    assert origin(*forwarded) == "http://gateway.example", "nobody is believed but trusted proxies"
    for header in ("x-forwarded-for", "forwarded"):
        settings = {"trusted_proxies": ["127.0.0.0/8"], "client_address_header": header}
        assert gateway.admin("PATCH", "/settings", settings).status == 200
        assert origin(*forwarded) == "https://gateway.example"
        assert origin(forwarded[header == "x-forwarded-for"]) == "http://gateway.example", "of the header that is set"
        assert origin(("X-Forwarded-Proto", "https, ftp"), ("Forwarded", "proto=")) == "http://gateway.example"
    assert gateway.call("HEAD", "/.well-known/oauth-authorization-server").status == 200


def test_nothing_is_there_where_nobody_uses_it(own):
    for target in (TOKEN, "/oauth2/jwks", "/.well-known/oauth-authorization-server"):
        for method in ("GET", "POST"):
            assert own.call(method, target).code == "endpoint_not_found", target


# MARK: Refusals


def test_every_malformed_request(gateway, client):
    good = {"grant_type": "client_credentials", "client_id": client.id, "client_secret": client.secret}
    form = urllib.parse.urlencode(good)
    authorization = ("Authorization", basic(client.id, client.secret))

    def without(name: str) -> str:
        return urllib.parse.urlencode({key: value for key, value in good.items() if key != name})

    cases = [
        # (status, error, content type, body, further fields)
        (400, "invalid_request", FORM, "", ()),
        (400, "invalid_request", FORM, without("grant_type"), ()),
        (400, "invalid_request", FORM, f"{without('grant_type')}&grant_type=", ()),
        (400, "unsupported_grant_type", FORM, f"{without('grant_type')}&grant_type=password", ()),
        (400, "unsupported_grant_type", FORM, f"{without('grant_type')}&grant_type=authorization_code", ()),
        (401, "invalid_client", FORM, without("client_id"), ()),
        (401, "invalid_client", FORM, without("client_secret"), ()),
        (401, "invalid_client", FORM, "grant_type=client_credentials", [("Authorization", "Bearer x")]),
        (401, "invalid_client", FORM, "grant_type=client_credentials", [("Authorization", "Basic ====")]),
        (401, "invalid_client", FORM, "grant_type=client_credentials", [("Authorization", "Basic")]),
        (401, "invalid_client", FORM, "grant_type=client_credentials", [("Authorization", basic("%zz", "x"))]),
        (400, "invalid_request", FORM, form, [authorization]),
        (400, "invalid_request", FORM, "grant_type=client_credentials", [authorization, authorization]),
        (400, "invalid_request", FORM, f"grant_type=client_credentials&client_id={'0' * 32}", [authorization]),
        (400, "invalid_request", FORM, f"{form}&client_id={client.id}", ()),
        (400, "invalid_request", FORM, f"{form}&client%5Fid={client.id}", ()),
        (400, "invalid_request", FORM, f"{form}&x=1&x=2", ()),
        (400, "invalid_request", FORM, f"{form}&x=%f", ()),
        (400, "invalid_request", FORM, f"{form}&x=%ff", ()),
        (400, "invalid_request", FORM, f"{form}&x={'y' * 16384}", ()),
        (400, "invalid_request", "text/plain", form, ()),
        (400, "invalid_request", "application/json", form, ()),
        (400, "invalid_request", "application/json", "[]", ()),
        (400, "invalid_request", "application/json", json.dumps(good | {"scope": ["orders.read"]}), ()),
        (400, "invalid_request", "application/json", json.dumps(good)[:-1] + ', "client_id": "x"}', ()),
        (400, "invalid_request", FORM, form, [("Content-Type", FORM)]),
        (400, "invalid_scope", FORM, f"{form}&scope=orders.delete", ()),
        (400, "invalid_scope", FORM, f"{form}&scope=orders.read+orders.delete", ()),
        (400, "invalid_scope", FORM, f"{form}&scope=orders.read++orders.write", ()),
        (400, "invalid_scope", FORM, f"{form}&scope=%22", ()),
    ]
    for status, error, content_type, body, fields in cases:
        answer = gateway.call("POST", TOKEN, [("Content-Type", content_type), *fields], body.encode() or b"")
        refused(answer, status, error)
        assert client.secret not in answer.body.decode()
    refused(gateway.call("POST", TOKEN, (), form.encode()), 400, "invalid_request")
    refused(gateway.call("POST", f"{TOKEN}?{form}", [("Content-Type", FORM)], b""), 400, "invalid_request")
    # What is unknown is ignored, and so is what has no value.
    body = f"{form}&resource=x&scope=&audience="
    assert gateway.call("POST", TOKEN, [("Content-Type", f"{FORM}; charset=UTF-8")], body.encode()).status == 200
    body = json.dumps(good | {"x": {"y": [1]}, "scope": None})
    assert gateway.call("POST", TOKEN, [("content-type", "Application/JSON")], body.encode()).status == 200


def test_other_methods_and_paths(gateway):
    for method in ("GET", "HEAD", "PUT", "DELETE", "OPTIONS"):
        answer = gateway.call(method, TOKEN)
        assert answer.status == 405 and answer.header("allow") == "POST", method
    for target in ("/oauth2/jwks", "/.well-known/oauth-authorization-server"):
        answer = gateway.call("POST", target, (), b"x")
        assert answer.status == 405 and answer.header("allow") == "GET, HEAD"
        assert gateway.call("HEAD", target).status == 200
    for target in ("/oauth2", "/oauth2/", "/oauth2/token/", "/oauth2/tokens", "/OAUTH2/token", "/.well-known/x"):
        assert gateway.call("POST", target, (), b"x").status == 404, target


def test_a_connection_goes_on(gateway, client):
    body = urllib.parse.urlencode({"grant_type": "client_credentials"}).encode()
    head = (
        f"POST {TOKEN} HTTP/1.1\r\nHost: x\r\nContent-Type: {FORM}\r\n"
        f"Authorization: {basic(client.id, client.secret)}\r\n"
    )
    whole = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
    chunked = f"{head}Transfer-Encoding: chunked\r\n\r\n".encode()
    chunks = b"".join(b"%x\r\n%b\r\n" % (1, body[index : index + 1]) for index in range(len(body))) + b"0\r\n\r\n"
    with gateway.connect() as wire:
        wire.send(whole + chunked + chunks + f"GET {CALL} HTTP/1.1\r\nHost: x\r\n\r\n".encode() + whole)
        assert [wire.read().status for _ in range(4)] == [200, 200, 401, 200]
        for byte in whole:
            wire.send(bytes([byte]))
        assert wire.read().status == 200
        wire.send(f"{head}Content-Length: {len(body)}\r\nExpect: 100-continue\r\n\r\n".encode())
        assert wire.read_interim() == 100
        assert wire.send(body).read().status == 200
        # Too long: refused at once, and what is short all the same is passed over.
        wire.send(f"{head}Content-Length: 20000\r\n\r\n".encode())
        refused(wire.read(), 400, "invalid_request")
        assert wire.send(b"x" * 20000 + whole).read().status == 200
        answer = wire.send(chunked + b"5000\r\n" + b"x" * 0x5000 + b"\r\n").read()
        refused(answer, 400, "invalid_request")
        assert answer.closes and wire.is_closed()
    with gateway.connect() as wire:
        answer = wire.send(chunked + b"xyz\r\n").read()
        assert answer.status == 400 and wire.is_closed()
    # A body that breaks off is nobody's request.
    with gateway.connect() as wire:
        wire.send(whole[:-1]).socket.shutdown(1)
        assert wire.is_closed()


def test_a_slow_body_is_not_waited_for(start, people, upstream):
    gateway = start("--header-timeout-seconds", "1")
    document = catalog(people, upstream.url)
    document["clients"].append({"name": "A", "profiles": [profile("a", "oauth2", secrets.token_hex(32))]})
    gateway.apply(document)
    with gateway.connect() as wire:
        wire.send(f"POST {TOKEN} HTTP/1.1\r\nHost: x\r\nContent-Type: {FORM}\r\nContent-Length: 9\r\n\r\na".encode())
        assert wire.is_closed()


def test_who_is_unknown_and_whose_secret_is_wrong_get_the_same(gateway, client, plain_token):
    answers = [
        client.ask(secret=secrets.token_hex(32)),
        client.ask(client_id="0" * 32),
        client.ask(client_id="no such client", secret="no such secret"),
        client.ask(client_id=gateway.find("profiles", name="plain")["id"], secret=plain_token),
    ]
    for answer in answers:
        refused(answer, 401, "invalid_client")
        assert answer.body == answers[0].body
        decision = gateway.decision(answer)
        assert (decision["code"], decision["path"], decision["status"]) == ("invalid_token", TOKEN, 401)
    details = [gateway.decision(answer)["checks"][3]["detail"] for answer in answers]
    assert "client_secret is no API token of profile \"orders-app\"" in details[0]
    assert details[1] == "client_id names no profile" and "whose method is token" in details[3]
    assert not any(secret in gateway.log for secret in (client.secret, plain_token))


def test_a_genuine_client_is_told_what_is_wrong(gateway, client):
    tokens = gateway.admin("GET", client.tokens).json["items"]
    path = f"{client.tokens}/{tokens[0]['id']}"
    for fields, code in [({"active": False}, "client_inactive"), ({"ip_deny": ["127.0.0.1"]}, "address_not_allowed")]:
        assert gateway.admin("PATCH", path, fields).status == 200
        answer = client.ask()
        refused(answer, 400, "unauthorized_client")
        assert gateway.decision(answer)["code"] == code
        assert gateway.admin("PATCH", path, {name: None for name in fields}).status == 200
    gateway.change("profiles", client.profile, active=False)
    refused(client.ask(), 400, "unauthorized_client")
    gateway.change("profiles", client.profile, active=True)
    answer = client.ask()
    assert answer.status == 200
    decision = gateway.decision(answer)
    assert decision["profile"] == "orders-app" and decision["code"] is None and decision["path"] == TOKEN
    assert {check["result"] for check in decision["checks"]} == {"passed", "skipped"}


def test_secrets_cannot_be_guessed_quickly(gateway, client):
    assert gateway.admin("PATCH", "/settings", {"trusted_proxies": ["127.0.0.0/8"]}).status == 200

    def guess(address: str, secret: str | None = None):
        return client.ask(secret=secret or secrets.token_hex(32), headers=[("X-Forwarded-For", address)])

    # At once, on all event loops: exactly ten are looked at.
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(guess("192.0.2.1").status)) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [401] * 10 + [429] * 30
    answer = guess("192.0.2.1", client.secret)
    assert answer.status == 429 and answer.json["error"] == "invalid_client"
    assert 1 <= int(answer.header("retry-after")) <= 60
    assert gateway.decision(answer)["code"] == "rate_limited"
    # Others are not harmed, and who is right is never counted.
    for _ in range(30):
        assert guess("192.0.2.2", client.secret).status == 200
    # An IPv6 caller has 64 bits of addresses.
    for number in range(10):
        assert guess(f"2001:db8:0:1::{number:x}").status == 401
    assert guess("2001:db8:0:1:ffff::1", client.secret).status == 429
    assert guess("2001:db8:0:2::1", client.secret).status == 200


# MARK: What a token is good for


def test_each_methods_credential_on_each_other_methods_profile(gateway, client, people, plain_token):
    """All pairs of jwt, token and oauth2; oidc has its own."""
    access_token = client.token()
    profiles = {
        "jwt": (people.hmac.api_token, gateway.find("profiles", name="acme-hmac")["id"]),
        "token": (plain_token, gateway.find("profiles", name="plain")["id"]),
        "oauth2": (client.secret, client.id),
    }

    def call(*headers):
        return gateway.call("GET", CALL, headers)

    def signed(api_token: str, **claims) -> str:
        return jwt.encode({"sub": api_token} | claims, people.hmac.secret, "HS256")

    for method, (api_token, identity) in profiles.items():
        attempts = {
            "jwt": [call(("Authorization", f"Bearer {signed(api_token)}"))],
            "token": [call(("API-Token", api_token)), call(("Authorization", basic("api-token", api_token)))],
            "oauth2": [client.ask(secret=api_token, client_id=identity)],
        }
        for used, answers in attempts.items():
            for answer in answers:
                assert answer.status == (200 if used == method else 401), (method, used, answer)
                assert used == method or answer.code in ("invalid_token", None)
    # What a jwt profile's key signs is no access token, whatever it says; nor is one with another's kid.
    header = jwt.get_unverified_header(access_token)
    claims = jwt.decode(access_token, options={"verify_signature": False})
    for extra in ({}, {"kid": header["kid"]}):
        forged = jwt.encode(claims, people.hmac.secret, "HS256", headers={"typ": "at+jwt"} | extra)
        assert call(("Authorization", f"Bearer {forged}")).code == "invalid_token"
        forged = jwt.encode(claims, people.rsa.key.private, "RS256", headers={"typ": "at+jwt"} | extra)
        assert call(("Authorization", f"Bearer {forged}")).code == "invalid_token"
    # A token of the gateway's for a profile that has changed its method.
    assert call(("Authorization", f"Bearer {access_token}")).status == 200
    gateway.change("profiles", client.profile, method="token", oauth2=None)
    assert call(("Authorization", f"Bearer {access_token}")).code == "invalid_token"
    assert call(("API-Token", client.secret)).status == 200


def test_only_what_is_not_too_old_or_changed(gateway, client):
    token = client.token()
    assert gateway.get(CALL, token).status == 200
    head, payload, signature = token.split(".")
    for changed in (f"{head}.{payload}.{signature[:-2]}AA", f"{head}.{payload[:-4]}AAAA.{signature}", token + "."):
        assert gateway.get(CALL, changed).code == "invalid_token"
    # An old issuer's tokens end with it.
    assert gateway.admin("PATCH", "/settings", {"issuer": "https://other.example"}).status == 200
    assert gateway.get(CALL, token).code == "invalid_token"
    assert gateway.get(CALL, client.token()).status == 200


@pytest.mark.parametrize("is_remembered", [True, False])
def test_revoking_is_seen_by_the_next_request(gateway, client, is_remembered):
    def fresh() -> str:
        token = client.token()
        if is_remembered:
            assert gateway.get(CALL, token).status == 200
        return token

    revocations = f"/profiles/{client.profile['id']}/revocations"
    token = fresh()
    jti = jwt.decode(token, options={"verify_signature": False})["jti"]
    assert gateway.admin("POST", revocations, {"jti": jti}).status == 201
    assert gateway.get(CALL, token).code == "token_revoked"
    assert gateway.get(CALL, fresh()).status == 200

    token = fresh()
    api_token = gateway.admin("GET", client.tokens).json["items"][0]
    path = f"{client.tokens}/{api_token['id']}"
    for change, code in [({"active": False}, "client_inactive"), ({"ip_deny": ["127.0.0.1"]}, "address_not_allowed")]:
        assert gateway.admin("PATCH", path, change).status == 200
        assert gateway.get(CALL, token).code == code
        assert gateway.admin("PATCH", path, {name: None for name in change}).status == 200
        assert gateway.get(CALL, token).status == 200
    token = fresh()
    gateway.change("profiles", client.profile, collections=[])
    assert gateway.get(CALL, token).code == "collection_not_granted"
    gateway.change("profiles", client.profile, collections=["api-endpoints-v1"])
    assert gateway.admin("DELETE", path).status == 204
    assert gateway.get(CALL, token).code == "invalid_token"


def test_refreshing_an_api_token_with_an_overlap(gateway, client):
    api_token = gateway.admin("GET", client.tokens).json["items"][0]
    old = client.token()
    path = f"{client.tokens}/{api_token['id']}/refresh"
    issued = gateway.admin("POST", path, {"overlap_seconds": 3600})
    assert issued.status == 201, issued
    new = issued.json["token"]
    for secret in (client.secret, new):
        assert gateway.get(CALL, client.token(secret=secret)).status == 200
    assert gateway.get(CALL, old).status == 200
    old_ones = [item for item in gateway.admin("GET", client.tokens).json["items"] if item["expires_at"]]
    assert len(old_ones) == 1
    assert gateway.admin("DELETE", f"{client.tokens}/{old_ones[0]['id']}").status == 204
    refused(client.ask(), 401, "invalid_client")
    assert gateway.get(CALL, client.token(secret=new)).status == 200


def test_a_client_secrets_last_use_is_shown(gateway, client):
    def used() -> str | None:
        return gateway.admin("GET", client.tokens).json["items"][0]["last_used_at"]

    client.ask(secret=secrets.token_hex(32))
    assert used() is None
    client.token()
    until("the use", used)


# MARK: The gateway's own keys


def keys(gateway) -> list[dict]:
    answer = gateway.admin("GET", "/signing-keys")
    assert answer.status == 200, answer
    return answer.json["items"]


def rotate(gateway, activate: int = 0, retire: int = 90_000) -> list[dict]:
    body = {"activate_after_seconds": activate, "retire_after_seconds": retire}
    answer = gateway.admin("POST", "/signing-keys/rotate", body)
    assert answer.status == 200, answer
    return answer.json["items"]


def kid(token: str) -> str:
    return jwt.get_unverified_header(token)["kid"]


def test_rotation_under_load(gateway, client):
    """Tokens of every key that is not retired are good all the time, and new ones are good at once."""
    tokens = [client.token()]
    loads = []
    for _ in range(12):
        load = Load(gateway.port, CALL, bearer(tokens[-1]), count=1)
        loads.append(load.__enter__())
        rotate(gateway)
        tokens.append(client.token())
        assert gateway.get(CALL, tokens[-1]).status == 200
    answered = [load.answered for load in loads]
    until("every caller has gone on", lambda: all(load.answered > count for load, count in zip(loads, answered)))
    for load in loads:
        load.stop()
        assert load.failures == []
    assert len({kid(token) for token in tokens}) == 13
    published = KeySet.import_key_set(gateway.get("/oauth2/jwks").json)
    for token in tokens:
        assert jose_jwt.decode(token, published, algorithms=["ES256"]).claims["client_id"] == client.id


def test_a_key_signs_when_its_time_has_come_and_verifies_until_it_is_retired(gateway, client):
    first = client.token()
    after = rotate(gateway, activate=3600)
    assert [key["state"] for key in after] == ["signing", "upcoming"]
    assert len(gateway.get("/oauth2/jwks").json["keys"]) == 2, "published before it signs"
    assert kid(client.token()) == kid(first)
    after = rotate(gateway, retire=0)
    assert [key["state"] for key in after] == ["signing"], "the others are retired, and gone"
    # Retired at once: what it signed is refused, remembered or not, and by nobody published.
    assert gateway.get(CALL, first).code == "invalid_token"
    assert kid(first) not in [key["kid"] for key in gateway.get("/oauth2/jwks").json["keys"]]
    assert gateway.get(CALL, client.token()).status == 200
    listed = gateway.cli("signing-key", "list")
    assert listed.returncode == 0 and "signing" in listed.stdout
    rotated = gateway.cli("signing-key", "rotate", "--activate-after", "5m")
    assert rotated.returncode == 0 and "upcoming" in rotated.stdout, rotated.stderr
    entries = [entry for entry in gateway.all("audit") if entry["kind"] == "signing_key"]
    assert [entry["action"] for entry in entries] == ["rotate", "rotate", "rotate", "create"]


def test_there_are_never_too_many_keys(gateway):
    for _ in range(15):
        rotate(gateway, activate=600)
    answer = gateway.admin("POST", "/signing-keys/rotate")
    assert (answer.status, answer.code) == (409, "conflict")
    # What was stolen can be ended all the same.
    assert len(rotate(gateway, retire=0)) == 1


def test_private_halves_never_leave(gateway, client):
    client.token()
    texts = [
        gateway.admin("GET", "/signing-keys").body.decode(),
        gateway.get("/oauth2/jwks").body.decode(),
        gateway.cli("export").stdout,
        json.dumps(gateway.all("audit")),
        gateway.log,
    ]
    for text in texts:
        assert "PRIVATE" not in text and '"d"' not in text
    for file in gateway.data_dir.rglob("*"):
        assert not file.is_file() or b"PRIVATE KEY" not in file.read_bytes(), file


def test_keys_and_tokens_survive_kill_9(gateway, client):
    token = client.token()
    before = keys(gateway)
    gateway.kill()
    gateway.start()
    assert keys(gateway) == before
    assert gateway.get(CALL, token).status == 200


def test_a_gateway_that_runs_from_a_file_keeps_its_key_over_reloads(start, people, upstream, tmp_path):
    import signal

    import yaml

    api_token = secrets.token_hex(32)
    document = catalog(people, upstream.url)
    document["clients"].append({"name": "A", "profiles": [profile("orders-app", "oauth2", api_token)]})
    file = tmp_path / "catalog.yaml"
    file.write_text(yaml.safe_dump(document))
    gateway = start(catalog=file)
    client = Client(gateway, api_token)
    token = client.token()
    document["clients"][-1]["profiles"].append(profile("another", "oauth2", secrets.token_hex(32)))
    file.write_text(yaml.safe_dump(document))
    gateway.signal(signal.SIGHUP)
    until("the file is read again", lambda: len(gateway.all("profiles", name="another")) == 1)
    assert gateway.get(CALL, token).status == 200 and kid(client.token()) == kid(token)
    answer = gateway.admin("POST", "/signing-keys/rotate")
    assert (answer.status, answer.code) == (403, "read_only")
    gateway.stop()
    gateway.start()
    assert gateway.get(CALL, token).code == "invalid_token", "the key was in memory alone"


def test_an_access_token_is_explained(gateway, client):
    token = client.token()
    explained = gateway.admin("POST", "/explain", {"token": token, "url": CALL}).json
    assert explained["code"] is None and explained["profile"] == "orders-app"
    signature = next(check for check in explained["checks"] if check["check"] == "signature")
    assert kid(token) in signature["detail"]
    assert jws.extract_compact(token.encode()).headers()["typ"] == "at+jwt"
