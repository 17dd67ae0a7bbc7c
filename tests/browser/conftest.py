"""Fixtures of the browser tests: Debian's Chromium, a real manager, and somebody logged in.

`console` is a page of a manager with a simulated pool that all tests of a file share: leave
it as it was. A test that kills its manager makes one of its own, with `manager_kit.running`.
"""

import os
import shutil
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.kit import LOADED, Console, listened, logged_in
from tests.service.manager_kit import Manager, add_sim, running

POOL = "hosts=6&vms=40&seed=7"
WIDE = {"width": 1440, "height": 900}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    found = shutil.which("chromium")
    if found is None or not LOADED.exists():
        pytest.skip("needs chromium and a built console: ./test sees to both")
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    expect.set_options(timeout=20_000)  # machines that test are busy
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found, args=arguments)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def manager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Manager]:
    with running(tmp_path_factory.mktemp("browser")) as manager:
        with manager.client() as client:
            add_sim(client, query=POOL)
        yield manager


@pytest.fixture
def open_console(browser: Browser) -> Iterator[Callable[..., Console]]:
    """How to open the console of a manager as administrator; closed after the test.

    Fails the test for errors of scripts, for what the content security policy refused, and
    for requests to anywhere but the manager.
    """
    opened: list[Console] = []

    def open_it(manager: Manager, path: str = "/", **options: object) -> Console:
        context = browser.new_context(**{"viewport": WIDE, "locale": "en-GB", **options})  # type: ignore[arg-type]
        context.set_default_timeout(30_000)
        page = context.new_page()
        console = Console(page, manager, listened(page, manager.url))
        opened.append(console)
        logged_in(console, path)
        return console

    yield open_it
    for console in opened:
        console.page.unroute_all(behavior="ignoreErrors")  # answers may be under way
        console.page.context.close()
    for console in opened:
        assert not console.errors, console.errors


@pytest.fixture
def console(open_console: Callable[..., Console], manager: Manager) -> Console:
    """The console of the shared manager, at its first page."""
    return open_console(manager)


@pytest.fixture
def anonymous(browser: Browser) -> Iterator[Page]:
    """A page of somebody who is not logged in."""
    context = browser.new_context(viewport=WIDE, locale="en-GB")
    yield context.new_page()
    context.close()
