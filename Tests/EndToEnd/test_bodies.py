"""Bodies stream through in both directions, and what stalls, stalls alone."""

import hashlib
import threading
import time

import pytest
from support.gateway import FULL_SIZE, bearer
from support.waiting import until
from support.wire import Closed, request_bytes

MIB = 1 << 20
SIZE = 2 << 30 if FULL_SIZE else 200 * MIB
GROWTH = 32 * MIB
LARGE = "/api-endpoints-v1/large"
BLOCK = bytes(range(256)) * 256


class Peak:
    """The highest resident memory of the gateway while the block runs, less what it was before."""

    def __init__(self, gateway):
        self.gateway = gateway

    def __enter__(self):
        self.before = self.highest = self.gateway.resident_bytes()
        self.done = threading.Event()
        self.watcher = threading.Thread(target=self._watch)
        self.watcher.start()
        return self

    def _watch(self):
        while not self.done.wait(0.01):
            self.highest = max(self.highest, self.gateway.resident_bytes())

    def __exit__(self, *_):
        self.done.set()
        self.watcher.join()

    @property
    def growth(self) -> int:
        return self.highest - self.before


@pytest.fixture
def big_file(nginx):
    """A sparse file: its holes cost no disk, and nginx sends them as zeros."""
    path = nginx.files / "big"
    with path.open("wb") as file:
        file.truncate(SIZE)
    yield "/api-endpoints-v1/nginx/big"
    path.unlink()


@pytest.mark.timeout(600)
def test_a_large_download_streams(house, people, big_file):
    house.get(LARGE.replace("large", "call"), people.hmac.token())
    with Peak(house) as peak, house.connect(timeout=60) as wire:
        wire.send(request_bytes("GET", big_file, bearer(people.hmac.token())))
        answer = wire.read_head()
        assert answer.status == 200 and answer.header("content-length") == str(SIZE)
        received = len(wire.buffer)
        while received < SIZE:
            data = wire.socket.recv(MIB)
            assert data, f"closed after {received} of {SIZE} bytes"
            received += len(data)
    assert peak.growth < GROWTH, f"grew by {peak.growth / MIB:.1f} MiB"


@pytest.mark.timeout(600)
@pytest.mark.parametrize("framing", ["content-length", "chunked"])
def test_a_large_upload_streams(house, people, upstream, framing):
    before = len(upstream.received)
    token = bearer(people.hmac.token())
    digest = hashlib.sha256()
    with Peak(house) as peak, house.connect(timeout=120) as wire:
        if framing == "chunked":
            wire.send(request_bytes("POST", LARGE, [*token, ("Transfer-Encoding", "chunked")]))
        else:
            wire.send(request_bytes("POST", LARGE, [*token, ("Content-Length", str(SIZE))]))
        for _ in range(SIZE // len(BLOCK)):
            wire.send(b"%x\r\n%s\r\n" % (len(BLOCK), BLOCK) if framing == "chunked" else BLOCK)
            digest.update(BLOCK)
        if framing == "chunked":
            wire.send(b"0\r\n\r\n")
        answer = wire.read()
    assert answer.status == 200, answer
    arrived = upstream.received[before]
    assert (arrived.body_length, arrived.body_sha256) == (SIZE, digest.hexdigest())
    assert peak.growth < GROWTH, f"grew by {peak.growth / MIB:.1f} MiB"


def flood(connection, request):
    """An answer without end, as fast as the gateway takes it."""
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n")
    for _ in range((1 << 30) // len(BLOCK)):
        connection.send(BLOCK)


def test_a_client_that_reads_nothing_stalls_only_itself(house, people, upstream):
    upstream.on("/behave/flood", flood)
    token = bearer(people.hmac.token())
    with Peak(house) as peak:
        stalled = [house.connect(receive_buffer=4096) for _ in range(8)]
        for wire in stalled:
            wire.send(request_bytes("GET", "/api-endpoints-v1/behave/flood", token))
        until("the floods", lambda: len(upstream.seen("/behave/flood")) >= 8)
        for _ in range(200):
            begin = time.monotonic()
            assert house.call("GET", "/api-endpoints-v1/call", token).status == 200
            assert time.monotonic() - begin < 5
    for wire in stalled:
        wire.reset()
    assert peak.growth < GROWTH, f"grew by {peak.growth / MIB:.1f} MiB"


def test_an_upstream_that_reads_nothing_stalls_only_its_own(house, people, upstream):
    released = threading.Event()
    upstream.on("/behave/deaf", lambda connection, request: released.wait(60), before_body=True)
    token = bearer(people.hmac.token())
    sent = []

    def push(wire):
        wire.socket.settimeout(3)
        wire.send(request_bytes("POST", "/api-endpoints-v1/behave/deaf", [*token, ("Content-Length", "4000000")]))
        count = 0
        try:
            while count < 4_000_000:
                count += wire.socket.send(b"x" * min(65536, 4_000_000 - count))
        except TimeoutError:
            pass  # What was expected: the upstream reads nothing, so neither does the gateway.
        sent.append(count)

    try:
        with Peak(house) as peak:
            wires = [house.connect() for _ in range(8)]
            threads = [threading.Thread(target=push, args=(wire,)) for wire in wires]
            for thread in threads:
                thread.start()
            until("the stalled uploads", lambda: len(upstream.seen("/behave/deaf")) >= 8)
            for _ in range(200):
                begin = time.monotonic()
                assert house.call("GET", "/api-endpoints-v1/call", token).status == 200
                assert time.monotonic() - begin < 5
            for thread in threads:
                thread.join()
        assert peak.growth < GROWTH, f"grew by {peak.growth / MIB:.1f} MiB"
        for wire in wires:
            wire.reset()
    finally:
        released.set()


@pytest.mark.parametrize("framing", ["content-length", "chunked"])
def test_a_body_over_the_endpoints_limit(house, people, upstream, framing):
    before = len(upstream.received)
    token = bearer(people.hmac.token())
    with house.connect() as wire:
        if framing == "chunked":
            wire.send(request_bytes("POST", "/api-endpoints-v1/small", [*token, ("Transfer-Encoding", "chunked")]))
            wire.send(b"3e8\r\n" + b"x" * 1000 + b"\r\n1\r\ny\r\n0\r\n\r\n")
        else:
            wire.send(request_bytes("POST", "/api-endpoints-v1/small", token, b"x" * 1001))
        answer = wire.read()
    assert (answer.status, answer.code) == (413, "body_too_large")
    # A chunked body may have begun to flow; the upstream must never take it for a whole one.
    for request in upstream.received[before:]:
        assert framing == "chunked" and request.body_length <= 1000


@pytest.mark.parametrize("framing", ["content-length", "chunked"])
def test_a_body_of_exactly_the_limit_passes(house, people, framing):
    token = bearer(people.hmac.token())
    with house.connect() as wire:
        if framing == "chunked":
            wire.send(request_bytes("POST", "/api-endpoints-v1/small", [*token, ("Transfer-Encoding", "chunked")]))
            wire.send(b"3e8\r\n" + b"x" * 1000 + b"\r\n0\r\n\r\n")
        else:
            wire.send(request_bytes("POST", "/api-endpoints-v1/small", token, b"x" * 1000))
        answer = wire.read()
    assert answer.status == 200 and answer.json["body_length"] == 1000


def test_the_default_limit_is_5_mb(house, people):
    token = bearer(people.hmac.token())
    assert house.call("POST", "/api-endpoints-v1/call", token, b"x" * 5_000_000).status == 200
    with house.connect() as wire:
        wire.send(request_bytes("POST", "/api-endpoints-v1/call", [*token, ("Content-Length", "5000001")]))
        assert wire.read().code == "body_too_large"


def test_expect_continue_asks_for_the_body_after_the_decision(house, people, upstream):
    token = bearer(people.hmac.token())
    expecting = [("Expect", "100-continue"), ("Content-Length", "5")]
    with house.connect() as wire:
        wire.send(request_bytes("POST", "/api-endpoints-v1/call", [*token, *expecting]))
        assert wire.read_interim() == 100
        answer = wire.send(b"hello").read()
        assert answer.status == 200 and answer.json["body_length"] == 5
    before = len(upstream.received)
    with house.connect() as wire:
        wire.send(request_bytes("POST", "/api-endpoints-v1/call", expecting))
        answer = wire.read()
        assert (answer.status, answer.code, answer.interim) == (401, "credential_missing", [])
    assert len(upstream.received) == before


def test_an_upstream_that_answers_before_the_body_is_not_reused_with_a_body_owed(house, people, upstream):
    """The answer arrives while the caller still owes its body; the next caller must not pay for it."""

    def refuse(connection, request):
        connection.answer(403, b"early", "Connection: keep-alive")

    upstream.on("/behave/early", refuse, before_body=True)
    token = bearer(people.hmac.token())
    for headers in ([("Expect", "100-continue")], []):
        with house.connect() as wire:
            wire.send(
                request_bytes("POST", "/api-endpoints-v1/behave/early", [*token, *headers, ("Content-Length", "70000")])
            )
            statuses = [wire.read_interim()]
            if statuses == [100]:
                statuses.append(wire.read_interim())
            assert statuses[-1] == 403
        for number in range(5):
            answer = house.call("GET", f"/api-endpoints-v1/call?after={number}", token)
            assert answer.status == 200 and answer.json["target"] == f"/call?after={number}"


def test_head_and_empty_answers_keep_the_connection_in_step(house, people, upstream):
    upstream.on("/behave/204", lambda connection, _: connection.send(b"HTTP/1.1 204 No Content\r\n\r\n"))
    upstream.on(
        "/behave/304",
        lambda connection, _: connection.send(
            b'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\nContent-Length: 1000\r\n\r\n'
        ),
    )
    upstream.on(
        "/behave/hints",
        lambda connection, _: connection.send(
            b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
        ),
    )
    token = bearer(people.hmac.token())
    with house.connect() as wire:
        for method, how, status in (
            ("GET", "204", 204),
            ("HEAD", "plain", 200),
            ("GET", "304", 304),
            ("GET", "hints", 200),
            ("GET", "plain", 200),
        ):
            wire.send(request_bytes(method, f"/api-endpoints-v1/behave/{how}", token))
            assert wire.read(head_only=method == "HEAD").status == status


def test_chunked_and_close_delimited_answers_arrive_whole(house, people, upstream):
    body = BLOCK * 20

    def chunked(connection, _):
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for start in range(0, len(body), 1000):
            part = body[start : start + 1000]
            connection.send(b"%X;ext=1\r\n%s\r\n" % (len(part), part))
        connection.send(b"0\r\nX-Sum: 1\r\n\r\n")

    def until_close(connection, _):
        connection.send(b"HTTP/1.0 200 OK\r\n\r\n" + body)
        connection.close()

    upstream.on("/behave/chunked", chunked)
    upstream.on("/behave/until-close", until_close)
    token = bearer(people.hmac.token())
    for how in ("chunked", "until-close"):
        for _ in range(3):
            assert house.call("GET", f"/api-endpoints-v1/behave/{how}", token).body == body
    with house.connect() as wire:
        # HTTP/1.0 knows no chunked coding: the body ends with the connection.
        wire.send(request_bytes("GET", "/api-endpoints-v1/behave/chunked", token).replace(b"HTTP/1.1", b"HTTP/1.0"))
        answer = wire.read()
        assert answer.body == body and answer.header("transfer-encoding") is None


def test_a_caller_that_goes_away_in_its_body_leaves_no_whole_request(house, people, upstream):
    upstream_before = len(upstream.received)
    with house.connect() as wire:
        wire.send(
            request_bytes("POST", "/api-endpoints-v1/call", [*bearer(people.hmac.token()), ("Content-Length", "100")])
        )
        wire.send(b"x" * 50)
        until("the request's begin", lambda: len(upstream.received) > upstream_before)
        wire.reset()
    request = upstream.received[upstream_before]
    until("the upstream's connection to be closed", lambda: request.body_sha256 != "")
    assert request.body_length <= 50


def test_the_begun_body_of_a_pipelined_request_does_not_wait_for_the_rest(house, people, upstream):
    arrived = threading.Event()

    def see(connection, request):
        if connection.buffer or connection.fill():
            arrived.set()

    upstream.on("/behave/begun", see, before_body=True)
    token = bearer(people.hmac.token())
    with house.connect() as wire:
        begun = request_bytes("POST", "/api-endpoints-v1/behave/begun", [*token, ("Content-Length", "10")]) + b"hello"
        wire.send(request_bytes("GET", "/api-endpoints-v1/call", token) + begun)
        assert wire.read().status == 200
        assert arrived.wait(10), "the upstream got nothing of the body that had come"
        answer = wire.send(b"world").read()
        assert answer.status == 200 and answer.json["body_length"] == 10


def test_a_broken_chunked_upload_is_not_completed(house, people, upstream):
    before = len(upstream.received)
    with house.connect() as wire:
        wire.send(
            request_bytes(
                "POST", "/api-endpoints-v1/call", [*bearer(people.hmac.token()), ("Transfer-Encoding", "chunked")]
            )
        )
        wire.send(b"5\r\nhello\r\nZZ\r\n")
        try:
            answers = wire.read_all()
        except Closed:
            answers = []
        assert all(answer.status == 400 for answer in answers)
    for request in upstream.received[before:]:
        assert request.head.startswith(b"POST") and request.body_length <= 5
        until("the end of the broken upload", lambda: upstream.connections[request.connection].closed)
