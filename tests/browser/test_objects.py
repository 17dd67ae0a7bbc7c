"""Pages of objects and consoles in a real browser."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.kit import Console, violations
from tests.service.manager_kit import Manager

pytestmark = pytest.mark.browser


@pytest.fixture
def running_vm(manager: Manager) -> dict[str, Any]:
    with manager.client() as client:
        found: list[dict[str, Any]] = client.get("/vms", params={"q": "state = running"}).json()[
            "items"
        ]
    return found[0]


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_pages_of_objects_are_clean_for_axe(
    open_console: Callable[..., Console],
    manager: Manager,
    running_vm: dict[str, Any],
    colours: str,
) -> None:
    console = open_console(manager, color_scheme=colours)
    for path in (f"/vms/{running_vm['id']}", "/hosts/demo-h1", "/pools/default"):
        console.go(path)
        expect(
            console.page.get_by_role("main").get_by_role("heading", name="What happened")
        ).to_be_visible()
        assert violations(console.page) == [], path


def test_a_page_of_a_vm_leads_to_its_host_and_shows_its_loads(
    console: Console, running_vm: dict[str, Any]
) -> None:
    page = console.page
    console.go(f"/vms/{running_vm['id']}")
    page.get_by_role("button", name="1 w").click()
    expect(page.get_by_role("button", name="1 w")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("definition").get_by_role("link", name=running_vm["host_name"]).click()
    expect(page.get_by_role("heading", name=running_vm["host_name"], level=1)).to_be_visible()


def test_what_is_not_there_says_so(console: Console) -> None:
    console.go("/vms/no-such-vm")
    expect(console.page.get_by_role("alert")).to_contain_text("no-such-vm")


def test_a_serial_console_takes_what_is_typed_and_pasted(
    console: Console, running_vm: dict[str, Any]
) -> None:
    page = console.page
    console.go(f"/vms/{running_vm['id']}/console/serial")
    place = page.locator(".ap-console__place")
    expect(place).to_contain_text("it says back what you type")
    place.get_by_role("textbox").press_sequentially("hello")
    expect(place).to_contain_text("hello")
    page.get_by_role("button", name="Type from the clipboard").click()
    page.get_by_role("textbox", name="Text", exact=True).fill("pasted <i>text</i>")
    page.get_by_role("button", name="Type it").click()
    expect(place).to_contain_text("pasted <i>text</i>")
    assert violations(page) == []


def test_nobody_takes_a_serial_console_without_seeing_whose_it_is(
    open_console: Callable[..., Console], manager: Manager, running_vm: dict[str, Any]
) -> None:
    path = f"/vms/{running_vm['id']}/console/serial"
    first = open_console(manager, path).page
    expect(first.get_by_role("main").get_by_role("status")).to_contain_text("Connected")
    expect(first.get_by_text("Nobody else has a console of this VM open")).to_be_visible()
    second = open_console(manager, path).page
    expect(second.get_by_role("alert")).to_contain_text("admin has this console open since")
    assert violations(second) == []
    second.get_by_role("button", name="Take it over").click()
    expect(second.get_by_role("main").get_by_role("status")).to_contain_text("Connected")
    expect(first.get_by_text("admin: Serial console, since")).to_be_visible()


def test_a_screen_that_refuses_says_why(console: Console, running_vm: dict[str, Any]) -> None:
    page = console.page
    console.go(f"/vms/{running_vm['id']}/console/vnc")
    expect(page.get_by_role("main").get_by_role("status")).to_contain_text("has no screen")
    expect(page.get_by_role("button", name="Connect again")).to_be_visible()
    console.errors[:] = [one for one in console.errors if "has no screen" not in one]
