"""The wizards in a real browser: each ends in what the manager then knows."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.kit import Console, violations
from tests.service.manager_kit import Manager, until

pytestmark = pytest.mark.browser


@pytest.fixture
def at(open_console: Callable[..., Console], manager: Manager) -> Callable[[str], Page]:
    """How to open a page of the shared manager, which gets an image first."""
    with manager.client() as client:
        if client.get("/images").json()["total"] == 0:
            image = {"name": "base", "datastore": "demo-shared1", "volume": "base.qcow2"}
            assert client.post("/images", json=image).status_code == 201
    return lambda path: open_console(manager, path).page


def _host(manager: Manager) -> dict[str, Any]:
    with manager.client() as client:
        found: dict[str, Any] = client.get("/hosts", params={"q": "vms > 0"}).json()["items"][0]
    return found


def test_a_vm_is_created_with_the_keyboard_alone(
    at: Callable[[str], Page], manager: Manager
) -> None:
    page = at("/vms/new")

    def tab_to(name: str) -> None:
        for _ in range(60):
            page.keyboard.press("Tab")
            here = "document.activeElement"
            named = f"{here}.labels?.[0]?.textContent ?? {here}.textContent"
            if page.evaluate(named).strip() == name:
                return
        raise AssertionError(f"no way by Tab to {name}")

    tab_to("Name")
    page.keyboard.type("by-keyboard")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=2, name="Size and place")).to_be_focused()
    tab_to("Memory")
    page.keyboard.type("512MiB")
    assert violations(page) == []
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=2, name="The plan")).to_be_focused()
    expect(page.locator(".ap-preview__steps li").first).to_be_visible()
    assert violations(page) == []
    tab_to("Approve and run")
    page.keyboard.press("Enter")
    expect(page.get_by_text("It has begun")).to_be_visible()

    def running() -> bool:
        with manager.client() as client:
            found = client.get("/vms/by-keyboard")
        return found.status_code == 200 and found.json()["state"] == "running"

    until(running, "the VM runs")
    with manager.client() as client:
        client.post("/vms/by-keyboard/power-off")


def test_a_refusal_is_shown_at_its_field(at: Callable[[str], Page]) -> None:
    page = at("/vms/new")
    page.get_by_label("Name").fill("bad name!")
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Show the plan").click()
    expect(page.get_by_label("Name")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_role("alert")).to_contain_text("What to do")
    page.get_by_label("Name").fill("good-name")
    page.get_by_role("button", name="Continue").click()
    page.get_by_label("Memory").fill("lots")
    page.get_by_role("button", name="Show the plan").click()
    expect(page.get_by_label("Memory")).to_have_attribute("aria-invalid", "true")


def test_a_host_goes_into_maintenance_once_however_often_one_presses(
    at: Callable[[str], Page], manager: Manager
) -> None:
    host = _host(manager)
    page = at(f"/hosts/{host['id']}/maintenance")
    runs: list[str] = []
    page.on("request", lambda one: runs.append(one.url) if one.url.endswith("/run") else None)
    expect(page.locator(".ap-same__text")).to_have_text(f"anypool host evacuate {host['name']}")
    page.get_by_role("button", name="Show the plan").click()
    expect(page.locator(".ap-preview")).to_contain_text(host["name"])
    assert violations(page) == []
    page.get_by_role("button", name="Approve and run").dblclick()
    expect(page.get_by_text("It has begun")).to_be_visible()
    assert len(runs) == 1

    def closed() -> bool:
        with manager.client() as client:
            return bool(client.get(f"/hosts/{host['id']}").json()["maintenance"])

    until(closed, "the host is closed")
    with manager.client() as client:
        client.post(f"/hosts/{host['id']}/leave-maintenance")


def test_a_rule_says_whom_it_binds_before_it_is_added(
    at: Callable[[str], Page], manager: Manager
) -> None:
    page = at("/policies/new")
    assert violations(page) == []
    page.get_by_label("Come back in this order").check()
    page.get_by_role("button", name="Continue").click()
    scope = page.get_by_label("Which VMs")
    scope.fill("name = nobody-at-all")
    expect(page.get_by_text("binds nothing now")).to_be_visible()
    scope.fill("nonsense = 1")
    expect(scope).to_have_attribute("aria-invalid", "true")
    scope.fill("state = running")
    expect(page.get_by_text("VMs now")).to_be_visible()
    assert violations(page) == []
    page.get_by_role("button", name="Continue").click()
    page.get_by_label("Name of the rule").fill("first-up")
    expect(page.locator(".ap-same__text")).to_have_text(
        "anypool policy add --priority=high first-up restart 'state = running'"
    )
    page.get_by_role("button", name="Add the rule").click()
    expect(page.get_by_text("holds from now on")).to_be_visible()
    with manager.client() as client:
        rule = client.get("/policies/first-up").json()
        assert (rule["rule"]["kind"], rule["rule"]["priority"]) == ("restart", "high")
        client.delete("/policies/first-up")


def test_a_vm_is_protected(at: Callable[[str], Page], manager: Manager) -> None:
    with manager.client() as client:
        vm = client.get("/vms", params={"q": "state = running"}).json()["items"][0]
    page = at(f"/vms/{vm['id']}/protect")
    expect(page.get_by_text("not protected")).to_be_visible()
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_text("No rule guards its host")).to_be_visible()
    page.get_by_label("How much happens by itself").select_option("shadow")
    page.get_by_label("When it comes back").select_option("highest")
    assert violations(page) == []
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Protect it").click()
    expect(page.get_by_text("is protected from now on")).to_be_visible()
    with manager.client() as client:
        names = sorted(one["id"] for one in client.get("/policies").json()["items"])
        assert [one.partition("-")[0] for one in names] == ["guard", "restart"]
        for name in names:
            client.delete(f"/policies/{name}")


def test_a_profile_moves_to_a_spare(at: Callable[[str], Page], manager: Manager) -> None:
    with manager.client() as client:
        made = client.post("/profiles", json={"name": "web-server", "nics": [], "hbas": []})
        assert made.status_code == 201, made.text
    page = at("/profiles/web-server/move")
    expect(page.locator(".ap-same__text")).to_have_text("anypool profile assign web-server")
    assert violations(page) == []
    page.get_by_role("button", name="Show the plan").click()
    expect(page.get_by_role("alert")).to_contain_text("What to do")
    with manager.client() as client:
        client.delete("/profiles/web-server")


def test_a_viewer_is_told_that_it_is_not_theirs(
    at: Callable[[str], Page], manager: Manager
) -> None:
    page = at("/vms/new")
    me = page.evaluate("fetch('/api/v1/me').then((answer) => answer.json())")
    page.route("**/api/v1/me", lambda route: route.fulfill(json={**me, "role": "viewer"}))
    page.reload()
    expect(page.get_by_text("may look at this, and not do it")).to_be_visible()
    expect(page.get_by_role("button", name="Continue")).to_be_disabled()
