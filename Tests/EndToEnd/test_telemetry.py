"""What is kept and shown of the requests: decisions, traffic, metrics, the access log, traces."""

import base64
import csv
import io
import json
import random
import re
import resource
import signal
import threading
import time
from collections import Counter

import pytest
from prometheus_client.parser import text_string_to_metric_families

from support.house import catalog
from support.load import Load
from support.waiting import until
from support.wire import request_bytes

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"


def metrics(gateway) -> dict:
    """The samples by name and labels, read by the official parser."""
    answer = gateway.admin_raw("GET", "/metrics", [("Authorization", f"Bearer {gateway.admin_token}")])
    assert answer.status == 200, answer
    assert answer.header("content-type") == "text/plain; version=0.0.4; charset=utf-8"
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.body.decode())
        for sample in family.samples
    }


def total(found: dict, name: str, **labels) -> float:
    wanted = set(labels.items())
    return sum(value for (key, pairs), value in found.items() if key == name and wanted <= set(pairs))


def refuse(gateway, count: int):
    for _ in range(count):
        assert gateway.get("/nothing/here").status == 404


def test_metrics_say_exactly_what_was_sent(own, people):
    for _ in range(7):
        assert own.get("/nothing/here").status == 404
    for _ in range(5):
        assert own.get("/nothing/here", "x.y.z").status == 404
    found = metrics(own)
    assert total(found, "portcullis_requests_total", code="endpoint_not_found") == 12
    assert total(found, "portcullis_requests_total") == 12
    assert total(found, "portcullis_request_duration_seconds_count") == 12
    assert total(found, "portcullis_request_duration_seconds_bucket", le="+Inf") == 12
    assert total(found, "portcullis_decisions_dropped_total") == 0
    assert total(found, "portcullis_build_info") == 1
    assert ("portcullis_event_loop_lag_seconds", (("loop", "0"),)) in found


def test_metrics_equal_what_many_connections_sent_at_once(start, people, upstream):
    gateway = start("--threads", "2")
    gateway.apply(catalog(people, upstream.url))
    api, unknown = "/api-endpoints-v1", "-"
    good = ("Authorization", f"Bearer {people.hmac.token()}")
    forged = ("Authorization", f"Bearer {people.hmac.token()[:-8]}AAAAAAAA")
    expired = ("Authorization", f"Bearer {people.rsa.token(exp=1)}")
    # What is sent, and how it must be counted: endpoint, client, profile, code; and the status.
    kinds = [
        (("GET", f"{api}/open", []), (200, "api-endpoints-v1/open", "-", "-", "-")),
        (("GET", f"{api}/call", [good]), (200, "api-endpoints-v1/call", "Acme", "acme-hmac", "-")),
        (("GET", f"{api}/orders/7", [good]), (200, "api-endpoints-v1/order", "Acme", "acme-hmac", "-")),
        (("GET", f"{api}/call", [forged]), (401, "api-endpoints-v1/call", "Acme", "acme-hmac", "invalid_token")),
        (("GET", f"{api}/call", [expired]), (401, "api-endpoints-v1/call", "Acme", "acme-rsa", "token_expired")),
        (("GET", f"{api}/call", []), (401, "api-endpoints-v1/call", "-", "-", "credential_missing")),
        (("GET", "/ungranted/x", [good]), (403, "ungranted/x", "Acme", "acme-hmac", "collection_not_granted")),
        (("DELETE", f"{api}/open", []), (405, unknown, "-", "-", "method_not_allowed")),
        (("GET", "/nothing/here", []), (404, unknown, "-", "-", "endpoint_not_found")),
        (("GET", f"{api}/down", [good]), (502, "api-endpoints-v1/down", "Acme", "acme-hmac", "upstream_unreachable")),
    ]
    sent, problems, lock = Counter(), [], threading.Lock()

    def caller(seed: int):
        chance, mine = random.Random(seed), Counter()
        for _ in range(4):
            with gateway.connect() as wire:
                for _ in range(40):
                    (method, target, headers), (status, *labels) = chance.choice(kinds)
                    answer = wire.send(request_bytes(method, target, headers)).read()
                    if answer.status != status:
                        problems.append(f"{method} {target}: {answer}")
                    mine[tuple(labels)] += 1
                    if answer.closes:
                        break
        with lock:
            sent.update(mine)

    callers = [threading.Thread(target=caller, args=(seed,)) for seed in range(24)]
    for thread in callers:
        thread.start()
    # Reading meanwhile must neither lose nor double anything.
    while any(thread.is_alive() for thread in callers):
        metrics(gateway)
    for thread in callers:
        thread.join()
    assert not problems, problems[:3]
    assert sum(sent.values()) >= 3000 and len(sent) == len(kinds)
    found = metrics(gateway)
    counted = {
        tuple(dict(pairs)[name] for name in ("endpoint", "client", "profile", "code")): value
        for (name, pairs), value in found.items()
        if name == "portcullis_requests_total"
    }
    assert counted == dict(sent)
    for endpoint in {labels[0] for labels in sent}:
        expected = sum(count for labels, count in sent.items() if labels[0] == endpoint)
        assert total(found, "portcullis_request_duration_seconds_count", endpoint=endpoint) == expected
        assert total(found, "portcullis_request_duration_seconds_bucket", endpoint=endpoint, le="+Inf") == expected
    # In a flood some decisions are not kept, but each of those is counted.
    refused = sum(count for labels, count in sent.items() if labels[-1] != "-")
    assert len(gateway.all("decisions")) + total(found, "portcullis_decisions_dropped_total") == refused
    assert gateway.admin("GET", "/traffic?window=hour").json["requests"] == sum(sent.values())


def test_kill_9_under_load_loses_at_most_the_last_second_of_counts(own):
    chance = random.Random()
    before = 0
    for _ in range(3):
        times: list[tuple[float, int]] = []
        with Load(own.port, "/nothing/here", (), count=4) as load:
            moment = time.monotonic() + chance.uniform(1.5, 3)
            while time.monotonic() < moment:
                time.sleep(0.005)
                times.append((time.monotonic(), load.answered))
            killed = time.monotonic()
            own.kill()
        # Each caller may have sent one more that was never answered.
        most = load.answered + len(load.callers)
        least = max((answered for at, answered in times if at <= killed - 1), default=0)
        own.start()
        counted = own.admin("GET", "/traffic?window=hour").json["requests"] - before
        assert least <= counted <= most, f"{counted} counted, {least} a second before the end, {most} sent"
        assert counted > 0
        before += counted


def test_metrics_need_a_token(own):
    assert own.admin_raw("GET", "/metrics").status == 401


def test_decisions_are_filtered_and_paged(own):
    refuse(own, 7)
    first = own.admin("GET", "/decisions?limit=5&code=endpoint_not_found").json
    second = own.admin("GET", f"/decisions?limit=5&code=endpoint_not_found&cursor={first['next_cursor']}").json
    assert (len(first["items"]), len(second["items"]), second["next_cursor"]) == (5, 2, None)
    ids = [item["request_id"] for item in first["items"] + second["items"]]
    assert len(set(ids)) == 7
    assert own.admin("GET", "/decisions?code=invalid_token").json["items"] == []
    assert own.admin("GET", "/decisions?client=Nobody").json["items"] == []
    assert own.admin("GET", "/decisions?address=192.0.2.1").json["items"] == []
    assert len(own.admin("GET", "/decisions?address=127.0.0.1").json["items"]) == 7
    assert own.admin("GET", "/decisions?to=2020-01-01T00:00:00Z").json["items"] == []
    assert [d["request_id"] for d in own.admin("GET", f"/decisions?request_id={ids[3]}").json["items"]] == [ids[3]]
    one = own.admin("GET", f"/decisions/{ids[3]}").json
    assert one["duration_us"] > 0 and one["checks"][1]["result"] == "failed"


def test_new_decisions_can_be_followed(own):
    refuse(own, 2)
    newest = own.admin("GET", "/decisions").json["newest_cursor"]
    assert own.admin("GET", f"/decisions?after={newest}").json["items"] == []
    refuse(own, 3)
    answer = own.admin("GET", f"/decisions?after={newest}").json
    assert len(answer["items"]) == 3 and answer["newest_cursor"] != newest


def test_decisions_outlive_the_process_killed_without_warning(own):
    refuse(own, 3)
    time.sleep(2.5)
    own.kill()
    own.start()
    assert len(own.admin("GET", "/decisions").json["items"]) == 3
    assert own.admin("GET", "/traffic?window=hour").json["requests"] == 3


@pytest.mark.parametrize("window, slots", [("hour", 60), ("day", 96), ("month", 120)])
def test_traffic_over_time(own, window, slots):
    refuse(own, 4)
    traffic = own.admin("GET", f"/traffic?window={window}").json
    assert (traffic["requests"], traffic["refused"], len(traffic["slots"])) == (4, 4, slots)
    assert traffic["refusals"] == [{"code": "endpoint_not_found", "requests": 4}]
    assert 0 < traffic["latency"]["p50_us"] <= traffic["latency"]["p99_us"]
    assert traffic["dropped_decisions"] == 0


def test_tables_are_no_formulas(own):
    own.call("GET", "/nothing/=1+1")
    answer = own.admin("GET", "/decisions.csv")
    rows = list(csv.reader(io.StringIO(answer.body.decode())))
    assert rows[0][0] == "at" and rows[1][9] == "/nothing/=1+1"
    assert not [cell for row in rows for cell in row if cell[:1] in tuple("=+-@\t")]
    traffic = list(csv.reader(io.StringIO(own.admin("GET", "/traffic.csv").body.decode())))
    assert traffic[1][2:7] == ["'-", "'-", "'-", "endpoint_not_found", "1"]
    audit = list(csv.reader(io.StringIO(own.admin("GET", "/audit.csv?action=create").body.decode())))
    assert {row[4] for row in audit[1:]} == {"create"}


HOSTILE_CLIENT = '=HYPERLINK("http://x.example","a\\b")'
HOSTILE_PROFILE = '@x"} 1 200\\'


def test_hostile_names_stay_names_everywhere(start, people, upstream, tmp_path):
    json_log, common_log = tmp_path / "json.log", tmp_path / "common.log"
    for log, form in ((json_log, "json"), (common_log, "common")):
        gateway = start("--access-log", log, "--access-log-format", form, name=form)
        house = catalog(people, upstream.url)
        house["clients"][0]["name"] = HOSTILE_CLIENT
        house["clients"][0]["profiles"][1]["name"] = HOSTILE_PROFILE
        gateway.apply(house)
        assert gateway.get("/ungranted/x", people.hmac.token()).status == 403
        until("the line", lambda: log.exists() and log.read_text())
        found = metrics(gateway)
        assert total(found, "portcullis_requests_total", client=HOSTILE_CLIENT, profile=HOSTILE_PROFILE) == 1
        tables = {name: gateway.admin("GET", f"/{name}.csv").body.decode() for name in ("decisions", "traffic", "audit")}
        for text in tables.values():
            rows = list(csv.reader(io.StringIO(text)))
            assert {len(row) for row in rows} == {len(rows[0])}
            assert not [cell for row in rows for cell in row if cell[:1] in tuple("=+-@\t\r\n")]
            assert [row for row in rows if f"'{HOSTILE_CLIENT}" in row]
    (line,) = lines(json_log)
    assert (line["client"], line["profile"]) == (HOSTILE_CLIENT, HOSTILE_PROFILE)
    (line,) = common_log.read_text().splitlines()
    assert re.fullmatch(
        r'127\.0\.0\.1 - [^ "]+ \[[^]"]+\] "GET /ungranted/x HTTP/1\.1" 403 \d+', line
    ), line


def refusal_lines(gateway) -> list[str]:
    return [line for line in gateway.log.split("\n") if " refused " in line]


def unsigned(header: dict, payload: dict) -> str:
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in (header, payload)]
    return ".".join([*parts, "AAAA"])


def test_no_log_can_be_made_to_lie(start, people, upstream, tmp_path):
    log = tmp_path / "access.log"
    gateway = start("--access-log", log, "--log-level", "info")
    gateway.apply(catalog(people, upstream.url))
    fake = '\r\n2026-01-01T00:00:00Z info refused code=fake endpoint=- profile=- request_id=0 \u2028\u202e\x1b[2J"'
    answers = [
        gateway.get("/x%0d%0a%7b%22code%22:%22fake%22%7d%1b"),
        gateway.get('/x"\\,"code":"fake'),
        gateway.get("/api-endpoints-v1/call", unsigned({"alg": "HS256", "kid": fake}, {"sub": fake})),
        gateway.get("/api-endpoints-v1/call", unsigned({"alg": fake}, {"sub": people.hmac.api_token})),
        gateway.get("/api-endpoints-v1/call", people.hmac.token(iss=fake)[:-4]),
        gateway.call("FAKE'METHOD", "/x"),
        gateway.call("GET", "/x", [("traceparent", '00-fake","code":"fake'), ("X-Request-Id", "fake")]),
    ]
    ids = [answer.header("x-request-id") for answer in answers]
    assert all(answer.status >= 400 for answer in answers) and len(set(ids)) == len(ids)
    until("the lines", lambda: len(lines(log)) >= len(ids) and len(refusal_lines(gateway)) >= len(ids))
    raw = log.read_bytes()
    assert all(byte == 0x0A or 0x20 <= byte < 0x7F for byte in raw)
    found = [json.loads(line) for line in raw.decode().split("\n")[:-1]]
    assert [line["request_id"] for line in found] == ids
    assert [line["code"] for line in found] == [answer.code for answer in answers]
    told = refusal_lines(gateway)
    # One for each, the keys at its end, and nothing in it that a terminal would take for more than a text.
    assert [re.search(r" request_id=([0-9a-f]{32})$", line)[1] for line in told] == ids
    assert [re.search(r"^\S+ info refused code=(\w+) ", line)[1] for line in told] == [a.code for a in answers]
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]", gateway.log)


def test_audit_entries_are_filtered_by_each_field_and_by_all(own):
    client = own.admin("POST", "/clients", {"name": "Gamma", "description": "", "contact_email": "g@acme.example"}).json
    own.change("clients", client, description="=changed")
    assert own.admin("DELETE", f"/clients/{client['id']}").status in (200, 204)
    everything = own.all("audit")
    gamma = [entry for entry in everything if entry["name"] == "Gamma"]
    assert [entry["action"] for entry in gamma] == ["delete", "update", "create"]
    for field in ("actor", "kind", "action", "name"):
        for value in {entry[field] for entry in everything if entry[field]}:
            expected = [entry for entry in everything if entry[field] == value]
            assert own.all("audit", **{field: value}) == expected, (field, value)
        assert own.all("audit", **{field: "nobody's"}) == []
    at = gamma[0]["at"]
    assert own.all("audit", **{"from": at}) == [entry for entry in everything if entry["at"] >= at]
    assert own.all("audit", to=at) == [entry for entry in everything if entry["at"] <= at]
    assert own.all("audit", to="2020-01-01T00:00:00Z") == []
    both = own.all("audit", kind="client", action="create")
    assert both == [entry for entry in everything if (entry["kind"], entry["action"]) == ("client", "create")]
    assert own.all("audit", name="Gamma", action="create", kind="profile") == []
    assert own.admin("GET", "/audit?from=yesterday").status == 400
    table = list(csv.reader(io.StringIO(own.admin("GET", "/audit.csv?name=Gamma&kind=client").body.decode())))
    assert [row[0] for row in table[1:]] == [str(entry["sequence"]) for entry in gamma]


def test_a_damaged_database_is_set_aside(own):
    refuse(own, 1)
    own.stop()
    for name in ("telemetry.db-wal", "telemetry.db-shm"):
        (own.data_dir / name).unlink(missing_ok=True)
    (own.data_dir / "telemetry.db").write_bytes(b"no database at all" * 500)
    own.start()
    assert "begin anew" in own.log
    assert (own.data_dir / "telemetry.db.unreadable").exists()
    assert (own.data_dir / "telemetry.db").stat().st_mode & 0o777 == 0o600
    refuse(own, 1)
    assert len(own.admin("GET", "/decisions").json["items"]) == 1


def test_a_database_that_cannot_be_made_stops_nothing(own):
    own.stop()
    for path in own.data_dir.glob("telemetry.db*"):
        path.unlink()
    (own.data_dir / "telemetry.db").mkdir()
    own.start()
    assert "in memory alone" in own.log
    refuse(own, 2)
    assert len(own.admin("GET", "/decisions").json["items"]) == 2


def test_a_trace_passes_and_is_recorded_unless_it_is_malformed(own, upstream, people):
    def call(*headers):
        return own.call("GET", "/nothing", list(headers)).header("x-request-id")

    def trace(request_id):
        return own.admin("GET", f"/decisions/{request_id}").json["trace_id"]

    assert trace(call(("traceparent", PARENT))) == TRACE
    assert trace(call()) is None
    for bad in ("00-" + "0" * 32 + "-00f067aa0ba902b7-01", PARENT.upper(), PARENT + "-x", "ff" + PARENT[2:], ""):
        assert trace(call(("traceparent", bad))) is None, bad
    assert trace(call(("traceparent", PARENT), ("traceparent", PARENT))) is None


def lines(path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_the_access_log_has_a_line_for_each_request_and_no_secret(start, tmp_path):
    log = tmp_path / "access.log"
    gateway = start("--access-log", log)
    answer = gateway.call(
        "GET",
        "/nothing?api_key=hidden-in-the-query",
        [("Authorization", "Bearer hidden-in-the-header"), ("traceparent", PARENT)],
    )
    found = until("the line", lambda: lines(log))
    assert len(found) == 1
    line = found[0]
    assert line["request_id"] == answer.header("x-request-id")
    assert (line["method"], line["path"], line["status"]) == ("GET", "/nothing", 404)
    assert (line["code"], line["client_address"], line["trace_id"]) == ("endpoint_not_found", "127.0.0.1", TRACE)
    assert line["bytes"] == len(answer.body) and line["duration_us"] > 0 and line["time"].endswith("Z")
    assert "hidden" not in log.read_text()


@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGHUP])
def test_the_access_log_is_opened_again_on_a_signal(start, tmp_path, number):
    log, old = tmp_path / "access.log", tmp_path / "access.log.1"
    gateway = start("--access-log", log, "--access-log-format", "common")
    refuse(gateway, 1)
    until("the first line", lambda: log.read_text())
    log.rename(old)
    gateway.signal(number)
    until("the new file", log.exists)
    refuse(gateway, 1)
    text = until("the second line", lambda: log.read_text())
    assert len(old.read_text().splitlines()) == len(text.splitlines()) == 1
    assert text.startswith("127.0.0.1 - - [") and '"GET /nothing/here HTTP/1.1" 404 ' in text


def test_a_full_disk_stops_no_call(start):
    gateway = start("--access-log", "/dev/full")
    refuse(gateway, 20)
    until("the count", lambda: total(metrics(gateway), "portcullis_access_log_lines_dropped_total") == 20)
    assert gateway.is_running


def test_a_line_that_broke_off_does_not_swallow_the_next_one(start, tmp_path):
    file, log = tmp_path / "catalog.yaml", tmp_path / "access.log"
    file.write_text("upstreams: [{ name: x, targets: [{ url: 'http://127.0.0.1:1' }] }]\n")
    gateway = start("--access-log", log, catalog=file)
    refuse(gateway, 1)
    until("the first line", lambda: lines(log))
    # There is room for half a line more, then for none, then for all again.
    limits = resource.prlimit(gateway.process.pid, resource.RLIMIT_FSIZE, (log.stat().st_size + 100, resource.RLIM_INFINITY))
    refuse(gateway, 2)

    def dropped() -> float:
        return total(metrics(gateway), "portcullis_access_log_lines_dropped_total")

    until("the half line", lambda: dropped() == 2)
    assert not log.read_bytes().endswith(b"\n")
    refuse(gateway, 1)
    until("nothing more", lambda: dropped() == 3)
    resource.prlimit(gateway.process.pid, resource.RLIMIT_FSIZE, limits)
    last = gateway.call("GET", "/nothing/last")
    found = until("the last line", lambda: (text := log.read_text()).endswith("\n") and "/nothing/last" in text and text.splitlines())
    assert len(found) == 3 and dropped() == 3
    # Nor does what was left by a gateway that ended meanwhile.
    gateway.stop()
    log.write_bytes(log.read_bytes()[:-5])
    gateway.start()
    refuse(gateway, 1)
    text = until("a line behind the torn one", lambda: (text := log.read_text()).endswith("\n") and text)
    assert len(text.splitlines()) == 4 and json.loads(text.splitlines()[3])["path"] == "/nothing/here"
    assert json.loads(found[0])["path"] == "/nothing/here"
    assert json.loads(found[2])["request_id"] == last.header("x-request-id")


def test_upstreams_get_a_trace_unchanged_and_never_a_malformed_one(own, upstream):
    state = ("tracestate", "vendor=1")

    def sent(path, *headers):
        before = len(upstream.seen("/open"))
        assert own.call("GET", path, list(headers)).status == 200
        request = upstream.seen("/open")[before]
        return request.all("traceparent"), request.all("tracestate")

    path = "/api-endpoints-v1/open"
    assert sent(path, ("traceparent", PARENT), state) == ([PARENT], ["vendor=1"])
    assert sent(path, ("traceparent", PARENT[:-1]), state) == ([], [])
    assert sent(path, state) == ([], [])
    assert sent(path, ("traceparent", PARENT), ("traceparent", PARENT)) == ([], [])
    found = metrics(own)
    assert total(found, "portcullis_requests_total", endpoint="api-endpoints-v1/open", code="-") == 4
    assert total(found, "portcullis_upstream_up") >= 1
    admitted = own.admin("GET", "/decisions?outcome=admitted").json["items"]
    assert admitted and all(item["code"] is None and item["status"] == 200 for item in admitted)
