"""Callers that keep calling, each on one keep-alive connection."""

import threading
import time
from dataclasses import dataclass, field

from .wire import Closed, Wire, request_bytes


@dataclass
class Caller:
    answered: int = 0
    failures: list[str] = field(default_factory=list)
    last_sent: float = 0
    connections: int = 0
    # The moment at which a request was sent that met a closed connection; None while none was.
    cut_at: float | None = None


class Load:
    """Threads that call as fast as they are answered, until stopped or until the gateway closes on them."""

    def __init__(self, port: int, target: str, headers, count: int = 4, method: str = "GET", body: bytes = b""):
        self.request = request_bytes(method, target, headers, body)
        self.port = port
        self.stopping = threading.Event()
        self.callers = [Caller() for _ in range(count)]
        self.threads = [threading.Thread(target=self._run, args=(caller,)) for caller in self.callers]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join()

    @property
    def answered(self) -> int:
        return sum(caller.answered for caller in self.callers)

    @property
    def failures(self) -> list[str]:
        return [failure for caller in self.callers for failure in caller.failures]

    def _run(self, caller: Caller):
        with Wire(self.port, timeout=30) as wire:
            caller.connections += 1
            while not self.stopping.is_set():
                caller.last_sent = time.monotonic()
                try:
                    answer = wire.send(self.request).read()
                except (Closed, ConnectionError, TimeoutError) as error:
                    caller.cut_at = caller.last_sent
                    if wire.buffer or isinstance(error, TimeoutError):
                        caller.failures.append(f"broken in the middle: {error!r}")
                    return
                caller.answered += 1
                if answer.status != 200:
                    caller.failures.append(f"{answer.status} {answer.body[:300]!r}")
                if answer.closes:
                    return
