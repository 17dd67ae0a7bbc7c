"""Ten tasks of an administrator in the web console: clicks, keys, and seconds until it answers.

`python -m benchmarks console_tasks`. Each begins at the start page of the sample pool and ends
when the console shows that it is done, or that it has begun. What people need besides is
reckoned by the keystroke-level model (Card, Moran, Newell): the same figures that
docs/explanation/ten-tasks.md reckons for others from their documentation.
"""

import re
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page

from anypool import app
from anypool.cli.child import manager
from anypool.cli.client import Client
from anypool.cli.connection import open_http
from anypool.cli.contexts import Context
from anypool.cli.login import by_code, split_link
from anypool.settings import Settings
from benchmarks.console_page import browser
from benchmarks.console_peers import PEERS
from benchmarks.table import Rows, show

POINT_S, PRESS_S, KEY_S, THINK_S = 1.1, 0.2, 0.28, 1.35
"""To point, to press and let go of a button, to hit a key, and to find what comes next."""


class Hand:
    """Somebody at the page: what is clicked and typed is counted."""

    def __init__(self, page: Page, client: Client) -> None:
        self.page = page
        self.client = client
        self.clicks = 0
        self.keys = 0

    def click(self, what: Locator | str, **modifiers: Any) -> None:
        """Click a button, a link or a field: by its name, or where it is."""
        found = self._named(what) if isinstance(what, str) else what
        found.first.click(**modifiers)
        self.clicks += 1

    def type(self, text: str) -> None:
        """Type into what has the focus."""
        self.page.keyboard.type(text)
        self.keys += len(text)

    def press(self, key: str) -> None:
        """Press a key, or several at once."""
        self.page.keyboard.press(key)
        self.keys += 1

    def sees(self, text: str) -> None:
        """Wait for a text that a regular expression describes."""
        self.page.get_by_text(re.compile(text)).first.wait_for()

    def _named(self, name: str) -> Locator:
        by = self.page.get_by_role
        return by("button", name=name).or_(by("link", name=name)).or_(by("checkbox", name=name))


def find_vm(hand: Hand) -> None:
    """Where does a VM run whose name is known?"""
    name = _vm(hand)["name"]
    hand.press("Control+k")
    hand.type(name)
    hand.page.get_by_role("option", name=name, exact=True).first.wait_for()
    hand.press("Enter")
    hand.page.get_by_role("heading", name=name, level=1).wait_for()


def create_vm(hand: Hand) -> None:
    """Make a VM from an image and start it."""
    hand.click(hand.page.get_by_role("navigation").get_by_role("link", name="Virtual machines"))
    hand.click("Create a VM")
    hand.click(hand.page.get_by_label("Name"))
    hand.type("new-vm")
    hand.press("Enter")
    hand.click("Show the plan")
    hand.page.locator(".ap-preview__steps li").first.wait_for()
    hand.click("Approve and run")
    hand.sees("It has begun")


def move_vm(hand: Hand) -> None:
    """Move a running VM to the host that suits best."""
    _go(hand, _vm(hand)["name"])
    _deed(hand, "Migrate")
    hand.click("Show the plan")
    hand.click("Do it")
    hand.sees("has begun")


def empty_host(hand: Hand) -> None:
    """Empty a host for maintenance."""
    _go(hand, "h02")
    hand.click("Evacuate")
    hand.click("Do it")
    hand.sees("has begun")


def open_serial(hand: Hand) -> None:
    """Open the console of a VM."""
    _go(hand, _vm(hand)["name"])
    hand.click("Serial console")
    hand.sees("Connected")


def snapshot_three(hand: Hand) -> None:
    """Take a snapshot of three VMs at once."""
    hand.click(hand.page.get_by_role("navigation").get_by_role("link", name="Virtual machines"))
    boxes = hand.page.locator(".ap-table__row--body input")
    boxes.nth(2).wait_for()
    for place in range(3):
        hand.click(boxes.nth(place))
    hand.click("Snapshot")
    hand.click(hand.page.get_by_role("dialog").get_by_role("textbox"))
    hand.type("before")
    hand.click("Show the plan")
    hand.click("Do it")
    hand.sees("has begun")


def list_large(hand: Hand) -> None:
    """Which VMs run with 4 GiB or more, the largest first, as CSV?"""
    hand.press("/")
    hand.type("vm: state = running and memory >= 4GiB order by memory desc")
    hand.press("Enter")
    hand.sees(r"^\d+ in \d+ ms$")
    hand.click("CSV")
    hand.sees("Copied|Saved")


def keep_apart(hand: Hand) -> None:
    """Two VMs must never share a host."""
    one, other = (vm["name"] for vm in hand.client.items("/vms", most=2))
    hand.click(hand.page.get_by_role("navigation").get_by_role("link", name="Policies"))
    hand.click("Add a rule")
    hand.click("Continue")
    hand.click(hand.page.get_by_label("Which VMs"))
    hand.press("Control+a")
    hand.type(f"name in ({one}, {other})")
    hand.sees("VMs now")
    hand.click("Continue")
    hand.click(hand.page.get_by_label("Name of the rule"))
    hand.press("Control+a")
    hand.type("two-apart")
    hand.click("Add the rule")
    hand.sees("holds from now on")


def lose_host(hand: Hand) -> None:
    """What happens if a host dies: what stays down, what starts where?"""
    hand.click(hand.page.get_by_role("navigation").get_by_role("link", name="Death map"))
    hand.click(hand.page.get_by_role("gridcell", name=re.compile("h03")))
    hand.page.wait_for_url(re.compile("host="))
    hand.page.get_by_role("button", name="Rehearse it").wait_for()


def read_why(hand: Hand) -> None:
    """Why was a VM moved to the host it was moved to?"""
    hand.click(hand.page.get_by_role("navigation").get_by_role("link", name="Plans"))
    hand.click(hand.page.get_by_role("main").get_by_role("link", name=re.compile("h02")))
    hand.page.get_by_role("heading", level=1).wait_for()
    hand.click(hand.page.locator(".ap-schedule__step"))
    hand.sees("Why not another host")


TASKS: dict[str, Callable[[Hand], None]] = {
    "find a VM": find_vm,
    "create a VM": create_vm,
    "move a VM": move_vm,
    "empty a host": empty_host,
    "open a console": open_serial,
    "three snapshots": snapshot_three,
    "a list as CSV": list_large,
    "keep two apart": keep_apart,
    "a host dies": lose_host,
    "why was it moved": read_why,
}


def run() -> None:
    """Do the ten tasks, and print what each took."""
    rows: Rows = {}
    with (
        tempfile.TemporaryDirectory(prefix="console-tasks-") as folder,
        manager(Settings(state_dir=str(Path(folder)), listen_port=0)) as running,
        browser() as chromium,
    ):
        _, code = split_link(app.login_link(running.settings, "admin"))
        with open_http(by_code(Context(url=running.url), code)) as http:
            client = Client(http)
            client.post("/sample", {})
            context = chromium.new_context(viewport={"width": 1440, "height": 900}, locale="en-GB")
            page = context.new_page()
            page.goto(app.login_link(running.settings, "admin"))
            page.wait_for_selector("main h1")
            for name, task in TASKS.items():
                rows[name] = _done(task, Hand(page, client), running.url)
    total = {
        figure: sum(values[figure][0] for values in rows.values())
        for figure in ("clicks", "keys", "waits_s", "seconds")
    }
    show("Ten tasks from the start page of the sample pool", rows, total | _against(rows))


def _done(task: Callable[[Hand], None], hand: Hand, url: str) -> dict[str, list[float]]:
    hand.page.goto(f"{url}/")
    hand.page.wait_for_selector("main h1")
    begin = time.monotonic()
    task(hand)
    waits = time.monotonic() - begin
    people = reckoned(hand.clicks, hand.keys)
    figures = {
        "clicks": float(hand.clicks),
        "keys": float(hand.keys),
        "waits_s": waits,
        "seconds": people + waits,
    }
    return {name: [value] for name, value in figures.items()}


def reckoned(clicks: int, keys: int) -> float:
    """Return the seconds that a practised person needs, without any wait."""
    return clicks * (POINT_S + PRESS_S + THINK_S) + keys * KEY_S


def _against(rows: Rows) -> dict[str, float]:
    """Print what others need, and return our seconds divided by theirs, for tasks they can do."""
    ratios = {}
    for name, ways in PEERS.items():
        theirs = {task: reckoned(*way) for task, way in ways.items() if way is not None}
        ours = sum(rows[task]["seconds"][0] for task in theirs)
        told = ", ".join(f"{task} {seconds:.0f} s" for task, seconds in theirs.items())
        print(f"{name}, without waiting: {told}")
        ratios[f"against_{name.lower().replace(' ', '_')}"] = ours / sum(theirs.values())
    return ratios


def _go(hand: Hand, name: str) -> None:
    hand.press("Control+k")
    hand.type(name)
    hand.page.get_by_role("option", name=name, exact=True).first.wait_for()
    hand.press("Enter")
    hand.page.get_by_role("heading", name=name, level=1).wait_for()


def _deed(hand: Hand, name: str) -> None:
    """Press a deed's button, which may be in the menu."""
    button = hand.page.get_by_role("main").get_by_role("button", name=name, exact=True)
    if not button.first.is_visible():
        hand.click(hand.page.get_by_role("main").locator("summary", has_text="Actions"))
    hand.click(button)


def _vm(hand: Hand) -> dict[str, Any]:
    found = hand.client.items("/vms", query="state = running order by name", most=1)
    return dict(next(iter(found)))
