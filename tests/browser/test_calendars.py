"""Calendars and what BMCs tell by themselves, in a real browser, against a real manager."""

import socket
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from anypool.engine.hearing.pushes import Pushed
from anypool.engine.hearing.sources import Source
from anypool.model import EndpointId
from tests.browser.kit import Console, violations
from tests.service.manager_kit import Manager, add_sim, running, until
from tests.unit.test_traps import DELL_V2

pytestmark = pytest.mark.browser

WEEK: dict[str, Any] = {
    "name": "blades",
    "servers": "name in (blade1, blade2)",
    "zone": "Europe/Berlin",
    "purposes": [
        {"name": "production", "profiles": ["shop"]},
        {"name": "reporting", "profiles": ["books"]},
    ],
    "spans": [{"purpose": "production", "when": "mon-fri 06:00-20:00"}],
    "otherwise": "reporting",
}
PUSHED = (
    Pushed(endpoint=EndpointId("demo"), path="/Subscriptions/3", received=12, last_at=1.7e9),
    Pushed(endpoint=EndpointId("bmc9"), message="bmc9 takes no password of ours"),
)


@pytest.fixture(scope="module")
def manager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Manager]:
    """A manager with three blades, a calendar for two of them, a trap of one and of a stranger."""
    heard = {"snmp_trap_listen": "127.0.0.1:0", "bmc_push_url": "https://10.0.0.5:8420"}
    with running(tmp_path_factory.mktemp("calendars"), **heard) as made:
        with made.client() as client:
            add_sim(client, query="hosts=1&vms=2&servers=3")
            _racks(client)
            assert client.post("/calendars", json=WEEK).status_code == 201
        _told(made)
        yield made


def _racks(client: httpx.Client) -> None:
    lan = {"name": "lan", "kind": "mac", "first": "02:00:00:00:09:00", "count": 16}
    assert client.post("/address-ranges", json=lan).status_code == 201
    for number in (1, 2, 3):
        assert client.patch(f"/servers/blade{number}", json={"adoption": "adopted"}).is_success
    for name in ("shop", "books", "tests"):
        body = {"name": name, "mac_range": "lan"}
        assert client.post("/profiles", json=body).status_code == 201


def _told(manager: Manager) -> None:
    """Have a real datagram come, of a stranger and then of a blade; and BMCs that push or not."""
    hearing = manager.app.services.hearing
    traps = hearing._traps
    port = until(lambda: traps.port, "it listens")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(DELL_V2, ("127.0.0.1", port))
        until(lambda: traps.heard(), "the stranger was heard")
    whose = {"key": "endpoint demo", "endpoint": EndpointId("demo"), "name": "blade1"}
    blade = Source(kind="server", id="blade1", **whose)  # type: ignore[arg-type]
    traps.sources.at = lambda address, now: (blade,)  # type: ignore[method-assign]
    traps.take(DELL_V2, "10.0.1.11")
    hearing._pushes.standing = lambda: PUSHED  # type: ignore[method-assign]


def _both_themes(page: Page) -> None:
    assert violations(page) == []
    page.get_by_role("button", name="Switch to dark colours").click()
    assert violations(page) == []
    page.get_by_role("button", name="Switch to light colours").click()


def test_a_calendar_shows_its_week_and_is_held_by_a_person(
    open_console: Callable[..., Console], manager: Manager
) -> None:
    console = open_console(manager, "/calendars")
    page = console.page
    _both_themes(page)
    page.get_by_role("table").get_by_role("link", name="blades").click()
    expect(page.get_by_role("heading", name="blades", level=1)).to_be_visible()
    blocks = page.locator(".ap-week__block")
    expect(blocks.first).to_be_visible()
    assert page.locator(".ap-week__block title").first.text_content()
    page.get_by_text("The same as a table").click()
    week = page.get_by_role("region", name="The coming week", exact=True)
    for name in ("blade1", "blade2", "shop", "books"):
        expect(week).to_contain_text(name)
    expect(page.get_by_role("main")).to_contain_text("All times are those of Europe/Berlin")
    _both_themes(page)
    page.get_by_role("button", name="Hold").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Until when").fill("2099-01-01T10:00")
    dialog.get_by_label("Why").fill("the audit runs")
    dialog.get_by_role("button", name="Show").click()
    expect(dialog).to_contain_text("Until 2099-01-01 10:00 on its clock: all as it is.")
    assert violations(page) == []
    dialog.get_by_role("button", name="Do it").click()
    expect(dialog).to_contain_text("far away")
    dialog.get_by_text("Close", exact=True).click()
    with manager.client() as client:
        ends = client.get("/calendars/blades/preview", params={"days": 3}).json()["ends"]
        asked = {"until": ends, "words": "the audit runs"}
        assert client.post("/calendars/blades/hold", json=asked).is_success
    held = page.get_by_role("main").get_by_role("status").filter(has_text="Held by")
    expect(held).to_contain_text("the audit runs")
    _both_themes(page)
    page.get_by_role("button", name="Let it go on").click()
    dialog.get_by_role("button", name="Do it").click()
    expect(dialog).to_contain_text("What became of each")
    dialog.get_by_text("Close", exact=True).click()
    expect(held).to_have_count(0)


def test_a_calendar_is_made_step_by_step_foreseen_changed_and_removed(
    open_console: Callable[..., Console], manager: Manager
) -> None:
    page = open_console(manager, "/calendars/new").page
    on = page.get_by_role("button", name="Continue")
    page.get_by_label("Name").fill("nights")
    page.get_by_label("Which servers").fill("name = blade3")
    expect(page.get_by_role("status").filter(has_text="blade3")).to_be_visible()
    page.get_by_label("Time zone").fill("Europe/Berlin")
    assert violations(page) == []
    on.click()
    page.get_by_label("Name").fill("testing")
    page.get_by_label("Profiles").fill("tests")
    assert violations(page) == []
    on.click()
    page.get_by_label("Purpose").select_option("testing")
    page.get_by_label("When", exact=True).fill("now and then")
    _both_themes(page)
    on.click()
    expect(page.get_by_label("The same without this page").locator("pre")).to_contain_text(
        "anypool calendar apply /dev/stdin"
    )
    foresee = page.get_by_role("button", name="Foresee the week")
    foresee.click()
    expect(page.get_by_role("alert")).to_contain_text("no span of the week")
    page.get_by_role("button", name="Back").click()
    page.get_by_label("When", exact=True).fill("mon-fri 22:00-06:00")
    on.click()
    foresee.click()
    expect(page.locator(".ap-week__block").first).to_be_visible()
    with manager.client() as client:
        assert client.get("/calendars/nights").status_code == 404, "nothing is kept yet"
    _both_themes(page)
    page.get_by_role("button", name="Keep it").click()
    page.get_by_role("link", name="Open it").click()
    page.get_by_role("link", name="Change").click()
    expect(page.get_by_label("Which servers")).to_have_value("name = blade3")
    page.get_by_label("Description").fill("when nobody looks")
    for _ in range(3):
        on.click()
    foresee.click()
    page.get_by_role("button", name="Keep it").click()
    page.get_by_role("link", name="Open it").click()
    expect(page.get_by_role("main")).to_contain_text("when nobody looks")
    with manager.client() as client:
        spans = client.get("/calendars/nights").json()["spans"]
    assert spans == [{"purpose": "testing", "when": "mon-fri 22:00-06:00"}]
    page.locator("summary", has_text="Actions").click()
    page.get_by_role("button", name="Remove").click()
    page.get_by_role("dialog").get_by_role("button", name="Do it").click()
    expect(page.get_by_role("heading", name="Calendars", level=1)).to_be_visible()
    expect(page.get_by_role("link", name="nights")).to_have_count(0)


def test_who_told_what_is_seen_and_what_is_missing(
    open_console: Callable[..., Console], manager: Manager
) -> None:
    console = open_console(manager, "/bmc-events")
    page = console.page
    traps = page.get_by_role("region", name="SNMP traps").first
    expect(traps.get_by_role("row", name="127.0.0.1")).to_contain_text("unknown")
    blade = traps.get_by_role("row", name="10.0.1.11")
    expect(blade).to_contain_text("temperature")
    pushes = page.get_by_role("region", name="Redfish events").first
    expect(pushes.get_by_role("row", name="bmc9")).to_contain_text("no password")
    _both_themes(page)
    blade.get_by_role("link", name="blade1").click()
    main = page.get_by_role("main")
    expect(main).to_contain_text("1 SNMP traps, the last")
    expect(main).to_contain_text("12 Redfish events, the last")
    expect(main.get_by_role("link", name="blades")).to_be_visible()
    _both_themes(page)
    page.keyboard.press("Control+k")
    page.get_by_role("combobox", name="Page, VM").fill("blad")
    page.get_by_role("option", name="blades").click()
    expect(page.get_by_role("heading", name="blades", level=1)).to_be_visible()


def test_on_a_phone_nothing_is_wider_than_the_screen(
    open_console: Callable[..., Console], manager: Manager
) -> None:
    console = open_console(manager, viewport={"width": 390, "height": 844})
    for path in ("/calendars", "/calendars/blades", "/calendars/new", "/bmc-events"):
        console.go(path)
        expect(console.page.get_by_role("main").get_by_text("Reading")).to_have_count(0)
        wide = console.page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 390, path
