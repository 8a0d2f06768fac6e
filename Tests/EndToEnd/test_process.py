"""The process: starting, draining, reloading, and changes under load."""

import re
import signal
import stat
import time

import pytest
from support.gateway import IS_RELEASE, bearer, portcullis
from support.house import as_yaml, catalog
from support.load import Load
from support.waiting import until
from support.wire import request_bytes

CALL = "/api-endpoints-v1/call"


def test_the_first_start_prints_an_admin_token_once(start):
    gateway = start(token=False)
    tokens = [match[1] for line in gateway.output if (match := re.match(r"admin token: (\S+)$", line))]
    assert len(tokens) == 1 and re.fullmatch("[0-9a-f]{64}", tokens[0]), gateway.output
    assert gateway.admin("GET", "/clients", token=tokens[0]).status == 200
    assert gateway.admin("GET", "/clients", token="0" * 64).status == 401
    gateway.stop()
    gateway.start()
    assert not [line for line in gateway.output if tokens[0] in line or "admin token:" in line]
    assert gateway.admin("GET", "/clients", token=tokens[0]).status == 200


def test_the_admin_token_can_be_given_and_is_then_not_printed(own):
    assert own.admin_token not in own.log and "admin token:" not in own.log
    assert own.admin("GET", "/clients").status == 200


def test_resetting_the_admin_token(own):
    old = own.admin_token
    done = portcullis("admin-token", "reset", "--data-dir", own.data_dir)
    assert done.returncode == 0, done.stderr
    fresh = re.search("[0-9a-f]{64}", done.stdout)[0]
    own.environment.pop("PORTCULLIS_ADMIN_TOKEN")
    own.stop()
    own.start()
    assert own.admin("GET", "/clients", token=fresh).status == 200
    assert own.admin("GET", "/clients", token=old).status == 401


def test_the_data_directory_is_for_its_owner_alone(own):
    secret_files = [path for path in own.data_dir.rglob("*") if path.is_file()]
    assert secret_files
    for path in secret_files:
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode & 0o077 == 0 or stat.S_IMODE(own.data_dir.stat().st_mode) & 0o077 == 0, f"{path} has {mode:o}"
    key = [path for path in secret_files if "key" in path.name]
    assert key and all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in key), key


def test_health_and_readiness_need_no_token(house):
    for path in ("/healthz", "/readyz"):
        assert house.admin_raw("GET", path).status == 200
    assert house.admin_raw("GET", "/api/v1/clients").status == 401
    # The admin API is not on the gateway's listener.
    assert house.get("/api/v1/clients").code == "endpoint_not_found"
    assert house.get("/healthz").code == "endpoint_not_found"


def test_what_was_configured_is_there_after_a_restart(own, people):
    tokens = [caller.token() for caller in people]
    for _ in range(2):
        assert [own.get(CALL, token).status for token in tokens] == [200] * len(tokens)
        assert own.stop() == 0
        own.start()


def test_a_taken_port_is_said(house, tmp_path):
    done = portcullis(
        "serve", "--listen", f"127.0.0.1:{house.port}", "--admin-listen", "127.0.0.1:0", "--data-dir", tmp_path / "d"
    )
    assert done.returncode not in (0, -4, -11) and f"{house.port}" in done.stderr, done


def test_a_second_process_on_the_same_data_is_refused(house):
    done = portcullis("serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--data-dir", house.data_dir)
    assert done.returncode not in (0, -4, -11) and done.stderr.strip(), done


@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGINT])
def test_ending_under_load_fails_no_request_that_had_begun(own, people, upstream, signal_number):
    def slowly(connection, request):
        upstream.released.wait(0.05)  # Long enough that every caller is waiting when the signal comes.
        connection.answer(200, b"done")

    upstream.on("/behave/slowly", slowly)
    before = len(upstream.seen("/behave/slowly"))
    with Load(own.port, "/api-endpoints-v1/behave/slowly", bearer(people.hmac.token()), count=16) as load:
        until("the load", lambda: load.answered > 100)
        signalled = time.monotonic()
        own.signal(signal_number)
        assert own.wait(35) == 0
        for thread in load.threads:
            thread.join(30)
        assert time.monotonic() - signalled < 35
    assert not load.failures, load.failures
    # A request that was sent before the signal is answered; one that meets the closing of an idle connection
    # may not be.
    for caller in load.callers:
        assert caller.cut_at is None or caller.cut_at > signalled - 0.01, (
            f"sent {signalled - caller.cut_at:.3f} s before"
        )
    arrived = len(upstream.seen("/behave/slowly")) - before
    assert arrived == load.answered, f"{arrived} arrived at the upstream, {load.answered} were answered"


def test_draining_waits_for_a_body_in_flight(own, people, upstream):
    def in_two_parts(connection, _):
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst")
        until("the drain", lambda: draining)
        connection.send(b"later")

    draining: list[bool] = []
    upstream.on("/behave/parts", in_two_parts)
    with own.connect() as wire:
        wire.send(request_bytes("GET", "/api-endpoints-v1/behave/parts", bearer(people.hmac.token())))
        until("the first part", lambda: wire._fill() and b"first" in wire.buffer)
        own.signal(signal.SIGTERM)
        until("the listener to be closed", lambda: _refuses(own))
        draining.append(True)
        assert wire.read().body == b"firstlater"
    assert own.wait(35) == 0


def test_what_hangs_holds_the_process_no_longer_than_the_drain_time(start, people, upstream):
    gateway = start("--drain-seconds", "2")
    gateway.apply(catalog(people, upstream.url))
    upstream.on("/behave/hangs", lambda connection, _: upstream.released.wait(60))
    with gateway.connect() as waiting, gateway.connect() as sending, gateway.connect():
        token = bearer(people.hmac.token())
        waiting.send(request_bytes("GET", "/api-endpoints-v1/behave/hangs", token))
        sending.send(request_bytes("POST", CALL, [*token, ("Content-Length", "100")]) + b"half")
        until("the hanging request", lambda: upstream.seen("/behave/hangs"))
        begin = time.monotonic()
        gateway.signal(signal.SIGTERM)
        assert gateway.wait(20) == 0
        assert time.monotonic() - begin < 6, f"ended after {time.monotonic() - begin:.1f} s, expected about 2"


def _refuses(gateway) -> bool:
    try:
        gateway.connect(timeout=1).socket.close()
        return False
    except (ConnectionError, TimeoutError):
        return True


def test_changes_under_load_fail_no_request_and_cut_no_connection(own, people):
    token = bearer(people.hmac.token())
    client = own.find("clients", name="Beta")
    profile = own.find("profiles", name="acme-hmac")
    with Load(own.port, CALL, token) as load:
        until("the load", lambda: load.answered > 50)
        for number in range(60):
            own.change("clients", client, description=f"change {number}")
            own.change("profiles", profile, required_claims=["name"] if number % 2 else [])
            assert own.admin("POST", "/clients", {"name": f"Client {number}"}).status == 201
        at = load.answered
        until("the load after the changes", lambda: load.answered > at + 50)
    assert not load.failures, load.failures[:5]
    assert all(caller.cut_at is None and caller.connections == 1 for caller in load.callers)


def file_mode(start, tmp_path, value: str):
    file = tmp_path / "catalog.yaml"
    file.write_text(value)
    return start(catalog=file), file


def test_serving_from_a_file_alone(start, tmp_path, people, upstream):
    gateway, _ = file_mode(start, tmp_path, as_yaml(catalog(people, upstream.url)))
    for caller in people:
        assert gateway.get(CALL, caller.token()).status == 200
    assert not [path for path in gateway.data_dir.rglob("*") if path.suffix in (".db", ".sqlite", ".sqlite3")]
    # The admin API reads only.
    assert gateway.admin("GET", "/clients").status == 200
    answer = gateway.admin("POST", "/clients", {"name": "New"})
    assert 400 <= answer.status < 500 and answer.code, answer


def test_sighup_reads_the_file_again_under_load(start, tmp_path, people, upstream):
    value = catalog(people, upstream.url)
    gateway, file = file_mode(start, tmp_path, as_yaml(value))
    token = people.hmac.token()
    with Load(gateway.port, "/api-endpoints-v1/orders/1", bearer(token)) as load:
        until("the load", lambda: load.answered > 20)
        call = value["collections"][0]["endpoints"][0]
        for name in ("call-2", "call-3"):
            call["path"] = f"/{name}"
            file.write_text(as_yaml(value))
            gateway.signal(signal.SIGHUP)
            until(f"/{name}", lambda: gateway.get(f"/api-endpoints-v1/{name}", token).status == 200)
            assert gateway.get(CALL, token).code == "endpoint_not_found"
    assert not load.failures and all(caller.cut_at is None for caller in load.callers)


@pytest.mark.parametrize(
    "bad, line",
    [
        ("upstreams: [\n", "[12]"),
        ("upstreams:\n  - name: a\n    targets: [{ url: 'ftp://x' }]\n", "3"),
        ("clients:\n  - name: A\n\n  - name: A\n", "4"),
        ("clients:\n  - name: A\n    surprise: 1\n", "3"),
        ("settings:\n  require_exp: perhaps\n", "2"),
        ("", None),
    ],
    ids=["no YAML", "a bad URL", "a name twice", "an unknown field", "a wrong type", "empty"],
)
def test_a_bad_file_is_refused_with_its_line_and_the_old_catalog_stays(start, tmp_path, people, upstream, bad, line):
    gateway, file = file_mode(start, tmp_path, as_yaml(catalog(people, upstream.url)))
    assert gateway.get(CALL, people.hmac.token()).status == 200
    file.write_text(bad)
    said = len(gateway.errors)
    gateway.signal(signal.SIGHUP)
    if line is None:
        line = 1
    message = until(
        "the refusal", lambda: [text for text in gateway.errors[said:] if re.search(rf"catalog\.yaml:{line}\b", text)]
    )
    assert "old catalog stays" in message[0], message
    assert gateway.get(CALL, people.hmac.token()).status == 200
    file.unlink()
    gateway.signal(signal.SIGHUP)
    assert gateway.get(CALL, people.hmac.token()).status == 200


def test_a_bad_file_at_start_is_refused(tmp_path):
    file = tmp_path / "bad.yaml"
    file.write_text("clients:\n  - name: A\n    profiles:\n      - name: p\n        method: magic\n")
    done = portcullis("serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--catalog", file)
    assert done.returncode not in (0, -4, -11)
    assert "bad.yaml:5:" in done.stderr and "magic" in done.stderr, done.stderr


def large_catalog(people, upstream, clients: int = 10_000) -> dict:
    """10,000 clients with two profiles each, and 2,000 endpoints in 20 collections."""
    value = catalog(people, upstream.url)
    endpoints = [{"name": f"e{n}", "methods": ["GET"], "path": f"/e{n}/{{id}}", "upstream": "echo"} for n in range(100)]
    value["collections"] += [
        {"name": f"Collection {c}", "handle": f"c{c}", "version": "1", "endpoints": endpoints} for c in range(20)
    ]
    for number in range(clients):
        value["clients"].append(
            {
                "name": f"Client {number}",
                "profiles": [
                    {
                        "name": f"p{which}",
                        "method": "jwt",
                        "collections": [f"c{number % 20}"],
                        "keys": [{"name": "k", "secret": f"{number:032d}{which:032d}secret"}],
                        "api_tokens": [{"name": "t", "token": f"{number:062x}{which:02x}"}],
                    }
                    for which in range(2)
                ],
            }
        )
    return value


@pytest.mark.timeout(600)
def test_a_large_catalog_loads_and_changes_quickly(start, tmp_path, people, upstream):
    load_limit, change_limit = (3, 0.1) if IS_RELEASE else (40, 1.5)
    gateway = start()
    gateway.apply(large_catalog(people, upstream))
    token = people.hmac.token()
    assert gateway.get(CALL, token).status == 200
    gateway.stop()
    begin = time.monotonic()
    gateway.start(seconds=120)
    assert gateway.get(CALL, token).status == 200
    assert time.monotonic() - begin < load_limit, f"{time.monotonic() - begin:.2f} s from start to served"
    profile = gateway.find("profiles", name="acme-hmac")
    times = []
    for number in range(10):
        begin = time.monotonic()
        gateway.change("profiles", profile, active=number % 2 == 1)
        answer = gateway.get(CALL, token)
        times.append(time.monotonic() - begin)
        assert answer.code == ("client_inactive" if number % 2 == 0 else None)
    assert sorted(times)[5] < change_limit, f"one change took {sorted(times)[5] * 1000:.0f} ms to be live"
