"""The real binary as a process."""

import json
import os
import re
import secrets
import signal
import subprocess
import threading
import urllib.parse
from pathlib import Path

import yaml

from . import wire
from .waiting import until

ROOT = Path(__file__).resolve().parents[3]
BINARY = Path(os.environ.get("PORTCULLIS_BIN") or ROOT / ".build/debug/portcullis").resolve()
IS_RELEASE = "/release/" in f"{BINARY}"
FULL_SIZE = os.environ.get("PORTCULLIS_TEST_FULL") == "1"


def portcullis(*arguments, stdin: str | bytes | None = None, environment=None, timeout: float = 60):
    """Runs a command of the CLI to its end; the result has text in `stdout` and `stderr`."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("PORTCULLIS_")}
    return subprocess.run(
        [str(BINARY), *map(str, arguments)],
        input=stdin.decode() if isinstance(stdin, bytes) else stdin,
        stdin=subprocess.DEVNULL if stdin is None else None,
        capture_output=True,
        text=True,
        timeout=timeout,
        env=clean | (environment or {}),
    )


class Gateway:
    """`portcullis serve` on ports that the system chooses."""

    def __init__(self, data_dir: Path, *arguments, catalog: Path | None = None, environment=None, token: bool = True):
        self.data_dir = data_dir
        self.admin_token = secrets.token_hex(32)
        self.arguments = ["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--data-dir", str(data_dir)]
        self.arguments += ["--catalog", str(catalog)] if catalog else []
        self.arguments += [str(argument) for argument in arguments]
        self.environment = dict(environment or {})
        if token:
            self.environment["PORTCULLIS_ADMIN_TOKEN"] = self.admin_token
        self.output: list[str] = []
        self.errors: list[str] = []
        self.process: subprocess.Popen | None = None
        self.port = self.admin_port = 0

    def start(self, seconds: float = 30) -> "Gateway":
        clean = {key: value for key, value in os.environ.items() if not key.startswith("PORTCULLIS_")}
        self.output, self.errors = [], []
        self.process = subprocess.Popen(
            [str(BINARY), "serve", *self.arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=clean | self.environment,
        )
        for stream, lines in ((self.process.stdout, self.output), (self.process.stderr, self.errors)):
            threading.Thread(target=_collect, args=(stream, lines), daemon=True).start()
        self.port = until("the gateway's port", lambda: self._port("gateway"), seconds)
        self.admin_port = until("the admin port", lambda: self._port("admin"), seconds)
        return self

    def _port(self, which: str) -> int | None:
        if self.process.poll() is not None:
            raise AssertionError(f"serve ended with {self.process.returncode}:\n{self.log}")
        for line in list(self.output):
            if match := re.match(rf"{which} listening on \S+:(\d+)\s*$", line):
                return int(match[1])
        return None

    @property
    def log(self) -> str:
        return "".join(self.output) + "".join(self.errors)

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def signal(self, number: int):
        self.process.send_signal(number)

    def wait(self, seconds: float = 30) -> int:
        return self.process.wait(seconds)

    def kill(self):
        """kill -9: nothing is flushed, nobody is told."""
        self.process.kill()
        self.process.wait(30)

    def stop(self, seconds: float = 40) -> int:
        """SIGTERM, and what it ended with; kills what does not end."""
        if not self.is_running:
            return self.process.returncode
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(30)
            raise

    def resident_bytes(self) -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) * 1024

    def call(self, method: str, target: str, headers=(), body: bytes = b"", timeout: float = 15) -> wire.Answer:
        return wire.call(self.port, method, target, headers, body, timeout)

    def get(self, target: str, token: str | None = None, **options) -> wire.Answer:
        return self.call("GET", target, bearer(token) if token else (), **options)

    def connect(self, **options) -> wire.Wire:
        return wire.Wire(self.port, **options)

    def admin(self, method: str, path: str, value=None, headers=(), token: str | None = None) -> wire.Answer:
        """One call of the admin API below /api/v1, with the admin token; `value` is sent as JSON."""
        body = b"" if value is None else json.dumps(value).encode()
        pairs = [("Authorization", f"Bearer {token or self.admin_token}"), *headers]
        return self.admin_raw(method, f"/api/v1{path}", pairs, body)

    def admin_raw(self, method: str, target: str, headers=(), body: bytes = b"") -> wire.Answer:
        """One call of the admin listener with exactly these headers, and the Host and type that a client sends."""
        pairs = list(headers)
        names = {name.lower() for name, _ in pairs}
        # The admin listener answers to its own names only: a page of another site must not reach it by rebinding.
        if "host" not in names:
            pairs.insert(0, ("Host", f"127.0.0.1:{self.admin_port}"))
        if body and "content-type" not in names:
            pairs.append(("Content-Type", "application/json"))
        return wire.call(self.admin_port, method, target, pairs, body, timeout=60)

    def cli(self, *arguments, **options):
        """A command of the CLI against this gateway's admin API."""
        environment = {
            "PORTCULLIS_ADMIN": f"http://127.0.0.1:{self.admin_port}",
            "PORTCULLIS_ADMIN_TOKEN": self.admin_token,
        }
        return portcullis(*arguments, environment=environment | options.pop("environment", {}), **options)

    def apply(self, catalog: dict, *arguments):
        """Applies a catalog through the CLI; what it refuses fails the test."""
        file = self.data_dir.parent / f"{self.data_dir.name}-catalog.yaml"
        file.write_text(yaml.dump(catalog, Dumper=yaml.CSafeDumper, sort_keys=False))
        result = self.cli("apply", "-f", file, *arguments, timeout=300)
        assert result.returncode == 0, result.stdout + result.stderr
        return result

    def find(self, resource: str, **fields) -> dict:
        """The one entity of a kind whose fields are these, wherever in the pages it stands."""
        found = [item for item in self.all(resource) if all(item.get(name) == value for name, value in fields.items())]
        assert len(found) == 1, f"{len(found)} {resource} with {fields}"
        return found[0]

    def all(self, resource: str, **query) -> list[dict]:
        """Every entity of a kind, from all pages; the audit log has a cursor of another name."""
        cursor = "before" if resource == "audit" else "cursor"
        found, parameters = [], {"limit": "200"} | query
        while True:
            page = self.admin("GET", f"/{resource}?{urllib.parse.urlencode(parameters)}")
            assert page.status == 200, page
            found += page.json["items"]
            following = page.json.get(f"next_{cursor}")
            if following is None:
                return found
            parameters[cursor] = following

    def change(self, resource: str, entity: dict, **fields) -> dict:
        """PATCHes an entity; what is returned is what the admin API acknowledged."""
        answer = self.admin("PATCH", f"/{resource}/{entity['id']}", fields)
        assert answer.status == 200, answer
        return answer.json

    def decision(self, answer: wire.Answer) -> dict:
        """The recorded decision of an answer."""
        request_id = answer.header("x-request-id")
        assert request_id, answer.fields
        found = self.admin("GET", f"/decisions/{request_id}")
        assert found.status == 200, found
        return found.json


def database(gateway: Gateway) -> Path:
    """The SQLite file that the catalog is in; the decisions have another, which may be lost."""
    files = [path for path in gateway.data_dir.rglob("*") if path.is_file() and path.name != "telemetry.db"]
    found = [path for path in files if path.open("rb").read(15) == b"SQLite format 3"]
    assert len(found) == 1, files
    return found[0]


def _collect(stream, lines: list[str]):
    for line in stream:
        lines.append(line)


def bearer(token: str) -> list[tuple[str, str]]:
    return [("Authorization", f"Bearer {token}")]
