"""“Try it”: a call that a manager makes from the console, through the gateway's own listener."""

import concurrent.futures
import hashlib
import os
import secrets
import socket
import subprocess
import threading
import time

import pytest
from support.browser import PHONE, WIDE
from support.first_day import CALL, FirstDay, path_of, section
from support.house import catalog
from support.tokens import private_pem, run


@pytest.fixture(autouse=True)
def no_fault_on_any_page(request):
    yield
    if "day" in request.fixturenames:
        assert request.getfixturevalue("day").owner.faults == []


def try_it(day, access, **fields):
    """Follows the profile's screen to its form, and has the call made."""
    day.owner.open(access.page)
    day.owner.press("Try it from here")
    assert path_of(day.owner) == f"{access.page}/try"
    assert day.page.locator("[name=url]").input_value() == CALL
    day.owner.fill(api_token=access.api_token, **fields)
    day.owner.press("Call it now")


def banner(day) -> str:
    return day.page.locator(".banner").first.inner_text()


def looks_well(day, name: str):
    """The page as it is now, in both schemes, wide and on a phone."""
    faults = []
    for scheme, size in (("light", "wide"), ("dark", "wide"), ("light", "phone")):
        day.page.emulate_media(color_scheme=scheme)
        day.page.set_viewport_size(PHONE if size == "phone" else WIDE)
        # Colours change gently.
        day.page.wait_for_timeout(400)
        day.owner.shoot(f"{name}-{scheme}-{size}")
        faults += day.owner.accessibility_faults()
        assert day.owner.overflow() <= 0, f"{name} on a {size} window"
    day.page.set_viewport_size(WIDE)
    day.page.emulate_media(color_scheme="light")
    assert not faults, "\n".join(faults)


def test_a_pasted_private_key_signs_and_the_upstreams_answer_is_shown(day):
    access = day.rsa
    key = private_pem(access.key.private).decode()
    try_it(day, access, key=key, payload='{"name": "John Doe"}')
    assert banner(day) == "Let in: the upstream’s answer is 200."
    text = day.owner.text()
    assert "portcullis-client" in text.lower() and "Acme" in text
    checks = day.page.locator("ol.checks li.passed")
    assert checks.count() >= 8
    content = day.page.content()
    # The token that was made is there, once; what it was made of is not.
    assert access.api_token not in content and key.splitlines()[1] not in content
    assert content.count("eyJhbGci") == 3, "in the command line, and in two forms that call again and explain"
    looks_well(day, "try-admitted")
    # The command line is what it says: a shell that knows nothing else makes the same call.
    line = day.page.locator("#curl").inner_text()
    answer = subprocess.run(["bash", "-euc", line], capture_output=True, text=True, timeout=30, env={"PATH": os.environ["PATH"]})
    assert answer.stdout.startswith("HTTP/1.1 200"), line + answer.stdout + answer.stderr
    day.owner.press("Call it again")
    assert banner(day) == "Let in: the upstream’s answer is 200."
    day.owner.press("Explain at the workbench")
    assert "would be let in" in section(day.owner, "verdict").inner_text()


def test_a_stored_secret_signs_without_being_pasted(day):
    try_it(day, day.hmac, method="POST", body='{"it": "works"}')
    assert banner(day) == "Let in: the upstream’s answer is 200."
    sent = hashlib.sha256(b'{"it": "works"}').hexdigest()
    assert sent in section(day.owner, "answer").inner_text()
    assert day.hmac.secret not in day.page.content()
    # Without an API token nothing is signed in its name, and the gateway says what is missing.
    day.owner.open(f"{day.hmac.page}/try")
    day.owner.press("Call it now")
    assert banner(day).startswith("Refused with 401 invalid_token:")


def test_what_is_refused_says_why_and_leads_to_its_decision(day):
    try_it(day, day.hmac, url="/orders-v1/nothing")
    assert banner(day).startswith("Refused with 404 endpoint_not_found:")
    looks_well(day, "try-refused")
    day.page.locator("section[aria-labelledby=decision] a").click()
    assert path_of(day.owner).startswith("/console/decisions/")
    assert "Refused: endpoint_not_found" in day.owner.text()


def test_nothing_that_was_pasted_is_kept_or_logged(day):
    entries = [item for item in day.gateway.all("audit") if item["action"] == "try"]
    assert {item["name"] for item in entries} >= {f"GET {CALL}", f"POST {CALL}", "GET /orders-v1/nothing"}
    assert {item["actor"] for item in entries} == {"operator:owner"}
    pasted = [day.rsa.api_token, day.hmac.api_token, day.hmac.secret, private_pem(day.rsa.key.private).decode().splitlines()[1]]
    kept = b"".join(path.read_bytes() for path in day.gateway.data_dir.rglob("*") if path.is_file())
    for secret in pasted:
        assert secret not in day.gateway.log and secret.encode() not in kept
    assert "eyJ" not in day.gateway.log


# MARK: the API


def test_no_other_host_is_called(own, people):
    with socket.create_server(("127.0.0.1", 0)) as other:
        other.settimeout(1)
        port = other.getsockname()[1]
        made = own.admin("POST", "/try", {"url": f"http://127.0.0.1:{port}/secret", "token": people.hmac.token()})
        assert made.status == 200 and made.json["status"] == 404, made
        assert made.json["decision"]["path"] == "/secret"
        with pytest.raises(TimeoutError):
            other.accept()


def test_answers_are_given_as_they_are_and_bounded(own, people, upstream):
    token = people.hmac.token()

    def tried(path: str, **fields) -> dict:
        made = own.admin("POST", "/try", {"url": f"/api-endpoints-v1{path}", "token": token} | fields)
        assert made.status == 200, made
        return made.json

    assert tried("/down")["status"] == 502
    assert tried("/down")["decision"]["code"] == "upstream_unreachable"
    upstream.on("/behave/long", lambda connection, request: connection.answer(200, b"\xff" + b"x" * 100_000))
    long = tried("/behave/long")
    assert long["is_body_cut"] and len(long["body"]) == 16_384 and long["body"].startswith("�x")
    upstream.on("/behave/elsewhere", lambda connection, request: connection.answer(302, b"", "Location: http://127.0.0.1:1/"))
    assert tried("/behave/elsewhere")["status"] == 302
    half = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"
    upstream.on("/behave/stalled", lambda connection, request: (connection.send(half), time.sleep(11), connection.close()))
    began = time.monotonic()
    stalled = tried("/behave/stalled")
    assert stalled["status"] is None and stalled["failure"] == "no whole answer within 10 s", stalled
    assert time.monotonic() - began < 12

    def cut_short(connection, request):
        connection.send(half)
        connection.close()

    upstream.on("/behave/cut", cut_short)
    cut = tried("/behave/cut")
    assert cut["status"] is None and "closed the connection" in cut["failure"], cut
    # Nothing else is tried than what was asked for: the gateway's parser has the last word.
    for path, status, code in (
        ("/call?a=%&b[]=1|2&c={x}", 200, None), ("/call?", 200, None), ("/call%zz", 400, "bad_request"),
        ("/{id}", 400, "bad_request"), ("/orders/%FF", 400, "bad_request"), ("/call#x", 400, "bad_request"),
    ):  # fmt: skip
        sent = tried(path)
        assert (sent["status"], (sent["decision"] or {"code": "bad_request"})["code"]) == (status, code), f"{path}: {sent}"
    assert [request.target for request in upstream.received if "|" in request.target][-1] == "/call?a=%&b[]=1|2&c={x}"
    assert tried("/call", method="HEAD")["body"] == ""
    echoed = tried("/call", method="POST", body="a=b", content_type="text/plain")
    assert echoed["status"] == 200 and "text/plain" in echoed["body"]


def test_calls_that_take_long_are_given_up_and_are_few(own, people, upstream):
    woken = threading.Event()
    upstream.on("/behave/asleep", lambda connection, request: (woken.wait(20), connection.close()))
    asked = {"url": "/api-endpoints-v1/behave/asleep", "token": people.hmac.token()}
    began = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: own.admin("POST", "/try", asked), range(6)))
    assert time.monotonic() - began < 14
    woken.set()
    assert sorted(answer.status for answer in answers) == [200] * 4 + [429] * 2
    assert {answer.json["failure"] for answer in answers if answer.status == 200} == {"no whole answer within 10 s"}


def test_a_listener_with_tls_is_called_whatever_its_certificate_is_for(start, people, upstream, tmp_path):
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    run(
        "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", 2,
        "-subj", "/CN=gateway.example", "-keyout", key, "-out", certificate,
    )  # fmt: skip
    gateway = start("--tls-certificate", certificate, "--tls-key", key)
    gateway.apply(catalog(people, upstream.url))
    made = gateway.admin("POST", "/try", {"url": "/api-endpoints-v1/call", "token": people.hmac.token()})
    assert made.json["status"] == 200, made


def test_a_listener_that_expects_the_proxy_protocol_is_said(start, people, upstream):
    gateway = start()
    settings = {"trusted_proxies": ["127.0.0.0/8"], "client_address_header": "proxy-protocol"}
    gateway.apply(catalog(people, upstream.url, settings=settings))
    made = gateway.admin("POST", "/try", {"url": "/api-endpoints-v1/status"})
    assert made.json["status"] is None and "PROXY protocol" in made.json["failure"], made


def test_a_gateway_that_runs_from_a_file_can_be_tried(start, people, upstream, tmp_path):
    from support.house import as_yaml

    file = tmp_path / "catalog.yaml"
    file.write_text(as_yaml(catalog(people, upstream.url)))
    gateway = start(catalog=file)
    made = gateway.admin("POST", "/try", {"url": "/api-endpoints-v1/call", "token": people.hmac.token()})
    assert made.status == 200 and made.json["status"] == 200, made


def test_a_client_secret_fetches_its_access_token(start, people, upstream, browser):
    gateway = start()
    document = catalog(people, upstream.url, settings={"issuer": "https://gateway.example"})
    api_token = secrets.token_hex(32)
    document["clients"].append(
        {
            "name": "Apps",
            "profiles": [
                {
                    "name": "machine", "method": "oauth2", "collections": ["api-endpoints-v1"],
                    "api_tokens": [{"name": "default", "token": api_token}], "oauth2": {"scopes": ["read"]},
                }
            ],
        }
    )  # fmt: skip
    gateway.apply(document)
    day = FirstDay(gateway, browser, upstream.url, gateway.data_dir)
    page = f"/console/profiles/{gateway.find('profiles', name='machine')['id']}"
    try:
        for given, words in ((api_token, "Let in: the upstream’s answer is 200."), ("0" * 64, "Nothing was called")):
            day.owner.open(f"{page}/try")
            day.owner.fill(url="/api-endpoints-v1/call", api_token=given)
            day.owner.press("Call it now")
            assert words in day.owner.text()
            assert given not in day.page.content()
        assert "no access token was given for it" in day.owner.text()
        assert day.owner.faults == []
    finally:
        day.owner.close()
