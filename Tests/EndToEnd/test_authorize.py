"""The decision as a service: proxies ask at `/-/authorize` and pass the request on themselves."""

import base64
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from support import wire
from support.house import catalog
from support.waiting import until

CALL = "/api-endpoints-v1/call"
EXAMPLE = Path(__file__).parents[2] / "examples/authorize/nginx.conf"
ENVOY_EXAMPLE = EXAMPLE.with_name("envoy.yaml")


@pytest.fixture
def service(start, people, upstream):
    """A gateway that believes proxies on 127.0.0.1, and nobody else."""
    gateway = start()
    gateway.apply(catalog(people, upstream.url) | {"settings": {"trusted_proxies": ["127.0.0.1"]}})
    return gateway


def ask(gateway, target: str = "/-/authorize", method: str = "GET", **headers) -> wire.Answer:
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    with gateway.connect() as connection:
        return connection.send(f"{method} {target} HTTP/1.1\r\nHost: x\r\n{lines}\r\n".encode()).read()


def original(method: str = "GET", uri: str = CALL, **headers) -> dict:
    return {"X_Original_Method": method, "X_Original_URI": uri} | headers


def test_a_permit_names_the_caller(service, people):
    bearer = f"Bearer {people.hmac.token()}"
    forms = [
        ("/-/authorize", "GET", original(uri=f"{CALL}?a=1")),
        ("/-/authorize", "GET", {"X_Forwarded_Method": "GET", "X_Forwarded_Uri": CALL, "X_Forwarded_Host": "y"}),
        (f"/-/authorize{CALL}?a=1", "GET", {}),
        (f"/-/authorize{CALL}", "POST", {"Content_Length": 0}),
    ]
    for target, method, headers in forms:
        answer = ask(service, target, method, Authorization=bearer, **headers)
        assert answer.status == 200, (target, headers, answer)
        fields = dict(answer.fields)
        assert fields["Portcullis-Profile"] == "acme-hmac" and fields["Portcullis-Client"] == "Acme"
        claims = fields["Portcullis-Claims"]
        assert json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4))) == {"name": "John Doe"}
        decision = service.decision(answer)
        assert (decision["method"], decision["path"]) == (method, CALL)


def test_a_refusal_is_the_gateways_own(service, people):
    good = f"Bearer {people.hmac.token()}"
    for headers, status, code in [
        (original(), 401, "credential_missing"),
        (original(Authorization=good + "x"), 401, "invalid_token"),
        (original(method="DELETE", Authorization=good), 405, "method_not_allowed"),
        (original(uri="/nowhere", Authorization=good), 404, "endpoint_not_found"),
        (original(uri="/ungranted/x", Authorization=good), 403, "collection_not_granted"),
        (original(uri="/ungranted/../api-endpoints-v1/call", Authorization=good), 400, "bad_request"),
        (original(uri=f"http://x{CALL}", Authorization=good), 400, "bad_request"),
        ({"Authorization": good}, 400, "bad_request"),
        ({"X_Original_URI": CALL, "Authorization": good}, 400, "bad_request"),
        ({"X_Original_Method": "GET", "X_Forwarded_Uri": CALL, "Authorization": good}, 400, "bad_request"),
        (original(X_Forwarded_Uri="/api-endpoints-v1/open", Authorization=good), 400, "bad_request"),
    ]:
        answer = ask(service, **headers)
        assert (answer.status, answer.code) == (status, code), headers
    assert ask(service, **original(uri="/api-endpoints-v1/open")).status == 200


def test_the_trace_of_a_question_is_in_the_decision_whatever_the_answer(service, people):
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    parent = {"traceparent": f"00-{trace}-00f067aa0ba902b7-01"}
    for headers, status in [(original(Authorization=f"Bearer {people.hmac.token()}"), 200), (original(), 401)]:
        answer = ask(service, **headers, **parent)
        assert answer.status == status
        assert service.decision(answer)["trace_id"] == trace, status


def test_who_is_not_trusted_finds_nothing_there(start, people, upstream):
    gateway = start()
    gateway.apply(catalog(people, upstream.url) | {"settings": {"trusted_proxies": ["10.0.0.0/8"]}})
    for target in ("/-/authorize", f"/-/authorize{CALL}"):
        answer = ask(gateway, target, Authorization=f"Bearer {people.hmac.token()}", **original())
        assert (answer.status, answer.code) == (404, "endpoint_not_found")


def test_what_is_not_quite_the_path_is_an_ordinary_path(service, people):
    for target in ("/-/authorizex", "/-/authoriz", "/-/", "/-", "//-/authorize", "/-/AUTHORIZE", "/x/-/authorize"):
        answer = ask(service, target, Authorization=f"Bearer {people.hmac.token()}", **original())
        assert answer.code in ("endpoint_not_found", "bad_request"), target


@pytest.fixture
def nginx_before(service, upstream, tmp_path):
    """The real nginx with the configuration of examples/, its ports and folders apart."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    text = EXAMPLE.read_text()
    text = text.replace("127.0.0.1:8080", f"127.0.0.1:{service.port}")
    text = text.replace("127.0.0.1:9000", f"127.0.0.1:{upstream.port}").replace("127.0.0.1:8000", f"127.0.0.1:{port}")
    folders = "".join(f"{kind}_temp_path {tmp_path}/{kind};" for kind in ("proxy", "fastcgi", "uwsgi", "scgi"))
    text = text.replace("http {", f"http {{ access_log off; client_body_temp_path {tmp_path}/body; {folders}", 1)
    user = "user root;" if os.geteuid() == 0 else ""
    (tmp_path / "nginx.conf").write_text(f"daemon off; {user} pid {tmp_path}/nginx.pid;\n{text}")
    process = subprocess.Popen(
        ["/usr/sbin/nginx", "-c", tmp_path / "nginx.conf", "-p", tmp_path, "-e", tmp_path / "error.log"]
    )

    def answers() -> bool:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return True
        except OSError:
            return False

    until("nginx", answers)
    yield port
    process.terminate()
    process.wait(10)


def test_the_real_nginx_asks(service, people, nginx_before):
    def call(*headers: str, target: str = CALL, method: str = "GET") -> wire.Answer:
        lines = "".join(f"{header}\r\n" for header in headers)
        with wire.Wire(nginx_before) as connection:
            return connection.send(f"{method} {target} HTTP/1.1\r\nHost: x\r\n{lines}\r\n".encode()).read()

    bearer = f"Authorization: Bearer {people.hmac.token()}"
    answer = call(bearer, "Portcullis-Client: Evil", "X-Original-URI: /api-endpoints-v1/open", "X-Forwarded-Uri: /x")
    assert answer.status == 200, answer
    fields = {name.lower(): value for name, value in answer.json["fields"]}
    assert fields["portcullis-client"] == "Acme" and fields["portcullis-profile"] == "acme-hmac"
    assert "authorization" not in fields
    assert call("Portcullis-Client: Evil", "X-Original-URI: /api-endpoints-v1/open").status == 401
    assert call(bearer, target="/ungranted/x").status == 403
    assert call(bearer + "x").status == 401
    # Switched off at the gateway: refused by nginx at the very next request.
    profile = service.find("profiles", name="acme-hmac")
    service.change("profiles", profile, active=False)
    assert call(bearer).status == 403


@pytest.fixture
def envoy_before(service, upstream, tmp_path):
    """The real Envoy with the filters of examples/, between a listener and the upstream of its own."""
    filters = yaml.safe_load(ENVOY_EXAMPLE.read_text())["http_filters"]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    def address(number: int) -> dict:
        return {"socket_address": {"address": "127.0.0.1", "port_value": number}}

    def cluster(name: str, number: int) -> dict:
        endpoints = [{"lb_endpoints": [{"endpoint": {"address": address(number)}}]}]
        return {
            "name": name,
            "type": "STATIC",
            "connect_timeout": "5s",
            "load_assignment": {"cluster_name": name, "endpoints": endpoints},
        }

    routes = [{"match": {"prefix": "/"}, "route": {"cluster": "orders"}}]
    kind = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
    manager = {
        "@type": kind,
        "stat_prefix": "front",
        "use_remote_address": True,
        "http_filters": filters,
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": routes}]},
    }
    chain = {"filters": [{"name": "http", "typed_config": manager}]}
    resources = {
        "listeners": [{"name": "front", "address": address(port), "filter_chains": [chain]}],
        "clusters": [cluster("orders", upstream.port), cluster("portcullis", service.port)],
    }
    (tmp_path / "envoy.json").write_text(json.dumps({"static_resources": resources}))
    program = next(path for path in Path(sys.prefix).rglob("envoy*") if path.is_file() and is_program(path))
    log = (tmp_path / "envoy.log").open("w")
    process = subprocess.Popen(
        [program, "-c", tmp_path / "envoy.json", "--use-dynamic-base-id", "--concurrency", "1", "--log-level", "warning"],
        stdout=log,
        stderr=log,
    )

    def answers() -> bool:
        assert process.poll() is None, (tmp_path / "envoy.log").read_text()[-3000:]
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return True
        except OSError:
            return False

    until("Envoy", answers, 60)
    yield port
    process.terminate()
    process.wait(10)


def is_program(path: Path) -> bool:
    """Whether it is Envoy itself, which is large, and not the script that starts it."""
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF" and path.stat().st_size > 10_000_000


def test_the_real_envoy_asks(service, people, envoy_before):
    def call(*headers: str, target: str = CALL, method: str = "GET") -> wire.Answer:
        lines = "".join(f"{header}\r\n" for header in headers)
        with wire.Wire(envoy_before) as connection:
            return connection.send(f"{method} {target} HTTP/1.1\r\nHost: x\r\n{lines}\r\n".encode()).read()

    bearer = f"Authorization: Bearer {people.hmac.token(name='')}"
    spoofed = ["Portcullis-Client: Evil", "Portcullis-Subject-Name: Evil", "X-Original-URI: /api-endpoints-v1/open"]
    for target in (CALL, f"{CALL}?a=1&b=%2F"):
        answer = call(bearer, *spoofed, target=target)
        assert answer.status == 200, answer
        fields = {name.lower(): value for name, value in answer.json["fields"]}
        assert fields["portcullis-client"] == "Acme" and fields["portcullis-profile"] == "acme-hmac"
        assert "portcullis-subject-name" not in fields and "authorization" not in fields
    for headers, target, status, code in [
        (spoofed, CALL, 401, "credential_missing"),
        ([bearer + "x"], CALL, 401, "invalid_token"),
        ([bearer], "/ungranted/x", 403, "collection_not_granted"),
        ([bearer], "/nowhere", 404, "endpoint_not_found"),
    ]:
        answer = call(*headers, target=target)
        assert (answer.status, answer.code) == (status, code), (headers, target)
        decision = service.admin("GET", f"/decisions/{answer.header('x-request-id')}").json
        assert (decision["code"], decision["path"]) == (code, target)
    assert call(bearer, method="DELETE").code == "method_not_allowed"
    # Whom Envoy names is whom the address lists are asked about; what the caller wrote proves nothing.
    profile = service.find("profiles", name="acme-hmac")
    service.change("profiles", profile, ip_allow=["198.51.100.7"])
    assert call(bearer, "X-Forwarded-For: 198.51.100.7").status == 403
    service.change("profiles", profile, ip_allow=[], active=False)
    assert call(bearer).code == "client_inactive"
