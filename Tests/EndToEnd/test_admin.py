"""The admin API: conditional writes, pages, errors that name the field, records that explain."""

import base64
import json
import threading
import time
from datetime import datetime

import jwt
import pytest
from support.gateway import bearer
from support.wire import request_bytes

CALL = "/api-endpoints-v1/call"


def test_only_the_admin_token_opens_it(own):
    def status(headers) -> int:
        return own.admin_raw("GET", "/api/v1/clients", headers).status

    assert status([]) == 401
    for value in (
        "Bearer ",
        "Bearer x",
        f"Basic {own.admin_token}",
        f"Bearer {own.admin_token[:-1]}",
        f"Bearer {own.admin_token}0",
        f"Bearer {own.admin_token.upper()}",
    ):
        assert status([("Authorization", value)]) == 401, value
    assert status(bearer(own.admin_token)) == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80"])
def test_a_page_of_another_site_does_not_reach_it_by_rebinding(own, host):
    answer = own.admin_raw("GET", "/api/v1/clients", [*bearer(own.admin_token), ("Host", host)])
    assert answer.status == 421, answer


def test_the_life_of_a_client(own):
    made = own.admin("POST", "/clients", {"name": "New", "description": "d", "contact_email": "a@b.example"})
    assert made.status == 201 and made.json["active"] is True
    path = f"/clients/{made.json['id']}"
    read = own.admin("GET", path)
    assert read.status == 200 and read.json == made.json
    tag = read.header("etag")
    assert tag
    changed = own.admin("PATCH", path, {"description": "e"}, headers=[("If-Match", tag)])
    assert changed.status == 200 and changed.json == made.json | {"description": "e"} | {
        key: changed.json[key] for key in changed.json if key not in made.json
    }
    # The tag that was read first is stale now: somebody else's change is not overwritten.
    stale = own.admin("PATCH", path, {"description": "f"}, headers=[("If-Match", tag)])
    assert stale.status == 412 and stale.code, stale
    assert own.admin("DELETE", path, headers=[("If-Match", tag)]).status == 412
    assert own.admin("GET", path).json["description"] == "e"
    assert own.admin("DELETE", path, headers=[("If-Match", own.admin("GET", path).header("etag"))]).status == 204
    assert own.admin("GET", path).status == 404
    assert own.admin("DELETE", path).status == 404


@pytest.mark.parametrize(
    "resource, value, field",
    [
        ("clients", {}, "name"),
        ("clients", {"name": ""}, "name"),
        ("clients", {"name": 5}, "name"),
        ("clients", {"name": None}, "name"),
        ("clients", {"name": "x" * 201}, "name"),
        ("clients", {"name": "a\nb"}, "name"),
        ("clients", {"name": "Ok", "contact_email": "nobody"}, "contact_email"),
        ("clients", {"name": "Ok", "surprise": 1}, "surprise"),
        ("clients", {"name": "Acme"}, "name"),
        ("collections", {"name": "Ok", "handle": "a/b", "version": "1"}, "handle"),
        ("collections", {"name": "Ok", "handle": "..", "version": "1"}, "handle"),
        ("collections", {"name": "Ok", "handle": "api-endpoints-v1", "version": "1"}, "handle"),
        ("upstreams", {"name": "Ok", "targets": []}, "targets"),
        ("upstreams", {"name": "Ok", "targets": [{"url": "ftp://x"}]}, "targets[0]"),
        ("upstreams", {"name": "Ok", "targets": [{"url": "http://x:99999"}]}, "targets[0]"),
    ],
)
def test_a_refused_write_names_the_field(own, resource, value, field):
    answer = own.admin("POST", f"/{resource}", value)
    assert answer.status in (400, 409, 422) and answer.code, answer
    assert field in json.dumps(answer.json), answer.body


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"name":"a","name":"b"}',
        b'{"name":"\xff"}',
        b"[" * 100_000,
        b'{"name":"a"} x',
        b'{"name":1e999}',
        b'\xef\xbb\xbf{"name":"a"}',
    ],
    ids=lambda body: repr(body[:20]),
)
def test_a_body_that_is_no_sound_json_is_refused(own, body):
    headers = [*bearer(own.admin_token), ("Content-Type", "application/json")]
    if not body:
        headers.append(("Content-Length", "0"))
    answer = own.admin_raw("POST", "/api/v1/clients", headers, body)
    assert 400 <= answer.status < 500 and answer.code, answer


def test_pages(own):
    for number in range(25):
        assert own.admin("POST", "/clients", {"name": f"Client {number:02d}"}).status == 201
    seen, path = [], "/clients?limit=10"
    for _ in range(10):
        page = own.admin("GET", path)
        assert page.status == 200 and len(page.json["items"]) <= 10
        seen += [client["name"] for client in page.json["items"]]
        if page.json["next_cursor"] is None:
            break
        path = f"/clients?limit=10&cursor={page.json['next_cursor']}"
    assert sorted(seen) == sorted(["Acme", "Beta", *(f"Client {number:02d}" for number in range(25))])
    for bad in ("limit=0", "limit=-1", "limit=x", "limit=1000000", "cursor=%00", "cursor=zz", "surprise=1"):
        answer = own.admin("GET", f"/clients?{bad}")
        assert answer.status in (200, 400, 422), (bad, answer)


def test_what_is_in_use_is_not_deleted(own):
    upstream = own.find("upstreams", name="echo")
    answer = own.admin("DELETE", f"/upstreams/{upstream['id']}")
    assert answer.status == 409 and answer.code, answer


def test_deleting_a_client_ends_its_tokens_at_once(own, people):
    token = people.beta.token()
    assert own.get(CALL, token).status == 200
    assert own.admin("DELETE", f"/clients/{own.find('clients', name='Beta')['id']}").status == 204
    assert own.get(CALL, token).code == "invalid_token"
    assert own.get(CALL, people.hmac.token()).status == 200


def test_the_decision_of_a_bad_form_names_the_form_and_the_time(own, people):
    token = bearer(people.hmac.token())
    chunked = request_bytes("POST", "/api-endpoints-v1/small", [*token, ("Transfer-Encoding", "chunked")])
    cases = {
        b"GET /\r\n\r\n": "bad_request",
        chunked + b"zz\r\n": "bad_request",
        chunked + b"3e9\r\n" + b"x" * 1001 + b"\r\n0\r\n\r\n": "body_too_large",
        request_bytes("POST", "/api-endpoints-v1/small", token, b"x" * 1001): "body_too_large",
    }
    for request, code in cases.items():
        begin = time.time()
        with own.connect() as wire:
            decision = own.decision(wire.send(request).read())
        failed = [found["check"] for found in decision["checks"] if found["result"] == "failed"]
        assert (decision["code"], failed) == (code, ["well_formed"]), decision
        assert abs(datetime.fromisoformat(decision["at"]).timestamp() - begin) < 60, decision["at"]


def test_the_decision_says_why(own, people):
    cases = {
        "expired": (people.hmac.token(exp=1), "time"),
        "wrong key": (jwt.encode(people.hmac.payload(), "x" * 44, "HS256"), "signature"),
        "wrong algorithm": (jwt.encode(people.rsa.payload(), "x" * 44, "HS256"), "signature"),
    }
    for reason, (token, check) in cases.items():
        decision = own.decision(own.get(CALL, token))
        failed = [found for found in decision["checks"] if found["result"] == "failed"]
        assert [found["check"] for found in failed] == [check] and failed[0]["detail"], (reason, decision)
    assert "HS256" in failed[0]["detail"] and "RS256" in failed[0]["detail"], "both sides are said"
    refusals = own.admin("GET", "/decisions?limit=10").json["items"]
    assert len(refusals) >= 3 and refusals[0]["request_id"] == decision["request_id"], "newest first"
    only = own.admin("GET", "/decisions?limit=10&code=token_expired").json["items"]
    assert {found["code"] for found in only} == {"token_expired"}


def test_explain_runs_the_same_decision(own, people):
    for token, path, code in (
        (people.hmac.token(), CALL, None),
        (people.hmac.token(exp=1), CALL, "token_expired"),
        (people.hmac.token(), "/ungranted/x", "collection_not_granted"),
        (people.hmac.token(), "/nowhere", "endpoint_not_found"),
        ("rubbish", CALL, "invalid_token"),
    ):
        answer = own.admin("POST", "/explain", {"token": token, "method": "GET", "url": path})
        assert answer.status == 200, answer
        assert answer.json["code"] == code and own.get(path, token).code == code
        assert answer.json["checks"], "every check and its outcome"


def test_explain_finds_the_base64_switch(own, people):
    token = jwt.encode(people.hmac.payload(), base64.b64decode(people.hmac.secret), "HS256")
    answer = own.admin("POST", "/explain", {"token": token, "method": "GET", "url": CALL})
    assert answer.status == 200 and "base64" in answer.body.decode().lower(), answer.body


def test_the_audit_log_says_who_did_what(own):
    made = own.admin("POST", "/clients", {"name": "Audited"}).json
    own.change("clients", made, description="changed")
    own.admin("DELETE", f"/clients/{made['id']}")
    entries = [entry for entry in own.admin("GET", "/audit?limit=50").json["items"] if entry["id"] == made["id"]]
    assert [entry["action"] for entry in entries] == ["delete", "update", "create"], "newest first"
    assert all(entry["actor"] and entry["at"] and entry["kind"] == "client" for entry in entries)


def test_concurrent_changes_are_all_there(own):
    statuses = []

    def create(number: int):
        for index in range(10):
            statuses.append(own.admin("POST", "/clients", {"name": f"c{number}-{index}"}).status)

    threads = [threading.Thread(target=create, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [201] * 80
    names = {own.find("clients", name=f"c{number}-9")["name"] for number in range(8)}
    assert len(names) == 8


def test_keys_are_never_read_back(own, people):
    profile = own.find("profiles", name="acme-hmac")
    for key in own.admin("GET", f"/profiles/{profile['id']}/keys").json["items"]:
        assert "secret" not in key and key["fingerprint"], key
    for token in own.admin("GET", f"/profiles/{profile['id']}/api-tokens").json["items"]:
        assert "token" not in token, token


@pytest.mark.parametrize("path", ["/nothing", "/clients/nobody", "/clients/..", "/profiles/x/keys", "/decisions/none"])
def test_what_is_not_there_is_a_404_problem(own, path):
    answer = own.admin("GET", path)
    assert answer.status == 404 and answer.code, answer
