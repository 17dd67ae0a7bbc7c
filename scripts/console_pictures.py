"""Pictures of the console for the documentation, from a simulated pool: three sizes, two themes.

`python -m scripts.console_pictures [FOLDER [ADDRESS ...]]`; without a folder docs/pictures.
"""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from scripts.reference import ROOT
from tests.service.manager_kit import Manager, add_sim, running

POOL = "hosts=40&vms=400&seed=7"
SIZES = {"wide": (1440, 900), "small": (1280, 800), "phone": (390, 844)}
PICTURES = {
    "console-vms": ("/vms", "wide", "light"),
    "console-hosts": ("/hosts", "small", "light"),
    "console-phone": ("/", "phone", "dark"),
}
"""What docs/pictures holds: name, address, size, theme."""


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
            add_sim(client, query=POOL)
        chromium = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=arguments
        )
        for name, (path, size, theme) in (wanted or PICTURES).items():
            with logged_in(chromium, manager, size, theme) as page:
                take(page, manager, path, folder / f"{name}.png")
        chromium.close()


if __name__ == "__main__":
    main()
