"""An upstream that records the exact bytes it received and can be told to misbehave."""

import hashlib
import json
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Received:
    """One request as it arrived."""

    connection: int
    head: bytes
    body_length: int = 0
    body_sha256: str = ""
    body: bytes = b""
    trailers: bytes = b""

    @property
    def method(self) -> str:
        return self.head.split(b" ", 1)[0].decode("latin-1")

    @property
    def target(self) -> str:
        return self.head.split(b" ", 2)[1].decode("latin-1")

    @property
    def fields(self) -> list[tuple[str, str]]:
        lines = self.head.decode("latin-1").split("\r\n")[1:]
        return [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines if line)]

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.fields if key.lower() == name.lower()]

    def header(self, name: str) -> str | None:
        values = self.all(name)
        assert len(values) <= 1, f"{name} arrived {len(values)} times: {values}"
        return values[0] if values else None


@dataclass
class Connection:
    """The upstream's end of one connection, for scripts."""

    socket: socket.socket
    number: int
    buffer: bytes = b""
    requests: int = 0
    closed: bool = field(default=False)

    def fill(self) -> bool:
        try:
            data = self.socket.recv(1 << 18)
        except OSError:
            data = b""
        self.buffer += data
        return bool(data)

    def send(self, data: bytes):
        self.socket.sendall(data)

    def answer(self, status: int, body: bytes, *fields: str):
        lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", *fields]
        self.send("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)

    def close(self):
        self.closed = True
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()

    def reset(self):
        self.closed = True
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


Script = Callable[[Connection, Received], None]


class Upstream:
    """Answers every request with what it saw, as JSON, unless a script is set for its path.

    A script gets the connection once the head has been read (`before_body`) or the whole request, and may
    answer, stall, or break the connection. Bytes after a request are read as another request, so a smuggled
    one shows up in `received`.
    """

    KEPT_BODY = 1 << 16

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self.port = self.listener.getsockname()[1]
        self.received: list[Received] = []
        self.connections: list[Connection] = []
        self.scripts: dict[str, Script] = {}
        self.head_scripts: dict[str, Script] = {}
        self.released = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def on(self, path: str, script: Script, before_body: bool = False):
        (self.head_scripts if before_body else self.scripts)[path] = script

    def seen(self, path: str) -> list[Received]:
        """The requests that arrived for a path, whatever their query."""
        return [request for request in list(self.received) if request.target.split("?")[0] == path]

    def close(self):
        self.released.set()
        self.listener.close()
        for connection in list(self.connections):
            if not connection.closed:
                connection.close()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = Connection(client, len(self.connections))
            self.connections.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: Connection):
        try:
            while not connection.closed and self._serve_one(connection):
                pass
        except OSError:
            pass  # The gateway went away, or a script broke the connection: both are what some tests are about.
        finally:
            if not connection.closed:
                connection.close()

    def _serve_one(self, connection: Connection) -> bool:
        while b"\r\n\r\n" not in connection.buffer:
            if not connection.fill():
                if connection.buffer:
                    self.received.append(Received(connection.number, b"INCOMPLETE " + connection.buffer))
                return False
        head, connection.buffer = connection.buffer.split(b"\r\n\r\n", 1)
        request = Received(connection.number, head)
        connection.requests += 1
        self.received.append(request)
        path = request.target.split("?")[0]
        if script := self.head_scripts.get(path):
            script(connection, request)
            if connection.closed:
                return False
        if "100-continue" in (request.header("expect") or "").lower():
            connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        if not self._read_body(connection, request):
            return False
        if script := self.scripts.get(path):
            script(connection, request)
        else:
            self._echo(connection, request)
        return True

    def _read_body(self, connection: Connection, request: Received) -> bool:
        digest = hashlib.sha256()

        def take(data: bytes):
            digest.update(data)
            request.body_length += len(data)
            if len(request.body) < self.KEPT_BODY:
                request.body += data[: self.KEPT_BODY - len(request.body)]

        def pass_through(count: int) -> bool:
            while count:
                if not connection.buffer and not connection.fill():
                    return False
                data, connection.buffer = connection.buffer[:count], connection.buffer[count:]
                take(data)
                count -= len(data)
            return True

        def line() -> bytes | None:
            while b"\r\n" not in connection.buffer:
                if not connection.fill():
                    return None
            taken, connection.buffer = connection.buffer.split(b"\r\n", 1)
            return taken

        complete = True
        if request.all("transfer-encoding"):
            while True:
                size = line()
                if size is None or not pass_through(int(size.split(b";")[0], 16)):
                    complete = False
                    break
                if int(size.split(b";")[0], 16) == 0:
                    while trailer := line():
                        request.trailers += trailer + b"\r\n"
                    break
                if line() != b"":
                    complete = False
                    break
        elif length := request.header("content-length"):
            complete = pass_through(int(length))
        request.body_sha256 = digest.hexdigest()
        return complete

    def _echo(self, connection: Connection, request: Received):
        body = json.dumps(
            {
                "method": request.method,
                "target": request.target,
                "fields": request.fields,
                "body_length": request.body_length,
                "body_sha256": request.body_sha256,
                "connection": connection.number,
            }
        ).encode()
        if request.method == "HEAD":
            head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            connection.send(head.encode())
        else:
            connection.answer(200, body, "Content-Type: application/json")
