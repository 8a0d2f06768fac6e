"""Connections: idle ones are cheap, slow ones are cut, and neither disturbs the others."""

import os
import resource
import socket
import threading
import time

import pytest
from support.gateway import FULL_SIZE, bearer
from support.house import catalog
from support.wire import request_bytes

IDLE = 10_000 if FULL_SIZE else 2_000
BYTES_EACH = 20 * 1024


@pytest.fixture
def many_files():
    """Room for our end of every connection; the gateway sees to its own."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = IDLE + 2000
    if hard != resource.RLIM_INFINITY and hard < wanted:
        pytest.fail(f"the hard limit of open files is {hard}, expected at least {wanted}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_idle_connections_are_cheap(many_files, start, people, upstream):
    gateway = start()
    gateway.apply(catalog(people, upstream.url))
    token = bearer(people.hmac.token())
    request = request_bytes("GET", "/api-endpoints-v1/call", token)
    # Warm: everything that is allocated once is there.
    with gateway.connect() as wire:
        for _ in range(200):
            assert wire.send(request).read().status == 200
    before = gateway.resident_bytes()
    wires = []
    for _number in range(IDLE):
        wire = gateway.connect(timeout=30)
        # Each has served: an idle connection is one between two requests.
        assert wire.send(request).read().status == 200
        wires.append(wire)
    growth = gateway.resident_bytes() - before
    assert growth / IDLE < BYTES_EACH, f"{growth / IDLE / 1024:.1f} KiB each, expected under 20"
    # Held, not dropped: every hundredth still answers.
    for wire in wires[::100]:
        assert wire.send(request).read().status == 200
    for wire in wires:
        wire.socket.close()


@pytest.fixture
def impatient(start, people, upstream):
    """A gateway whose header timeout is 2 seconds, not 10, so that the tests need not wait as long."""
    gateway = start("--header-timeout-seconds", "2")
    gateway.apply(catalog(people, upstream.url))
    return gateway


def test_a_slow_head_is_cut_while_others_are_served(impatient, people):
    token = bearer(people.hmac.token())
    request = request_bytes("GET", "/api-endpoints-v1/call", [("X-Slow", "x" * 200), *token])
    with impatient.connect(timeout=0.2) as slow:
        begin = time.monotonic()
        data = None
        for index in range(100):
            assert impatient.call("GET", "/api-endpoints-v1/call", token).status == 200
            # A byte, and then as long as it takes to see that the gateway says nothing: that wait is the attack.
            try:
                slow.send(request[index : index + 1])
                data = slow.socket.recv(4096)
                break
            except TimeoutError:
                continue
            except ConnectionError:
                data = b""
                break
        elapsed = time.monotonic() - begin
    assert data is not None, f"still open after {elapsed:.1f} s"
    assert data == b"" or data.startswith(b"HTTP/1.1 408"), data
    assert 1 < elapsed < 8, f"cut after {elapsed:.1f} s, expected at the header timeout of 2 s"


def test_a_silent_connection_is_cut_too(impatient):
    """A connection on which nothing ever arrives costs an attacker least."""
    with impatient.connect(timeout=20) as wire:
        begin = time.monotonic()
        data = wire.socket.recv(4096)
        elapsed = time.monotonic() - begin
    assert data == b"" or data.startswith(b"HTTP/1.1 408"), data
    assert elapsed < 8, f"closed after {elapsed:.1f} s, expected at the header timeout of 2 s"


def test_a_slow_second_head_is_cut_as_well(impatient, people):
    request = request_bytes("GET", "/api-endpoints-v1/call", bearer(people.hmac.token()))
    with impatient.connect(timeout=20) as wire:
        assert wire.send(request).read().status == 200
        begin = time.monotonic()
        wire.send(request[:20])
        data = wire.socket.recv(4096)
        assert data == b"" or data.startswith(b"HTTP/1.1 408"), data
        assert time.monotonic() - begin < 8


def test_keep_alive_serves_many_requests(house, people):
    request = request_bytes("GET", "/api-endpoints-v1/call", bearer(people.hmac.token()))
    with house.connect() as wire:
        for _ in range(500):
            answer = wire.send(request).read()
            assert answer.status == 200 and not answer.closes


def test_upstream_connections_are_reused(house, people, upstream):
    request = request_bytes("GET", "/api-endpoints-v1/call", bearer(people.hmac.token()))
    with house.connect() as wire:
        used = {wire.send(request).read().json["connection"] for _ in range(100)}
    assert len(used) == 1, f"{len(used)} upstream connections for one caller's requests one after another"


def test_a_half_closed_caller_still_gets_its_answer(house, people):
    with house.connect() as wire:
        wire.send(request_bytes("GET", "/api-endpoints-v1/call", bearer(people.hmac.token())))
        wire.socket.shutdown(socket.SHUT_WR)
        assert wire.read().status == 200


def test_a_half_closed_caller_whose_body_waits_for_the_upstream_gets_its_answer(own, people):
    """The body and the end come while the upstream's first connection is still being made."""
    with own.connect() as wire:
        wire.send(request_bytes("POST", "/api-endpoints-v1/call", bearer(people.hmac.token()), b"hello"))
        wire.socket.shutdown(socket.SHUT_WR)
        answer = wire.read()
        assert answer.status == 200 and answer.json["body_length"] == 5
        assert wire.is_closed()


def test_a_caller_that_ends_within_its_body_is_not_waited_for(house, people):
    with house.connect() as wire:
        headers = [*bearer(people.hmac.token()), ("Content-Length", "10")]
        wire.send(request_bytes("POST", "/api-endpoints-v1/call", headers) + b"hello")
        wire.socket.shutdown(socket.SHUT_WR)
        assert wire.is_closed()


def test_a_pipelined_request_is_served_after_one_whose_upstream_was_gone(own, people, upstream):
    """The write of the first request's body shows that the kept connection is dead, within the very call."""
    token = bearer(people.hmac.token())
    both = request_bytes("POST", "/api-endpoints-v1/call", token, b"hello") + request_bytes(
        "GET", "/api-endpoints-v1/call", token
    )
    for number in range(60):
        with own.connect() as wire:
            used = wire.send(request_bytes("GET", "/api-endpoints-v1/call", token)).read().json["connection"]
            closing = threading.Thread(target=upstream.connections[used].close)
            if number % 2:
                closing.start()
            wire.send(both)
            if not number % 2:
                closing.start()
            statuses = [wire.read().status, wire.read().status]
            closing.join()
            assert statuses in ([200, 200], [502, 200]), statuses


def test_requests_byte_by_byte(house, people):
    request = request_bytes("POST", "/api-endpoints-v1/call", bearer(people.hmac.token()), b"hello")
    with house.connect() as wire:
        for index in range(len(request)):
            wire.send(request[index : index + 1])
        assert wire.read().json["body_length"] == 5


def test_rubbish_does_not_disturb(house, people):
    """A thousand connections that send noise, close at once, or reset: the gateway serves on."""
    noise = [
        b"",
        b"\0" * 100,
        b"GET",
        b"\r\n" * 50,
        os.urandom(500),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET / HTTP/1.1\r\n",
    ]
    for number in range(1000):
        wire = house.connect()
        try:
            wire.send(noise[number % len(noise)])
        except (BrokenPipeError, ConnectionResetError):
            pass  # Refused while it was being sent.
        if number % 2:
            wire.reset()
        else:
            wire.socket.close()
    assert house.get("/api-endpoints-v1/call", people.hmac.token()).status == 200


def test_who_takes_no_answers_gets_no_more_of_them(start, people, upstream):
    gateway = start()
    gateway.apply(catalog(people, upstream.url))
    request = request_bytes("GET", "/nowhere/at/all")
    with gateway.connect() as wire:
        assert wire.send(request).read().status == 404
    before = gateway.resident_bytes()
    with gateway.connect(timeout=30) as wire:
        wire.socket.setblocking(False)
        sent = 0
        # Pipelined, and not one answer read: at some point nothing more is taken.
        until = time.monotonic() + 10
        block = request * 200
        while time.monotonic() < until:
            try:
                sent += wire.socket.send(block[sent % len(request) :])
            except BlockingIOError:
                time.sleep(0.05)
                try:
                    sent += wire.socket.send(block[sent % len(request) :])
                except BlockingIOError:
                    break
        else:
            pytest.fail(f"{sent} bytes of requests were taken without an answer being read")
        assert gateway.resident_bytes() - before < 16 << 20
        assert gateway.call("GET", "/nowhere").status == 404, "the others are served"
        # All that were taken whole are answered once the answers are read.
        wire.socket.setblocking(True)
        wire.socket.settimeout(30)
        for _ in range(sent // len(request)):
            assert wire.read().status == 404
