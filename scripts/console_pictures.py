"""Pictures of the console for the documentation, from its sample pool: three sizes, two themes.

`python -m scripts.console_pictures [FOLDER [ADDRESS ...]]`; without a folder docs/pictures.
"""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from playwright.sync_api import Browser, Page, sync_playwright

from scripts.reference import ROOT
from tests.service.manager_kit import Manager, running

SIZES = {"wide": (1440, 900), "small": (1280, 800), "phone": (390, 844)}
HOST = "sample-h01"
PLAN = "PLAN"
PICTURES = {
    "console-plan": (f"/plans/{PLAN}", "wide", "light"),
    "console-death-map": ("/deathmap?pool=sample&domain=rack:c", "wide", "light"),
    "console-vms": ("/vms", "wide", "dark"),
    "console-phone": ("/", "phone", "dark"),
}
"""What docs/pictures holds: name, address, size, theme; `PLAN` empties a host of the pool."""


@contextmanager
def logged_in(browser: Browser, manager: Manager, size: str, theme: str) -> Iterator[Page]:
    """A page of the manager, as an administrator sees it."""
    width, height = SIZES[size]
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if theme == "dark" else "light",
        locale="en-GB",
    )
    page = context.new_page()
    page.goto(f"{manager.url}/login#code={manager.app.services.logins.code()}")
    page.wait_for_selector("main h1")
    yield page
    context.close()


def furnish(client: httpx.Client) -> str:
    """Make the sample pool, and the plan that empties a host of it; return that plan's id."""
    client.post("/sample").raise_for_status()
    answer = client.post(f"/hosts/{HOST}/evacuate", params={"dry_run": True}, json={})
    return str(answer.raise_for_status().json()["id"])


def take(page: Page, manager: Manager, path: str, to: Path) -> None:
    """Take one picture, when what the page reads has come."""
    page.goto(manager.url + path)
    page.wait_for_selector("main h1")
    page.wait_for_timeout(1500)
    page.screenshot(path=to)
    print(to)


def main() -> None:
    """Take those of the documentation, or of some addresses in every size and theme."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs/pictures"
    wanted = {
        f"{path.strip('/').replace('/', '-') or 'start'}-{size}-{theme}": (path, size, theme)
        for path in sys.argv[2:]
        for size in SIZES
        for theme in ("light", "dark")
    }
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with (
        tempfile.TemporaryDirectory() as state,
        running(Path(state)) as manager,
        sync_playwright() as playwright,
    ):
        with manager.client() as client:
            plan = furnish(client)
        chromium = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=arguments
        )
        for name, (path, size, theme) in (wanted or PICTURES).items():
            with logged_in(chromium, manager, size, theme) as page:
                take(page, manager, path.replace(PLAN, plan), folder / f"{name}.png")
        chromium.close()


if __name__ == "__main__":
    main()
