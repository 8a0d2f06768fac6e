"""The first five minutes: `scripts/demo` and `portcullis demo` do what the README says."""

import os
import re
import signal
import subprocess
from pathlib import Path

from support.gateway import BINARY, ROOT, portcullis
from support.waiting import until


def environment(tmp_path) -> dict[str, str]:
    clean = {key: value for key, value in os.environ.items() if not key.startswith("PORTCULLIS_")}
    return clean | {"PORTCULLIS_BIN": str(BINARY), "PORTCULLIS_DEMO_DIR": str(tmp_path / "demo")}


def check(output: str):
    assert len(re.findall(r"^HTTP 200$", output, re.MULTILINE)) == 2, output
    assert len(re.findall(r"^HTTP 401$", output, re.MULTILINE)) == 1, output
    assert len(re.findall(r"^curl -H 'Authorization: Bearer [\w.-]+' '", output, re.MULTILINE)) == 3, output
    assert "\x1b" not in output, "no colours unless a terminal"


def test_the_demo_script_can_be_run_twice(tmp_path):
    for _ in range(2):
        done = subprocess.run(
            [ROOT / "scripts/demo", "--once"],
            capture_output=True,
            text=True,
            timeout=120,
            env=environment(tmp_path),
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        check(done.stdout)
        assert re.search(r"^why: .*HS256 signature", done.stdout, re.MULTILINE), done.stdout
        assert "hello from the upstream" in done.stdout


def test_the_demo_script_runs_until_ctrl_c_and_leaves_nothing_running(tmp_path):
    process = subprocess.Popen(
        [ROOT / "scripts/demo"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment(tmp_path),
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    lines = []
    try:
        until("the demo to be up", lambda: lines.append(process.stdout.readline()) or "until Ctrl-C" in lines[-1], 120)
        commands = [line for line in lines if line.startswith("curl ")]
        # The printed lines work as they are pasted.
        for command, expected in zip(commands, ("200", "200", "401"), strict=True):
            status = subprocess.run(
                ["bash", "-c", command.strip() + " -s -o /dev/null -w '%{http_code}'"],
                capture_output=True,
                text=True,
                timeout=30,
            )
            assert status.stdout == expected, (command, status)
        # Ctrl-C goes to everything in the terminal's foreground.
        os.killpg(process.pid, signal.SIGINT)
        process.wait(40)
        until("everything to have ended", lambda: not group_members(process.pid))
    finally:
        if group_members(process.pid):
            os.killpg(process.pid, signal.SIGKILL)
        process.stdout.close()


def group_members(group: int) -> list[str]:
    """The processes of a process group that have not ended."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            # Behind the name in brackets, which may contain anything: state, parent, group (proc(5)).
            name, _, rest = (folder / "stat").read_text().rpartition(")")
        except OSError:
            continue  # It ended while we looked.
        state, _, its_group = rest.split()[:3]
        if int(its_group) == group and state != "Z":
            found.append(name)
    return found


def test_the_built_in_demo():
    done = portcullis("demo", "--once", "--listen", "127.0.0.1:0")
    assert done.returncode == 0, done.stdout + done.stderr
    check(done.stdout)
