"""The first run in a real browser: one address, or a sample pool; nothing is known beforehand."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.kit import Console, violations
from tests.service.manager_kit import Manager, running

pytestmark = pytest.mark.browser
PRINT = "SHA256:uNiVztksCsDhcc0u9e8BrXVUJkdsbV7Pbb7yXJDZmZg"


@pytest.fixture(scope="module")
def new(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Manager]:
    """A manager that manages nothing yet."""
    with running(tmp_path_factory.mktemp("new")) as manager:
        yield manager


@pytest.fixture
def page(open_console: Callable[..., Console], new: Manager) -> Page:
    return open_console(new).page


def test_one_address_is_enough(page: Page, new: Manager) -> None:
    expect(page.get_by_role("heading", level=1)).to_contain_text("One address is enough")
    assert violations(page) == []
    page.get_by_label("Address").fill("sim://first?hosts=2&vms=3")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=2, name=re.compile("right one"))).to_be_focused()
    expect(page.get_by_text("A simulated pool")).to_be_visible()
    page.get_by_role("button", name="Continue").click()
    page.get_by_label("Name", exact=True).fill("first")
    expect(page.locator(".ap-same__text")).to_have_text(
        "anypool host add 'sim://first?hosts=2&vms=3' --name=first --observe-only"
    )
    assert violations(page) == []
    page.get_by_role("button", name="Add it").click()
    expect(page.get_by_text("2 hosts were found")).to_be_visible()
    with new.client() as client:
        assert client.get("/endpoints/first").json()["observe_only"] is True
        client.delete("/endpoints/first")


def test_who_does_not_answer_is_told_at_the_address(page: Page) -> None:
    page.get_by_label("Address").fill("two words")
    page.get_by_role("button", name="Look who is there").click()
    field = page.get_by_label("Address")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_role("alert")).to_contain_text("write a name or number")
    assert violations(page) == []


def test_the_certificate_is_confirmed_before_a_password_can_be_given(page: Page) -> None:
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.post_data or ""))
    answer = {"kind": "vsphere", "product": "VMware vCenter Server 8.0", "uri": "vsphere://vc/",
              "login": "password", "user": "administrator@vsphere.local", "shows": "certificate",
              "fingerprint": "ab" * 32, "vouched": False, "changed": False,
              "server": False}  # fmt: skip
    page.route(
        "**/endpoints/look", lambda route: route.fulfill(json={"items": [answer], "public_key": ""})
    )
    page.get_by_label("Address").fill("vc")
    page.get_by_role("button", name="Look who is there").click()
    expect(page.locator(".ap-print")).to_have_text("ab" * 32)
    assert page.locator("input[type=password]").count() == 0
    expect(page.get_by_role("button", name="Continue")).to_be_disabled()
    page.get_by_label("It is the same").check()
    page.get_by_role("button", name="Continue").click()
    page.get_by_label("Password").fill("s3cret")
    command = page.locator(".ap-same__text")
    expect(command).to_contain_text(f"--option=fingerprint={'ab' * 32}")
    page.get_by_role("button", name="API").click()
    expect(command).not_to_contain_text("s3cret")
    assert not any("s3cret" in one for one in sent)


def test_another_host_key_than_before_is_a_dead_end(page: Page) -> None:
    answer = {"kind": "libvirt-ssh", "product": "", "uri": "qemu+ssh://h1/system", "login": "key",
              "user": "root", "shows": "host-key", "fingerprint": PRINT, "vouched": False,
              "changed": True, "server": False}  # fmt: skip
    page.route(
        "**/endpoints/look", lambda route: route.fulfill(json={"items": [answer], "public_key": ""})
    )
    page.get_by_label("Address").fill("h1")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("somebody is in between")
    expect(page.get_by_role("button", name="Continue")).to_be_disabled()


def test_a_sample_pool_is_one_click_away_and_marked(page: Page, new: Manager) -> None:
    page.get_by_role("button", name="Open the sample pool").click()
    note = page.get_by_role("note")
    expect(note).to_contain_text("simulated")
    expect(page.get_by_role("heading", level=1)).not_to_contain_text("Nothing here")
    assert violations(page) == []
    note.get_by_role("button", name="Remove it").click()
    note.get_by_role("button", name="Remove it with everything in it").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("One address is enough")
    with new.client() as client:
        assert client.get("/hosts").json()["total"] == 0


def test_in_german_nothing_is_left_in_english(page: Page) -> None:
    page.locator(".ap-account summary").click()
    page.get_by_role("button", name="Sprache: Deutsch").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Eine Adresse genügt")
    expect(page.get_by_role("button", name="Beispielpool öffnen")).to_be_visible()
    page.get_by_role("button", name="Switch to dark colours").or_(
        page.get_by_role("button", name="Dunkle Farben")
    ).click()
    assert violations(page) == []
