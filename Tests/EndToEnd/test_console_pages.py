"""Every page of the console that can be reached: looked at in a real browser, in both colour schemes and on a phone."""

import re
import time
import urllib.parse

import pytest
from support.browser import PHONE, WIDE
from support.house import catalog
from support.waiting import until

PASSWORD = "a long enough password of the tests"
# Pages that say the same for every entity are looked at once.
ENTITY = re.compile(r"[0-9a-f]{32}")


def sign_in(gateway, visitor, name="owner"):
    visitor.open("/console/sign-in")
    visitor.fill(name=name, password=PASSWORD)
    visitor.press("Sign in")
    assert "/sign-in" not in visitor.page.url, visitor.text()


def set_up_owner(gateway, visitor, name="owner"):
    link = until("the link", lambda: next((line for line in gateway.output if "/console/setup?token=" in line), None)).split()[-1]
    visitor.open(link)
    visitor.fill(name=name, password=PASSWORD)
    visitor.fill(again=PASSWORD)
    visitor.page.locator("form button").first.click()
    visitor.page.wait_for_load_state("networkidle")


@pytest.fixture(scope="module")
def furnished(tmp_path_factory, people, upstream, browser):
    """A gateway with the standard catalog, some traffic, and an owner who has signed in."""
    from support.gateway import Gateway

    gateway = Gateway(tmp_path_factory.mktemp("console") / "data").start()
    gateway.apply(catalog(people, upstream.url))
    for caller in people:
        for _ in range(3):
            gateway.get("/api-endpoints-v1/call", caller.token())
        gateway.get("/api-endpoints-v1/call", caller.token(exp=int(time.time()) - 3600))
        gateway.get("/ungranted/x", caller.token())
    gateway.get("/api-endpoints-v1/call", people.hmac.token() + "x")
    gateway.get("/nowhere")
    time.sleep(2.5)
    base = f"http://127.0.0.1:{gateway.admin_port}"
    visitor = browser.visitor(base)
    set_up_owner(gateway, visitor)
    if "/sign-in" in visitor.page.url or not visitor.context.cookies():
        sign_in(gateway, visitor)
    state = visitor.context.storage_state()
    yield gateway, base, state, visitor
    visitor.close()
    gateway.stop()


def crawl(visitor, start="/console") -> list[str]:
    """Every page of the console that links lead to, one of each form."""
    seen, shapes, queue = [], set(), [start]
    while queue:
        path = queue.pop(0)
        shape = ENTITY.sub("*", path.split("?")[0])
        if shape in shapes or ".csv" in path or "/assets/" in path:
            continue
        shapes.add(shape)
        status = visitor.open(path)
        # What is still used says so, where it would be deleted.
        assert status == 200 or (status == 409 and path.endswith("/delete")), f"{path}: {status}"
        seen.append(path)
        for link in visitor.page.eval_on_selector_all("a[href]", "links => links.map(link => link.getAttribute('href'))"):
            whole = urllib.parse.urljoin(path, link)
            if whole.startswith("/console"):
                queue.append(whole.split("#")[0])
    return seen


@pytest.fixture(scope="module")
def paths(furnished):
    _, _, _, visitor = furnished
    found = crawl(visitor)
    # Every part of the console is among them, and the pages of single things.
    for part in ["clients", "profiles/", "collections", "upstreams", "workbench", "decisions/", "audit", "settings", "operators", "account"]:
        assert any(f"/console/{part}" in path for path in found), f"{part}: {found}"
    return found


@pytest.mark.parametrize("scheme, size", [("light", "wide"), ("dark", "wide"), ("light", "phone")])
def test_every_page_is_accessible_and_fits_its_window(furnished, browser, paths, scheme, size):
    _, base, state, _ = furnished
    visitor = browser.visitor(base, scheme=scheme, viewport=PHONE if size == "phone" else WIDE, storage_state=state)
    faults = []
    for path in paths:
        visitor.open(path)
        name = ENTITY.sub("id", path.split("?")[0]).strip("/").replace("/", "-")
        visitor.shoot(f"{name}-{scheme}-{size}")
        faults += visitor.accessibility_faults()
        if visitor.overflow() > 0:
            faults.append(f"{path}: {visitor.overflow()} pixels wider than a {size} window")
    # Nothing is fetched from anywhere else, and no page breaks its own policy.
    faults += [request for request in visitor.requests if not request.startswith(base) and not request.startswith("data:")]
    faults += visitor.faults
    visitor.close()
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("page", ["sign-in", "setup?token=" + "0" * 64, "invitation?token=" + "0" * 64])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_before_signing_in_are_accessible(furnished, browser, page, scheme):
    _, base, _, _ = furnished
    visitor = browser.visitor(base, scheme=scheme)
    visitor.open(f"/console/{page}")
    visitor.shoot(f"console-{page.split('?')[0]}-{scheme}-wide")
    faults = visitor.accessibility_faults() + visitor.faults
    visitor.close()
    assert not faults, "\n".join(faults)


def test_pages_work_with_the_keyboard_alone(furnished, browser):
    _, base, state, _ = furnished
    visitor = browser.visitor(base, storage_state=state)
    visitor.open("/console/clients")
    visitor.page.keyboard.press("Tab")
    assert visitor.page.evaluate("document.activeElement.textContent") == "Skip to content"
    visitor.page.keyboard.press("Enter")
    assert visitor.page.evaluate("location.hash") == "#content"
    # What has the focus can be seen.
    visitor.page.keyboard.press("Tab")
    outline = visitor.page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    visitor.close()
    assert outline != "none"
