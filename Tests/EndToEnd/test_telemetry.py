"""What is kept and shown of the requests: decisions, traffic, metrics, the access log, traces."""

import csv
import io
import json
import signal
import time

import pytest
from prometheus_client.parser import text_string_to_metric_families

from support.waiting import until

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
