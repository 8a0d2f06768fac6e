"""No caller can set an identity header, however it is written."""

import json

import pytest
from support.gateway import bearer
from support.tokens import unb64
from support.wire import request_bytes

CALL = "/api-endpoints-v1/call"
NAMES = ["Portcullis-Client", "Portcullis-Profile", "Portcullis-Subject-Name", "Portcullis-Claims"]
SPELLINGS = {
    "as it is": lambda name: name,
    "upper case": str.upper,
    "lower case": str.lower,
    "underscores": lambda name: name.replace("-", "_"),
    "one underscore": lambda name: name.replace("-", "_", 1),
    "upper case with underscores": lambda name: name.upper().replace("-", "_"),
}


def folded(fields) -> list[tuple[str, str]]:
    """Names as a careless upstream sees them: CGI makes no difference between case, `-` and `_`."""
    return [(name.lower().replace("_", "-"), value) for name, value in fields]


def check(request, caller):
    """The identity fields arrive exactly once each, with the verified caller's values."""
    seen = folded(request.fields)
    for name in NAMES:
        values = [value for key, value in seen if key == name.lower()]
        assert len(values) == 1, (name, values)
    found = dict(seen)
    assert found["portcullis-client"] == caller.client
    assert found["portcullis-profile"] == caller.profile
    assert found["portcullis-subject-name"] == "John Doe"
    claims = json.loads(unb64(found["portcullis-claims"]))
    assert claims == {"name": "John Doe"}
    assert not any("mallory" in value for _, value in seen)


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("name", NAMES)
def test_a_callers_identity_header_never_arrives(house, people, upstream, name, spelling):
    sent = SPELLINGS[spelling](name)
    before = len(upstream.received)
    answer = house.call("GET", CALL, [(sent, "mallory"), *bearer(people.hmac.token()), (sent, "mallory")])
    if answer.status == 400:
        assert len(upstream.received) == before
    else:
        assert answer.status == 200, answer
        check(upstream.received[before], people.hmac)


@pytest.mark.parametrize("name", [*NAMES, "X-Request-Id", "Host", "Forwarded", "X-Forwarded-For"])
@pytest.mark.parametrize("form", ["{}", "close, {}", "{},keep-alive", "{}\r\nConnection: {}"])
def test_connection_never_removes_ours(house, people, upstream, name, form):
    before = len(upstream.received)
    answer = house.call("GET", CALL, [("Connection", form.format(name, name)), *bearer(people.hmac.token())])
    assert answer.status in (200, 400), answer
    if answer.status == 200:
        check(upstream.received[before], people.hmac)
        assert upstream.received[before].header("x-request-id")
        assert upstream.received[before].header("host")


def test_a_trailer_sets_nothing(house, people, upstream):
    before = len(upstream.received)
    body = b"3\r\nabc\r\n0\r\n" + b"".join(f"{name}: mallory\r\n".encode() for name in NAMES) + b"\r\n"
    headers = [*bearer(people.hmac.token()), ("Transfer-Encoding", "chunked"), ("Trailer", ", ".join(NAMES))]
    answer = house.call("POST", CALL, headers, body)
    assert answer.status in (200, 400), answer
    for request in upstream.received[before:]:
        check(request, people.hmac)
        assert b"mallory" not in request.trailers


def test_an_open_endpoint_gets_no_identity_from_the_caller(house, upstream):
    before = len(upstream.received)
    headers = [
        (SPELLINGS[spelling](name), "mallory") for name in NAMES for spelling in SPELLINGS if "under" not in spelling
    ]
    assert house.call("GET", "/api-endpoints-v1/status", headers).status == 200
    assert not [name for name, _ in folded(upstream.received[before].fields) if name.startswith("portcullis-")]


def test_the_request_arrives_as_sent_but_for_what_must_change(house, people, upstream):
    before = len(upstream.received)
    sent = [
        ("Accept", "text/plain;q=0.5, */*"),
        ("X-Custom", "a,  b"),
        ("X-Custom", "c"),
        ("Cookie", "a=b"),
        ("Connection", "x-hop, keep-alive"),
        ("X-Hop", "secret"),
        ("Keep-Alive", "timeout=5"),
        ("TE", "trailers"),
        ("Proxy-Connection", "keep-alive"),
        ("Proxy-Authorization", "Basic eDp5"),
        ("Upgrade", "h2c"),
    ]
    answer = house.call("GET", f"{CALL}?a=%20b&c=d%2Fe&&=", [*bearer(people.hmac.token()), *sent])
    assert answer.status == 200, answer
    request = upstream.received[before]
    assert request.target == "/call?a=%20b&c=d%2Fe&&="
    assert request.all("accept") == ["text/plain;q=0.5, */*"]
    assert request.all("x-custom") == ["a,  b", "c"]
    assert request.all("cookie") == ["a=b"]
    for hop in ("x-hop", "keep-alive", "te", "proxy-connection", "proxy-authorization", "upgrade", "authorization"):
        assert request.all(hop) == [], hop
    assert request.header("x-request-id") == answer.header("x-request-id")
    assert request.header("x-forwarded-for") == "127.0.0.1"
    assert request.header("x-forwarded-proto") == "http"
    assert request.header("x-forwarded-host") == "gateway.example"
    assert "127.0.0.1" in request.header("forwarded")


def test_the_credential_is_passed_on_only_where_the_endpoint_says_so(house, people, upstream):
    before = len(upstream.received)
    token = people.hmac.token()
    assert house.get("/api-endpoints-v1/passing", token).status == 200
    assert upstream.received[before].all("authorization") == [f"Bearer {token}"]


@pytest.mark.parametrize(
    "name, arrives",
    [("Zoë 王", "Zo%C3%AB %E7%8E%8B"), ("a\r\nPortcullis-Client: mallory", None), ("50% off", "50%25 off")],
)
def test_a_subject_name_is_one_safe_value(house, people, upstream, name, arrives):
    before = len(upstream.received)
    assert house.get(CALL, people.hmac.token(name=name)).status == 200
    value = upstream.received[before].header("portcullis-subject-name")
    assert all(0x20 <= ord(character) < 0x7F for character in value)
    assert upstream.received[before].header("portcullis-client") == "Acme"
    assert arrives is None or value == arrives


def test_the_api_token_is_in_no_identity_header(house, people, upstream):
    before = len(upstream.received)
    token = people.hmac.api_token
    claims = {"nested": {"copy": token, "other": 1}, "list": [token], f"key-{token}": 1, "kept": 1, "name": token}
    assert house.get(CALL, people.hmac.token(**claims)).status == 200
    request = upstream.received[before]
    assert token.encode() not in request.head
    decoded = unb64(request.header("portcullis-claims"))
    assert token.encode() not in decoded and json.loads(decoded)["kept"] == 1


def test_a_request_id_of_the_caller_is_replaced(house, people, upstream):
    before = len(upstream.received)
    answer = house.call("GET", CALL, [("X-Request-Id", "mallory"), *bearer(people.hmac.token())])
    assert answer.header("x-request-id") != "mallory"
    assert upstream.received[before].all("x-request-id") == [answer.header("x-request-id")]


def test_raw_bytes_of_an_identity_header_with_odd_line_ends(house, people, upstream):
    """A name that only a lenient parser would read as ours is refused before the upstream."""
    for line in (
        b"Portcullis-Client : mallory",
        b"\tPortcullis-Client: mallory",
        b"Portcullis-Client\0: mallory",
        b"X: y\nPortcullis-Client: mallory",
        b"X: y\rPortcullis-Client: mallory",
    ):
        before = len(upstream.received)
        request = request_bytes("GET", CALL, bearer(people.hmac.token()))
        with house.connect() as wire:
            answer = wire.send(request[:-2] + line + b"\r\n\r\n").read()
            assert answer.status == 400 and wire.is_closed(), line
        assert len(upstream.received) == before
