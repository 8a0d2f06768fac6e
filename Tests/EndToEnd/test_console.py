"""The first day of a manager in a real browser, from the printed link to the audit log."""

import base64
import re

import pytest
import requests
from support.console import base, walk
from support.first_day import CALL, FirstDay, path_of, row, section
from support.gateway import Gateway
from support.tokens import b64, unb64
from support.waiting import until


@pytest.fixture(autouse=True)
def no_fault_on_any_page(day):
    yield
    assert day.owner.faults == []
    # Nothing is ever asked of anybody else.
    assert {url for url in day.owner.requests if not url.startswith((day.home, "blob:", "data:"))} == set()


def tampered(token: str) -> str:
    """The token with another payload under the same signature."""
    header, payload, signature = token.split(".")
    return ".".join((header, b64(unb64(payload).replace(b"John Doe", b"Jane Doe")), signature))


def failed_check(day) -> str:
    """The check that failed, as the page says it to people and screen readers."""
    return day.page.locator("ol.checks li.failed strong").text_content()


def test_the_printed_link_sets_up_the_owner_who_signs_in_with_the_new_password(day):
    assert path_of(day.owner) == "/console"
    assert "From nothing to the first call" in day.owner.text()
    assert day.browser.visitor(base(day.gateway)).open(f"/console/setup?token={day.given['set-up link']}") == 404


def test_a_pasted_line_of_ssh_keygen_and_a_token_of_pyjwt_make_a_call(day):
    access = day.rsa
    answer = day.call(access.token(), 200)
    sent = {name.lower(): value for name, value in answer.json["fields"]}
    assert (sent["portcullis-client"], sent["portcullis-profile"]) == ("Acme", "rsa")
    day.owner.open(access.page)
    assert "RSA 2048" in day.owner.text()
    curl = day.page.locator("#curl").inner_text()
    assert CALL in curl and access.api_token not in curl


def test_a_generated_secret_signs_at_the_workbench_and_by_pyjwt(day):
    access = day.hmac
    day.call(access.token(), 200)
    day.owner.open(access.page)
    day.owner.press("sign a token at the workbench")
    # The stored secret signs, without being shown.
    day.owner.fill(payload=f'{{"sub": "{access.api_token}", "name": "John Doe"}}', minutes="5")
    day.owner.press("Sign")
    day.owner.page.locator(".banner.good").get_by_text("Signed.").wait_for()
    token = day.page.locator("[name=token]").input_value()
    day.call(token, 200)
    assert access.secret not in day.page.content()
    assert "would be let in" in day.explain(token)
    day.owner.shoot("workbench-admitted")


@pytest.mark.parametrize("kind", ["rsa", "hmac"])
def test_a_tampered_token_is_refused_and_both_places_say_why(day, kind):
    token = tampered(getattr(day, kind).token())
    answer = day.call(token, 401)
    assert answer.code == "invalid_token"
    verdict = day.explain(token)
    assert "401 invalid_token" in verdict and "the signature fits none of the keys" in verdict
    assert failed_check(day) == "Signature: failed"
    request_id = answer.header("x-request-id")
    until("the decision", lambda: day.owner.open(f"/console/decisions/{request_id}") == 200)
    text = day.owner.text()
    for part in ("Refused: invalid_token", request_id, f"GET {CALL}", "127.0.0.1"):
        assert part in text, part
    assert failed_check(day) == "Signature: failed"
    # What the caller must not learn is what the operator is told.
    detail = day.page.locator("ol.checks li.failed > span").last.inner_text()
    assert detail and detail not in answer.body.decode()
    day.owner.shoot(f"decision-refused-{kind}")
    day.owner.open("/console/decisions")
    day.page.locator(f"a[href$='{request_id}']").click()
    assert path_of(day.owner).endswith(request_id)


def test_a_secret_that_is_read_wrongly_is_recognised_and_mended_by_the_button(day):
    access = day.hmac
    token = access.token()
    day.call(token, 200)
    day.owner.open(access.page)
    row(day.owner, "shared").get_by_role("link", name="Edit").click()
    day.owner.fill(secret_is_base64=True)
    day.owner.press("Save")
    day.call(token, 401)
    verdict = day.explain(token)
    assert "401 invalid_token" in verdict and "What probably went wrong" in verdict
    assert "Then the call would be let in." in verdict
    day.owner.shoot("workbench-cause")
    # The button leads to a question first.
    day.owner.press("Switch how the secret is read")
    day.call(token, 401)
    day.owner.press("Switch how the secret is read")
    assert "Mended." in day.owner.text() and "would be let in" in section(day.owner, "verdict").inner_text()
    day.call(token, 200)


def test_a_key_is_rotated_with_an_overlap_and_the_old_one_retired_later(day):
    access = day.signing("rotating")
    old = access.token()
    day.call(old, 200)
    day.owner.open(access.page)
    row(day.owner, "shared").get_by_role("link", name="Rotate").click()
    day.owner.fill(name="successor", overlap_seconds="3600")
    day.owner.press("Generate one and rotate")
    access.secret = day.shown("successor", copied=True)
    new = access.token()
    assert new != old
    for token in (old, new):
        day.call(token, 200)
    day.owner.open(access.page)
    assert "retires in" in row(day.owner, "shared").inner_text()
    row(day.owner, "shared").get_by_role("link", name="Retire").click()
    day.owner.fill(overlap="0")
    day.owner.press("Retire key")
    day.call(old, 401)
    day.call(new, 200)
    assert "retired" in row(day.owner, "shared").inner_text()
    assert "retired" in day.explain(old)


def test_an_api_token_that_is_switched_off_or_deleted_is_refused_at_the_next_request(day):
    access = day.signing("revoked")
    token = access.token()
    day.call(token, 200)
    day.owner.open(access.page)
    row(day.owner, "default").get_by_role("link", name="Deactivate").click()
    assert "Calls with the API token" in day.owner.text() and "It can be activated again." in day.owner.text()
    day.owner.press("Deactivate")
    assert day.call(token, 403).code == "client_inactive"
    row(day.owner, "default").get_by_role("button", name="Activate").click()
    until("the activation", lambda: day.gateway.get(CALL, token).status == 200)
    row(day.owner, "default").get_by_role("link", name="Delete").click()
    day.owner.shoot("api-token-delete")
    day.owner.press("Delete API token")
    day.call(token, 401)


def test_the_audit_log_says_who_changed_what_with_before_and_after_and_no_secret(day):
    access = day.hmac
    day.owner.open(access.page)
    row(day.owner, "shared").get_by_role("link", name="Edit").click()
    day.owner.fill(name="of 2026")
    day.owner.press("Save")
    day.owner.press("Audit log")
    entry = day.page.locator("tbody tr").first
    entry.locator("summary").click()
    text = entry.inner_text()
    for part in ("operator:owner", "127.0.0.1", "update key", "shared", "→", "of 2026"):
        assert part in text, text
    day.owner.shoot("audit")
    content = day.page.content()
    for what, secret in day.given.items():
        assert secret not in content, what
    exported = requests.get(f"{base(day.gateway)}/console/audit.csv", cookies=cookies(day), timeout=30)
    for part in ("operator:owner", "of 2026", "Acme", "api_token"):
        assert part in exported.text, part


def test_the_pages_work_without_scripts(day, tmp_path_factory, browser, upstream):
    folder = tmp_path_factory.mktemp("without-scripts")
    gateway = Gateway(folder / "data").start()
    plain = FirstDay(gateway, browser, upstream.url, folder, scripts=False)
    try:
        plain.call(plain.rsa.token(), 200)
        assert not plain.page.get_by_role("button", name="Copy").is_visible()
        token = plain.hmac.token()
        plain.call(token, 200)
        assert "would be let in" in plain.explain(token)
        assert plain.owner.faults == []
    finally:
        plain.owner.close()
        gateway.stop()


def cookies(day) -> dict[str, str]:
    return {"portcullis_session": day.given["session"]}


def spellings(secret: str) -> dict[str, bytes]:
    """The ways in which a secret could be written somewhere."""
    raw = secret.encode()
    found = {
        "as it is": raw,
        "Base64": base64.b64encode(raw).rstrip(b"="),
        "Base64url": base64.urlsafe_b64encode(raw).rstrip(b"="),
        "hexadecimal": raw.hex().encode(),
        "JSON-escaped": secret.replace("/", "\\/").encode(),
        "HTML-escaped": secret.replace("+", "&#43;").replace("=", "&#61;").encode(),
        "percent-encoded": requests.utils.quote(secret, safe="").encode(),
        "reversed": raw[::-1],
    }
    if re.fullmatch("[0-9a-f]{64}", secret):
        found["raw bytes"] = bytes.fromhex(secret)
        found["Base64 of the raw bytes"] = base64.b64encode(bytes.fromhex(secret)).rstrip(b"=")
    elif re.fullmatch("[0-9A-Za-z+/]{40,}=*", secret):
        found["raw bytes"] = base64.b64decode(secret)
    return found


def readable(day) -> dict[str, bytes]:
    """All that anybody can read of the gateway: pages, answers of the API, exports, logs."""
    found = {path: page.content for path, page in walk(day.gateway, cookies(day)).pages.items()}
    assert len(found) > 60, sorted(found)
    for profile in day.gateway.all("profiles"):
        for part in ("", "/keys", "/api-tokens", "/revocations"):
            found[f"profile{part} {profile['id']}"] = day.gateway.admin("GET", f"/profiles/{profile['id']}{part}").body
    document = day.gateway.admin("GET", "/openapi.json").json
    for path, methods in document["paths"].items():
        if "get" in methods and "{" not in path:
            found[path] = day.gateway.admin_raw(
                "GET", path, [("Authorization", f"Bearer {day.gateway.admin_token}")]
            ).body
    for item in day.gateway.all("decisions", outcome="all"):
        found[item["request_id"]] = day.gateway.admin("GET", f"/decisions/{item['request_id']}").body
    exported = day.gateway.cli("export")
    assert exported.returncode == 0, exported.stderr
    found["export"] = (exported.stdout + exported.stderr).encode()
    # The line with the link is what `serve` is asked to print; that it is spent is tested elsewhere.
    found["log"] = "".join(line for line in day.gateway.log.splitlines() if not line.startswith("console: ")).encode()
    return found


def stored(day) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in day.gateway.data_dir.rglob("*") if path.is_file()}


def test_nothing_that_was_shown_once_is_anywhere_again(day):
    for token in (day.rsa.token(), tampered(day.hmac.token())):
        day.gateway.get(CALL, token)
    places = readable(day) | {f"{name}, running": content for name, content in stored(day).items()}
    day.gateway.stop()
    places |= {f"{name}, stopped": content for name, content in stored(day).items()}
    assert {"portcullis.db, stopped", "telemetry.db, stopped"} <= set(places)
    assert len(day.given) >= 8, sorted(day.given)
    for where, content in places.items():
        for what, secret in (day.given | {"admin token": day.gateway.admin_token}).items():
            for spelling, data in spellings(secret).items():
                assert data not in content, f"{where} has {what} {spelling}"
