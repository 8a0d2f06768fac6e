"""Operators, sessions and named admin tokens, through the real binary."""

import re

import requests
from support.console import base, choose, invite, is_signed_in, link, sign_in
from support.gateway import portcullis
from support.waiting import until


def test_the_set_up_link_works_once_and_no_start_prints_another(start):
    gateway = start()
    url = link(gateway)
    assert choose(url, name="owner", password="short", again="short").status_code == 422
    done = choose(url, name="owner")
    assert done.status_code == 303, done.text
    assert is_signed_in(gateway, done.cookies)
    assert choose(url, name="second").status_code == 404
    assert url.split("=")[1] not in "".join(gateway.errors)
    gateway.stop()
    gateway.start()
    assert not [line for line in gateway.output if line.startswith("console: ")]
    # Sessions are in the store.
    assert is_signed_in(gateway, done.cookies)


def test_sessions_rotate_are_revoked_and_guesses_slow_down(start):
    gateway = start()
    first = choose(link(gateway), name="owner").cookies
    second = sign_in(gateway, "owner", cookies=first)
    assert second.status_code == 303 and "HttpOnly" in second.headers["Set-Cookie"]
    assert not is_signed_in(gateway, first) and is_signed_in(gateway, second.cookies)
    planted = {"portcullis_session": "b" * 64}
    assert sign_in(gateway, "owner", cookies=planted).cookies["portcullis_session"] != "b" * 64
    assert not is_signed_in(gateway, planted)
    session = next(item for item in gateway.all("sessions") if item["operator"] == "owner")
    for item in gateway.all("sessions"):
        assert gateway.admin("DELETE", f"/sessions/{item['id']}").status == 204
    assert gateway.admin("DELETE", f"/sessions/{session['id']}").status == 404
    assert not is_signed_in(gateway, second.cookies)
    assert [sign_in(gateway, "owner", "another password").status_code for _ in range(3)] == [422, 422, 422]
    # The first waits may be over before a slow machine comes back; each failure doubles the next.
    for _ in range(2):
        until("another failure", lambda: sign_in(gateway, "owner", "another password").status_code == 422)
    assert sign_in(gateway, "owner").status_code == 429
    until("the end of the wait", lambda: sign_in(gateway, "owner").status_code == 303)


def test_a_forgotten_password_is_reset_beside_the_running_gateway(start):
    gateway = start()
    session = choose(link(gateway), name="owner").cookies
    address = f"http://127.0.0.1:{gateway.admin_port}"
    result = portcullis("operator", "reset-password", "owner", "--data-dir", gateway.data_dir, "--admin-url", address)
    assert result.returncode == 0, result.stderr
    assert is_signed_in(gateway, session)
    done = choose(result.stdout.strip(), password="another password", again="another password")
    assert done.status_code == 303, done.text
    assert not is_signed_in(gateway, session) and is_signed_in(gateway, done.cookies)
    unknown = portcullis("operator", "reset-password", "nobody", "--data-dir", gateway.data_dir)
    assert unknown.returncode == 2 and "expected one of owner" in unknown.stderr


def test_a_token_does_what_its_role_may_over_every_operation(own):
    document = own.admin("GET", "/openapi.json").json
    ranks = ["viewer", "manager", "owner"]
    tokens = {}
    for role in ranks:
        made = own.admin("POST", "/admin-tokens", {"name": role, "role": role})
        assert made.status == 201, made
        tokens[role] = made.json["token"]
    counts = dict.fromkeys(ranks, 0)
    for path, methods in document["paths"].items():
        target = re.sub(r"\{[a-z_]+\}", "0" * 32, path)
        for method, operation in methods.items():
            if operation.get("security") == []:
                continue
            headers = {role: [("Authorization", f"Bearer {token}")] for role, token in tokens.items()}
            refused = [
                own.admin_raw(method.upper(), target, headers[role], b"{}" if method != "get" else b"").status == 403
                for role in ranks[:2]
            ]
            # What a manager may not do, a viewer may not either.
            assert refused != [False, True], f"{method} {path}"
            counts["owner" if refused[1] else "manager" if refused[0] else "viewer"] += 1
            if operation["operationId"].startswith(("create", "update", "replace", "delete", "apply", "rotate")):
                assert refused[0], f"a viewer may {method} {path}"
            if re.search(r"^/api/v1/(operators|admin-tokens)", path):
                assert refused == [True, True], f"{method} {path}"
    assert all(counts.values()), counts
    token = next(item for item in own.all("admin-tokens") if item["name"] == "viewer")
    assert token["last_used_at"]
    assert own.admin("DELETE", f"/admin-tokens/{token['id']}").status == 204
    assert own.admin("GET", "/clients", token=tokens["viewer"]).status == 401


def test_a_gateway_that_runs_from_a_file_is_signed_in_to_with_its_admin_token(start, tmp_path):
    file = tmp_path / "catalog.yaml"
    file.write_text("upstreams: [{ name: x, targets: [{ url: 'http://127.0.0.1:1' }] }]\n")
    gateway = start(catalog=file)
    assert sign_in(gateway, "", "x").status_code == 422
    session = sign_in(gateway, "", gateway.admin_token)
    assert session.status_code == 303 and is_signed_in(gateway, session.cookies)
    assert gateway.admin("POST", "/operators", {"name": "x"}).status == 403


def test_many_sessions_are_shown_page_by_page(start):
    gateway = start()
    cookies = dict(choose(link(gateway), name="owner").cookies)
    invite(gateway, "second", "viewer")
    # An operator has at most 50; the owner sees those of all.
    for name in ["owner"] * 26 + ["second"] * 25:
        assert sign_in(gateway, name).status_code == 303
    path, shown = "/console/account", []
    while path:
        page = requests.get(base(gateway) + path, cookies=cookies, timeout=30).text
        shown.append(len(re.findall('action="/console/account/sessions/[0-9a-f]+/end"', page)) + page.count("this one"))
        after = re.search('href="(/console/account[?]cursor=[0-9a-f]+)"', page)
        path = after and after[1]
    assert shown == [50, 3]
    assert 'href="/console/account">First page' in page
