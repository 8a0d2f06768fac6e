"""With 10,000 clients and 1,000,000 decisions in the store every page answers in under 200 ms."""

import re
import sqlite3
import time

import requests
from support.gateway import IS_RELEASE
from support.waiting import until

# What is promised is promised of the program as it is shipped. A debug build is given three times as long, and eight
# times where a page adds up a hundred thousand rows.
LIMIT = 0.2 if IS_RELEASE else 0.6
SUM_LIMIT = 0.2 if IS_RELEASE else 1.6
OVERVIEWS = ["", "?window=day", "?window=month"]
PASSWORD = "a long enough password of the tests"
CLIENTS = 10_000
DECISIONS = 1_000_000


ENDPOINTS = 1000
CODES = ["token_expired", "signature_invalid", "rate_limited", "upstream_unreachable"]
# The periods that traffic is counted by, and how many of their slots are kept, with at most so many rows each.
SLOTS = {60: 180, 900: 192, 21_600: 124}
ROWS_PER_SLOT = 1000


def fill_telemetry(gateway):
    """As much as is kept, written as the gateway writes it: copies of what it wrote, with other times and names."""
    with sqlite3.connect(gateway.data_dir / "telemetry.db") as database:
        database.create_function("id_of", 1, lambda number: number.to_bytes(16, "big"))
        database.create_function("address_of", 1, lambda number: b"\0" * 10 + b"\xff\xff\x0a" + number.to_bytes(3, "big"))

        def numbers(texts: list[str]) -> int:
            """The number of the first of these names; those of the others follow it."""
            database.executemany("INSERT INTO names (text) VALUES (?)", [(text,) for text in texts])
            return database.execute("SELECT id FROM names WHERE text = ?", (texts[0],)).fetchone()[0]

        client = numbers([f"Client {number:05}" for number in range(CLIENTS)])
        endpoint = numbers([f"c/e{number:03}" for number in range(ENDPOINTS)])
        code = numbers(CODES)
        profile = numbers(["p"])
        columns = [row[1] for row in database.execute("PRAGMA table_info(decisions)")]
        taken = {
            "at": "m.at - n.i / 4", "request_id": "id_of(n.i)", "sequence": "m.sequence + n.i", "address": "address_of(n.i)",
            "client": f"{client} + n.i * 7919 % {CLIENTS}", "endpoint": f"{endpoint} + n.i % 997 % 37 * 27", "profile": f"{profile}",
            "is_refused": "n.i % 10 <> 0", "code": f"CASE n.i % 10 WHEN 0 THEN NULL ELSE {code} + n.i % {len(CODES)} END",
        }  # fmt: skip
        assert taken.keys() <= set(columns), columns
        values = ", ".join(taken.get(name, f"m.{name}") for name in columns)
        database.execute(
            f"""
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {DECISIONS})
            INSERT INTO decisions ({", ".join(columns)})
            SELECT {values} FROM n, (SELECT * FROM decisions ORDER BY sequence DESC LIMIT 1) AS m
            """
        )
        for period, slots in SLOTS.items():
            latest = int(time.time()) // period * period
            database.execute(
                f"""
                WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {ROWS_PER_SLOT}),
                    s(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM s WHERE i + 1 < {slots})
                INSERT INTO traffic (period, start, endpoint, client, profile, code, requests, microseconds, latency)
                SELECT {period}, {latest} - s.i * {period}, {endpoint} + n.i, {client} + (n.i * 31 + s.i * 7919) % {CLIENTS},
                    {profile}, {code} + n.i % {len(CODES)}, 41, 90000, x'05010a0510140f0a14051901'
                FROM n, s
                """
            )
        assert database.execute("SELECT COUNT(*) FROM decisions").fetchone()[0] > DECISIONS
        assert database.execute("SELECT COUNT(*) FROM traffic").fetchone()[0] >= ROWS_PER_SLOT * sum(SLOTS.values())


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
    pages = OVERVIEWS + [
        "/clients", "/clients?search=09999", "/clients?active=false", "/collections",
        "/upstreams", "/workbench", "/audit", "/audit?kind=client", "/settings", "/operators", "/admin-tokens", "/account",
        "/decisions", "/decisions?outcome=all", "/decisions?outcome=admitted", "/decisions?code=rate_limited",
        "/decisions?client=Nobody", "/decisions?client=Client%2009000", "/decisions?endpoint=c%2Fe027",
        "/decisions?client=Client%2009000&endpoint=c%2Fe027&code=rate_limited", "/decisions?address=10.0.1.1",
        "/decisions?profile=p&outcome=all", "/decisions?to=2026-01-01T00%3A00", "/profiles", "/profiles?search=p",
        "/decisions?request_id=" + "0" * 31 + "1", "/decisions/" + "0" * 31 + "1",
    ]
    listed = session.get(f"{base}/console/clients").text
    client = re.search(r"/console/clients/([0-9a-f]{32})", listed)[1]
    profile = re.search(r"/console/profiles/([0-9a-f]{32})", session.get(f"{base}/console/clients/{client}").text)[1]
    pages += [f"/clients/{client}", f"/clients/{client}/delete"]
    pages += [f"/profiles/{profile}{part}" for part in ("", "/access", "/rules", "/try", "/delete")]
    slow = []
    for page in pages:
        # The best of three: what else runs on the machine is not the page's doing.
        times = []
        for _ in range(3):
            began = time.monotonic()
            answer = session.get(f"{base}/console{page}", allow_redirects=False)
            times.append(time.monotonic() - began)
            assert answer.status_code == 200, f"{page}: {answer.status_code}"
        if min(times) > (SUM_LIMIT if page in OVERVIEWS else LIMIT):
            slow.append(f"{page or '/'}: {min(times) * 1000:.0f} ms")
    assert not slow, "\n".join(slow)
    # What was measured was not empty.
    assert "Client" in session.get(f"{base}/console/decisions?endpoint=c%2Fe027").text
    assert re.search("4,9[0-9]{2},[0-9]{3}", session.get(f"{base}/console?window=month").text)
