"""What browser tests share: a console somebody is logged in to, what it complained about, axe."""

from typing import Any, NamedTuple
from urllib.parse import urlsplit

from playwright.sync_api import Page

from tests.service.manager_kit import Manager
from tests.tidy.project import ROOT

LOADED = ROOT / "src/anypool/api/web/index.html"
AXE = ROOT / "console/node_modules/axe-core/axe.min.js"


class Console(NamedTuple):
    """A page of a manager, and what it complained about so far."""

    page: Page
    manager: Manager
    errors: list[str]

    def go(self, path: str) -> None:
        """Open an address of the console."""
        self.page.goto(self.manager.url + path)
        self.page.wait_for_selector("main h1")


def listened(page: Page, own: str) -> list[str]:
    """Return a list that fills with errors of scripts, refusals of the policy, foreign requests."""
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(f"error: {error}"))

    def said(message: Any) -> None:
        refused = "Content Security Policy" in message.text
        if refused or (message.type == "error" and "Failed to load resource" not in message.text):
            errors.append(f"console: {message.text}")

    def asked(request: Any) -> None:
        if urlsplit(request.url).netloc != urlsplit(own).netloc:
            errors.append(f"foreign request: {request.url}")

    page.on("console", said)
    page.on("request", asked)
    return errors


def logged_in(console: Console, path: str = "/") -> None:
    """Log in by a one-time link, as people do, and go to a page."""
    code = console.manager.app.services.logins.code()
    console.page.goto(f"{console.manager.url}/login#code={code}")
    console.page.wait_for_selector("nav", state="attached")
    if path != "/":
        console.go(path)
    console.page.wait_for_selector("main h1")


def violations(page: Page) -> list[str]:
    """Return what axe finds wrong with a page as it is now (WCAG 2.1 A and AA, best practice)."""
    # By the debugger's way and not as an element: the policy of the manager stays in force.
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("async () => (await axe.run()).violations")
    return [
        f"{one['id']}: {one['help']}: {node['html'][:200]}"
        for one in found
        for node in one["nodes"]
    ]
