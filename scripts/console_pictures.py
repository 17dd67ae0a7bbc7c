"""Pictures of the console for the documentation, from its sample pool: three sizes, two themes.

`python -m scripts.console_pictures [FOLDER [ADDRESS ...]]`; without a folder docs/pictures.
`python -m scripts.console_pictures FOLDER states [NAME ...]`: lists and frame, as they can be.
"""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from playwright.sync_api import Browser, Error, Page, sync_playwright

from scripts.console_states import STATES, State
from scripts.reference import ROOT
from tests.service.manager_kit import Manager, add_sim, running

SIZES = {"wide": (1440, 900), "small": (1280, 800), "phone": (390, 844)}
HOST = "sample-h01"
PLAN = "PLAN"
PICTURES = {
    "console-plan": (f"/plans/{PLAN}", "wide", "light"),
    "console-death-map": ("/deathmap?pool=sample&domain=rack:c", "wide", "light"),
    "console-vms": ("/vms", "wide", "dark"),
    "console-phone": ("/", "phone", "dark"),
    "console-calendar": ("/calendars/blades", "wide", "light"),
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


WEEK = {
    "name": "blades",
    "servers": "name in (blade1, blade2, blade3)",
    "zone": "Europe/Berlin",
    "purposes": [
        {"name": "production", "profiles": ["shop", "web"]},
        {"name": "reporting", "profiles": ["books"]},
    ],
    "spans": [{"purpose": "production", "when": "mon-fri 06:00-20:00"}],
    "otherwise": "reporting",
}


def furnish(client: httpx.Client) -> str:
    """Make the sample pool, blades with a calendar, and a plan that empties a host: its id."""
    client.post("/sample").raise_for_status()
    add_sim(client, "racks", "hosts=1&vms=2&servers=6")
    lan = {"name": "lan", "kind": "mac", "first": "02:00:00:00:09:00", "count": 64}
    client.post("/address-ranges", json=lan).raise_for_status()
    for number in range(1, 7):
        body = {"adoption": "adopted", "spare": number > 4}
        client.patch(f"/servers/blade{number}", json=body).raise_for_status()
    for name in ("shop", "web", "books"):
        client.post("/profiles", json={"name": name, "mac_range": "lan"}).raise_for_status()
    client.post("/calendars", json=WEEK).raise_for_status()
    answer = client.post(f"/hosts/{HOST}/evacuate", params={"dry_run": True}, json={})
    return str(answer.raise_for_status().json()["id"])


def take(page: Page, manager: Manager, path: str, to: Path) -> None:
    """Take one picture, when what the page reads has come."""
    page.goto(manager.url + path)
    page.wait_for_selector("main h1")
    page.wait_for_timeout(1500)
    page.screenshot(path=to)
    print(to)


def show(page: Page, manager: Manager, state: State, to: Path) -> None:
    """Take one picture of what the console can look like."""
    page.goto(manager.url + state.path)
    page.wait_for_selector("main h1")
    page.wait_for_timeout(700)
    state.do(page)
    page.wait_for_timeout(400)
    page.screenshot(path=to)
    print(to)


def states(browser: Browser, manager: Manager, folder: Path, names: list[str]) -> None:
    """Take what lists and frame can look like, in every size and theme."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names or list(STATES):
        for size in SIZES:
            for theme in ("light", "dark"):
                with logged_in(browser, manager, size, theme) as page:
                    to = folder / f"{name}-{size}-{theme}.png"
                    try:
                        show(page, manager, STATES[name], to)
                    except Error as error:
                        print(f"{to}: {error.message.splitlines()[0]}")


def main() -> None:
    """Take those of the documentation, or of some addresses in every size and theme."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs/pictures"
    of_states = sys.argv[2:3] == ["states"]
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
        if of_states:
            states(chromium, manager, folder, sys.argv[3:])
        for name, (path, size, theme) in ({} if of_states else wanted or PICTURES).items():
            with logged_in(chromium, manager, size, theme) as page:
                take(page, manager, path.replace(PLAN, plan), folder / f"{name}.png")
        chromium.close()


if __name__ == "__main__":
    main()
