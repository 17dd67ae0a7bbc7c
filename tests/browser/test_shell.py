"""The console's frame in a real browser: login, session, colours, language, live, policy."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.kit import Console, violations
from tests.service.manager_kit import Manager

pytestmark = pytest.mark.browser


def test_a_login_link_opens_the_console_once(console: Console, anonymous: Page) -> None:
    page = console.page
    expect(page).to_have_title("anypool")
    expect(page.get_by_role("banner").get_by_role("status")).to_have_text("live")
    assert "#" not in page.url
    anonymous.goto(f"{console.manager.url}/login#code=used-up")
    expect(anonymous.get_by_role("alert")).to_be_visible()
    expect(anonymous.get_by_role("heading", name="Log in")).to_be_visible()
    assert violations(anonymous) == []


def test_colours_and_language_are_kept(console: Console) -> None:
    page = console.page
    page.get_by_role("button", name="Switch to dark colours").click()
    expect(page.locator("html")).to_have_class(re.compile("pf-v6-theme-dark"))
    assert violations(page) == []
    page.locator(".ap-account summary").click()
    page.get_by_role("button", name="Sprache: Deutsch").click()
    expect(page.get_by_role("navigation", name="Hauptnavigation")).to_be_visible()
    page.reload()
    expect(page.locator("html")).to_have_attribute("lang", "de")
    expect(page.locator("html")).to_have_class(re.compile("pf-v6-theme-dark"))


def test_an_address_that_is_nothing_says_so(console: Console) -> None:
    console.go("/no/such/page")
    expect(console.page.get_by_role("heading", name="There is no such page")).to_be_visible()


def test_a_session_that_ended_leads_to_the_login(
    open_console: Callable[..., Console], manager: Manager
) -> None:
    page = open_console(manager).page
    page.context.clear_cookies()
    page.reload()
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()


def test_other_pages_may_not_frame_it(anonymous: Page, manager: Manager) -> None:
    anonymous.route("http://frames.test/", lambda route: route.fulfill(
        body=f'<iframe src="{manager.url}/"></iframe>', content_type="text/html"))  # fmt: skip
    anonymous.goto("http://frames.test/")
    anonymous.wait_for_function("document.querySelector('iframe').contentDocument === null")
    frame = next(one for one in anonymous.frames if one.parent_frame is not None)
    assert frame.locator("#root").count() == 0
