"""The console by HTTP: signing in, walking through all pages, and collecting every form there is."""

import re
import sqlite3
from dataclasses import dataclass, field
from html.parser import HTMLParser

import requests

from .gateway import ROOT, Gateway
from .waiting import until

PASSWORD = "a long password"
COOKIE = "portcullis_session"


def base(gateway: Gateway) -> str:
    return f"http://127.0.0.1:{gateway.admin_port}"


def link(gateway: Gateway) -> str:
    """The link that `serve` prints while there is no owner."""

    def found():
        return next((line for line in list(gateway.output) if line.startswith("console: ")), None)

    return until("the set-up link", found).split()[1]


def choose(url: str, headers=None, **fields) -> requests.Response:
    """Chooses a password by a link, in a browser of its own."""
    page, token = url.split("?token=")
    form = {"token": token, "password": PASSWORD, "again": PASSWORD} | fields
    return requests.post(page, form, headers=headers, allow_redirects=False, timeout=30)


def sign_in(gateway: Gateway, name: str, password: str = PASSWORD, cookies=None, **fields) -> requests.Response:
    url = f"{base(gateway)}/console/sign-in"
    # As a browser does: the form of somebody who is signed in carries the session's token.
    page = requests.get(url, cookies=cookies, timeout=30).text
    form = {"name": name, "password": password, "_csrf": form_token(page)} | fields
    return requests.post(url, form, cookies=cookies, allow_redirects=False, timeout=30)


def form_token(page: str) -> str:
    """The session's token in the forms of a page; empty for who has no session."""
    return re.search(r'name="_csrf" value="([0-9a-f]*)"', page)[1]


def invite(gateway: Gateway, name: str, role: str) -> dict[str, str]:
    """Makes an operator who has chosen a password; the cookies of the first session."""
    made = gateway.admin("POST", "/operators", {"name": name, "role": role})
    assert made.status == 201, made
    done = choose(made.json["invitation_url"])
    assert done.status_code == 303, done.text
    return dict(done.cookies)


def is_signed_in(gateway: Gateway, cookies) -> bool:
    url = f"{base(gateway)}/console/account"
    return requests.get(url, cookies=cookies, allow_redirects=False, timeout=30).status_code == 200


@dataclass
class Form:
    """A form of a page as a browser would send it: one for each of its buttons."""

    page: str
    action: str
    fields: list[tuple[str, str]] = field(default_factory=list)

    def sent(self, token: str | None) -> list[tuple[str, str]]:
        """Its fields with another session's token in it, or with none; what is empty is filled in."""
        filled = [(name, value or "filled in") for name, value in self.fields if name != "_csrf"]
        return filled if token is None else [*filled, ("_csrf", token)]


class _Reader(HTMLParser):
    """The links and forms of a page."""

    def __init__(self, page: str, text: str):
        super().__init__()
        self.page, self.links, self.forms = page, [], []
        self.form: Form | None = None
        self.buttons: list[tuple[str, str]] = []
        self.select = self.area = None
        self.options: list[tuple[str, bool]] = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        if tag == "a":
            self.links.append(values.get("href") or "")
        elif tag == "form":
            self.form = Form(self.page, values.get("action") or self.page) if values.get("method") == "post" else None
            self.buttons = []
            if "data-public-action" in values:
                self.forms.append(Form(self.page, values["data-public-action"], [("public_key", "x"), ("name", "x")]))
        elif self.form is not None and values.get("name") and "disabled" not in values:
            name, value = values["name"], values.get("value") or ""
            if tag == "button":
                self.buttons.append((name, value))
            elif tag == "select":
                self.select, self.options = name, []
            elif tag == "textarea":
                self.area, self.text = name, ""
            elif tag == "input" and (values.get("type") != "checkbox" or "checked" in values):
                self.form.fields.append((name, value))
        elif tag == "option" and self.select:
            self.options.append((values.get("value") or "", "selected" in values))

    def handle_data(self, data):
        if self.area:
            self.text += data

    def handle_endtag(self, tag):
        if tag == "textarea" and self.area:
            self.form.fields.append((self.area, self.text))
            self.area = None
        elif tag == "select" and self.select:
            chosen = [value for value, is_chosen in self.options if is_chosen] + [value for value, _ in self.options[:1]]
            self.form.fields += [(self.select, value) for value in chosen[:1]]
            self.select = None
        elif tag == "form" and self.form is not None:
            self.forms.append(self.form)
            self.forms += [Form(self.page, self.form.action, [*self.form.fields, button]) for button in self.buttons]
            self.form = None


@dataclass
class Site:
    """All pages that links lead to, and all forms on them."""

    pages: dict[str, requests.Response]
    forms: list[Form]

    @property
    def actions(self) -> set[str]:
        return {form.action for form in self.forms}


def walk(gateway: Gateway, cookies) -> Site:
    """Follows every link of the console, and sends no form."""
    pages: dict[str, requests.Response] = {}
    forms: dict[str, Form] = {}
    waiting = ["/console", "/console/sign-in"]
    with requests.Session() as session:
        session.cookies.update(cookies)
        while waiting:
            path = waiting.pop()
            if path in pages:
                continue
            assert len(pages) < 1000, "the console has no end"
            pages[path] = session.get(base(gateway) + path, allow_redirects=False, timeout=30)
            if "text/html" not in pages[path].headers.get("Content-Type", ""):
                continue
            read = _Reader(path, pages[path].text)
            # Links with nothing but a place on the page lead to the page.
            waiting += [found.split("#")[0] for found in read.links if found.startswith("/console")]
            for form in read.forms:
                forms.setdefault(f"{form.action} {sorted(form.fields)}", form)
    return Site(pages, list(forms.values()))


def post_routes() -> list[re.Pattern]:
    """The addresses of all forms that the console answers, as its sources say."""
    found = set()
    for file in sorted((ROOT / "Sources/ControlPlane/Console/Pages").glob("*.swift")):
        text = file.read_text()
        names = dict(re.findall(r'let (\w+) = "(/[^"]*)"', text))
        for path in re.findall(r'\.post\(\s*"([^"]*)"', text):
            path = re.sub(r"\\\((\w+)\)", lambda match: names.get(match[1], match[0]), path)
            path = re.sub(r"\\\(.*?\)", "{any}", path)
            parts = [re.escape(part) for part in re.split(r"\{\w+\}", path)]
            found.add("/console" + "[^/]+".join(parts))
    assert len(found) > 40, found
    return [re.compile(path + "$") for path in sorted(found)]


def holdings(gateway: Gateway) -> dict:
    """What an attack would change: the catalog's revision, the audit log, and who may come in."""
    store = sqlite3.connect(f"file:{gateway.data_dir}/portcullis.db?mode=ro", uri=True)
    try:
        revision = store.execute("SELECT number FROM catalog_revision").fetchone()[0]
    finally:
        store.close()
    operators = [{name: item[name] for name in ("name", "role", "active")} for item in gateway.all("operators")]
    tokens = sorted(item["id"] for item in gateway.all("admin-tokens"))
    return {"revision": revision, "audit": len(gateway.all("audit")), "operators": operators, "tokens": tokens}
