"""A raw HTTP/1.1 client: sends exactly the bytes it is given and reads answers strictly."""

import json
import socket
import struct
from dataclasses import dataclass, field


class Closed(Exception):
    """The peer closed the connection where an answer, or the rest of one, was expected."""


@dataclass
class Answer:
    status: int
    reason: str
    fields: list[tuple[str, str]]
    body: bytes
    interim: list[int] = field(default_factory=list)

    def header(self, name: str) -> str | None:
        values = self.all(name)
        assert len(values) <= 1, f"{name} is there {len(values)} times: {values}"
        return values[0] if values else None

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.fields if key.lower() == name.lower()]

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def code(self) -> str | None:
        """The code of a problem document; None when the answer is no problem."""
        if (self.header("content-type") or "").split(";")[0] != "application/problem+json":
            return None
        return self.json["code"]

    @property
    def closes(self) -> bool:
        return "close" in (self.header("connection") or "").lower()


class Wire:
    """One connection to the gateway."""

    def __init__(self, port: int, timeout: float = 15, receive_buffer: int | None = None):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout)
        self.socket.connect(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data: bytes) -> "Wire":
        self.socket.sendall(data)
        return self

    def reset(self):
        """Closes with RST instead of FIN."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def _fill(self) -> bool:
        try:
            data = self.socket.recv(1 << 16)
        except ConnectionResetError:
            data = b""
        self.buffer += data
        return bool(data)

    def _until(self, mark: bytes) -> bytes:
        while (end := self.buffer.find(mark)) < 0:
            if not self._fill():
                raise Closed(f"closed with {self.buffer[:200]!r}, expected {mark!r}")
        taken, self.buffer = self.buffer[:end], self.buffer[end + len(mark) :]
        return taken

    def _exactly(self, count: int) -> bytes:
        while len(self.buffer) < count:
            if not self._fill():
                raise Closed(f"closed {count - len(self.buffer)} bytes early")
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def read_head(self) -> Answer:
        """The next final answer's head; interim answers are remembered in it."""
        interim = []
        while True:
            lines = self._until(b"\r\n\r\n").decode("latin-1").split("\r\n")
            version, status, reason = (lines[0].split(" ", 2) + [""])[:3]
            assert version == "HTTP/1.1", lines[0]
            fields = []
            for line in lines[1:]:
                name, _, value = line.partition(":")
                assert name and name == name.strip(), line
                fields.append((name, value.strip()))
            if int(status) // 100 == 1 and int(status) != 101:
                interim.append(int(status))
                continue
            return Answer(int(status), reason, fields, b"", interim)

    def read_interim(self) -> int:
        """The status of the next head, whether interim or final."""
        return int(self._until(b"\r\n\r\n").split(b" ")[1])

    def read(self, head_only: bool = False) -> Answer:
        """The next answer with its body; `head_only` for answers to HEAD."""
        answer = self.read_head()
        if head_only or answer.status in (204, 304):
            return answer
        length, coding = answer.header("content-length"), answer.header("transfer-encoding")
        assert length is None or coding is None, "both Content-Length and Transfer-Encoding"
        if coding:
            assert coding.lower() == "chunked", coding
            while size := int(self._until(b"\r\n").split(b";")[0], 16):
                answer.body += self._exactly(size)
                assert self._exactly(2) == b"\r\n"
            while self._until(b"\r\n"):
                pass
        elif length is not None:
            answer.body = self._exactly(int(length))
        else:
            while self._fill():
                pass
            answer.body, self.buffer = self.buffer, b""
        return answer

    def read_all(self) -> list[Answer]:
        """Every answer until the peer closes."""
        answers = []
        while self.buffer or self._fill():
            answers.append(self.read())
        return answers

    def is_closed(self) -> bool:
        """Waits for the peer to close; False when it sends something or holds the connection until the timeout."""
        if self.buffer:
            return False
        try:
            return self.socket.recv(1) == b""
        except ConnectionResetError:
            return True
        except TimeoutError:
            return False


def request_bytes(method: str, target: str, headers=(), body: bytes = b"", host: str = "gateway.example") -> bytes:
    """A well-formed request; `headers` are pairs or a mapping, and a body gets its Content-Length."""
    pairs = list(headers.items() if isinstance(headers, dict) else headers)
    names = {name.lower() for name, _ in pairs}
    if "host" not in names:
        pairs.insert(0, ("Host", host))
    if body and not names & {"content-length", "transfer-encoding"}:
        pairs.append(("Content-Length", str(len(body))))
    lines = [f"{method} {target} HTTP/1.1"] + [f"{name}: {value}" for name, value in pairs]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def call(port: int, method: str, target: str, headers=(), body: bytes = b"", timeout: float = 15) -> Answer:
    """One request on a connection of its own."""
    with Wire(port, timeout) as wire:
        return wire.send(request_bytes(method, target, headers, body)).read(head_only=method == "HEAD")
