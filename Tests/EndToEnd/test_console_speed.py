"""With 10,000 clients and 1,000,000 decisions in the store every page answers in under 200 ms."""

import re
import sqlite3
import time

import requests
from support.gateway import IS_RELEASE
from support.waiting import until

# What is promised is promised of the program as it is shipped; a debug build is given three times as long.
LIMIT = 0.2 if IS_RELEASE else 0.6
PASSWORD = "a long enough password of the tests"
CLIENTS = 10_000
DECISIONS = 1_000_000


def fill_telemetry(gateway):
    """As many decisions as are kept, written as the gateway writes them: copies of one of its own, with other times."""
    with sqlite3.connect(gateway.data_dir / "telemetry.db") as database:
        database.create_function("id_of", 1, lambda number: number.to_bytes(16, "big"))
        columns = [row[1] for row in database.execute("PRAGMA table_info(decisions)")]
        assert "at" in columns and "request_id" in columns, columns
        taken = {"at": "m.at - n.i / 4", "request_id": "id_of(n.i)", "sequence": "m.sequence + n.i"}
        values = ", ".join(taken.get(name, f"m.{name}") for name in columns)
        database.execute(
            f"""
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {DECISIONS})
            INSERT INTO decisions ({", ".join(columns)})
            SELECT {values} FROM n, (SELECT * FROM decisions ORDER BY sequence DESC LIMIT 1) AS m
            """
        )
        count = database.execute("SELECT COUNT(*) FROM decisions").fetchone()[0]
    assert count > DECISIONS


def signed_in(gateway) -> tuple[requests.Session, str]:
    base = f"http://127.0.0.1:{gateway.admin_port}"
    session = requests.Session()
    link = until("the link", lambda: next((line for line in gateway.output if "/console/setup?token=" in line), None)).split()[-1]
    token = link.split("token=")[1]
    fields = {"token": token, "name": "owner", "password": PASSWORD, "again": PASSWORD}
    assert session.post(f"{base}/console/setup", fields, allow_redirects=False).status_code == 303
    if not session.cookies:
        fields = {"name": "owner", "password": PASSWORD}
        assert session.post(f"{base}/console/sign-in", fields, allow_redirects=False).status_code == 303
    return session, base


def test_every_page_is_quick_with_ten_thousand_clients_and_a_million_decisions(start, upstream):
    gateway = start()
    profile = {"name": "p", "method": "jwt", "collections": ["c"]}
    gateway.apply(
        {
            "upstreams": [{"name": "echo", "targets": [{"url": upstream.url}]}],
            "collections": [
                {"name": "C", "handle": "c", "endpoints": [{"name": "e", "methods": ["GET"], "path": "/e", "upstream": "echo"}]}
            ],
            "clients": [{"name": f"Client {number:05}", "profiles": [profile]} for number in range(CLIENTS)],
        }
    )
    gateway.get("/c/e")
    time.sleep(2.5)
    gateway.stop()
    fill_telemetry(gateway)
    gateway.start()
    session, base = signed_in(gateway)
    pages = [
        "", "?window=day", "?window=month", "/clients", "/clients?search=09999", "/clients?active=false", "/collections",
        "/upstreams", "/workbench", "/audit", "/audit?kind=client", "/settings", "/operators", "/admin-tokens", "/account",
        "/decisions", "/decisions?outcome=all", "/decisions?code=credential_missing", "/decisions?client=Nobody",
        "/decisions?endpoint=c%2Fe", "/decisions?address=192.0.2.1", "/decisions?to=2026-01-01T00%3A00",
        "/decisions?request_id=" + "0" * 31 + "1", "/decisions/" + "0" * 31 + "1",
    ]
    listed = session.get(f"{base}/console/clients").text
    client = re.search(r"/console/clients/([0-9a-f]{32})", listed)[1]
    profile = re.search(r"/console/profiles/([0-9a-f]{32})", session.get(f"{base}/console/clients/{client}").text)[1]
    pages += [f"/clients/{client}", f"/profiles/{profile}", f"/profiles/{profile}/access", f"/profiles/{profile}/rules"]
    slow = []
    for page in pages:
        # The best of three: what else runs on the machine is not the page's doing.
        times = []
        for _ in range(3):
            began = time.monotonic()
            answer = session.get(f"{base}/console{page}", allow_redirects=False)
            times.append(time.monotonic() - began)
            assert answer.status_code == 200, f"{page}: {answer.status_code}"
        if min(times) > LIMIT:
            slow.append(f"{page or '/'}: {min(times) * 1000:.0f} ms")
    assert not slow, "\n".join(slow)
