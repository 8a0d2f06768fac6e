"""Attacks on the console, each tried for real: some from a page in the same browser, some by hand on the wire."""

import re
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests
from support import console
from support.console import COOKIE, PASSWORD, base, choose, form_token, holdings, invite, is_signed_in, link, sign_in
from support.gateway import Gateway
from support.house import catalog
from support.waiting import until

# What an operator does about the own session and password, whatever the role.
OWN = re.compile("/console/(sign-out|account/.*|workbench(/decode)?|sign-in)$")


class Attacker:
    """Another web server on this machine, with pages of its own."""

    def __init__(self):
        self.pages: dict[str, str] = {}
        pages = self.pages

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                page = pages.get(self.path, "").encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(page)))
                self.end_headers()
                self.wfile.write(page)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def url(self, host: str, path: str) -> str:
        return f"http://{host}:{self.server.server_port}{path}"

    def submits(self, path: str, action: str, fields: dict[str, str], kind: str = "application/x-www-form-urlencoded"):
        """A page that sends a form as soon as it is looked at."""
        inputs = "".join(f'<input name="{name}" value="{value}">' for name, value in fields.items())
        self.pages[path] = (
            f'<form method="post" action="{action}" enctype="{kind}">{inputs}</form>'
            "<script>document.forms[0].submit()</script>"
        )


@pytest.fixture(scope="module")
def attacker():
    attacker = Attacker()
    yield attacker
    attacker.server.shutdown()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory, people, upstream):
    gateway = Gateway(tmp_path_factory.mktemp("attacked") / "data").start()
    assert choose(link(gateway), name="owner").status_code == 303
    gateway.apply(catalog(people, upstream.url))
    assert gateway.admin("POST", "/upstreams", {"name": "spare", "targets": [{"url": upstream.url}]}).status == 201
    profile = gateway.find("profiles", name="acme-hmac")
    made = gateway.admin("POST", f"/profiles/{profile['id']}/revocations", {"jti": "leaked", "reason": "found it"})
    assert made.status == 201, made
    made = gateway.admin("POST", "/admin-tokens", {"name": "pipeline", "role": "viewer"})
    assert made.status == 201, made
    yield gateway
    gateway.stop()


@pytest.fixture(scope="module")
def owner(gateway) -> dict[str, str]:
    """The cookies of a session of the owner."""
    return dict(sign_in(gateway, "owner").cookies)


@pytest.fixture(scope="module")
def viewer(gateway) -> dict[str, str]:
    return invite(gateway, "viewer", "viewer")


@pytest.fixture(scope="module")
def site(gateway, owner):
    return console.walk(gateway, owner)


@pytest.fixture
def visitor(gateway, browser):
    """Opens a browser window, signed in with these cookies."""
    opened = []

    def enter(cookies=None):
        visitor = browser.visitor(base(gateway))
        for name, value in (cookies or {}).items():
            # As the console sets it.
            cookie = {"name": name, "value": value, "domain": "127.0.0.1", "path": "/console"}
            visitor.context.add_cookies([cookie | {"httpOnly": True, "sameSite": "Strict"}])
        opened.append(visitor)
        return visitor

    yield enter
    for visitor in opened:
        visitor.close()


@pytest.fixture
def unchanged(gateway):
    """Nothing that the test tries has any effect."""
    before = holdings(gateway)
    yield
    assert holdings(gateway) == before


def post(gateway, path: str, fields, cookies=None, **headers) -> requests.Response:
    """Sends a form; header names are written with `_` for `-`."""
    named = {"Content-Type": "application/x-www-form-urlencoded"}
    named |= {name.replace("_", "-"): value for name, value in headers.items()}
    body = fields if isinstance(fields, str) else urllib.parse.urlencode(fields)
    return requests.post(base(gateway) + path, body, cookies=cookies, headers=named, allow_redirects=False, timeout=30)


def token_of(gateway, cookies) -> str:
    return form_token(requests.get(f"{base(gateway)}/console/account", cookies=cookies, timeout=30).text)


def test_the_walk_meets_every_form_and_changes_nothing_itself(gateway, owner, site):
    by_hand = {"/console/keys/check", "/console/workbench/decode", "/console/workbench/mend"}
    # The last one is shown while somebody is invited.
    by_hand |= {"/console/setup", "/console/invitation", "/console/operators/id/invitation/withdraw"}
    # What is active has no form to activate it.
    activations = [re.sub("deactivate$", "activate", action) for action in site.actions if action.endswith("/deactivate")]
    known = site.actions | by_hand | set(activations)
    missing = [route.pattern for route in console.post_routes() if not any(route.match(action) for action in known)]
    assert missing == []
    before = holdings(gateway)
    again = console.walk(gateway, owner)
    assert holdings(gateway) == before
    assert {page.status_code for path, page in again.pages.items() if path != "/console"} <= {200, 409}


# MARK: Forms of other sites


def test_a_form_without_the_token_of_its_session_is_refused_by_every_route(gateway, owner, viewer, site, unchanged):
    foreign = token_of(gateway, viewer)
    own = token_of(gateway, owner)
    tried = 0
    for form in site.forms:
        for token in (None, "", foreign, own[:-1], own.upper() + " "):
            answer = post(gateway, form.action, form.sent(token), owner)
            assert answer.status_code == 403, f"{form.action} with the token {token!r}: {answer.status_code}"
            tried += 1
    assert tried > 200
    assert is_signed_in(gateway, owner)


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1"},
        {"Origin": "http://127.0.0.1:{port}.evil.example"},
        {"Origin": "http://127.0.0.1:{port}@evil.example"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Content_Type": "text/plain"},
        {"Content_Type": "application/json"},
        {"Content_Type": "multipart/form-data; boundary=x"},
    ],
)
def test_a_form_from_elsewhere_is_refused_even_with_the_right_token(gateway, owner, unchanged, headers):
    headers = {name: value.format(port=gateway.admin_port) for name, value in headers.items()}
    body = urllib.parse.urlencode({"name": "Mallory", "_csrf": token_of(gateway, owner)})
    headers.setdefault("Content_Type", "application/x-www-form-urlencoded")
    answer = post(gateway, "/console/clients/new", body, owner, **headers)
    assert answer.status_code == (403 if headers["Content_Type"].endswith("urlencoded") else 415), answer.text


# Another port is the same site to a browser, and gets the cookie; another name is not, and does not.
@pytest.mark.parametrize(("host", "has_cookie"), [("127.0.0.1", True), ("evil.localhost", False)])
@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data"])
def test_a_page_that_submits_a_form_by_itself_changes_nothing(
    gateway, attacker, visitor, owner, unchanged, host, has_cookie, kind
):
    window = visitor(owner)
    assert window.open("/console/clients") == 200
    target = f"{base(gateway)}/console/clients/new"
    attacker.submits("/submit", target, {"name": "Mallory", "_csrf": ""}, kind)
    with window.page.expect_response(lambda answer: answer.request.method == "POST") as waiting:
        window.page.goto(attacker.url(host, "/submit"))
    answer = waiting.value
    assert ("cookie" in answer.request.all_headers()) == has_cookie
    # Who comes without a session is sent to sign in.
    assert answer.status == (403 if has_cookie else 303)
    window.page.wait_for_load_state()
    assert window.open("/console/clients") == 200


def test_nobody_is_signed_in_as_somebody_else_by_another_sites_form(gateway, attacker, visitor, unchanged):
    window = visitor()
    attacker.submits("/sign-in", f"{base(gateway)}/console/sign-in", {"name": "viewer", "password": PASSWORD})
    with window.page.expect_response(lambda answer: answer.request.method == "POST") as waiting:
        window.page.goto(attacker.url("evil.localhost", "/sign-in"))
    assert waiting.value.status == 403
    window.page.wait_for_load_state()
    assert window.context.cookies() == []


def test_a_page_of_another_origin_shows_and_reads_nothing(gateway, attacker, visitor, owner):
    window = visitor(owner)
    paths = ["/console", "/console/sign-in", "/console/clients", "/console/setup?token=x"]
    frames = "".join(f'<iframe src="{base(gateway)}{path}"></iframe>' for path in paths)
    attacker.pages["/frames"] = frames + f'<object data="{base(gateway)}/console"></object>'
    for host in ("127.0.0.1", "evil.localhost"):
        window.page.goto(attacker.url(host, "/frames"))
        window.page.wait_for_load_state("networkidle")
        framed = window.page.frames[1:]
        assert len(framed) >= len(paths)
        for frame in framed:
            assert "Portcullis" not in frame.content() and frame.locator("form").count() == 0, frame.url
        read = f"fetch('{base(gateway)}/console/clients', {{credentials: 'include'}}).then(a => a.text(), e => 'refused')"
        assert window.page.evaluate(read) == "refused"


# MARK: Sessions


def test_the_cookie_cannot_be_read_by_scripts_and_is_for_this_site_alone(gateway, visitor, start):
    window = visitor()
    window.open("/console/sign-in")
    window.fill(name="owner", password=PASSWORD)
    window.press("Sign in")
    (cookie,) = window.context.cookies()
    wanted = {"name": COOKIE, "path": "/console", "httpOnly": True, "sameSite": "Strict", "expires": -1}
    assert {name: cookie[name] for name in wanted} == wanted
    assert re.fullmatch("[0-9a-f]{64}", cookie["value"])
    assert window.page.evaluate("document.cookie") == ""
    behind = start("--admin-url", "https://gateway.example")
    url = link(behind)
    assert url.startswith("https://gateway.example/console/setup?token=")
    local = url.replace("https://gateway.example", base(behind))
    done = choose(local, {"Host": "gateway.example", "Origin": "https://gateway.example"}, name="owner")
    assert done.status_code == 303, done.text
    assert {"Secure", "HttpOnly", "SameSite=Strict"} <= set(done.headers["Set-Cookie"].split("; "))


@pytest.mark.parametrize("path", ["/console", "/"])
def test_a_session_that_was_planted_before_signing_in_is_none_after(gateway, visitor, viewer, path):
    planted = dict(sign_in(gateway, "viewer").cookies) if path == "/console" else {COOKIE: "b" * 64}
    window = visitor()
    cookie = {"name": COOKIE, "value": planted[COOKIE], "domain": "127.0.0.1", "path": path}
    window.context.add_cookies([cookie])
    window.open("/console/sign-in")
    window.fill(name="owner", password=PASSWORD)
    window.press("Sign in")
    assert not is_signed_in(gateway, planted)
    values = {cookie["value"] for cookie in window.context.cookies()} - {planted[COOKIE]}
    assert len(values) == 1 and is_signed_in(gateway, {COOKIE: values.pop()})
    # One more cookie of the name that somebody set for the whole host is no way in, and no way to be taken in.
    assert (window.open("/console/clients") == 200 and "Sign out" in window.text()) == (path == "/console")


@pytest.mark.parametrize("value", ["", "b" * 63, "B" * 64, "0" * 64, "b" * 10_000, "'; --", "%00", '"' + "b" * 64 + '"'])
def test_a_made_up_session_is_none(gateway, value):
    answer = gateway.admin_raw("GET", "/console/clients", [("Cookie", f"{COOKIE}={value}")])
    assert (answer.status, answer.header("location")) == (303, "/console/sign-in?next=%2Fconsole%2Fclients")


def test_a_session_cookie_opens_no_api_and_an_admin_token_no_page(gateway, owner):
    cookie = ("Cookie", f"{COOKIE}={owner[COOKIE]}")
    assert gateway.admin_raw("GET", "/api/v1/clients", [cookie]).status == 401
    assert gateway.admin_raw("POST", "/api/v1/clients", [cookie], b'{"name": "Mallory"}').status == 401
    as_bearer = ("Authorization", f"Bearer {owner[COOKIE]}")
    assert gateway.admin_raw("GET", "/api/v1/clients", [as_bearer]).status == 401
    token = ("Authorization", f"Bearer {gateway.admin_token}")
    assert gateway.admin_raw("GET", "/console/clients", [token]).status == 303
    assert gateway.admin_raw("GET", "/console/clients", [("Cookie", f"{COOKIE}={gateway.admin_token}")]).status == 303


def test_after_signing_out_the_button_back_shows_nothing(gateway, visitor):
    window = visitor()
    window.open("/console/sign-in")
    window.fill(name="viewer", password=PASSWORD)
    window.press("Sign in")
    window.open("/console/clients")
    assert "Acme" in window.text()
    cookies = {COOKIE: window.context.cookies()[0]["value"]}
    window.press("Sign out")
    assert window.context.cookies() == [] and not is_signed_in(gateway, cookies)
    for _ in range(2):
        window.page.go_back()
        window.page.wait_for_load_state("networkidle")
        assert "Acme" not in window.page.content()


# MARK: Addresses and headers


@pytest.mark.parametrize(
    "wanted",
    [
        "http://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "\\\\evil.example",
        "https:evil.example",
        "javascript:alert(1)",
        "data:text/html,x",
        "/console//evil.example",
        "/console/..//evil.example",
        "/console/../..//evil.example",
        "/console/\t/evil.example",
        "/console/\r\nLocation: http://evil.example",
        "/console\\@evil.example",
        "/console@evil.example",
        "/consolevil",
        " //evil.example",
        "\u2215\u2215evil.example",
        "/console/sign-out",
        "/api/v1/clients",
        "",
    ],
)
def test_signing_in_leads_to_no_other_site(gateway, viewer, wanted):
    shown = requests.get(f"{base(gateway)}/console/sign-in", {"next": wanted}, timeout=30)
    assert "evil" not in shown.text.replace("/console/../..", "") or 'value="/console' in shown.text
    answer = sign_in(gateway, "viewer", next=wanted)
    assert answer.status_code == 303
    location = answer.headers["Location"]
    assert location == "/console" or location.startswith("/console/"), location
    landed = urllib.parse.urlsplit(urllib.parse.urljoin(base(gateway) + "/console/sign-in", location))
    assert landed.netloc == f"127.0.0.1:{gateway.admin_port}" and landed.path.startswith("/console"), location


@pytest.mark.parametrize("target", ["//evil.example/console", "/console//evil.example", "/console/%0d%0aX-Evil:%20x", "/console?//evil"])
def test_who_is_sent_to_sign_in_stays_here(gateway, target):
    answer = gateway.admin_raw("GET", target)
    assert answer.status in (303, 400, 404), answer
    assert (answer.header("location") or "/console/sign-in").startswith("/console/sign-in")
    assert answer.header("x-evil") is None


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1.evil.example", "evil.example:{port}", "127.0.0.1:{port}@evil.example", "localhost.evil.example"],
)
def test_another_host_gets_nothing(gateway, owner, unchanged, host):
    host = host.format(port=gateway.admin_port)
    cookie = ("Cookie", f"{COOKIE}={owner[COOKIE]}")
    form = f"name=Mallory&_csrf={token_of(gateway, owner)}".encode()
    kind = ("Content-Type", "application/x-www-form-urlencoded")
    for method, path, body in (
        ("GET", "/console", b""),
        ("GET", "/console/sign-in", b""),
        ("GET", "/console/nothing", b""),
        ("POST", "/console/clients/new", form),
        ("POST", "/console/sign-in", b"name=owner"),
    ):
        headers = [("Host", host), cookie, *([kind] if body else [])]
        answer = gateway.admin_raw(method, path, headers, body)
        assert answer.status in (400, 421), f"{method} {path}: {answer}"
        assert answer.header("location") is None and b"evil" not in answer.body


def test_what_forwarding_headers_say_is_in_no_address(gateway, owner):
    evil = [("X-Forwarded-Host", "evil.example"), ("Forwarded", "host=evil.example"), ("X-Original-URL", "/console/x")]
    evil += [("X-HTTP-Method-Override", "DELETE"), ("X-Forwarded-Proto", "javascript")]
    cookie = ("Cookie", f"{COOKIE}={owner[COOKIE]}")
    for headers in (evil, [*evil, cookie]):
        answer = gateway.admin_raw("GET", "/console/clients", headers)
        assert answer.header("location") in (None, "/console/sign-in?next=%2Fconsole%2Fclients")
        assert b"evil" not in answer.body
    made = gateway.admin("POST", "/operators", {"name": "invited", "role": "viewer"}, headers=evil)
    assert made.json["invitation_url"].startswith(f"{base(gateway)}/console/invitation?token=")
    assert gateway.admin("DELETE", f"/operators/{made.json['id']}").status == 204


def test_every_page_forbids_keeping_framing_and_foreign_scripts(gateway, site):
    for path, page in site.pages.items():
        assert page.headers["Cache-Control"] == "no-store", path
        policy = page.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "unsafe" not in policy, path
        assert page.headers["X-Frame-Options"] == "DENY" and page.headers["X-Content-Type-Options"] == "nosniff", path
    for path, status in (("/console/nothing", 303), ("/console/setup?token=x", 404), ("/console/clients", 303)):
        answer = gateway.admin_raw("GET", path)
        assert (answer.status, answer.header("cache-control")) == (status, "no-store")
        assert "frame-ancestors 'none'" in answer.header("content-security-policy")


# MARK: Roles


def test_a_viewer_changes_nothing_by_any_form(gateway, viewer, site, unchanged):
    token = token_of(gateway, viewer)
    refused = 0
    for form in site.forms:
        if OWN.match(form.action):
            continue
        answer = post(gateway, form.action, form.sent(token), viewer)
        assert answer.status_code == 403, f"{form.action}: {answer.status_code} {answer.text[-500:]}"
        refused += 1
    assert refused > 50
    for route in console.post_routes():
        path = route.pattern.replace("[^/]+", "0" * 32).replace("\\", "").rstrip("$")
        # The parts of a profile have names of their own, which the forms above have tried.
        is_part = re.search("/0{32}/0{32}$", path)
        if not OWN.match(path) and not is_part and path not in ("/console/setup", "/console/invitation"):
            assert post(gateway, path, {"_csrf": token}, viewer).status_code == 403, path


def test_a_viewer_ends_no_session_of_another(gateway, owner, viewer, unchanged):
    token = token_of(gateway, viewer)
    session = next(item for item in gateway.all("sessions") if item["operator"] == "owner")
    answer = post(gateway, f"/console/account/sessions/{session['id']}/end", {"_csrf": token}, viewer)
    assert answer.status_code in (403, 404), answer.text
    assert is_signed_in(gateway, owner)


def test_a_viewer_sees_no_page_that_is_for_others(gateway, viewer, site):
    for path in site.pages:
        answer = requests.get(base(gateway) + path, cookies=viewer, allow_redirects=False, timeout=30)
        is_for_others = re.search("/(new|edit|delete|retire|rotate|refresh|deactivate|access|rules|try|new-[a-z]+)([?]|$)", path)
        is_for_owners = re.match("/console/(operators|admin-tokens)", path)
        expected = 403 if is_for_others or is_for_owners else 200
        assert answer.status_code == expected, path
    seen = console.walk(gateway, viewer)
    assert {form.action for form in seen.forms if not OWN.match(form.action)} == set()


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "QUERY"])
def test_other_methods_change_nothing(gateway, owner, site, unchanged, method):
    for path in sorted(site.actions | {"/console/clients"}):
        headers = [("Cookie", f"{COOKIE}={owner[COOKIE]}")]
        assert gateway.admin_raw(method, path, headers).status in (405, 501, 400), f"{method} {path}"


def test_a_viewer_changes_nothing_by_any_operation_of_the_api(gateway, viewer):
    made = gateway.admin("POST", "/admin-tokens", {"name": "of a viewer", "role": "viewer"})
    bearer = [("Authorization", f"Bearer {made.json['token']}")]
    cookie = [("Cookie", f"{COOKIE}={viewer[COOKIE]}")]
    before = holdings(gateway)
    known = {
        "client": gateway.find("clients", name="Acme")["id"],
        "profile": gateway.find("profiles", name="acme-hmac")["id"],
        "collection": gateway.find("collections", handle="api-endpoints-v1")["id"],
        "operator": gateway.find("operators", name="owner")["id"],
    }
    document = gateway.admin("GET", "/openapi.json").json
    refused = 0
    for path, methods in document["paths"].items():
        kind = path.removeprefix("/api/v1/").split("/")[0].rstrip("s")
        target = path.replace("{id}", known.get(kind, "0" * 32))
        target = re.sub(r"\{\w+\}", "0" * 32, target)
        for method, operation in methods.items():
            if operation.get("security") == []:
                continue
            body = b"{}" if method in ("post", "put", "patch") else b""
            assert gateway.admin_raw(method.upper(), target, cookie, body).status == 401, f"{method} {path}"
            answer = gateway.admin_raw(method.upper(), target, bearer, body)
            # What a viewer may do by POST is to ask, and an empty question is no question.
            assert method == "get" or answer.status in (403, 404, 409, 422), f"{method} {path}: {answer}"
            refused += answer.status == 403
    assert refused > 40
    assert holdings(gateway) == before


def test_a_lower_role_and_deactivation_hold_at_the_next_request(gateway, visitor, owner):
    boss, window = visitor(owner), visitor(invite(gateway, "manager", "manager"))
    assert window.open("/console/clients/new") == 200
    window.fill(name="Made by the manager")
    window.press("Register client")
    assert "Made by the manager" in window.text()
    window.open("/console/clients/new")
    window.fill(name="Made too late")
    boss.open("/console/operators")
    boss.page.get_by_label("Role of manager").select_option("viewer")
    boss.press("Set the role of manager")
    window.press("Register client")
    assert "your role is viewer, this needs manager" in window.text()
    assert window.open("/console/clients") == 200 and "New client" not in window.text()
    boss.press("Deactivate manager")
    boss.press("Deactivate")
    window.open("/console/clients")
    assert "/console/sign-in" in window.page.url and "Acme" not in window.page.content()
    assert sign_in(gateway, "manager").status_code == 422
    boss.press("Activate manager")
    until("signing in again", lambda: sign_in(gateway, "manager").status_code == 303, 60)
    assert "Made too late" not in {client["name"] for client in gateway.all("clients")}
    assert boss.faults == window.faults == []
