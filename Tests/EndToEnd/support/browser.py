"""A real browser before the real console: pages, screenshots, an independent accessibility checker."""

import os
import re
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, sync_playwright

from .gateway import ROOT

SCREENSHOTS = Path(os.environ.get("PORTCULLIS_ARTIFACTS") or ROOT / ".artifacts") / "screenshots"
CHROMIUM = os.environ.get("PORTCULLIS_CHROMIUM") or "/usr/bin/chromium"
WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}


class Browser:
    """One Chromium; each visitor has cookies of its own."""

    def __init__(self):
        self._playwright = sync_playwright().start()
        # Without a sandbox of its own: tests may run as root.
        self._chromium = self._playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])

    def visitor(self, base: str, scheme: str = "light", viewport=None, scripts: bool = True, **options) -> "Visitor":
        context = self._chromium.new_context(
            base_url=base,
            color_scheme=scheme,
            viewport=viewport or WIDE,
            java_script_enabled=scripts,
            accept_downloads=True,
            **options,
        )
        return Visitor(context)

    def close(self):
        self._chromium.close()
        self._playwright.stop()


class Visitor:
    """Somebody with a browser window; what goes wrong on a page is remembered."""

    def __init__(self, context):
        self.context = context
        self.faults: list[str] = []
        self.requests: list[str] = []
        self.page: Page = context.new_page()
        self.page.set_default_timeout(10_000)
        self.page.on("pageerror", lambda error: self.faults.append(f"{self.page.url}: {error}"))
        self.page.on("console", self._note)
        self.page.on("request", lambda request: self.requests.append(request.url))

    def _note(self, message):
        # A refusal of ours shows in the browser's log as a failed load; that is what some tests ask for.
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.faults.append(f"{self.page.url}: {message.text}")

    def open(self, path: str) -> int:
        """Goes to a page; gives its status."""
        return self.page.goto(path).status

    def text(self) -> str:
        return self.page.inner_text("body")

    def fill(self, **fields):
        """Fills the fields of these names of the first form that has them."""
        for name, value in fields.items():
            field = self.page.locator(f"[name='{name}']:not([type=hidden])").first
            kind = field.evaluate("e => e.tagName + ' ' + (e.type || '')").lower()
            if kind.startswith("select"):
                field.select_option(value)
            elif "checkbox" in kind:
                field.set_checked(bool(value))
            else:
                field.fill(value)

    def press(self, label: str):
        """Presses the button or follows the link of this label, and waits for what comes."""
        pattern = re.compile(rf"^\s*{re.escape(label)}\s*$", re.I)
        button = self.page.get_by_role("button", name=pattern)
        target = button if button.count() else self.page.get_by_role("link", name=pattern)
        target.first.click()
        self.page.wait_for_load_state("networkidle")

    def shoot(self, name: str):
        """Keeps a picture of the whole page."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)

    def accessibility_faults(self) -> list[str]:
        """What axe-core finds that is serious or critical."""
        found = Axe().run(self.page).response["violations"]
        return [
            f"{self.page.url}: {fault['id']}: {fault['help']}: " + "; ".join(node["html"][:200] for node in fault["nodes"][:3])
            for fault in found
            if fault["impact"] in ("serious", "critical")
        ]

    def overflow(self) -> int:
        """How many pixels the page is wider than its window."""
        return self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")

    def close(self):
        self.context.close()
