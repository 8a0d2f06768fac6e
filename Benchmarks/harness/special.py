"""The cases that look at Portcullis alone."""

from __future__ import annotations

import http.client
import subprocess
import time
from statistics import median
from typing import TYPE_CHECKING

from .credentials import catalog, profile_credentials, spoiled
from .measure import Load, Numbers, request_list
from .peers import PROXY_CORE, CannotRun, Portcullis, Process, free_port, start_portcullis

if TYPE_CHECKING:
    from .cases import Bench, Result

SIZES = {"1k": 1 << 10, "1m": 1 << 20, "100m": 100 << 20}
IDLE = 10_000


def status(port: int, path: str, token: str | None) -> int:
    """The status of one call."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}"} if token else {})
        return connection.getresponse().status
    except OSError:
        return 0
    finally:
        connection.close()


def _result() -> Result:
    from .cases import Result

    return Result()


class Gateway:
    """A gateway of its own, from a catalog file or a data directory."""

    def __init__(self, bench: Bench, options: list[str], path: str = "/api/open"):
        self.port = free_port()
        self.began = time.monotonic()
        self.process = start_portcullis(bench.folder, options, self.port, 1, [PROXY_CORE])
        while status(self.port, path, None) != 200:
            if self.process.process.poll() is not None or time.monotonic() > self.began + 60:
                raise CannotRun(f"the gateway does not answer: {self.process.log.read_text()[-500:]}")
            time.sleep(0.002)
        self.started_ms = (time.monotonic() - self.began) * 1000

    @staticmethod
    def with_catalog(bench: Bench, name: str, text: str) -> Gateway:
        """From a catalog file."""
        path = bench.folder / f"{name}.yaml"
        path.write_text(text)
        return Gateway(bench, ["--catalog", str(path)])

    def stop(self) -> None:
        """Ends it."""
        self.process.stop()


def _compare(bench: Bench, gateways: dict[str, tuple[Gateway, Load]]) -> Result:
    """Gives each gateway its turn, round by round."""
    result = _result()
    for number in range(bench.settings.rounds):
        for name, (gateway, load) in gateways.items():
            bench.say(f"round {number + 1} of {bench.settings.rounds}: {name}")
            numbers = result.numbers.setdefault(name, Numbers())
            numbers.turns.append(bench.generator.turn(load, gateway.port, gateway.process, bench.settings.seconds))
            numbers.resident = gateway.process.resident()
    return result


def _ratio(result: Result, above: str, below: str) -> float:
    return result.numbers[above].middle("cpu_us") / result.numbers[below].middle("cpu_us")


def flood_evicts(bench: Bench) -> Result:
    """Good tokens, then a flood of bad ones, each of them another, then the good ones again."""
    good = request_list(bench.folder, "good", [("/api/call", t) for t in bench.tokens("RS256", 10_000)])
    bad = [spoiled(token) for token in bench.tokens("HS256", 10_000)]
    bad += [token[:-1] + ("A" if token[-1] != "A" else "Q") for token in bad]
    flood = request_list(bench.folder, "bad", [("/api/call", token) for token in bad])
    gateway = Gateway.with_catalog(bench, "flood", catalog(bench.credentials, bench.upstream.port))
    result = _result()
    seconds = bench.settings.seconds
    bench.generator.turn(Load(good, limit=10_000), gateway.port, gateway.process, 0)
    for number in range(bench.settings.rounds):
        bench.say(f"round {number + 1} of {bench.settings.rounds}")
        # Exactly as many as there are tokens: whatever was forgotten is met once.
        for name, load in (("before", Load(good, limit=10_000)), ("after", Load(good, limit=10_000))):
            if name == "after":
                bench.generator.turn(Load(flood, expect=401, limit=20_000), gateway.port, gateway.process, seconds)
            turn = bench.generator.turn(load, gateway.port, gateway.process, seconds)
            result.numbers.setdefault(name, Numbers()).turns.append(turn)
    gateway.stop()
    result.values["CPU per good request after / before"] = _ratio(result, "after", "before")
    return result


def idle(bench: Bench) -> Result:
    """Connections that made one request each and stay open."""
    gateway = Gateway.with_catalog(bench, "idle", catalog(bench.credentials, bench.upstream.port))
    requests = request_list(bench.folder, "idle", [("/api/open", None)])
    bench.generator.turn(Load(requests, limit=2000), gateway.port, gateway.process, 0)
    before = gateway.process.resident()
    bench.say(f"opening {IDLE:,} connections")
    load = Load(requests, connections=IDLE, limit=2000)
    running = bench.generator.start(load, gateway.port, 0, [1])
    # Unused memory is given back within a second.
    time.sleep(1.5)
    after = gateway.process.resident()
    found = bench.generator.go(running)
    bench.generator.end(running)
    gateway.stop()
    if found.get("unexpected", 1) or found.get("broken", 1):
        raise CannotRun("the idle connections were not all served afterwards")
    result = _result()
    result.values["resident KiB per idle connection"] = (after - before) / IDLE / 1024
    result.note = f"{IDLE:,} connections, each used once and again afterwards"
    return result


def endpoints(bench: Bench) -> Result:
    """Calls spread over all endpoints of a small and a large route table."""
    gateways = {}
    for count in (10, 10_000):
        text = catalog(bench.credentials, bench.upstream.port, endpoints=count)
        paths = [(f"/api/r{number}/{number * 7}/x", None) for number in range(count - 3)]
        load = Load(request_list(bench.folder, f"endpoints-{count}", paths))
        gateways[f"{count:,} endpoints"] = (Gateway.with_catalog(bench, f"endpoints-{count}", text), load)
    result = _compare(bench, gateways)
    for gateway, _ in gateways.values():
        gateway.stop()
    result.values["CPU per request, 10,000 / 10 endpoints"] = _ratio(result, "10,000 endpoints", "10 endpoints")
    return result


def profiles(bench: Bench) -> Result:
    """The tokens of ten profiles, spread over all that there are."""
    gateways = {}
    counts = (10, 100_000)
    for count in counts:
        text = catalog(bench.credentials, bench.upstream.port, profiles=count)
        requests = []
        for number in range(0, count, count // 10):
            secret, api_token = profile_credentials(number)
            requests.append(("/api/call", bench.credentials.token("HS256", number, 86_400, api_token, secret)))
        load = Load(request_list(bench.folder, f"profiles-{count}", requests))
        gateways[f"{count:,} profiles"] = (Gateway.with_catalog(bench, f"profiles-{count}", text), load)
    # From the database: reading the file takes memory that the system keeps a while.
    store = _store(bench, catalog(bench.credentials, bench.upstream.port, profiles=counts[1]))
    stored = Gateway(bench, ["--data-dir", store])
    empty = Gateway(bench, ["--data-dir", _store(bench, catalog(bench.credentials, bench.upstream.port))])
    time.sleep(1)
    memory = (stored.process.resident() - empty.process.resident()) / (counts[1] - counts[0])
    for gateway in (stored, empty):
        gateway.stop()
    result = _compare(bench, gateways)
    for gateway, _ in gateways.values():
        gateway.stop()
    result.values["CPU per request, 100,000 / 10 profiles"] = _ratio(result, "100,000 profiles", "10 profiles")
    result.values["resident bytes per profile"] = memory
    return result


def _store(bench: Bench, text: str) -> str:
    """A data directory with a catalog, made by way of the admin API as a manager would."""
    number = len(list(bench.folder.glob("data-*")))
    folder, path = bench.folder / f"data-{number}", bench.folder / f"data-{number}.yaml"
    path.write_text(text)
    admin, token = free_port(), "0" * 64
    command = [
        Portcullis.binary, "serve", "--listen", f"127.0.0.1:{free_port()}", "--admin-listen", f"127.0.0.1:{admin}",
        "--data-dir", str(folder),
    ]
    process = Process(["env", f"PORTCULLIS_ADMIN_TOKEN={token}", *command], [0, 1], bench.folder, "store")
    process.wait_for(admin)
    bench.say("filling a database")
    applied = subprocess.run(
        [Portcullis.binary, "apply", "--file", str(path), "--admin", f"http://127.0.0.1:{admin}"],
        env={"PORTCULLIS_ADMIN_TOKEN": token, "PATH": "/usr/bin:/bin"}, capture_output=True, text=True,
    )
    process.stop()
    if applied.returncode:
        raise CannotRun(f"the catalog could not be applied: {applied.stderr[-500:]}{applied.stdout[-500:]}")
    return str(folder)


def startup(bench: Bench) -> Result:
    """From the start of the process to the answer of the first call that was passed on."""
    result = _result()
    small = catalog(bench.credentials, bench.upstream.port)
    large = catalog(bench.credentials, bench.upstream.port, profiles=100_000)
    files = {}
    for name, text in (("small", small), ("large", large)):
        files[name] = bench.folder / f"startup-{name}.yaml"
        files[name].write_text(text)
    prefix = "ms to the first proxied request"
    kinds = {
        prefix: ["--catalog", str(files["small"])],
        f"{prefix}, 100,000 profiles, from a file": ["--catalog", str(files["large"])],
        f"{prefix}, 100,000 profiles, from the database": ["--data-dir", _store(bench, large)],
    }
    for name, options in kinds.items():
        times = []
        for number in range(bench.settings.rounds):
            bench.say(f"start {number + 1} of {bench.settings.rounds}")
            gateway = Gateway(bench, options)
            times.append(gateway.started_ms)
            gateway.stop()
        result.values[name] = median(times)
    empty = Process(
        [Portcullis.binary, "serve", "--listen", f"127.0.0.1:{(port := free_port())}", "--admin-listen",
         f"127.0.0.1:{free_port()}", "--data-dir", str(bench.folder / "empty"), "--threads", "1"],
        [PROXY_CORE], bench.folder, "empty",
    )
    empty.wait_for(port)
    time.sleep(1)
    result.values["resident MiB with an empty catalog"] = empty.resident() / (1 << 20)
    empty.stop()
    return result
