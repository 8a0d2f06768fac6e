"""Path tricks never reach an endpoint that the path as written does not name."""

import pytest
from support.gateway import bearer

BASE = "/api-endpoints-v1"

# Paths that name no endpoint, or are written in a way that upstreams read differently: 400 or 404, nothing forwarded.
TRICKS = {
    "dot segment out of a collection": f"{BASE}/../api-endpoints-v1/call",
    "dot segment inside": f"{BASE}/x/../call",
    "dot segment of one dot": f"{BASE}/./call",
    "dot segment at the end": f"{BASE}/call/.",
    "dot segments out of the upstream path": f"{BASE}/orders/..",
    "encoded dot segment": f"{BASE}/orders/%2e%2e",
    "encoded dot segment, upper case": f"{BASE}/orders/%2E%2E",
    "half-encoded dot segment": f"{BASE}/orders/.%2e",
    "half-encoded dot segment the other way": f"{BASE}/orders/%2e.",
    "encoded single dot": f"{BASE}/orders/%2e",
    "doubly encoded dot segment": f"{BASE}/%252e%252e/call",
    "encoded slash": f"{BASE}%2fcall",
    "encoded slash in a parameter": f"{BASE}/orders/a%2fb",
    "encoded slash with dots": f"{BASE}/orders/..%2fcall",
    "encoded backslash": f"{BASE}%5ccall",
    "encoded backslash in a parameter": f"{BASE}/orders/..%5c..%5ccall",
    "plain backslash": f"{BASE}\\call",
    "two slashes": f"{BASE}//call",
    "two slashes at the start": f"/{BASE}/call",
    "a slash at the end": f"{BASE}/call/",
    "matrix parameter": f"{BASE}/call;x",
    "matrix parameter of the handle": f"{BASE};x/call",
    "dots before a matrix parameter": f"{BASE}/orders/..;x",
    "dots before an encoded matrix parameter": f"{BASE}/orders/..%3bx",
    "encoded NUL": f"{BASE}/call%00",
    "encoded NUL in a parameter": f"{BASE}/orders/1%00",
    "encoded line break in a parameter": f"{BASE}/orders/1%0d%0aX:%20y",
    "encoded DEL": f"{BASE}/orders/%7f",
    "upper case": f"{BASE}/CALL",
    "upper-case handle": "/API-ENDPOINTS-V1/call",
    "an encoded question mark": f"{BASE}/call%3fx",
    "an encoded fragment": f"{BASE}/call%23x",
    "a percent sign alone": f"{BASE}/orders/%",
    "a percent sign and one digit": f"{BASE}/orders/%4",
    "a percent sign and no digits": f"{BASE}/orders/%zz",
    "an overlong slash": f"{BASE}/orders/%c0%af",
    "IIS's %u": f"{BASE}/orders/%u002e",
    "an encoded space at the end": f"{BASE}/call%20",
    "a parameter that is empty": f"{BASE}/orders/",
    "a segment too many": f"{BASE}/orders/1/2",
    "a prefix": f"{BASE}/cal",
    "an extension": f"{BASE}/call.json",
    "the handle alone": BASE,
    "the handle with a slash": f"{BASE}/",
    "the root": "/",
    "the upstream's own path": "/v2/orders/1",
}


@pytest.mark.parametrize("reason", TRICKS)
def test_a_trick_reaches_nothing(house, people, upstream, reason):
    before = len(upstream.received)
    answer = house.call("GET", TRICKS[reason], bearer(people.hmac.token()))
    assert (answer.status, answer.code) in [(400, "bad_request"), (404, "endpoint_not_found")], answer
    assert len(upstream.received) == before


# Other ways of writing the same path (RFC 3986 §6.2.2): they reach the endpoint, in the one normal form.
SAME = {
    "unreserved characters escaped": (f"{BASE}/%63all", "/call"),
    "a letter of the handle escaped": ("/api%2Dendpoints-v1/call", "/call"),
    "a parameter as it is": (f"{BASE}/orders/a-b_c.d~e", "/v2/orders/a-b_c.d~e"),
    "a parameter with dots": (f"{BASE}/orders/a..b", "/v2/orders/a..b"),
    "a parameter of three dots": (f"{BASE}/orders/...", "/v2/orders/..."),
    "a parameter with an escaped letter": (f"{BASE}/orders/%61", "/v2/orders/a"),
    "a parameter with an escaped space": (f"{BASE}/orders/a%20b", "/v2/orders/a%20b"),
    "escapes in lower case": (f"{BASE}/orders/%c3%a9", "/v2/orders/%C3%A9"),
    "a parameter with a matrix part": (f"{BASE}/orders/1;v=2", "/v2/orders/1;v=2"),
    "a doubly encoded slash stays doubly encoded": (f"{BASE}/orders/%252f", "/v2/orders/%252f"),
    "a query with a path in it": (f"{BASE}/call?/../%2f..;", "/call?/../%2f..;"),
    "an empty query": (f"{BASE}/call?", "/call?"),
}


@pytest.mark.parametrize("reason", SAME)
def test_a_path_arrives_in_its_normal_form(house, people, upstream, reason):
    before = len(upstream.received)
    sent, arrives = SAME[reason]
    answer = house.call("GET", sent, bearer(people.hmac.token()))
    assert answer.status == 200, answer
    assert [request.target for request in upstream.received[before:]] == [arrives]


def test_head_is_answered_where_get_is(house, people, upstream):
    answer = house.call("HEAD", f"{BASE}/call", bearer(people.hmac.token()))
    assert answer.status == 200 and int(answer.header("content-length")) > 0


def test_a_host_of_another_collection_is_not_found(own, people, upstream):
    collection = own.find("collections", handle="api-endpoints-v1")
    own.change("collections", collection, hosts=["one.example"])
    for host, status in [
        ("one.example", 200),
        ("ONE.EXAMPLE:8080", 200),
        ("two.example", 404),
        ("one.example.evil", 404),
    ]:
        answer = own.call("GET", f"{BASE}/status", [("Host", host)])
        assert answer.status == status, (host, answer)
