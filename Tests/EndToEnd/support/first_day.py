"""The first day of a manager, in a browser: each step is done when it is first asked for."""

import re
import secrets
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import jwt

from .browser import Browser, Visitor
from .console import COOKIE, PASSWORD, base, link
from .gateway import Gateway
from .tokens import SSHKey

CALL = "/orders-v1/call"


@dataclass
class Access:
    """A profile as its client knows it, and its page."""

    page: str
    api_token: str = ""
    secret: str = ""
    key: SSHKey | None = None

    def payload(self, **claims) -> dict:
        return {"sub": self.api_token, "name": "John Doe"} | claims

    def token(self, **claims) -> str:
        """A token signed by PyJWT."""
        if self.key:
            return jwt.encode(self.payload(**claims), self.key.private, "RS256")
        return jwt.encode(self.payload(**claims), self.secret, "HS256")


@dataclass
class FirstDay:
    """One gateway from nothing, one owner in one browser window."""

    gateway: Gateway
    browser: Browser
    upstream: str
    folder: Path
    # What was shown once or chosen, and must be nowhere afterwards.
    given: dict[str, str] = field(default_factory=dict)
    scripts: bool = True

    @cached_property
    def home(self) -> str:
        return base(self.gateway)

    @property
    def page(self):
        return self.owner.page

    @cached_property
    def owner(self) -> Visitor:
        """The owner, set up by the link that `serve` printed, and signed in again with the new password."""
        url = link(self.gateway)
        visitor = self.browser.visitor(self.home, scripts=self.scripts)
        if self.scripts:
            visitor.context.grant_permissions(["clipboard-read", "clipboard-write"])
        assert visitor.page.goto(url).status == 200
        visitor.shoot("set-up")
        visitor.fill(name="owner", password=PASSWORD, again=PASSWORD)
        visitor.press("Set the password")
        assert visitor.page.url == f"{self.home}/console"
        self.given |= {"set-up link": url.split("=")[1], "password": PASSWORD, "first session": session_of(visitor)}
        visitor.press("Sign out")
        visitor.fill(name="owner", password=PASSWORD)
        visitor.press("Sign in")
        self.given["session"] = session_of(visitor)
        return visitor

    @cached_property
    def collection(self) -> str:
        """The upstream, the collection and its endpoint; the collection's page."""
        owner = self.owner
        owner.open("/console/collections")
        owner.press("Make the first upstream")
        owner.fill(name="echo", targets=self.upstream)
        owner.press("Make upstream")
        owner.press("Collections")
        owner.press("Make the first collection")
        owner.fill(name="Orders", handle="orders-v1", version="1")
        owner.press("Make collection")
        page = path_of(owner)
        owner.press("New endpoint")
        owner.fill(name="call", methods="GET\nPOST", path="/call", upstream="echo")
        owner.press("Make endpoint")
        return page

    @cached_property
    def client(self) -> str:
        """The page of the first client."""
        owner = self.owner
        owner.open("/console")
        owner.press("Clients")
        owner.press("Register the first client")
        owner.fill(name="Acme", description="Our first customer", contact_email="it@acme.example")
        owner.press("Register client")
        return path_of(owner)

    def profile(self, name: str) -> Access:
        """A new profile for signed JWTs, without a key, an API token or a grant."""
        owner = self.owner
        owner.open(self.client)
        owner.press("New profile")
        owner.page.get_by_role("link", name=re.compile("^Signed JWT")).click()
        owner.fill(name=name)
        owner.press("Make profile")
        return Access(path_of(owner))

    def grant(self, access: Access):
        owner = self.owner
        assert self.collection
        owner.open(access.page)
        section(owner, "What it may reach").get_by_role("link", name="Change").click()
        owner.page.get_by_label("Orders").check()
        owner.press("Save")
        assert path_of(owner) == access.page

    def make_api_token(self, access: Access, name: str = "default"):
        owner = self.owner
        owner.open(access.page)
        owner.press("Make an API token")
        owner.fill(name=name)
        owner.press("Make the API token")
        access.api_token = self.shown(f"API token {name}", copied=self.scripts)
        assert re.fullmatch("[0-9a-f]{64}", access.api_token)

    def shown(self, what: str, copied: bool = False) -> str:
        """The secret of the page that shows it once, taken with its button to copy it; remembered as given."""
        owner = self.owner
        secret = owner.page.locator(".once textarea").input_value()
        if copied:
            owner.page.get_by_role("button", name="Copy").click()
            owner.page.get_by_role("button", name="Copied").wait_for()
            assert owner.page.evaluate("navigator.clipboard.readText()") == secret
        self.given[f"{what} of {path_of(owner)}"] = secret
        return secret

    def generate_secret(self, access: Access, name: str = "shared"):
        owner = self.owner
        owner.open(access.page)
        owner.press("Add HMAC secret")
        owner.fill(name=name)
        owner.press("Generate one instead")
        access.secret = self.shown("secret", copied=self.scripts)

    def signing(self, name: str) -> Access:
        """A profile with a generated secret, an API token and the grant."""
        access = self.profile(name)
        self.generate_secret(access)
        self.make_api_token(access)
        self.grant(access)
        return access

    @cached_property
    def hmac(self) -> Access:
        return self.signing("hmac")

    @cached_property
    def rsa(self) -> Access:
        """A profile with the key that `ssh-keygen` wrote on the client's laptop."""
        owner = self.owner
        access = self.profile("rsa")
        access.key = SSHKey(self.folder, f"first-day-{secrets.token_hex(4)}", "rsa", 2048)
        owner.press("Add public key")
        owner.fill(name="laptop", public_key=access.key.public_line)
        if self.scripts:
            # Said while it is pasted, before anything is sent.
            owner.page.locator("#finding").get_by_text("SHA256:").wait_for()
        else:
            owner.press("Check it first")
        found = owner.page.locator("#finding").inner_text()
        for part in ("RSA 2048", "@laptop", "SHA256:", "RS256"):
            assert part in found, found
        owner.shoot(f"public-key-recognised{'' if self.scripts else '-without-scripts'}")
        owner.press("Add this key")
        self.make_api_token(access)
        self.grant(access)
        return access

    def call(self, token: str, expected: int):
        """A call through the gateway; its answer."""
        answer = self.gateway.get(CALL, token)
        assert answer.status == expected, answer
        return answer

    def explain(self, token: str) -> str:
        """What the workbench says of a call with a token."""
        owner = self.owner
        owner.open("/console/workbench")
        owner.fill(token=token, method="GET", url=CALL)
        owner.press("Explain the call")
        return section(owner, "verdict").inner_text()


def session_of(visitor: Visitor) -> str:
    return next(cookie["value"] for cookie in visitor.context.cookies() if cookie["name"] == COOKIE)


def path_of(visitor: Visitor) -> str:
    return re.sub(r"^https?://[^/]+", "", visitor.page.url).split("?")[0].split("#")[0]


def section(visitor: Visitor, heading: str):
    """The part of a page under a heading, or the one that is labelled by the element of this id."""
    labelled = visitor.page.locator(f"section[aria-labelledby='{heading}']")
    return labelled if re.fullmatch("[a-z-]+", heading) else visitor.page.locator("section", has_text=heading).first


def row(visitor: Visitor, name: str):
    """The row of a table whose heading is this name."""
    return visitor.page.locator("tr", has=visitor.page.locator("th", has_text=re.compile(rf"^\s*{re.escape(name)}\b"))).first
