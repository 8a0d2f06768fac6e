"""Request smuggling: each message is refused or handled as RFC 9112 says, and never read as two."""

import pytest
from support.wire import Closed

OPEN = b"/api-endpoints-v1/open"
SMUGGLED = b"GET " + OPEN + b"?smuggled HTTP/1.1\r\nHost: x\r\n\r\n"


def message(*lines: bytes, body: bytes = b"", start: bytes = b"POST " + OPEN + b"?main HTTP/1.1") -> bytes:
    return b"\r\n".join([start, *lines, b"", b""]) + body


def head(*lines: bytes, **options) -> bytes:
    return message(b"Host: x", *lines, **options)


CHUNKED = b"Transfer-Encoding: chunked"

# Refused with 400 (501 where a transfer coding is unknown), the connection closed, nothing forwarded.
REFUSED = {
    "Content-Length and Transfer-Encoding": head(b"Content-Length: 5", CHUNKED, body=b"0\r\n\r\n"),
    "Transfer-Encoding and Content-Length": head(CHUNKED, b"Content-Length: 5", body=b"0\r\n\r\n"),
    "Content-Length twice, different": head(b"Content-Length: 0", b"Content-Length: 5", body=b"hello"),
    "Content-Length twice, the same": head(b"Content-Length: 5", b"Content-Length: 5", body=b"hello"),
    "Content-Length comma-joined": head(b"Content-Length: 5, 5", body=b"hello"),
    "Content-Length comma-joined, different": head(b"Content-Length: 0, 5", body=b"hello"),
    "Content-Length with a plus": head(b"Content-Length: +5", body=b"hello"),
    "Content-Length with a minus": head(b"Content-Length: -5", body=b"hello"),
    "Content-Length hexadecimal": head(b"Content-Length: 0x5", body=b"hello"),
    "Content-Length with a point": head(b"Content-Length: 5.0", body=b"hello"),
    "Content-Length with a space inside": head(b"Content-Length: 0 5", body=b"hello"),
    "Content-Length empty": head(b"Content-Length:", body=b"hello"),
    "Content-Length beyond 64 bits": head(b"Content-Length: 18446744073709551621", body=b"hello"),
    "Content-Length of 100 digits": head(b"Content-Length: " + b"9" * 100, body=b"hello"),
    "Content-Length in Arabic digits": head("Content-Length: ٥".encode(), body=b"hello"),
    "Content-Length with a vertical tab": head(b"Content-Length: \x0b5", body=b"hello"),
    "Content-Length folded": head(b"Content-Length:\r\n 5", body=b"hello"),
    "white space before the colon": head(b"Content-Length : 5", body=b"hello"),
    "a tab before the colon": head(b"Transfer-Encoding\t: chunked", body=b"0\r\n\r\n"),
    "obs-fold": head(b"X-Folded: a\r\n b"),
    "obs-fold with a tab": head(b"X-Folded: a\r\n\tb"),
    "white space before the first field": message(b" Host: x", b"X: y"),
    "a bare LF after a field": head(b"X: y\nContent-Length: 5", body=b"hello"),
    "a bare CR inside a field": head(b"X: y\rContent-Length: 5", body=b"hello"),
    "a bare CR at the end of a field": head(b"X: y\r"),
    "bare LFs everywhere": b"GET " + OPEN + b"?main HTTP/1.1\nHost: x\n\n",
    "a bare LF at the head's end": b"GET " + OPEN + b"?main HTTP/1.1\r\nHost: x\r\n\n",
    "NUL in a value": head(b"X: a\0b"),
    "NUL in a name": head(b"X\0: a"),
    "a control byte in a value": head(b"X: a\x01b"),
    "DEL in a value": head(b"X: a\x7fb"),
    "a control byte in a name": head(b"X\x01: a"),
    "a field without a colon": head(b"Xyz"),
    "a field without a name": head(b": a"),
    "a name beyond ASCII": head("Ü: a".encode()),
    "quotes in a name": head(b'"X": a'),
    "Transfer-Encoding twice": head(CHUNKED, CHUNKED, body=b"0\r\n\r\n"),
    "Transfer-Encoding chunked, chunked": head(b"Transfer-Encoding: chunked, chunked", body=b"0\r\n\r\n"),
    "Transfer-Encoding identity": head(b"Transfer-Encoding: identity", b"Content-Length: 5", body=b"hello"),
    "Transfer-Encoding gzip, chunked": head(b"Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n"),
    "Transfer-Encoding chunked, gzip": head(b"Transfer-Encoding: chunked, gzip", body=b"0\r\n\r\n"),
    "Transfer-Encoding chunked, identity": head(b"Transfer-Encoding: chunked, identity", body=b"0\r\n\r\n"),
    "Transfer-Encoding xchunked": head(b"Transfer-Encoding: xchunked", body=b"0\r\n\r\n"),
    "Transfer-Encoding empty": head(b"Transfer-Encoding:", body=b"0\r\n\r\n"),
    "Transfer-Encoding quoted": head(b'Transfer-Encoding: "chunked"', body=b"0\r\n\r\n"),
    "Transfer-Encoding with a vertical tab": head(b"Transfer-Encoding: \x0bchunked", body=b"0\r\n\r\n"),
    "Transfer-Encoding with a parameter": head(b"Transfer-Encoding: chunked;x=y", body=b"0\r\n\r\n"),
    "Transfer-Encoding folded": head(b"Transfer-Encoding:\r\n chunked", body=b"0\r\n\r\n"),
    "Transfer-Encoding with an underscore and a length": head(
        b"Transfer_Encoding: chunked", b"Content-Length: 0", b"Content-Length: 5", body=b"0\r\n\r\n"
    ),
    "Transfer-Encoding in HTTP/1.0": head(CHUNKED, body=b"0\r\n\r\n", start=b"POST " + OPEN + b"?main HTTP/1.0"),
    "no Host": message(b"X: y"),
    "Host twice": head(b"Host: y"),
    "Host twice, the same": head(b"Host: x"),
    "Host with a space": message(b"Host: x y"),
    "Host with a path": message(b"Host: x/y"),
    "Host with user information": message(b"Host: a@x"),
    "Host with a bad port": message(b"Host: x:port"),
    "Host with two ports": message(b"Host: x:1:2"),
    "Host with a port beyond 65535": message(b"Host: x:65536"),
    "Host with an open bracket": message(b"Host: [::1"),
    "Host a list": message(b"Host: x, y"),
    "authority form": head(start=b"GET x:80 HTTP/1.1"),
    "CONNECT": head(start=b"CONNECT x:80 HTTP/1.1"),
    "a target without a slash": head(start=b"GET open HTTP/1.1"),
    "a target with a fragment": head(start=b"GET " + OPEN + b"#f HTTP/1.1"),
    "a target with a space": head(start=b"GET " + OPEN + b" ?main HTTP/1.1"),
    "a target with a NUL": head(start=b"GET " + OPEN + b"\0 HTTP/1.1"),
    "a target with a raw byte beyond ASCII": head(start=b"GET " + OPEN + b"\xff HTTP/1.1"),
    "absolute form with another scheme": head(start=b"GET ftp://x" + OPEN + b" HTTP/1.1"),
    "absolute form with user information": head(start=b"GET http://a@x" + OPEN + b" HTTP/1.1"),
    "absolute form that contradicts Host": head(start=b"GET http://y" + OPEN + b"?main HTTP/1.1"),
    "two spaces in the request line": head(start=b"GET  " + OPEN + b"?main HTTP/1.1"),
    "a tab in the request line": head(start=b"GET\t" + OPEN + b"?main HTTP/1.1"),
    "a space after the version": head(start=b"GET " + OPEN + b"?main HTTP/1.1 "),
    "a space before the method": head(start=b" GET " + OPEN + b"?main HTTP/1.1"),
    "a method that is no token": head(start=b"G(T " + OPEN + b"?main HTTP/1.1"),
    "no version": head(start=b"GET " + OPEN + b"?main"),
    "HTTP/0.9": b"GET " + OPEN + b"?main\r\n\r\n",
    "version in lower case": head(start=b"GET " + OPEN + b"?main http/1.1"),
    "version 1.10": head(start=b"GET " + OPEN + b"?main HTTP/1.10"),
    "version without a minor part": head(start=b"GET " + OPEN + b"?main HTTP/1"),
    "rubbish": b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03" + b"\r\n\r\n",
    "Expect of another kind": head(b"Expect: 200-ok", b"Content-Length: 5", body=b"hello"),
}
STATUS = {
    "Expect of another kind": (400, 417),
}


def statuses(reason: str) -> tuple[int, ...]:
    if reason in STATUS:
        return STATUS[reason]
    if reason.startswith("Transfer-Encoding"):
        return (400, 501)
    if "version" in reason or "HTTP/0.9" in reason:
        return (400, 505)
    return (400,)


def targets(upstream, before: int) -> list[str]:
    return [request.target for request in upstream.received[before:]]


@pytest.mark.parametrize("reason", REFUSED)
@pytest.mark.parametrize("arrival", ["at once", "byte by byte"])
def test_refused_and_closed(house, upstream, reason, arrival):
    before = len(upstream.received)
    data = REFUSED[reason] + SMUGGLED
    with house.connect() as wire:
        if arrival == "at once":
            wire.send(data)
        else:
            try:
                for index in range(len(data)):
                    wire.send(data[index : index + 1])
            except (BrokenPipeError, ConnectionResetError):
                pass  # Refused before the end: the answer was sent, and the rest has nowhere to go.
        try:
            answers = wire.read_all()
        except (Closed, ConnectionResetError):
            answers = []
        if arrival == "at once" or answers:
            assert len(answers) == 1 and answers[0].status in statuses(reason), answers
            assert answers[0].code is not None, answers
    assert targets(upstream, before) == []


# Chunked bodies that must not be believed: the upstream may see the request begin, never a sound end or a second one.
BAD_CHUNKS = {
    "size overflow of 64 bits": b"10000000000000005\r\nhello\r\n0\r\n\r\n",
    "size of 64 bits": b"FFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n",
    "size of 63 bits": b"7FFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n",
    "size with 0x": b"0x5\r\nhello\r\n0\r\n\r\n",
    "size with a sign": b"+5\r\nhello\r\n0\r\n\r\n",
    "size negative": b"-5\r\nhello\r\n0\r\n\r\n",
    "size with a space before": b" 5\r\nhello\r\n0\r\n\r\n",
    "size with an underscore": b"0_5\r\nhello\r\n0\r\n\r\n",
    "size empty": b"\r\nhello\r\n0\r\n\r\n",
    "size no number": b"G\r\nhello\r\n0\r\n\r\n",
    "size line ended by LF": b"5\nhello\r\n0\r\n\r\n",
    "size line ended by CR": b"5\rhello\r\n0\r\n\r\n",
    "chunk ended by LF": b"5\r\nhello\n0\r\n\r\n",
    "chunk too long for its size": b"5\r\nhello!\r\n0\r\n\r\n",
    "chunk too short for its size": b"6\r\nhello\r\n0\r\n\r\n",
    "extension with LF": b"5;a=b\nc\r\nhello\r\n0\r\n\r\n",
    "extension with CR": b"5;a=b\rc\r\nhello\r\n0\r\n\r\n",
    "extension with NUL": b"5;a=\0\r\nhello\r\n0\r\n\r\n",
    "extension quoted with CRLF": b'5;a="\r\nhello\r\n0\r\n\r\n"\r\n',
    "last chunk ended by LF": b"0\n\r\n",
    "end of the body by LF": b"0\r\n\n",
    "trailer with a space before the colon": b"0\r\nX : y\r\n\r\n",
    "trailer folded": b"0\r\nX: y\r\n z\r\n\r\n",
    "trailer with a bare LF": b"0\r\nX: y\nZ: z\r\n\r\n",
}


@pytest.mark.parametrize("reason", BAD_CHUNKS)
@pytest.mark.parametrize("first", [b"", b"3\r\nabc\r\n"], ids=["as the first chunk", "as the second chunk"])
def test_a_bad_chunk_ends_the_connection(house, upstream, reason, first):
    before = len(upstream.received)
    with house.connect() as wire:
        wire.send(head(CHUNKED, body=first + BAD_CHUNKS[reason]) + SMUGGLED)
        # Closing our side ends those that merely wait for more bytes.
        wire.socket.shutdown(1)
        try:
            answers = wire.read_all()
        except Closed:
            answers = []
    assert all(answer.status in (400, 413) for answer in answers) and len(answers) <= 1, answers
    assert not [target for target in targets(upstream, before) if "smuggled" in target]
    for request in upstream.received[before:]:
        assert request.head.startswith((b"POST /open?main", b"INCOMPLETE")), request.head


# Sound messages near the border: answered, and the next request on the connection is answered on its own.
SOUND = {
    "plain chunks": head(CHUNKED, body=b"5\r\nhello\r\n0\r\n\r\n"),
    "Chunked in capitals": head(b"Transfer-Encoding: CHUNKED", body=b"5\r\nhello\r\n0\r\n\r\n"),
    "leading zeros in a chunk size": head(CHUNKED, body=b"0005\r\nhello\r\n000\r\n\r\n"),
    "a chunk extension": head(CHUNKED, body=b'5;a=b;c="d e"\r\nhello\r\n0;z\r\n\r\n'),
    "a trailer": head(CHUNKED, body=b"5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n"),
    "Content-Length with leading zeros": head(b"Content-Length: 005", body=b"hello"),
    "white space around Content-Length": head(b"Content-Length: \t 5 \t", body=b"hello"),
    "no white space after the colon": head(b"Content-Length:5", body=b"hello"),
    "an empty line before the request": b"\r\n" + head(b"Content-Length: 5", body=b"hello"),
    "absolute form": message(
        b"Host: x", b"Content-Length: 5", body=b"hello", start=b"POST http://x" + OPEN + b"?main HTTP/1.1"
    ),
    "Host with a port": message(b"Host: x:8080", b"Content-Length: 5", body=b"hello"),
    "Host an IPv6 address": message(b"Host: [::1]:8080", b"Content-Length: 5", body=b"hello"),
    "a body that looks like a request": head(b"Content-Length: %d" % len(SMUGGLED), body=SMUGGLED),
}


@pytest.mark.parametrize("reason", SOUND)
def test_sound_messages_are_read_as_exactly_one(house, upstream, reason):
    before = len(upstream.received)
    second = b"GET " + OPEN + b"?second HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    with house.connect() as wire:
        answers = wire.send(SOUND[reason] + second).read_all()
    assert [answer.status for answer in answers] == [200, 200], answers
    assert targets(upstream, before) == ["/open?main", "/open?second"]
    body = SMUGGLED if "looks like" in reason else b"hello"
    assert upstream.received[before].body == body
    for request in upstream.received[before:]:
        assert len(request.all("content-length")) + len(request.all("transfer-encoding")) <= 1


def test_nothing_is_read_after_connection_close(house, upstream):
    before = len(upstream.received)
    with house.connect() as wire:
        wire.send(head(b"Connection: close", start=b"GET " + OPEN + b"?main HTTP/1.1") + SMUGGLED)
        answers = wire.read_all()
    assert [answer.status for answer in answers] == [200] and answers[0].closes
    assert targets(upstream, before) == ["/open?main"]


def test_nothing_is_read_after_a_request_of_http_1_0(house, upstream):
    before = len(upstream.received)
    with house.connect() as wire:
        wire.send(head(start=b"GET " + OPEN + b"?main HTTP/1.0") + SMUGGLED)
        assert [answer.status for answer in wire.read_all()] == [200]
    assert targets(upstream, before) == ["/open?main"]


def test_pipelined_requests_are_answered_in_order(house, upstream):
    before = len(upstream.received)
    count = 50
    requests = b"".join(b"GET %s?n=%d HTTP/1.1\r\nHost: x\r\n\r\n" % (OPEN, number) for number in range(count))
    with house.connect() as wire:
        wire.send(requests)
        answers = [wire.read() for _ in range(count)]
    assert [answer.json["target"] for answer in answers] == [f"/open?n={number}" for number in range(count)]
    assert targets(upstream, before) == [f"/open?n={number}" for number in range(count)]


def test_a_refused_body_does_not_become_a_request(house, upstream):
    """The refusal comes before the body: whether the rest is read or the connection closed, it is never a request."""
    before = len(upstream.received)
    start = b"POST /api-endpoints-v1/call HTTP/1.1"
    with house.connect() as wire:
        wire.send(head(b"Content-Length: %d" % len(SMUGGLED), start=start, body=SMUGGLED))
        answer = wire.read()
        assert (answer.status, answer.code) == (401, "credential_missing")
        wire.socket.shutdown(1)
        assert wire.read_all() == []
    with house.connect() as wire:
        wire.send(head(CHUNKED, start=start, body=b"%x\r\n%s\r\n0\r\n\r\n" % (len(SMUGGLED), SMUGGLED)))
        assert wire.read().status == 401
        wire.socket.shutdown(1)
        assert wire.read_all() == []
    assert targets(upstream, before) == []


def test_what_an_upstream_appends_to_its_answer_reaches_nobody(house, upstream, people):
    """Bytes after an upstream's answer are not another caller's answer."""
    extra = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nX-Poisoned: yes\r\n\r\npoison"
    upstream.on(
        "/open",
        lambda connection, request: connection.send(
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" + (extra if "append" in request.target else b"")
        ),
    )
    try:
        for _ in range(20):
            assert house.get("/api-endpoints-v1/open?append").body == b"ok"
            answer = house.get("/api-endpoints-v1/open?plain")
            assert answer.body == b"ok" and answer.header("x-poisoned") is None
    finally:
        del upstream.scripts["/open"]


@pytest.mark.parametrize(
    "data, status, code",
    [
        (head(b"X: " + b"x" * (17 * 1024)), 431, "headers_too_large"),
        (head(*[b"X-%d: %s" % (n, b"x" * 8000) for n in range(9)]), 431, "headers_too_large"),
        (head(start=b"GET " + OPEN + b"?" + b"x" * 66_000 + b" HTTP/1.1"), 414, "uri_too_long"),
    ],
    ids=["one header over 16 KiB", "all headers over 64 KiB", "a URL over 64 KiB"],
)
def test_limits_of_the_head(house, upstream, data, status, code):
    before = len(upstream.received)
    with house.connect() as wire:
        try:
            wire.send(data + SMUGGLED)
        except (BrokenPipeError, ConnectionResetError):
            pass  # The refusal may come before all of it was sent.
        answers = wire.read_all()
    assert [(answer.status, answer.code) for answer in answers] == [(status, code)]
    assert targets(upstream, before) == []


def test_a_header_of_just_16_kib_passes(house):
    with house.connect() as wire:
        wire.send(head(b"X: " + b"x" * (16 * 1024 - 4), start=b"GET " + OPEN + b" HTTP/1.1"))
        assert wire.read().status == 200
