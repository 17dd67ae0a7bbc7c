"""What the lists and the frame of the console can look like: where, and what is done there."""

from collections.abc import Callable
from typing import NamedTuple

from playwright.sync_api import Page

LISTS = (
    "vms", "hosts", "servers", "profiles", "datastores", "networks", "images", "pools",
    "policies", "plans", "operations", "events", "services", "calendars", "bmc-events", "racks",
    "deathmap", "incidents",
)  # fmt: skip


class State(NamedTuple):
    """An address, and what somebody does there before the picture is taken."""

    path: str
    do: Callable[[Page], None]


def _nothing(page: Page) -> None:
    page.wait_for_selector("main h1")


def _search(page: Page) -> None:
    page.keyboard.press("/")
    page.keyboard.type("memory > 1GiB and st")
    page.wait_for_selector("[role=option]")


def _palette(page: Page) -> None:
    page.keyboard.press("Control+k")
    page.keyboard.type("sample-h0")
    page.wait_for_selector("dialog [role=option]")


def _notifications(page: Page) -> None:
    page.locator(".ap-bell").click()
    page.wait_for_selector("dialog")


def _tasks(page: Page) -> None:
    page.locator(".ap-taskbar__open").click()
    page.wait_for_selector(".ap-tasks")


def _account(page: Page) -> None:
    page.locator(".ap-account summary").click()


def _columns(page: Page) -> None:
    page.locator(".ap-list__head .ap-drop summary").click()


def _navigation(page: Page) -> None:
    menu = page.locator(".ap-masthead__menu")
    if menu.is_visible():
        menu.click()


def _chosen(page: Page) -> None:
    boxes = page.locator(".ap-table__row--body input")
    for place in range(3):
        boxes.nth(place).check()


def _deed(page: Page) -> None:
    _chosen(page)
    page.locator(".ap-bulk button").filter(has_text="Migrate").click()
    page.get_by_role("button", name="Show the plan").click()
    page.wait_for_selector(".ap-plan-preview, .ap-deeds .ap-loss")


def _silent(page: Page) -> None:
    page.route("**/api/v1/**", lambda route: route.abort())
    page.context.set_offline(True)
    page.wait_for_selector(".ap-live--stale", timeout=30_000)


STATES: dict[str, State] = {
    **{name: State(f"/{name}", _nothing) for name in LISTS},
    "vms-tree": State("/vms?view=tree", _nothing),
    "vms-filtered": State("/vms?q=state%20%3D%20running%20order%20by%20memory%20desc", _nothing),
    "vms-none": State("/vms?q=name%20%3D%20nobody", _nothing),
    "vms-mistake": State("/vms?q=memry%20%3E%201", _nothing),
    "vms-chosen": State("/vms", _chosen),
    "vms-deed": State("/vms", _deed),
    "vms-columns": State("/vms", _columns),
    "search": State("/vms", _search),
    "palette": State("/", _palette),
    "notifications": State("/", _notifications),
    "tasks": State("/", _tasks),
    "account": State("/", _account),
    "navigation": State("/", _navigation),
    "host": State("/hosts/sample-h01", _nothing),
    "pool": State("/pools/sample", _nothing),
    "calendar": State("/calendars/blades", _nothing),
    "calendar-new": State("/calendars/new", _nothing),
    "server": State("/servers/blade1", _nothing),
    "profile": State("/profiles/shop", _nothing),
    "not-live": State("/hosts", _silent),
    "missing": State("/no/such/page", _nothing),
}
"""Each in every size and theme: `python -m scripts.console_pictures FOLDER states [NAME ...]`."""
