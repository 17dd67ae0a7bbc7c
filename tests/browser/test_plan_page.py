"""The page of a plan: seen before it is a deed, decided on, followed, and compared afterwards."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Route, ViewportSize, expect

from tests.browser.kit import Console, violations
from tests.service.manager_kit import Manager, add_sim, running, until

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def manager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Manager]:
    """A manager of our own: the last test balances its pool."""
    with running(tmp_path_factory.mktemp("plans")) as made:
        with made.client() as client:
            add_sim(client, query="hosts=5&vms=40&seed=7")
        yield made


def _balance(manager: Manager) -> str:
    """Return a plan that was made and not run."""
    with manager.client() as client:
        made = client.post("/pools/default/balance", params={"dry_run": True})
    assert made.status_code == 200, made.text
    return str(made.json()["id"])


def test_a_plan_is_seen_rejected_and_keeps_its_reasons(
    open_console: Callable[..., Console], manager: Manager
) -> None:
    console = open_console(manager, f"/plans/{_balance(manager)}")
    page = console.page
    expect(page.get_by_role("region", name="Price")).to_contain_text("Longest pause")
    expect(page.locator(".ap-moves__drawing")).to_be_visible()
    assert page.locator(".ap-curve").count() >= 1
    steps = page.get_by_role("region", name="Steps", exact=True).get_by_role("button")
    steps.nth(1).click()
    panel = page.get_by_role("complementary", name="Step 2")
    expect(panel).to_contain_text("Why not another host")
    panel.get_by_role("button", name="Step before").click()
    expect(page.get_by_role("complementary", name="Step 1")).to_be_visible()
    drawn = page.get_by_role("region", name="Before and after", exact=True)
    drawn.get_by_text("As a table").click()
    expect(page.get_by_role("columnheader", name="Comes and goes")).to_be_visible()
    assert violations(page) == []
    page.get_by_role("button", name="Switch to dark colours").click()
    assert violations(page) == []
    page.get_by_role("button", name="Reject").click()
    expect(page.get_by_role("button", name="Reject")).to_have_count(0)
    expect(page.get_by_role("main")).to_contain_text("cancelled")


def test_a_vm_is_left_out_and_the_new_plan_stands_beside_the_old(
    open_console: Callable[..., Console], manager: Manager
) -> None:
    old = _balance(manager)
    page = open_console(manager, f"/plans/{old}").page
    panel = page.get_by_role("complementary", name="Step 1")
    panel.get_by_role("button", name=re.compile("^Without ")).click()
    page.get_by_role("button", name="Make the plan again").click()
    beside = page.get_by_role("region", name=re.compile("^Made again without"))
    expect(beside.get_by_role("region", name="Both plans: Steps")).to_contain_text("gone")
    assert old not in page.url.partition("?")[0]
    assert violations(page) == []
    page.get_by_role("button", name="Switch to dark colours").click()
    assert violations(page) == []
    beside.get_by_role("button", name="Reject the plan before").click()
    expect(beside).to_contain_text("cancelled")
    page.reload()
    expect(beside.get_by_role("region", name="Both plans", exact=True)).to_be_visible()
    with manager.client() as client:
        assert client.get(f"/plans/{old}").json()["state"] == "cancelled"


def test_a_plan_that_is_not_there_says_so_and_what_to_do(
    open_console: Callable[..., Console], manager: Manager
) -> None:
    page = open_console(manager, "/plans/plan-none").page
    expect(page.get_by_role("alert")).to_contain_text("What to do")


def test_on_a_phone_the_table_stands_for_the_picture(
    open_console: Callable[..., Console], manager: Manager
) -> None:
    narrow = ViewportSize(width=390, height=844)
    page = open_console(manager, f"/plans/{_balance(manager)}").page
    page.set_viewport_size(narrow)
    expect(page.get_by_role("columnheader", name="Comes and goes")).to_be_visible()
    expect(page.locator(".ap-moves__drawing")).to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth") <= narrow["width"]


_SHIFTS = """() => { window.shifts = [];
  new PerformanceObserver((list) => {
    for (const one of list.getEntries()) if (!one.hadRecentInput)
      window.shifts.push([one.value, ...one.sources.map((s) => s.node?.className ?? "?")]);
  }).observe({ type: "layout-shift", buffered: true }); }"""


def test_on_a_phone_nothing_is_pushed_down_by_what_comes_later(
    open_console: Callable[..., Console], manager: Manager
) -> None:
    """As with slow answers: what was there already stays where somebody reads it."""
    phone = {"width": 390, "height": 844}
    page = open_console(manager, viewport=phone).page
    held: list[Route] = []
    page.route("**/picture", lambda route: held.append(route))
    page.add_init_script(f"({_SHIFTS})()")
    page.goto(f"{manager.url}/plans/{_balance(manager)}")
    expect(page.get_by_role("region", name="Price")).to_be_visible()
    until(lambda: held or page.wait_for_timeout(20), "the picture is asked for")
    held[0].continue_()
    expect(page.get_by_role("columnheader", name="Comes and goes")).to_be_visible()
    shifts = page.evaluate("window.shifts")
    assert sum(one[0] for one in shifts) < 0.02, shifts


def test_a_plan_that_ran_shows_what_it_took(
    open_console: Callable[..., Console], manager: Manager
) -> None:
    console = open_console(manager, f"/plans/{_balance(manager)}")
    page = console.page
    page.get_by_role("button", name="Approve", exact=True).click()
    page.get_by_role("button", name="Run", exact=True).click()
    price = page.get_by_role("region", name="Price")
    expect(price).to_contain_text("actual", timeout=60_000)
    expect(page.locator(".ap-actual--done").first).to_be_visible()
    expect(page.locator(".ap-page__head")).to_contain_text(re.compile("done"))
    outcome = page.get_by_role("region", name="Predicted and actual", exact=True).first
    expect(outcome).to_contain_text("Longest pause")
    assert violations(page) == []
