"""One turn of one peer: a load on it, and what it cost."""

import json
import re
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from .peers import OTHER_CORE, CannotRun, Process


@dataclass
class Load:
    """What the load generator is to do."""

    requests: Path
    expect: int = 200
    connections: int = 64
    rate: float = 0
    once: bool = False
    offset: int = 0
    limit: int = 0
    method: str = "GET"
    body: int | None = None
    parallel: int = 64

    def options(self, port: int, seconds: float) -> list[str]:
        """Its command line."""
        options = {
            "--port": port, "--list": self.requests, "--connections": self.connections, "--expect": self.expect,
            "--method": self.method, "--offset": self.offset, "--parallel": self.parallel,
        }
        if self.limit:
            options["--requests"] = self.limit
        else:
            options["--seconds"] = seconds
        if self.rate:
            options["--rate"] = self.rate
        if self.body is not None:
            options["--body"] = self.body
        words = [str(word) for pair in options.items() for word in pair]
        return words + (["--once"] if self.once else [])


@dataclass
class Turn:
    """What one turn gave."""

    per_second: float
    cpu_us: float
    p50_us: float
    p99_us: float
    requests: int


@dataclass
class Numbers:
    """All turns of one peer in one case; the medians count."""

    turns: list[Turn] = field(default_factory=list)
    resident: int = 0
    system_calls: float = 0
    problem: str = ""

    def middle(self, name: str) -> float:
        """The median of one of the numbers."""
        return median(getattr(turn, name) for turn in self.turns)

    def as_json(self) -> dict:
        """Everything, for a program to read."""
        if not self.turns:
            return {"problem": self.problem}
        names = ("per_second", "cpu_us", "p50_us", "p99_us")
        return {name: round(self.middle(name), 2) for name in names} | {
            "resident_bytes": self.resident, "system_calls": round(self.system_calls, 2),
            "turns": [vars(turn) for turn in self.turns],
        }


class Generator:
    """The load generator, compiled from load.c."""

    def __init__(self, folder: Path):
        self.program = str(folder / "load")
        source = Path(__file__).with_name("load.c")
        command = ["cc", "-O2", "-std=gnu11", "-Wall", "-Werror", "-o", self.program, str(source)]
        built = subprocess.run(command, capture_output=True, text=True)
        if built.returncode:
            raise CannotRun(f"the load generator does not compile: {built.stderr}")

    def start(self, load: Load, port: int, seconds: float, cores: list[int]) -> subprocess.Popen:
        """Has its connections opened, and each used once; a line on its input starts the measurement."""
        bound = ["taskset", "-c", ",".join(map(str, cores)), self.program, *load.options(port, seconds)]
        running = subprocess.Popen(
            bound, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        if running.stdout.readline() != "ready\n":
            running.kill()
            raise CannotRun(running.communicate()[1].strip() or "the load generator did not get ready")
        return running

    @staticmethod
    def go(running: subprocess.Popen) -> dict:
        """Starts the measurement and waits for its end; the connections stay."""
        running.stdin.write("\n")
        running.stdin.flush()
        return json.loads(running.stdout.readline() or "{}")

    @staticmethod
    def end(running: subprocess.Popen) -> None:
        """Closes the connections."""
        running.communicate("\n")

    def turn(self, load: Load, port: int, process: Process, seconds: float,
             cores: list[int] | None = None) -> Turn:
        """Measures once."""
        running = self.start(load, port, seconds, cores or [OTHER_CORE])
        try:
            before = process.cpu_ns()
            found = self.go(running)
            used = process.cpu_ns() - before
        finally:
            self.end(running)
        wrong = found.get("unexpected", 1) + found.get("broken", 1)
        if wrong or not found["requests"]:
            raise CannotRun(f"{wrong} answers were not {load.expect}: {found.get('statuses')}")
        return Turn(
            found["requests"] / found["seconds"], used / 1000 / found["requests"], found["p50"], found["p99"],
            found["requests"],
        )

    def system_calls(self, load: Load, port: int, process: Process) -> float:
        """Counts system calls per request, in a run of its own, since counting slows everything."""
        load = Load(**vars(load) | {"limit": 4000, "rate": 0})
        running = self.start(load, port, 0, [OTHER_CORE])
        counter = subprocess.Popen(
            ["strace", "-f", "-c", *(word for pid in process.processes() for word in ("-p", str(pid)))],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )
        time.sleep(0.4)
        found = self.go(running)
        counter.send_signal(signal.SIGINT)
        output = counter.communicate()[1]
        self.end(running)
        total = re.search(r"^100\.00\s+\S+\s+(?:\d+\s+)?(\d+)\s+(?:\d+\s+)?total$", output, re.MULTILINE)
        return int(total[1]) / found["requests"] if total and found.get("requests") else 0


def request_list(folder: Path, name: str, requests: list[tuple[str, str | None]]) -> Path:
    """Writes the requests that a load consists of: paths, and a token each where there is one."""
    path = folder / f"{name}.requests"
    path.write_text("".join(f"{target} {token}\n" if token else f"{target}\n" for target, token in requests))
    return path
