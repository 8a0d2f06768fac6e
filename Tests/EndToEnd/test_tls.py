"""TLS on the gateway's listener, client certificates, tokens that are bound to them, and the PROXY protocol."""

import errno
import hashlib
import itertools
import re
import secrets
import shutil
import socket
import ssl
import struct
import subprocess
import threading
import time
from pathlib import Path

import pytest
from support.gateway import FULL_SIZE
from support.house import catalog
from support.tokens import b64, run
from support.waiting import until
from support.wire import Closed, Wire

CALL = "/api-endpoints-v1/call"


class Authority:
    """A certificate authority made and used with openssl alone."""

    def __init__(self, folder: Path, name: str, parent: "Authority | None" = None):
        self.folder, self.name = folder, name
        folder.mkdir(parents=True, exist_ok=True)
        self.numbers = itertools.count(1)
        self.key, self.certificate = folder / f"{name}.key", folder / f"{name}.pem"
        extensions = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n"
        if parent is None:
            run(*ec_key(self.key))
            run(
                "openssl", "req", "-x509", "-new", "-key", self.key, "-out", self.certificate, "-days", 30,
                "-subj", f"/CN={name}", "-addext", "keyUsage=critical,keyCertSign,cRLSign",
            )  # fmt: skip
        else:
            self.key, self.certificate = parent.issue(f"/CN={name}", extensions=extensions)

    def issue(self, subject: str, san: str = "", usage: str = "", days: int = 30, extensions: str = "", kind: str = "ec"):
        """A key and a certificate for it."""
        stem = self.folder / f"{self.name}-{next(self.numbers)}"
        key, request, certificate = (stem.with_suffix(f".{end}") for end in ("key", "csr", "pem"))
        run(*ec_key(key)) if kind == "ec" else run("openssl", "genrsa", "-out", key, "2048")
        run("openssl", "req", "-new", "-key", key, "-out", request, "-subj", subject)
        text = extensions + (f"subjectAltName={san}\n" if san else "") + (f"extendedKeyUsage={usage}\n" if usage else "")
        stem.with_suffix(".ext").write_text(text or "basicConstraints=CA:FALSE\n")
        run(
            "openssl", "x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key, "-CAcreateserial",
            "-out", certificate, "-days", days, "-extfile", stem.with_suffix(".ext"),
        )  # fmt: skip
        return key, certificate


def ec_key(path: Path) -> list:
    return ["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", path]


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Authority:
    return Authority(tmp_path_factory.mktemp("root"), "root")


@pytest.fixture(scope="module")
def clients(tmp_path_factory) -> Authority:
    """Who issues client certificates."""
    return Authority(tmp_path_factory.mktemp("clients"), "clients")


@pytest.fixture
def files(root, tmp_path):
    """The files that the gateway reads, which tests may replace."""
    key, certificate = root.issue("/CN=gateway", "DNS:localhost,IP:127.0.0.1")
    shutil.copy(key, tmp_path / "tls.key")
    shutil.copy(certificate, tmp_path / "tls.pem")
    return tmp_path / "tls.pem", tmp_path / "tls.key"


@pytest.fixture
def serve(start, people, upstream, files):
    def begin(*arguments, settings=None, **fields):
        gateway = start("--tls-certificate", files[0], "--tls-key", files[1], *arguments)
        document = catalog(people, upstream.url)
        if settings:
            document["settings"] = settings
        for client in document["clients"]:
            for profile in client["profiles"]:
                if profile["name"] == "acme-hmac":
                    profile.update(fields)
        gateway.apply(document)
        return gateway

    return begin


def context(root, identity=None, version=None) -> ssl.SSLContext:
    made = ssl.create_default_context(cafile=root.certificate)
    if identity:
        made.load_cert_chain(identity[1], identity[0])
    if version:
        made.minimum_version = made.maximum_version = version
    return made


class SecureWire(Wire):
    """A caller's connection over TLS."""

    def __init__(self, gateway, ssl_context, preamble: bytes = b"", timeout: float = 15):
        super().__init__(gateway.port, timeout=timeout)
        if preamble:
            self.socket.sendall(preamble)
        self.socket = ssl_context.wrap_socket(self.socket, server_hostname="localhost")


def get(gateway, token: str, ssl_context, target: str = CALL, **options):
    with SecureWire(gateway, ssl_context, **options) as wire:
        return wire.send(f"GET {target} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode()).read()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_calls_over_tls(serve, root, people, version):
    gateway = serve()
    answer = get(gateway, people.rsa.token(), context(root, version=version))
    assert answer.status == 200
    fields = dict(answer.json["fields"])
    assert fields["X-Forwarded-Proto"] == "https" and "proto=https" in fields["Forwarded"]
    with SecureWire(gateway, context(root, version=version)) as wire:
        for number in range(50):
            head = f"GET {CALL}?{number} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {people.rsa.token()}\r\n\r\n"
            assert wire.send(head.encode()).read().status == 200


def test_curl_calls_over_tls(serve, root, people):
    gateway = serve()
    url = f"https://localhost:{gateway.port}{CALL}"
    bearer = f"Authorization: Bearer {people.rsa.token()}"
    for options in (["--http1.1"], ["--http2"], ["--tls-max", "1.2"], ["-I"]):
        out = run("curl", "-sS", "--cacert", root.certificate, *options, "-o", "/dev/null", "-w", "%{http_code}", "-H", bearer, url)
        assert out == b"200", options


def test_old_versions_and_weak_ciphers_are_not_spoken(serve, root):
    gateway = serve()
    for options in (["-tls1_1"], ["-tls1"], ["-tls1_2", "-cipher", "AES128-SHA"], ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA"]):
        done = subprocess.run(
            ["openssl", "s_client", "-connect", f"127.0.0.1:{gateway.port}", "-cipher", "ALL:@SECLEVEL=0", *options],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20,
        )  # fmt: skip
        assert "Cipher is (NONE)" in done.stdout or done.returncode != 0, options


def test_large_bodies_both_ways(serve, root, people):
    gateway = serve()
    body = secrets.token_bytes(1 << 20) * 20
    head = (
        f"POST /api-endpoints-v1/large HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {people.rsa.token()}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    with SecureWire(gateway, context(root), timeout=60) as wire:
        wire.send(head.encode())
        wire.send(body)
        answer = wire.read()
        assert answer.status == 200
        assert answer.json["body_sha256"] == hashlib.sha256(body).hexdigest()
        assert wire.send(f"GET {CALL} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {people.rsa.token()}\r\n\r\n".encode()).read().status == 200


def test_what_is_no_tls_is_closed(serve, root, people):
    gateway = serve()
    for garbage in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\xff\xff" + bytes(70_000), secrets.token_bytes(5000)):
        with socket.create_connection(("127.0.0.1", gateway.port), 10) as plain:
            received = b""
            # It may be closed before everything was sent.
            try:
                plain.sendall(garbage)
                plain.shutdown(socket.SHUT_WR)
                while part := plain.recv(65_536):
                    received += part
            except OSError as error:
                assert error.errno in (errno.EPIPE, errno.ECONNRESET, errno.ENOTCONN), error
            assert b"HTTP/" not in received
    # Whoever stops in the middle of the handshake is not waited for beyond the time for a head.
    assert get(gateway, people.rsa.token(), context(root)).status == 200


def test_a_slow_handshake_ends(serve, root):
    gateway = serve("--header-timeout-seconds", "1")
    with socket.create_connection(("127.0.0.1", gateway.port), 10) as plain:
        plain.sendall(b"\x16\x03\x01\x02\x00\x01")
        began = time.monotonic()
        assert plain.recv(100) == b""
        assert time.monotonic() - began < 5


SIZE = (2 << 30) if FULL_SIZE else (200 << 20)


@pytest.fixture
def download(serve, people, nginx):
    """A gateway over TLS with nginx behind it, and a file there that is all holes."""
    path = nginx.files / "big-over-tls"
    with path.open("wb") as file:
        file.truncate(SIZE)
    gateway = serve()
    gateway.apply(catalog(people, "http://127.0.0.1:1", nginx.url))
    yield gateway
    path.unlink()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_large_download_streams(download, root, people, version):
    head = f"GET /api-endpoints-v1/nginx/big-over-tls HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {people.rsa.token()}\r\n\r\n"
    with SecureWire(download, context(root, version=version), timeout=60) as slow:
        # One that takes nothing stalls only itself, and costs no memory.
        slow.send(head.encode())
        with SecureWire(download, context(root, version=version), timeout=60) as wire:
            before = highest = download.resident_bytes()
            answer = wire.send(head.encode()).read_head()
            assert answer.status == 200 and answer.header("content-length") == str(SIZE)
            received = len(wire.buffer)
            while received < SIZE:
                data = wire.socket.recv(1 << 20)
                assert data, f"closed after {received} of {SIZE} bytes"
                received += len(data)
                if received % (16 << 20) < 1 << 20:
                    highest = max(highest, download.resident_bytes())
        assert highest - before < 32 << 20


def test_a_session_from_before_a_demand_does_not_go_without(serve, root, clients, people):
    """A ticket of a time when nobody was asked for a certificate is no way around being asked."""
    gateway = serve()
    ours = context(root, clients.issue("/CN=mine", usage="clientAuth"), ssl.TLSVersion.TLSv1_2)
    token = people.hmac.token()
    head = f"GET {CALL} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
    with SecureWire(gateway, ours) as open_before:
        assert open_before.send(head).read().status == 200
        session = open_before.socket.session
        gateway.change("profiles", gateway.find("profiles", name="acme-hmac"), **demand(clients))
        # A connection on which nobody was asked ends with the refusal, so that the next one is asked.
        refused = open_before.send(head).read()
        assert refused.code == "certificate_required" and refused.closes
    plain = socket.create_connection(("127.0.0.1", gateway.port), 15)
    with ours.wrap_socket(plain, server_hostname="localhost", session=session) as resumed:
        assert not resumed.session_reused
        resumed.sendall(head)
        assert resumed.recv(100).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tickets_are_for_those_alone_whose_secrecy_they_leave(serve, root, people, version):
    gateway = serve()
    ours = context(root, version=version)
    head = f"GET {CALL} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {people.rsa.token()}\r\n\r\n".encode()
    with SecureWire(gateway, ours) as first:
        assert first.send(head).read().status == 200
        session = first.socket.session
        assert session.has_ticket == (version == ssl.TLSVersion.TLSv1_3)
    plain = socket.create_connection(("127.0.0.1", gateway.port), 15)
    with ours.wrap_socket(plain, server_hostname="localhost", session=session) as second:
        assert second.session_reused == (version == ssl.TLSVersion.TLSv1_3)
        second.sendall(head)
        assert second.recv(100).startswith(b"HTTP/1.1 200")


def test_idle_connections_keep_little_of_what_went_over_them(serve, root, people, upstream, nginx):
    gateway = serve()
    gateway.apply(catalog(people, upstream.url, nginx.url))
    path = nginx.files / "over-tls"
    path.write_bytes(bytes(200_000))
    ours, bearer = context(root), f"Authorization: Bearer {people.rsa.token()}"
    down = f"GET /api-endpoints-v1/nginx/over-tls HTTP/1.1\r\nHost: x\r\n{bearer}\r\n\r\n".encode()
    up = f"POST /api-endpoints-v1/large HTTP/1.1\r\nHost: x\r\n{bearer}\r\nContent-Length: 200000\r\n\r\n".encode()
    wires = []

    def open_more(count: int):
        for _ in range(count):
            wire = SecureWire(gateway, ours, timeout=60)
            assert len(wire.send(down).read().body) == 200_000
            assert wire.send(up + bytes(200_000)).read().status == 200
            wires.append(wire)

    # Warm: everything that is allocated once is there.
    open_more(50)
    before, count = gateway.resident_bytes(), 400
    open_more(count)
    time.sleep(0.6)
    growth = (gateway.resident_bytes() - before) / count
    for wire in wires[::50]:
        assert len(wire.send(down).read().body) == 200_000
    for wire in wires:
        wire.socket.close()
    path.unlink()
    assert growth < 48 << 10, f"{growth / 1024:.1f} KiB each, expected under 48"


def test_an_encrypted_key_is_refused_and_nobody_is_asked(start, files):
    certificate, key = files
    run("openssl", "ec", "-in", key, "-aes256", "-passout", "pass:secret", "-out", key.with_name("encrypted.key"))
    with pytest.raises(AssertionError) as refusal:
        start("--tls-certificate", certificate, "--tls-key", key.with_name("encrypted.key"))
    assert "serve ended with 2" in str(refusal.value) and "encrypted.key" in str(refusal.value)


def test_a_cut_off_upload_is_not_whole(serve, root, people, upstream):
    gateway = serve()
    before = len(upstream.received)
    with SecureWire(gateway, context(root)) as wire:
        head = f"POST {CALL} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {people.rsa.token()}\r\nContent-Length: 100\r\n\r\nhalf"
        wire.send(head.encode())
        wire.socket.shutdown(socket.SHUT_RDWR)
    assert get(gateway, people.rsa.token(), context(root)).status == 200
    assert all(request.body_length < 100 for request in upstream.received[before:])


def test_many_handshakes_leave_no_memory_behind(serve, root, people):
    gateway = serve()
    ours = context(root)
    token = people.rsa.token()
    for _ in range(300):
        assert get(gateway, token, ours).status == 200
    before = gateway.resident_bytes()
    for _ in range(1500):
        assert get(gateway, token, ours).status == 200
    assert gateway.resident_bytes() - before < 24 << 20


def test_the_certificate_is_read_again_when_it_changes(serve, root, people, files):
    gateway = serve()

    def subject() -> str:
        text = run("openssl", "s_client", "-connect", f"127.0.0.1:{gateway.port}", "-showcerts").decode()
        return re.search(r"subject=.*CN = (\S+)", text)[1]

    assert subject() == "gateway"
    failures, stopping = [], threading.Event()

    def call():
        while not stopping.is_set():
            answer = get(gateway, people.rsa.token(), context(root))
            if answer.status != 200:
                failures.append(answer)

    callers = [threading.Thread(target=call) for _ in range(2)]
    for caller in callers:
        caller.start()
    with SecureWire(gateway, context(root)) as old:
        for number in range(3):
            key, certificate = root.issue(f"/CN=gateway-{number}", "DNS:localhost")
            # One after the other, as tools do it: in between they do not fit.
            shutil.copy(certificate, files[0])
            shutil.copy(key, files[1])
            until("the new certificate", lambda: subject() == f"gateway-{number}")
        files[0].write_text("no certificate")
        until("the refusal", lambda: "certificate refused" in gateway.log)
        assert subject() == "gateway-2"
        head = f"GET {CALL} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {people.rsa.token()}\r\n\r\n"
        assert old.send(head.encode()).read().status == 200
    stopping.set()
    for caller in callers:
        caller.join()
    assert not failures, failures[:3]


@pytest.mark.parametrize("fault", ["missing", "rubbish", "other key"])
def test_a_bad_certificate_is_refused_at_start(start, root, files, fault):
    certificate, key = files
    if fault == "missing":
        certificate = certificate.with_name("nothing.pem")
    elif fault == "rubbish":
        certificate.write_text("rubbish")
    else:
        shutil.copy(root.issue("/CN=other")[0], key)
    with pytest.raises(AssertionError) as refusal:
        start("--tls-certificate", certificate, "--tls-key", key)
    text = str(refusal.value)
    assert "serve ended with 2" in text and ("tls.key" in text if fault == "other key" else certificate.name in text)


def test_a_certificate_that_expires_soon_is_shown(start, root, people, upstream, tmp_path, clients):
    key, certificate = root.issue("/CN=short", "DNS:localhost", days=5)
    gateway = start("--tls-certificate", certificate, "--tls-key", key)
    document = catalog(people, upstream.url)
    document["clients"][0]["profiles"][0]["client_certificate"] = {"roots": clients.certificate.read_text()}
    gateway.apply(document)
    shown = {item["use"]: item for item in gateway.admin("GET", "/certificates").json["items"]}
    assert shown["listener"]["expires_soon"] and shown["listener"]["days_left"] in (4, 5)
    assert shown["listener"]["subject"] == "CN=short" and shown["listener"]["san"] == ["dns:localhost"]
    assert not shown["profile"]["expires_soon"] and shown["profile"]["subject"] == "CN=clients"
    expiring = gateway.admin("GET", "/certificates?only_expiring=true").json["items"]
    assert [item["use"] for item in expiring] == ["listener"]
    until("the warning", lambda: "expires soon" in gateway.log)


def demand(clients, **rules) -> dict:
    return {"client_certificate": {"roots": clients.certificate.read_text()} | rules}


def test_a_profile_demands_a_client_certificate(serve, root, clients, people, tmp_path):
    gateway = serve(**demand(clients))
    good = clients.issue("/O=Acme/CN=orders", "DNS:orders.acme.example,URI:spiffe://acme/orders", "clientAuth")
    token = people.hmac.token()
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        answer = get(gateway, token, context(root, good, version))
        assert answer.status == 200, gateway.decision(answer)
    refused = get(gateway, token, context(root))
    assert (refused.status, refused.code) == (403, "certificate_required")
    failed = [check for check in gateway.decision(refused)["checks"] if check["result"] == "failed"]
    assert [check["check"] for check in failed] == ["address"] and "no client certificate" in failed[0]["detail"]
    # Another profile asks for none, with or without.
    assert get(gateway, people.rsa.token(), context(root)).status == 200
    assert get(gateway, people.rsa.token(), context(root, good)).status == 200
    stranger = Authority(tmp_path / "stranger", "clients")
    for identity, words in [
        (stranger.issue("/O=Acme/CN=orders", usage="clientAuth"), "does not end in"),
        (clients.issue("/O=Acme/CN=orders", usage="serverAuth"), "purpose"),
        (clients.issue("/O=Acme/CN=orders", usage="clientAuth", days=-1), "expired"),
        (root.issue("/CN=gateway"), "does not end in"),
    ]:
        answer = get(gateway, token, context(root, identity))
        assert answer.code == "certificate_required", words
        assert words in str(gateway.decision(answer)["checks"]), gateway.decision(answer)
    # The API token's method and a chain with an intermediate.
    between = Authority(tmp_path / "between", "between", parent=clients)
    key, certificate = between.issue("/CN=deep", usage="clientAuth")
    chain = tmp_path / "chain.pem"
    chain.write_text(certificate.read_text() + between.certificate.read_text())
    assert get(gateway, token, context(root, (key, chain))).status == 200
    assert get(gateway, token, context(root, (key, certificate))).code == "certificate_required"
    # Taking the demand back is seen by the next request.
    gateway.change("profiles", gateway.find("profiles", name="acme-hmac"), client_certificate=None)
    assert get(gateway, token, context(root)).status == 200


def test_rules_over_subject_and_alternative_names(serve, root, clients, people):
    gateway = serve(**demand(clients))
    profile = gateway.find("profiles", name="acme-hmac")
    identity = clients.issue(
        "/C=DE/O=Acme, Inc./CN=orders", "DNS:orders.acme.example,URI:spiffe://acme/orders,IP:192.0.2.7,email:a@acme.example",
        "clientAuth",
    )  # fmt: skip
    subject = run("openssl", "x509", "-in", identity[1], "-noout", "-subject", "-nameopt", "RFC2253").decode()
    subject = subject.strip().removeprefix("subject=")
    token, ours = people.hmac.token(), context(root, identity)
    for rules, isAccepted in [
        ({"subjects": [subject]}, True),
        ({"subjects": ["CN=other", subject]}, True),
        ({"subjects": ["CN=orders"]}, False),
        ({"subjects": [subject.lower()]}, False),
        ({"san": ["dns:orders.acme.example"]}, True),
        ({"san": ["uri:spiffe://acme/orders"]}, True),
        ({"san": ["ip:192.0.2.7"]}, True),
        ({"san": ["email:a@acme.example"]}, True),
        ({"san": ["uri:orders.acme.example"]}, False),
        ({"san": ["dns:acme.example"]}, False),
        ({"subjects": [subject], "san": ["dns:other"]}, False),
        ({"subjects": ["CN=other"], "san": ["dns:orders.acme.example"]}, False),
    ]:
        gateway.change("profiles", profile, **demand(clients, **rules))
        answer = get(gateway, token, ours)
        assert (answer.status == 200) == isAccepted, rules
        assert isAccepted or answer.code == "certificate_required", rules
    for rules in ({"roots": "rubbish"}, {"san": ["other:x"]}, {"san": ["dns:"]}, {"unknown": 1}):
        answer = gateway.admin("PATCH", f"/profiles/{profile['id']}", demand(clients, **rules))
        assert answer.status in (400, 422), rules


def test_an_access_token_is_issued_to_the_holder_of_the_certificate(serve, root, clients, people, tmp_path):
    more = Authority(tmp_path / "more", "more")
    gateway = serve()
    secret = secrets.token_hex(32)
    made = gateway.admin(
        "POST",
        "/profiles",
        {
            "client": "Acme",
            "name": "machines",
            "method": "oauth2",
            "collections": ["api-endpoints-v1"],
            "api_tokens": [{"name": "default", "token": secret}],
            # Several roots, with what openssl writes between them.
            "client_certificate": {"roots": f"one\n{clients.certificate.read_text()}two\n{more.certificate.read_text()}"},
        },
    )
    assert made.status == 201, made
    client_id = made.json["oauth2_client_id"]
    form = f"grant_type=client_credentials&client_id={client_id}&client_secret={secret}"

    def ask(ours):
        with SecureWire(gateway, ours) as wire:
            return wire.send(
                f"POST /oauth2/token HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"
                f"Content-Length: {len(form)}\r\n\r\n{form}".encode()
            ).read()

    refused = ask(context(root))
    # The next connection is asked for a certificate, should this one not have been.
    assert refused.json["error"] == "unauthorized_client" and refused.closes
    for authority in (clients, more):
        ours = context(root, authority.issue("/CN=machine", usage="clientAuth"))
        token = ask(ours).json["access_token"]
        assert get(gateway, token, ours).status == 200
        assert get(gateway, token, context(root)).code == "certificate_required"
    with SecureWire(gateway, context(root)) as wire:
        metadata = wire.send(b"GET /.well-known/oauth-authorization-server HTTP/1.1\r\nHost: localhost\r\n\r\n").read()
        assert metadata.json["token_endpoint"] == "https://localhost/oauth2/token"


def thumbprint(certificate: Path) -> str:
    der = run("openssl", "x509", "-in", certificate, "-outform", "DER")
    return b64(hashlib.sha256(der).digest())


def test_a_token_bound_to_a_certificate(serve, root, clients, people):
    """RFC 8705 §3; remembered or not, and whoever issued the certificate."""
    gateway = serve("--tls-client-certificates", "always")
    mine, other = clients.issue("/CN=mine", usage="clientAuth"), clients.issue("/CN=other", usage="clientAuth")
    for caller in (people.hmac, people.rsa):
        bound = caller.token(cnf={"x5t#S256": thumbprint(mine[1])})
        for _ in range(2):
            assert get(gateway, bound, context(root, mine)).status == 200
            for ours in (context(root, other), context(root)):
                answer = get(gateway, bound, ours)
                assert (answer.status, answer.code) == (401, "invalid_token")
                assert "bound to" in str(gateway.decision(answer)["checks"])
        assert gateway.admin("POST", "/explain", {"token": bound, "url": CALL}).json["code"] == "invalid_token"
        for confirmation in ({"x5t#S256": thumbprint(mine[1]) + "="}, {"x5t#S256": ""}, {"x5t#S256": 7}, {"x5t#S256": None}):
            answer = get(gateway, caller.token(cnf=confirmation), context(root, mine))
            assert answer.code == "invalid_token", confirmation
        for nothing in ({}, "x", None):
            assert get(gateway, caller.token(cnf=nothing), context(root)).status == 200


def test_a_bound_token_on_a_connection_where_nobody_was_asked(serve, root, clients, people):
    gateway = serve()
    mine = clients.issue("/CN=mine", usage="clientAuth")
    bound = people.rsa.token(cnf={"x5t#S256": thumbprint(mine[1])})
    head = f"GET {CALL} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {bound}\r\n\r\n".encode()
    with SecureWire(gateway, context(root, mine)) as open_before:
        refused = open_before.send(head).read()
        assert refused.code == "invalid_token" and not refused.closes, "another connection would not be asked either"
        gateway.change("profiles", gateway.find("profiles", name="acme-hmac"), **demand(clients))
        refused = open_before.send(head).read()
        assert refused.code == "invalid_token" and refused.closes
    with SecureWire(gateway, context(root, mine)) as asked:
        assert asked.send(head).read().status == 200
        bad = f"GET {CALL} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer x\r\n\r\n".encode()
        refused = asked.send(bad).read()
        assert refused.status == 401 and not refused.closes


def test_a_bound_token_over_plain_http(own, people, clients):
    mine = clients.issue("/CN=mine", usage="clientAuth")
    assert own.get(CALL, people.hmac.token(cnf={"x5t#S256": thumbprint(mine[1])})).code == "invalid_token"


def v1(source: str, family: str = "TCP4") -> bytes:
    return f"PROXY {family} {source} {'::1' if family == 'TCP6' else '127.0.0.1'} 5000 443\r\n".encode()


def v2(source: str, command: int = 0x21, extra: bytes = b"") -> bytes:
    isV6 = ":" in source
    family = socket.AF_INET6 if isV6 else socket.AF_INET
    body = socket.inet_pton(family, source) + socket.inet_pton(family, "::1" if isV6 else "127.0.0.1") + bytes(4) + extra
    return b"\r\n\r\n\0\r\nQUIT\n" + bytes([command, 0x21 if isV6 else 0x11]) + struct.pack(">H", len(body)) + body


PROXIED = {"trusted_proxies": ["127.0.0.0/8"], "client_address_header": "proxy-protocol"}


def begun(gateway, preamble: bytes, token: str, *headers: str):
    """A call whose connection begins with these bytes; `None` when the gateway closed it without an answer."""
    lines = "".join(f"{header}\r\n" for header in headers)
    head = f"GET {CALL} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n{lines}\r\n"
    with gateway.connect() as wire:
        try:
            return wire.send(preamble + head.encode()).read()
        except (Closed, ConnectionError):
            return None


def test_the_proxy_protocol_says_whom_a_connection_comes_from(start, people, upstream):
    gateway = start()
    gateway.apply(catalog(people, upstream.url) | {"settings": PROXIED})
    token = people.hmac.token()
    for preamble, address in [
        (v1("198.51.100.7"), "198.51.100.7"),
        (v1("2001:db8::7", "TCP6"), "2001:db8::7"),
        (v2("198.51.100.8"), "198.51.100.8"),
        (v2("2001:db8::8"), "2001:db8::8"),
        (v2("198.51.100.9", extra=b"\x04\x00\x03abc"), "198.51.100.9"),
        (v2("198.51.100.9", command=0x20), "127.0.0.1"),
    ]:
        answer = begun(gateway, preamble, token, "X-Forwarded-For: 203.0.113.1", "Forwarded: for=203.0.113.1")
        assert answer.status == 200, preamble
        assert dict(answer.json["fields"])["X-Forwarded-For"] == address
        assert gateway.decision(answer)["client_address"] == address
    # A proxy that does not say whom a connection comes from: it is neither its own nor a trusted proxy's.
    for preamble in (b"PROXY UNKNOWN\r\n", b"\r\n\r\n\0\r\nQUIT\n\x21\0\0\0"):
        answer = begun(gateway, preamble, token)
        assert (answer.status, answer.code) == (400, "bad_request"), preamble
        with gateway.connect() as wire:
            wire.send(preamble + f"GET /-/authorize{CALL} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            assert wire.read().status in (400, 404)
    for preamble in (b"", b"PROXY TCP4 1.2.3.4\r\n", v1("1.2.3.4", "TCP6"), v2("1.2.3.4", command=0x22), b"PROXY " + b"x" * 200):
        assert begun(gateway, preamble, token) is None, preamble
    # In pieces, and for all requests of the connection.
    whole = v2("198.51.100.7")
    with gateway.connect() as wire:
        for byte in whole:
            wire.send(bytes([byte]))
        for _ in range(3):
            head = f"GET {CALL} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n"
            answer = wire.send(head.encode()).read()
            assert dict(answer.json["fields"])["X-Forwarded-For"] == "198.51.100.7"
    profile = gateway.find("profiles", name="acme-hmac")
    gateway.change("profiles", profile, ip_allow=["198.51.100.7"])
    assert begun(gateway, v1("198.51.100.7"), token).status == 200
    assert begun(gateway, v1("198.51.100.6"), token, "X-Forwarded-For: 198.51.100.7").code == "address_not_allowed"


def test_the_proxy_protocol_before_tls(serve, root, people):
    gateway = serve(settings=PROXIED)
    for preamble in (v1("198.51.100.7"), v2("198.51.100.7", extra=bytes(100))):
        answer = get(gateway, people.hmac.token(), context(root), preamble=preamble)
        assert dict(answer.json["fields"])["X-Forwarded-For"] == "198.51.100.7"


def test_nobody_else_speaks_the_proxy_protocol(start, people, upstream):
    token = people.hmac.token()
    gateway = start()
    gateway.apply(catalog(people, upstream.url) | {"settings": PROXIED | {"trusted_proxies": ["10.0.0.0/8"]}})
    for preamble in (v1("198.51.100.7"), v2("198.51.100.7")):
        answer = begun(gateway, preamble, token)
        assert answer is None or answer.status == 400, preamble
    answer = begun(gateway, b"", token)
    assert dict(answer.json["fields"])["X-Forwarded-For"] == "127.0.0.1"
    # Nor a trusted proxy that is to write a header.
    gateway.admin("PATCH", "/settings", {"trusted_proxies": ["127.0.0.0/8"], "client_address_header": "x-forwarded-for"})
    assert begun(gateway, v1("198.51.100.7"), token).status == 400
