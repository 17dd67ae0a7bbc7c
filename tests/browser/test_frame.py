"""What is on every page: the palette, notifications, the task bar; narrow screens."""

import json
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Route, expect

from tests.browser.kit import Console, violations
from tests.service.manager_kit import Manager, finished

pytestmark = pytest.mark.browser


def test_the_palette_leads_everywhere_by_keys(console: Console) -> None:
    page = console.page
    page.keyboard.press("Control+k")
    dialog = page.get_by_role("dialog", name="Go to")
    expect(dialog.get_by_role("combobox")).to_be_focused()
    assert violations(page) == []
    page.keyboard.type("h3")
    expect(dialog.get_by_role("option", name="h3", exact=True).first).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="h3", level=1)).to_be_visible()
    page.keyboard.press("Control+k")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)


def test_what_went_wrong_is_counted_until_somebody_looked(console: Console) -> None:
    page = console.page

    def wrong(route: Route) -> None:
        answer = route.fetch()
        content = answer.json()
        for one in content["items"]:
            one["severity"] = "error"
        route.fulfill(response=answer, body=json.dumps(content))

    page.route(re.compile("/api/v1/events[?]"), lambda route: wrong(route) if "severity" not in
               route.request.url else route.fulfill(json={"total": 1, "next": None, "items": [{
                   "number": 9_999_999, "at": 1.0, "kind": "x", "severity": "error",
                   "subject_kind": "host", "subject_id": "demo-h1", "by": "", "message": "it broke",
                   "said": None, "plan": None, "operation": None}]}))  # fmt: skip
    page.reload()
    page.get_by_role("button", name="Notifications: 1 new").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("it broke")
    assert violations(page) == []
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Notifications", exact=True)).to_be_visible()


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("unknown", "1 host does not answer"),
        ("off", "Everything that is on answers; 1 host is off"),
    ],
)
def test_the_overview_names_hosts_that_are_silent_or_off(
    console: Console, state: str, said: str
) -> None:
    page = console.page
    expect(page.get_by_text("Everything answers.")).to_be_visible()

    def one_is(route: Route) -> None:
        answer = route.fetch()
        content = answer.json()
        (states,) = content["facets"]
        states["values"].append({"value": state, "count": 1})
        route.fulfill(response=answer, body=json.dumps(content))

    page.route(re.compile("/api/v1/hosts[?].*facets=state"), one_is)
    page.reload()
    expect(page.get_by_text(said)).to_be_visible()


def test_the_task_bar_shows_what_runs_without_being_asked_again(
    open_console: Callable[..., Console], manager: Manager
) -> None:
    console = open_console(manager, "/operations")
    page = console.page
    with manager.client() as client:
        vm = client.get("/vms", params={"q": "state = stopped"}).json()["items"][0]
        finished(client, client.post(f"/vms/{vm['id']}/start"))
    page.get_by_role("button", name="Show all tasks").click()
    tasks = page.get_by_role("region", name="Tasks")
    expect(tasks.get_by_role("link", name=re.compile(vm["name"])).first).to_be_visible()
    expect(page.get_by_role("cell", name=re.compile(vm["name"])).first).to_be_visible()
    assert violations(page) == []


def test_a_phone_can_look(open_console: Callable[..., Console], manager: Manager) -> None:
    console = open_console(manager, viewport={"width": 390, "height": 844})
    page = console.page
    expect(page.get_by_role("navigation")).not_to_be_visible()
    page.get_by_role("button", name="Open the navigation").click()
    page.get_by_role("link", name=re.compile("^Hosts")).click()
    expect(page.get_by_role("heading", name="Hosts", level=1)).to_be_visible()
    for path in ("/", "/vms", "/hosts/demo-h1"):
        console.go(path)
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 390, path
        assert violations(page) == [], path
