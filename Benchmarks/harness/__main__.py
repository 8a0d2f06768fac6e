"""The command line of Benchmarks/run, once everything that it needs is there."""

import argparse
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path


NAMES = ("portcullis", "haproxy", "envoy", "nginx")


def parsed(arguments: list[str]) -> argparse.Namespace:
    """What the user said."""
    parser = argparse.ArgumentParser("Benchmarks/run", add_help=False)
    parser.add_argument("--cases", default="")
    parser.add_argument("--peers", default=",".join(NAMES))
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--binary")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--enforce", action="store_true")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--check-options", action="store_true")
    options = parser.parse_args(arguments)
    if options.rounds is None:
        options.rounds = 2 if options.quick else 5
    if options.seconds is None:
        options.seconds = 1 if options.quick else 3
    options.peers = [name for name in options.peers.split(",") if name]
    if options.rounds < 1 or not 0.1 <= options.seconds <= 600:
        parser.error("--rounds is at least 1, --seconds 0.1 to 600")
    unknown = [name for name in options.peers if name not in NAMES]
    if unknown:
        parser.error(f"there is no peer {unknown[0]}, expected {', '.join(NAMES)}")
    from .names import CASE_NAMES

    wanted = [name for name in options.cases.split(",") if name]
    unknown = [name for name in wanted if name not in CASE_NAMES]
    if unknown:
        parser.error(f"there is no case {unknown[0]}, expected {', '.join(CASE_NAMES)}")
    options.cases = wanted
    return options


def main() -> int:
    """Measures, and prints what was found."""
    options = parsed(sys.argv[1:])
    if options.check_options:
        return 0
    if options.list:
        from .names import CASE_NAMES

        for name, summary in CASE_NAMES.items():
            print(f"{name:16} {summary}")
        return 0
    if len(os.sched_getaffinity(0)) < 2:
        print("error: this needs two cores, one for what is measured and one for the rest", file=sys.stderr)
        return 2
    # Ten thousand connections, at both ends of a proxy.
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))

    from .peers import CannotRun, Portcullis, Process

    Portcullis.binary = str(Path(options.binary).resolve())
    folder = Path(tempfile.mkdtemp(prefix="portcullis-bench-"))
    # nginx's workers give up root.
    folder.chmod(0o755)
    try:
        return run(options, folder)
    except CannotRun as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        return 130
    finally:
        Process.stop_all()
        shutil.rmtree(folder, ignore_errors=True)


def run(options: argparse.Namespace, folder: Path) -> int:
    """Runs the cases one after another."""
    from . import report
    from .cases import CASES, Bench, Settings
    from .peers import CannotRun

    began = time.monotonic()
    is_terminal = sys.stderr.isatty()

    def say(text: str) -> None:
        line = f"[{time.monotonic() - began:5.0f} s] {current}: {text}"
        print(f"\r\x1b[K{line}" if is_terminal else line, end="" if is_terminal else "\n", file=sys.stderr, flush=True)

    current = "preparing"
    for name, text in report.machine().items():
        print(f"{name:10} {text}")
    for name, text in report.versions(options.peers).items():
        print(f"{name:10} {text}")
    print(f"{'method':10} {options.rounds} rounds of {options.seconds:g} s; the median counts", flush=True)
    bench = Bench(folder, Settings(options.peers, options.rounds, options.seconds), say)
    results = {}
    for case in CASES:
        if options.cases and case.name not in options.cases or not options.cases and options.quick and case.is_long:
            continue
        current = case.name
        try:
            results[case.name] = case.run(bench)
        except CannotRun as error:
            say(f"cannot be measured: {error}")
            continue
        if is_terminal:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
        print(f"\n{report.case_text(case.name, results[case.name])}", flush=True)
    colours = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    text, missed = report.goals_text(results, ("\x1b[32m", "\x1b[31m", "\x1b[0m") if colours else ("", "", ""))
    print(f"\n{text}")
    if options.json:
        settings = {"rounds": options.rounds, "seconds": options.seconds}
        options.json.write_text(report.as_json(results, options.peers, settings))
    if not any(numbers.turns for result in results.values() for numbers in result.numbers.values()) and not any(
        result.values for result in results.values()
    ):
        print("error: nothing could be measured", file=sys.stderr)
        return 2
    return 1 if options.enforce and missed else 0


if __name__ == "__main__":
    sys.exit(main())
