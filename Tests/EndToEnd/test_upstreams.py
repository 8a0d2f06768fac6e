"""Whatever an upstream does, the caller gets the right code or a cleanly broken body."""

import json
import socket
import threading
import time

import pytest
from support.gateway import bearer
from support.house import catalog, endpoint
from support.upstream import Upstream
from support.waiting import until
from support.wire import Closed, request_bytes

BEHAVE = "/api-endpoints-v1/behave"


def reset(connection, _):
    connection.reset()


def close(connection, _):
    connection.close()


def say(data: bytes, then_close: bool = False):
    def script(connection, _):
        connection.send(data)
        if then_close:
            connection.close()

    return script


OK = b"HTTP/1.1 200 OK\r\n"
# What the upstream does before a whole head has arrived, for a POST that must not be sent twice: 502.
BROKEN_HEADS = {
    "reset": reset,
    "close": close,
    "half a head": say(OK + b"Content-", then_close=True),
    "rubbish": say(b"\x15\x03\x01\x00\x02\x02\x46 rubbish\r\n\r\n"),
    "a mail server": say(b"220 mail.example ESMTP\r\n\r\n"),
    "no status": say(b"HTTP/1.1\r\n\r\n"),
    "a status of four digits": say(b"HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n"),
    "a status of 99": say(b"HTTP/1.1 099 OK\r\nContent-Length: 0\r\n\r\n"),
    "HTTP/2": say(b"HTTP/2 200\r\nContent-Length: 0\r\n\r\n"),
    "a head over the limit": say(OK + b"".join(b"X-%d: %s\r\n" % (n, b"x" * 8000) for n in range(30)) + b"\r\n"),
    "one header over the limit": say(OK + b"X: " + b"x" * 100_000 + b"\r\n\r\n"),
    "a head without end": say(OK + b"X: y\r\n" * 100_000, then_close=True),
    "a bare LF": say(OK + b"X: y\nContent-Length: 0\r\n\r\n"),
    "obs-fold": say(OK + b"X: y\r\n z\r\nContent-Length: 0\r\n\r\n"),
    "a NUL": say(OK + b"X: \0\r\nContent-Length: 0\r\n\r\n"),
    "two different lengths": say(OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab"),
    "length and coding": say(OK + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    "a negative length": say(OK + b"Content-Length: -1\r\n\r\n"),
    "an unknown coding": say(OK + b"Transfer-Encoding: gzip\r\n\r\n"),
    "an unasked upgrade": say(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n"),
    "interim answers without end": say(b"HTTP/1.1 100 Continue\r\n\r\n" * 20_000, then_close=True),
}


@pytest.mark.parametrize("how", BROKEN_HEADS)
def test_a_broken_head_is_a_502(house, people, upstream, how):
    upstream.on("/behave/head", BROKEN_HEADS[how])
    answer = house.call("POST", f"{BEHAVE}/head", bearer(people.hmac.token()), b"x")
    assert (answer.status, answer.code) == (502, "upstream_unreachable"), answer
    assert house.decision(answer)["code"] == "upstream_unreachable"
    assert house.get("/api-endpoints-v1/call", people.hmac.token()).status == 200


# What the upstream does after its head: the caller must be able to tell that the body is not whole.
BROKEN_BODIES = {
    "reset": (b"Content-Length: 1000000\r\n\r\n" + b"x" * 5000, True),
    "close": (b"Content-Length: 1000000\r\n\r\n" + b"x" * 5000, False),
    "close in a chunk": (b"Transfer-Encoding: chunked\r\n\r\n1000\r\n" + b"x" * 100, False),
    "close between chunks": (b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", False),
    "close before the last line": (b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n", False),
    "reset between chunks": (b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", True),
    "a bad chunk size": (b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n", False),
    "a chunk size that overflows": (b"Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\nabc", False),
}


@pytest.mark.parametrize("how", BROKEN_BODIES)
@pytest.mark.parametrize("version", ["HTTP/1.1", "HTTP/1.0"])
def test_a_broken_body_is_cleanly_broken(house, people, upstream, how, version):
    data, is_reset = BROKEN_BODIES[how]

    def script(connection, _):
        connection.send(OK + data)
        # A reset drops what has not been read yet: it comes once the gateway has passed the head on.
        begun.wait(10)
        (connection.reset if is_reset else connection.close)()

    begun = threading.Event()
    upstream.on("/behave/body", script)
    with house.connect() as wire:
        request = request_bytes("GET", f"{BEHAVE}/body", bearer(people.hmac.token()))
        wire.send(request.replace(b"HTTP/1.1", version.encode()))
        answer = wire.read_head()
        begun.set()
        if (
            answer.status == 200
            and answer.header("content-length") is None
            and answer.header("transfer-encoding") is None
        ):
            # Only HTTP/1.0 has no other end than the connection's: then it must be a reset.
            assert version == "HTTP/1.0"
            with pytest.raises(ConnectionResetError):
                while wire.socket.recv(65536):
                    pass
        elif answer.status == 200:
            wire.buffer = rebuilt(answer) + wire.buffer
            with pytest.raises(Closed):
                wire.read()
        else:
            assert answer.code is None and answer.status == 502
    assert house.get("/api-endpoints-v1/call", people.hmac.token()).status == 200


def test_a_reset_is_no_end_of_a_body_that_ends_with_the_connection(house, people, upstream):
    begun = threading.Event()

    def script(connection, _):
        connection.send(OK + b"\r\nabc")
        begun.wait(10)
        connection.reset()

    upstream.on("/behave/unended", script)
    with house.connect() as wire:
        wire.send(request_bytes("GET", f"{BEHAVE}/unended", bearer(people.hmac.token())))
        answer = wire.read_head()
        assert (answer.status, answer.header("transfer-encoding")) == (200, "chunked")
        begun.set()
        wire.buffer = rebuilt(answer) + wire.buffer
        with pytest.raises(Closed):
            wire.read()


def rebuilt(answer) -> bytes:
    """The head again, for a reader that wants to read the whole answer."""
    lines = [
        f"HTTP/1.1 {answer.status} {answer.reason}",
        *(f"{name}: {value}" for name, value in answer.fields),
        "",
        "",
    ]
    return "\r\n".join(lines).encode("latin-1")


def test_an_upstream_that_is_down(house, people):
    answer = house.get("/api-endpoints-v1/down", people.hmac.token())
    assert (answer.status, answer.code) == (502, "upstream_unreachable")


def test_an_upstream_that_is_slow(house, people, upstream):
    upstream.on("/quick", lambda connection, _: upstream.released.wait(20))
    begin = time.monotonic()
    answer = house.get("/api-endpoints-v1/quick", people.hmac.token())
    assert (answer.status, answer.code) == (504, "upstream_timeout")
    assert 0.9 < time.monotonic() - begin < 6
    del upstream.scripts["/quick"]
    assert house.get("/api-endpoints-v1/quick", people.hmac.token()).status == 200


def test_an_upstream_that_never_accepts(start, people, upstream):
    """A full backlog: the connection is never made."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        fillers = []
        for _ in range(8):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
            fillers.append(filler)
        house = catalog(people, upstream.url)
        house["upstreams"].append(
            {"name": "full", "targets": [{"url": f"http://127.0.0.1:{port}"}], "connect_timeout_seconds": 1}
        )
        house["collections"][0]["endpoints"].append(endpoint("full", "/full", upstream="full"))
        gateway = start()
        gateway.apply(house)
        answer = gateway.get("/api-endpoints-v1/full", people.hmac.token())
        assert answer.code in ("upstream_unreachable", "upstream_timeout") and answer.status in (502, 504), answer
        for filler in fillers:
            filler.close()


def answer_once_then_die(upstream, deaths: list):
    """Answers, and the connection dies when it is used again."""

    def script(connection, request):
        if connection.requests > 1:
            deaths.append(connection.number)
            connection.reset()
        else:
            connection.answer(200, json.dumps({"connection": connection.number}).encode())

    return script


def test_an_idempotent_request_is_sent_again_once_after_a_stale_connection(own, people, upstream):
    deaths: list[int] = []
    upstream.on("/behave/stale", answer_once_then_die(upstream, deaths))
    token = bearer(people.hmac.token())
    with own.connect() as wire:
        for method in ("GET", "PUT", "DELETE", "GET"):
            body = b"hello" if method == "PUT" else b""
            answer = wire.send(request_bytes(method, f"{BEHAVE}/stale", token, body)).read()
            # A body that has flowed is gone; only then may even an idempotent request be a 502.
            assert answer.status == 200 or method == "PUT" and answer.code == "upstream_unreachable", (method, answer)
    assert deaths, "the connection was never reused, so nothing was shown"


def test_a_request_that_is_not_idempotent_is_never_sent_twice(own, people, upstream):
    deaths: list[int] = []
    upstream.on("/behave/once", answer_once_then_die(upstream, deaths))
    token = bearer(people.hmac.token())
    for _number in range(3):
        before = len(upstream.seen("/behave/once"))
        own.call("GET", f"{BEHAVE}/once", token)
        answer = own.call("POST", f"{BEHAVE}/once", token, b"pay")
        posts = [request for request in upstream.seen("/behave/once")[before:] if request.method == "POST"]
        assert len(posts) == 1 and answer.status in (200, 502), (answer, posts)


def test_a_fresh_connection_that_breaks_is_not_retried_forever(own, people, upstream):
    upstream.on("/behave/always", reset)
    answer = own.call("GET", f"{BEHAVE}/always", bearer(people.hmac.token()))
    assert answer.code == "upstream_unreachable"
    assert len(upstream.seen("/behave/always")) <= 2


def test_connections_that_the_upstream_closed_while_idle_are_not_used(own, people, upstream):
    token = bearer(people.hmac.token())
    for _ in range(20):
        assert own.call("POST", "/api-endpoints-v1/call", token, b"x").status == 200
        for connection in [c for c in upstream.connections if not c.closed]:
            connection.close()
        # The close is on its way; a POST afterwards must not run into it once it has arrived.
        until("the closed connections", lambda: not _established(upstream.port, own.process.pid))


def _established(port: int, _: int) -> bool:
    """Whether any connection to the port is still in CLOSE_WAIT at the gateway (state 08 of /proc/net/tcp)."""
    needle = f"0100007F:{port:04X}"
    with open("/proc/net/tcp") as table:
        return any(line.split()[2] == needle and line.split()[3] == "08" for line in table.readlines()[1:])


def test_several_targets_share_the_calls(start, people, upstream):
    second = Upstream()
    house = catalog(people, upstream.url)
    house["upstreams"][0]["targets"].append({"url": second.url})
    gateway = start()
    gateway.apply(house)
    first_before, token = len(upstream.received), bearer(people.hmac.token())
    for _ in range(40):
        assert gateway.call("GET", "/api-endpoints-v1/call", token).status == 200
    assert abs(len(upstream.received) - first_before - len(second.received)) <= 2
    second.close()


def test_a_prefix_of_the_target_is_kept(start, people, upstream):
    house = catalog(people, upstream.url)
    house["upstreams"][0]["targets"] = [{"url": f"{upstream.url}/base"}]
    gateway = start()
    gateway.apply(house)
    before = len(upstream.received)
    assert gateway.get("/api-endpoints-v1/orders/7?x=1", people.hmac.token()).status == 200
    assert upstream.received[before].target == "/base/v2/orders/7?x=1"


def test_a_real_nginx_serves_through(house, people, nginx):
    (nginx.files / "hello.txt").write_text("hello from nginx\n")
    answer = house.get("/api-endpoints-v1/nginx/hello.txt", people.rsa.token())
    assert (answer.status, answer.body) == (200, b"hello from nginx\n")
    assert answer.header("server").startswith("nginx")
    ranged = house.call(
        "GET", "/api-endpoints-v1/nginx/hello.txt", [*bearer(people.rsa.token()), ("Range", "bytes=0-4")]
    )
    assert (ranged.status, ranged.body) == (206, b"hello")
    assert house.get("/api-endpoints-v1/nginx/none", people.rsa.token()).status == 404
    seen = house.get("/api-endpoints-v1/nginx/json", people.rsa.token()).json
    assert seen == {"client": "Acme", "profile": "acme-rsa"}
