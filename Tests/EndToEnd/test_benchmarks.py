"""`Benchmarks/run`: what it says without measuring, and one real turn."""

import json
import shutil
import subprocess

import pytest
from support.gateway import BINARY, ROOT

RUN = ROOT / "Benchmarks/run"


def run(*options: str) -> subprocess.CompletedProcess:
    return subprocess.run([RUN, *options], capture_output=True, text=True, timeout=60)


def test_it_lists_its_cases_and_explains_itself():
    listed = run("--list")
    assert listed.returncode == 0
    for name in ("plain", "hs256", "rs256-10k", "rs256-fresh", "flood-evicts", "two-loops", "startup", "tls"):
        assert any(line.startswith(f"{name} ") for line in listed.stdout.splitlines()), name
    explained = run("--help")
    assert explained.returncode == 0 and "Examples:" in explained.stdout


@pytest.mark.parametrize(
    "options, named",
    [
        (("--cases", "plain,fast"), "fast"),
        (("--peers", "apache"), "apache"),
        (("--rounds", "0"), "--rounds"),
        (("--rounds", "many"), "--rounds"),
        (("--binary",), "--binary"),
        (("--frobnicate",), "--frobnicate"),
    ],
)
def test_wrong_options_are_named_before_anything_is_installed(options, named):
    refused = run(*options)
    assert refused.returncode == 2 and named in refused.stderr
    assert refused.stdout == ""


@pytest.mark.skipif(
    not (ROOT / "Benchmarks/.venv/requirements.txt").exists()
    or not all(shutil.which(name, path="/usr/bin:/usr/sbin") for name in ("nginx", "strace", "gcc", "wrk", "haproxy")),
    reason="what it needs is installed by its first run",
)
def test_it_measures(tmp_path):
    done = run(
        "--binary", str(BINARY), "--cases", "hs256", "--peers", "portcullis", "--rounds", "1", "--seconds", "0.3",
        "--json", str(tmp_path / "numbers.json"),
    )
    assert done.returncode == 0, done.stderr
    numbers = json.loads((tmp_path / "numbers.json").read_text())["cases"]["hs256"]["peers"]["portcullis"]
    assert numbers["per_second"] > 100 and numbers["cpu_us"] > 0 and numbers["resident_bytes"] > 1 << 20
    assert "portcullis" in done.stdout and "CPU µs" in done.stdout
