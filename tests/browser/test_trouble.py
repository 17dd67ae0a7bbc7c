"""The console when things go wrong: a manager restarted, an answer lost, hostile names."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Route, expect

from tests.browser.kit import Console
from tests.service.manager_kit import Manager, add_sim, running, until

pytestmark = pytest.mark.browser

HOSTILE = '"><img src=x onerror="window.hacked=1"><script>window.hacked=1</script>{{7*7}}'
SPOKEN = ("name", "message", "goal", "description", "hypervisor", "place", "host_name", "by")


def test_a_restarted_manager_is_found_again_and_nothing_passes_for_live_meanwhile(
    open_console: Callable[..., Console], tmp_path: Path
) -> None:
    with running(tmp_path) as manager:
        with manager.client() as client:
            add_sim(client)
        port = urlsplit(manager.url).port or 0
        console = open_console(manager, "/vms?q=state%20%3D%20running")
        page = console.page
        label = page.get_by_role("banner").get_by_role("status")
        expect(label).to_have_text("live")
        page.locator(".ap-table__row--body input").first.check()
        expect(page.get_by_role("button", name="Shut down")).to_be_enabled()
    expect(label).to_contain_text("not live since", timeout=20_000)
    expect(page.get_by_role("button", name="Shut down")).to_be_disabled()
    expect(page.get_by_text("1 selected")).to_be_visible()
    console.errors.clear()  # that it cannot be reached is said by the browser, too
    with running(tmp_path, port=port):
        expect(label).to_have_text("live", timeout=30_000)
        expect(page.get_by_role("button", name="Shut down")).to_be_enabled()
        expect(page.get_by_text("1 selected")).to_be_visible()


def test_a_deed_whose_answer_is_lost_is_sent_once_and_said_to_be_unknown(
    open_console: Callable[..., Console], manager: Manager
) -> None:
    console = open_console(manager, "/vms?q=state%20%3D%20stopped")
    page = console.page
    sent: list[str] = []

    def lose(route: Route) -> None:
        if "dry_run" in route.request.url:
            route.continue_()
            return
        sent.append(route.request.headers["idempotency-key"])
        route.fetch()
        route.abort()

    page.route("**/api/v1/vms/*/start*", lose)
    page.locator(".ap-table__row--body input").first.check()
    page.get_by_role("button", name="Start").click()
    dialog = page.get_by_role("dialog")
    with manager.client() as client:
        before = client.get("/operations").json()["total"]
        dialog.get_by_role("button", name="Do it").click()
        expect(dialog).to_contain_text("nobody here knows whether it was done")
        expect(dialog).to_contain_text("Look at what is so now")
        until(lambda: client.get("/operations").json()["total"] == before + 1, "it was done, once")
    assert len(sent) == 1


def poisoned(value: Any, key: str = "") -> Any:
    """An answer in which everything that people or platforms write is hostile."""
    if isinstance(value, dict):
        return {name: poisoned(one, name) for name, one in value.items()}
    if isinstance(value, list):
        return [poisoned(one, key) for one in value]
    hostile = isinstance(value, str) and (key in SPOKEN or key in ("tags", "labels", "why", "text"))
    return HOSTILE if hostile else value


def test_hostile_names_are_text_everywhere(
    open_console: Callable[..., Console], manager: Manager
) -> None:
    console = open_console(manager)
    page = console.page

    def poison(route: Route) -> None:
        answer = route.fetch()
        kind = answer.headers.get("content-type", "")
        if not kind.startswith("application/json") or "/me" in route.request.url:
            route.fulfill(response=answer)
            return
        route.fulfill(response=answer, body=json.dumps(poisoned(answer.json())))

    with manager.client() as client:
        vm = client.get("/vms").json()["items"][0]["id"]
    page.route(re.compile("/api/v1/(?!events/stream|login)"), poison)
    for path in ("/", "/vms", "/hosts", "/events", f"/vms/{vm}", "/hosts/demo-h1"):
        console.go(path)
        expect(page.get_by_role("main").get_by_text(HOSTILE).first).to_be_visible()
        assert page.evaluate("window.hacked === undefined"), path
        assert page.locator("img, #root script").count() == 0, path


def test_csv_cells_do_not_become_formulas(console: Console) -> None:
    page = console.page

    def formula(route: Route) -> None:
        answer = route.fetch()
        content = answer.json()
        for one in content["items"]:
            one["name"] = "=HYPERLINK(1)"
        route.fulfill(response=answer, body=json.dumps(content))

    page.route("**/api/v1/vms?*", formula)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    console.go("/vms")
    page.get_by_role("button", name="CSV").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()").splitlines()
    assert copied[0].startswith("Name,State,Host")
    assert copied[1].startswith('"\'=HYPERLINK(1)",')
