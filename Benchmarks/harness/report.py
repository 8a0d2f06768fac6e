"""Tables for people, and the same for programs."""

import json
import platform
import re
from pathlib import Path

from .cases import Result
from .goals import GOALS, Goal
from .names import CASE_NAMES
from .peers import PEERS, CannotRun


def versions(peers: list[str]) -> dict[str, str]:
    """What the peers call themselves."""
    found = {}
    for name in peers:
        try:
            found[name] = PEERS[name].version()
        except (CannotRun, OSError) as error:
            found[name] = f"not to be had: {error}"
    return found


def machine() -> dict[str, str]:
    """What it was measured on."""
    text = Path("/proc/cpuinfo").read_text()
    model = re.search(r"model name\s*: (.*)", text)
    return {
        "processor": model[1] if model else platform.machine(), "cores": str(text.count("processor\t:")),
        "kernel": platform.release(),
    }


def table(rows: list[list[str]]) -> str:
    """Columns as wide as they need to be; the first one is text, the others numbers."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [row[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def case_text(name: str, result: Result) -> str:
    """A case's table."""
    parts = [f"{name}: {CASE_NAMES[name]}"]
    measured = {peer: numbers for peer, numbers in result.numbers.items() if numbers.turns}
    if measured:
        own = measured.get("portcullis")
        rows = [["", "requests/s", "p50 ms", "p99 ms", "CPU µs", "calls", "MiB", "ours is ×"]]
        for peer, numbers in measured.items():
            ratio = own.middle("cpu_us") / numbers.middle("cpu_us") if own and peer != "portcullis" else None
            rows.append([
                peer, f"{numbers.middle('per_second'):,.0f}", f"{numbers.middle('p50_us') / 1000:.2f}",
                f"{numbers.middle('p99_us') / 1000:.2f}", f"{numbers.middle('cpu_us'):.1f}",
                f"{numbers.system_calls:.2f}" if numbers.system_calls else "",
                f"{numbers.resident / (1 << 20):.0f}" if numbers.resident else "",
                f"{ratio:.2f}" if ratio else "",
            ])
        parts.append(table(rows))
    parts += [f"{peer}: {numbers.problem}" for peer, numbers in result.numbers.items() if numbers.problem]
    parts += [f"{what}: {value:,.2f}" for what, value in result.values.items()]
    if result.note:
        parts.append(f"({result.note})")
    return "\n".join(parts)


def found(goal: Goal, results: dict[str, Result]) -> float | None:
    """The number that a goal is about; None when it was not measured."""
    result = results.get(goal.case)
    if not result:
        return None
    if goal.what in result.values:
        return result.values[goal.what]
    own = result.numbers.get("portcullis")
    if not own or not own.turns:
        return None
    if goal.what == "system calls per request":
        return own.system_calls or None
    if goal.what.startswith("CPU per request / "):
        peer = result.numbers.get(goal.what.removeprefix("CPU per request / "))
        if peer and peer.turns:
            return own.middle("cpu_us") / peer.middle("cpu_us")
    return None


def goals_text(results: dict[str, Result], mark: tuple[str, str, str]) -> tuple[str, int]:
    """The table of promises, and how many were not kept."""
    good, bad, plain = mark
    rows = [["goal", "promised", "found", ""]]
    missed = 0
    for goal in GOALS:
        value = found(goal, results)
        if value is None:
            continue
        is_met = goal.is_met(value)
        missed += not is_met
        rows.append([
            f"{goal.case}: {goal.what}", f"{'≥' if goal.least else '≤'} {goal.limit:g}", f"{value:.2f}",
            f"{good}met{plain}" if is_met else f"{bad}missed{plain}",
        ])
    return (table(rows) if len(rows) > 1 else "no goal was measured"), missed


def as_json(results: dict[str, Result], peers: list[str], settings: dict) -> str:
    """Everything that was measured."""
    return json.dumps({
        "machine": machine(), "versions": versions(peers), "settings": settings,
        "cases": {
            name: {
                "peers": {peer: numbers.as_json() for peer, numbers in result.numbers.items()},
                "values": result.values, "note": result.note,
            }
            for name, result in results.items()
        },
        "goals": [
            {"case": goal.case, "what": goal.what, "limit": goal.limit, "least": goal.least, "found": value,
             "met": goal.is_met(value)}
            for goal in GOALS if (value := found(goal, results)) is not None
        ],
    }, indent=2) + "\n"
