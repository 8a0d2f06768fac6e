"""Every acknowledged change survives: kill -9, and a full disk."""

import os
import random
import subprocess
import threading
import time

import pytest
from support.gateway import FULL_SIZE, IS_RELEASE, Gateway, database
from support.house import as_yaml, catalog
from support.waiting import until

ROUNDS = 200 if FULL_SIZE else 20
SERVES_WITHIN = 2 if IS_RELEASE else 8


class Writer(threading.Thread):
    """Creates clients, and changes two fields of one at once, until the gateway is gone."""

    def __init__(self, gateway, label: str):
        super().__init__()
        self.gateway, self.label = gateway, label
        self.acknowledged: dict[str, int] = {}
        self.attempted: set[str] = set()
        self.problems: list[str] = []

    def run(self):
        number = 0
        while True:
            name = f"{self.label}-{number}"
            self.attempted.add(name)
            try:
                made = self.gateway.admin(
                    "POST", "/clients", {"name": name, "description": "v0", "contact_email": "v0@acme.example"}
                )
                if made.status != 201:
                    self.problems.append(f"{name}: {made}")
                    return
                self.acknowledged[name] = 0
                for version in range(1, 4):
                    done = self.gateway.admin(
                        "PATCH",
                        f"/clients/{made.json['id']}",
                        {"description": f"v{version}", "contact_email": f"v{version}@acme.example"},
                    )
                    if done.status != 200:
                        self.problems.append(f"{name}: {done}")
                        return
                    self.acknowledged[name] = version
            except Exception as error:  # noqa: BLE001 - the kill shows itself in many ways, all of them meant.
                self.end = error
                return
            number += 1


@pytest.mark.timeout(1800 if FULL_SIZE else 300)
def test_kill_9_during_writes_loses_no_acknowledged_change(start, people, upstream):
    gateway = start()
    gateway.apply(catalog(people, upstream.url))
    acknowledged: dict[str, int] = {}
    attempted = {"Acme", "Beta"}
    chance = random.Random(20)
    for round_number in range(ROUNDS):
        writers = [Writer(gateway, f"r{round_number}w{number}") for number in range(3)]
        for writer in writers:
            writer.start()
        # Somewhere inside a write: how many have been acknowledged is chosen, the place within the next is chance.
        wanted = chance.randrange(1, 25)
        until(
            "the writes",
            lambda: (
                sum(len(writer.acknowledged) for writer in writers) >= wanted
                or any(writer.problems for writer in writers)
            ),
        )
        gateway.kill()
        for writer in writers:
            writer.join(60)
            assert not writer.problems, writer.problems
            acknowledged |= writer.acknowledged
            attempted |= writer.attempted
        begin = time.monotonic()
        gateway.start()
        assert gateway.get("/api-endpoints-v1/call", people.hmac.token()).status == 200
        elapsed = time.monotonic() - begin
        assert elapsed < SERVES_WITHIN, f"round {round_number}: served {elapsed:.2f} s after the restart"
    clients = {client["name"]: client for client in gateway.all("clients")}
    assert not acknowledged.keys() - clients.keys(), "acknowledged clients are gone"
    assert clients.keys() <= attempted, "clients that nobody made"
    for name, version in acknowledged.items():
        client = clients[name]
        # The next version may have landed without its acknowledgement, but both its fields together or neither.
        found = int(client["description"].removeprefix("v"))
        assert client["contact_email"] == f"v{found}@acme.example", f"half a change: {client}"
        assert found in (version, version + 1), f"{name}: acknowledged v{version}, found v{found}"
    check = subprocess.run(
        ["sqlite3", str(database(gateway)), "PRAGMA integrity_check"], capture_output=True, text=True, check=True
    )
    assert check.stdout.strip() == "ok"


def test_every_change_has_its_audit_entry_in_the_same_commit(start):
    gateway = start()
    for _ in range(3):
        writer = Writer(gateway, f"w{random.random()}")
        writer.start()
        until("the writes", lambda: len(writer.acknowledged) >= 3)
        gateway.kill()
        writer.join(60)
        gateway.start()
    names = {client["name"] for client in gateway.all("clients")}
    created = [
        entry["name"] for entry in gateway.all("audit") if (entry["action"], entry["kind"]) == ("create", "client")
    ]
    assert sorted(created) == sorted(names)


@pytest.fixture
def small_disk(tmp_path):
    """A file system of a few megabytes."""
    if os.geteuid() != 0:
        pytest.skip("a small file system can be mounted by root only: run this test as root")
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", folder], check=True)
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def test_a_full_disk_refuses_the_write_and_the_gateway_serves_on(small_disk, people, upstream):
    gateway = Gateway(small_disk / "data").start()
    try:
        file = small_disk.parent / "catalog.yaml"
        file.write_text(as_yaml(catalog(people, upstream.url)))
        assert gateway.cli("apply", "-f", file).returncode == 0
        token = people.hmac.token()
        fill(small_disk / "filler")
        acknowledged, refused = [], None
        for number in range(2000):
            name = f"Client {number}"
            answer = gateway.admin("POST", "/clients", {"name": name, "description": "x" * 2000})
            if answer.status != 201:
                refused = answer
                break
            acknowledged.append(name)
        assert refused is not None, "2,000 writes fitted on a full disk"
        assert refused.status in (503, 507) and refused.code, refused
        assert b"space" in refused.body or b"full" in refused.body or b"room" in refused.body, refused.body
        for _ in range(20):
            assert gateway.get("/api-endpoints-v1/call", token).status == 200
        assert gateway.admin("GET", "/clients").status == 200
        (small_disk / "filler").unlink()
        assert gateway.admin("POST", "/clients", {"name": "After"}).status == 201
        gateway.kill()
        gateway.start()
        names = {client["name"] for client in gateway.all("clients")}
        assert names == {"Acme", "Beta", "After", *acknowledged}
        assert gateway.get("/api-endpoints-v1/call", token).status == 200
    finally:
        if gateway.is_running:
            gateway.kill()


def fill(path):
    """Takes what is left of the disk, down to the last block."""
    with path.open("wb", buffering=0) as file:
        for size in (65536, 4096, 512, 1):
            try:
                while True:
                    file.write(b"\0" * size)
            except OSError:
                continue  # No room for another of this size: a smaller one may still fit.
