"""Lists in a real browser: search, completion, facets, sorting, selection, bulk actions, tree."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.kit import Console, violations
from tests.service.manager_kit import Manager

pytestmark = pytest.mark.browser

LISTS = (
    "/vms", "/hosts", "/servers", "/profiles", "/datastores", "/networks", "/images", "/pools",
    "/policies", "/plans", "/operations", "/events",
)  # fmt: skip


def rows(page: Page) -> int:
    return page.locator(".ap-table__row--body").count()


@pytest.fixture(scope="module", params=["light", "dark"])
def colours(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


def test_every_list_is_clean_for_axe(
    open_console: Callable[..., Console], manager: Manager, colours: str
) -> None:
    console = open_console(manager, color_scheme=colours)
    for path in LISTS:
        console.go(path)
        console.page.wait_for_selector("[role=table]")
        assert violations(console.page) == [], path


def test_what_is_searched_is_completed_found_and_a_link(console: Console) -> None:
    console.go("/vms")
    page = console.page
    page.keyboard.press("/")
    box = page.get_by_role("combobox", name="Search")
    expect(box).to_be_focused()
    box.press_sequentially("sta")
    expect(page.get_by_role("option", name=re.compile("^state"))).to_be_visible()
    box.press("Tab")
    box.press_sequentially("= run")
    expect(page.get_by_role("option", name=re.compile("^running"))).to_be_visible()
    assert violations(page) == []
    box.press("Tab")
    box.press("Enter")
    expect(page).to_have_url(re.compile(r"/vms\?q=state\+%3D\+running"))
    expect(page.get_by_text(re.compile(r"^\d+ in \d+ ms$"))).to_be_visible()
    found = rows(page)
    page.reload()
    expect(page.locator(".ap-table__row--body")).to_have_count(found)
    expect(box).to_have_value(re.compile("state = running"))
    box.fill("hosts: name = sim*")
    box.press("Enter")
    expect(page).to_have_url(re.compile("/hosts\\?q="))


def test_facets_and_heads_write_into_the_search(console: Console) -> None:
    console.go("/vms")
    page = console.page
    page.get_by_role("checkbox", name=re.compile("^running")).check()
    box = page.get_by_role("combobox", name="Search")
    expect(box).to_have_value("state = running")
    page.get_by_role("button", name="Memory").click()
    expect(box).to_have_value("state = running order by memory")
    page.get_by_role("button", name="Memory").click()
    expect(box).to_have_value("state = running order by memory desc")
    expect(page.get_by_role("columnheader", name="Memory")).to_have_attribute(
        "aria-sort", "descending"
    )
    page.get_by_role("checkbox", name=re.compile("^running")).uncheck()
    expect(box).to_have_value("order by memory desc")


def test_a_mistake_in_a_search_is_explained(console: Console) -> None:
    console.go("/vms?q=memry%20%3E%201")
    expect(console.page.get_by_role("alert")).to_contain_text("memry")


def test_several_are_previewed_before_anything_is_done(console: Console) -> None:
    page = console.page
    with console.manager.client() as client:
        before = client.get("/plans").json()["total"]
        stopped = client.get("/vms", params={"q": "state = stopped", "limit": 2}).json()["items"]
        operations = client.get("/operations").json()["total"]
    names = [one["name"] for one in stopped]
    console.go("/vms?q=state%20%3D%20stopped")
    for name in names:
        page.get_by_role("checkbox", name=f"Select {name}", exact=True).check()
    page.get_by_role("button", name="Start").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Nothing is done yet")
    expect(dialog.get_by_role("button", name=f"Do it: {len(names)} plans")).to_be_enabled()
    assert violations(page) == []
    with console.manager.client() as client:
        assert client.get("/operations").json()["total"] == operations
        assert client.get("/plans").json()["total"] >= before
    page.keyboard.press("Escape")
    expect(dialog).not_to_be_visible()


def test_several_plans_are_seen_whole_before_they_are_rejected(console: Console) -> None:
    page = console.page
    with console.manager.client() as client:
        hosts = client.get("/hosts", params={"q": "vms > 0", "limit": 2}).json()["items"]
        made = [
            client.post(f"/hosts/{one['id']}/evacuate", params={"dry_run": True}).json()["id"]
            for one in hosts
        ]
    console.go("/plans?q=state%20%3D%20recommended")
    for one in hosts:
        row = page.locator(".ap-table__row--body", has_text=one["name"]).first
        row.get_by_role("checkbox").check()
    page.get_by_role("button", name="Reject").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.locator(".ap-plan-preview li").first).to_be_visible()
    assert violations(page) == []
    dialog.get_by_role("button", name="Do it: 2").click()
    expect(dialog.get_by_text("done", exact=True)).to_have_count(2)
    with console.manager.client() as client:
        assert {client.get(f"/plans/{key}").json()["state"] for key in made} == {"cancelled"}


def test_an_empty_list_says_what_to_do_next(console: Console) -> None:
    said = {"/servers": "anypool server discover", "/images": "anypool image add"}
    for path, text in said.items():
        console.go(path)
        expect(console.page.locator(".ap-empty")).to_contain_text(text)
    console.go("/policies")
    console.page.locator(".ap-empty").get_by_role("link", name="Add a rule").click()
    expect(console.page).to_have_url(re.compile("/policies/new"))


def test_the_tree_is_walked_by_keys(console: Console) -> None:
    console.go("/vms?view=tree")
    page = console.page
    tree = page.get_by_role("tree")
    first = tree.get_by_role("treeitem").first
    first.focus()
    expect(first).to_have_attribute("aria-expanded", "true")
    expect(tree.get_by_role("treeitem", level=2).first).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    expect(tree.get_by_role("treeitem", level=3).first).to_be_visible()
    assert violations(page) == []


def test_tags_are_changed_in_place(console: Console) -> None:
    page = console.page
    console.go("/hosts")
    row = page.locator(".ap-table__row--body").first
    row.hover()
    row.get_by_role("button", name=re.compile("^Add a tag")).click()
    field = row.get_by_role("textbox")
    field.fill("edge:frankfurt")
    field.press("Enter")
    expect(row.get_by_text("edge:frankfurt")).to_be_visible()
    row.get_by_role("button", name="Remove the tag edge:frankfurt").click()
    expect(row.get_by_text("edge:frankfurt")).to_have_count(0)
