"""The cases: what each asks of the peers, and which numbers it gives."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from .credentials import Credentials, spoiled
from .measure import Generator, Load, Numbers, request_list
from .peers import OTHER_CORE, PEERS, PROXY_CORE, CannotRun, Peer, Upstream
from . import special


@dataclass
class Settings:
    """What the command line said."""

    peers: list[str]
    rounds: int
    seconds: float


@dataclass
class Result:
    """What a case gave: the peers' numbers, and others that have names."""

    numbers: dict[str, Numbers] = field(default_factory=dict)
    values: dict[str, float] = field(default_factory=dict)
    note: str = ""


class Bench:
    """What the cases share: folder, upstream, credentials, generator, and the peers once they run."""

    def __init__(self, folder: Path, settings: Settings, say: Callable[[str], None]):
        self.folder, self.settings, self.say = folder, settings, say
        self.credentials = Credentials(folder)
        self.upstream = Upstream(folder, [OTHER_CORE])
        self.generator = Generator(folder)
        self.left_out: dict[str, str] = {}
        self._peers: dict[tuple[str, int], Peer] = {}
        self._checked: dict[tuple[str, str], str] = {}
        self._tokens: dict[tuple[str, int, int], list[str]] = {}

    def tokens(self, algorithm: str, count: int, first: int = 0) -> list[str]:
        """Distinct tokens, signed once in a run."""
        key = (algorithm, count, first)
        if key not in self._tokens:
            if count >= 1000:
                self.say(f"signing {count:,} {algorithm} tokens")
            self._tokens[key] = self.credentials.tokens(algorithm, count, first)
        return self._tokens[key]

    def peer(self, name: str, loops: int = 1) -> Peer:
        """A peer, started when it is needed first."""
        key = (name, loops)
        if key not in self._peers:
            cores = [PROXY_CORE] if loops == 1 else [PROXY_CORE, OTHER_CORE]
            place = self.folder / f"{name}-{loops}"
            place.mkdir(exist_ok=True)
            self._peers[key] = PEERS[name](place, self.credentials, self.upstream.port, loops, cores)
        return self._peers[key]

    def peers_for(self, task: str, loops: int = 1) -> dict[str, Peer]:
        """The peers that can do a task, and do it right."""
        found = {}
        for name in self.settings.peers:
            if name in self.left_out or task not in PEERS[name].tasks:
                continue
            try:
                peer = self.peer(name, loops)
                problem = self._check(peer, task)
            except CannotRun as error:
                self.left_out[name] = problem = str(error)
            if problem:
                self.say(f"{name} is left out of {task}: {problem}")
            else:
                found[name] = peer
        return found

    def _check(self, peer: Peer, task: str) -> str:
        """Why the peer may not be measured: it lets in what it should not, or the other way round."""
        key = (peer.name, f"{task}-{peer.loops}")
        if key not in self._checked:
            port = peer.ports[task]
            if task == "plain":
                expected = [("/api/open", None, {200}, "a plain call")]
            else:
                good = self.credentials.token(task)
                expired = self.credentials.token(task, lifetime=-3600)
                expected = [
                    ("/api/call", good, {200}, "a good token"),
                    ("/api/call", spoiled(good), {401, 403}, "a bad signature"),
                    ("/api/call", expired, {401, 403}, "an expired token"),
                    ("/api/call", None, {400, 401, 403}, "no token"),
                ]
            wrong = []
            for path, token, statuses, what in expected:
                status = special.status(port, path, token)
                if status not in statuses:
                    wrong.append(f"{what} gets {status}")
            self._checked[key] = "; ".join(wrong)
        return self._checked[key]

    def by_turns(self, task: str, loads: list[Load], loops: int = 1, cores: list[int] | None = None,
                 counts_calls: bool = True) -> Result:
        """Gives each peer its turn, round by round; of several loads each round takes the next."""
        result = Result()
        peers = self.peers_for(task, loops)
        for number in range(self.settings.rounds):
            for name, peer in peers.items():
                numbers = result.numbers.setdefault(name, Numbers())
                if numbers.problem:
                    continue
                self.say(f"round {number + 1} of {self.settings.rounds}: {name}")
                try:
                    load = loads[number % len(loads)]
                    numbers.turns.append(
                        self.generator.turn(load, peer.ports[task], peer.process, self.settings.seconds, cores)
                    )
                except CannotRun as error:
                    numbers.turns, numbers.problem = [], str(error)
        for name, peer in peers.items():
            numbers = result.numbers[name]
            numbers.resident = peer.process.resident()
            if numbers.turns and counts_calls:
                numbers.system_calls = self.generator.system_calls(loads[0], peer.ports[task], peer.process)
        return result


@dataclass(frozen=True)
class Case:
    """A case by its name."""

    name: str
    run: Callable[[Bench], Result]
    is_long: bool = False


def _requests(bench: Bench, name: str, tokens: list[str | None], path: str = "/api/call") -> Path:
    return request_list(bench.folder, name, [(path, token) for token in tokens])


def _plain(bench: Bench) -> Result:
    return bench.by_turns("plain", [Load(_requests(bench, "plain", [None], "/api/open"))])


def _tokens(algorithm: str, count: int) -> Callable[[Bench], Result]:
    def run(bench: Bench) -> Result:
        name = f"{algorithm}-{count}"
        return bench.by_turns(algorithm, [Load(_requests(bench, name, bench.tokens(algorithm, count)))])

    return run


FRESH = 5000


def _fresh(bench: Bench) -> Result:
    count = FRESH * bench.settings.rounds
    tokens = bench.tokens("RS256", count, 1_000_000)
    # One for each connection comes before the measurement.
    loads = [
        Load(_requests(bench, f"fresh-{start}", tokens[start:start + FRESH]), once=True, limit=FRESH - 64)
        for start in range(0, count, FRESH)
    ]
    return bench.by_turns("RS256", loads, counts_calls=False)


def _flood(algorithm: str) -> Callable[[Bench], Result]:
    def run(bench: Bench) -> Result:
        bad = [spoiled(token) for token in bench.tokens(algorithm, 100)]
        load = Load(_requests(bench, f"flood-{algorithm}", bad), expect=401)
        return bench.by_turns(algorithm, [load])

    return run


def _body(size: str, count: int, sends: bool) -> Callable[[Bench], Result]:
    def run(bench: Bench) -> Result:
        path = f"/body/{size}"
        result = Result()
        peers = bench.peers_for("plain")
        for number in range(bench.settings.rounds):
            for name, peer in peers.items():
                numbers = result.numbers.setdefault(name, Numbers())
                target = f"/api{path}" if name == "portcullis" else path
                load = Load(
                    request_list(bench.folder, f"body-{name}", [(target, None)]), parallel=4, connections=4,
                    limit=count, method="POST" if sends else "GET", body=special.SIZES[size] if sends else None,
                )
                bench.say(f"round {number + 1} of {bench.settings.rounds}: {name}")
                try:
                    numbers.turns.append(bench.generator.turn(load, peer.ports["plain"], peer.process, 0))
                except CannotRun as error:
                    numbers.problem = str(error)
        return result

    return run


def _two_loops(bench: Bench) -> Result:
    load = Load(_requests(bench, "two", bench.tokens("HS256", 1)))
    result = bench.by_turns("HS256", [load], loops=2, cores=[PROXY_CORE, OTHER_CORE], counts_calls=False)
    ours, theirs = (result.numbers.get(name) for name in ("portcullis", "haproxy"))
    if ours and theirs and ours.turns and theirs.turns:
        result.values["requests per second / haproxy"] = ours.middle("per_second") / theirs.middle("per_second")
    return result


def _half_load(bench: Bench) -> Result:
    requests = _requests(bench, "half", bench.tokens("HS256", 1))
    most = bench.by_turns("HS256", [Load(requests)], counts_calls=False)
    if not any(numbers.turns for numbers in most.numbers.values()):
        return most
    # The same load for all: half of what the slowest but Envoy can do, and of Envoy's own for Envoy.
    names = [name for name, numbers in most.numbers.items() if numbers.turns and name != "envoy"]
    rate = min(most.numbers[name].middle("per_second") for name in names or most.numbers) / 2
    bench.say(f"half of the maximum: {rate:,.0f} requests per second")
    if "envoy" in most.numbers:
        bench.say("Envoy is left out: it cannot bear that load")
    kept = bench.settings.peers
    bench.settings.peers = [name for name in kept if name in names]
    result = bench.by_turns("HS256", [Load(requests, rate=rate)], counts_calls=False)
    bench.settings.peers = kept
    result.note = f"{rate:,.0f} requests per second, latency from the moment each was due"
    ours, theirs = (result.numbers.get(name) for name in ("portcullis", "haproxy"))
    if ours and theirs and ours.turns and theirs.turns:
        result.values["p99 / haproxy"] = ours.middle("p99_us") / theirs.middle("p99_us")
    return result


def _tls(bench: Bench) -> Result:
    return Result(note="not yet: the gateway does not terminate TLS so far, so there is nothing to measure")


CASES = (
    Case("plain", _plain),
    Case("hs256", _tokens("HS256", 1)),
    Case("hs256-10k", _tokens("HS256", 10_000)),
    Case("rs256", _tokens("RS256", 1)),
    Case("rs256-10k", _tokens("RS256", 10_000)),
    Case("rs256-fresh", _fresh),
    Case("es256", _tokens("ES256", 1)),
    Case("flood-hs256", _flood("HS256")),
    Case("flood-rs256", _flood("RS256")),
    Case("flood-evicts", special.flood_evicts),
    Case("body-1k-down", _body("1k", 10_000, False)),
    Case("body-1k-up", _body("1k", 5000, True)),
    Case("body-1m-down", _body("1m", 400, False)),
    Case("body-1m-up", _body("1m", 200, True)),
    Case("body-100m-down", _body("100m", 8, False), is_long=True),
    Case("body-100m-up", _body("100m", 8, True), is_long=True),
    Case("two-loops", _two_loops),
    Case("half-load", _half_load),
    Case("idle", special.idle),
    Case("endpoints", special.endpoints),
    Case("profiles", special.profiles, is_long=True),
    Case("startup", special.startup, is_long=True),
    Case("tls", _tls),
)
