"""What a browser shows when of the web console, on a fast machine and on a slow one.

`python -m benchmarks console_paint`. The sample pool, nothing cached, Chromium. First paint,
largest paint, blocking time and layout shift are what the browser itself reports; CPU and
network are slowed down by the debugger, as Lighthouse does it for desktops and for phones.
"""

import tempfile
from statistics import median
from typing import NamedTuple

from playwright.sync_api import Browser, BrowserContext, Page

from anypool import app
from anypool.cli.child import manager
from anypool.cli.client import Client
from anypool.cli.connection import open_http
from anypool.cli.contexts import Context
from anypool.cli.login import by_code, split_link
from anypool.settings import Settings
from benchmarks.console_page import browser, loaded_kb
from benchmarks.table import Rows, show

ROUNDS = 5
QUIET_MS = 3000
HOST = "sample-h01"

WATCH = """
(() => {
  const seen = window.seen = { fcp: 0, lcp: 0, tbt: 0, cls: 0 };
  const watch = (type, take) => new PerformanceObserver((list) => list.getEntries().forEach(take))
    .observe({ type, buffered: true });
  watch('paint', (one) => {
    if (one.name === 'first-contentful-paint') seen.fcp = one.startTime;
  });
  watch('largest-contentful-paint', (one) => { seen.lcp = one.startTime; });
  watch('layout-shift', (one) => { if (!one.hadRecentInput) seen.cls += one.value; });
  watch('longtask', (one) => { seen.tbt += Math.max(0, one.duration - 50); });
})();
"""
"""Observers of what the browser reports; blocking is what long tasks take beyond 50 ms each."""


class Machine(NamedTuple):
    """Who looks: how much slower the CPU is, and how fast the network."""

    name: str
    cpu: int
    delay_ms: float
    bytes_s: float
    width: int
    height: int


MACHINES = (
    Machine("desktop", 1, 40, 10e6 / 8, 1350, 940),
    Machine("phone", 4, 150, 1.6e6 / 8, 412, 823),
)


def run() -> None:
    """Load pages of the console on each machine, and print what the browser reports."""
    with (
        tempfile.TemporaryDirectory(prefix="console-paint-") as folder,
        manager(Settings(state_dir=folder, listen_port=0)) as running,
        browser() as chromium,
    ):
        _, code = split_link(app.login_link(running.settings, "admin"))
        with open_http(by_code(Context(url=running.url), code)) as http:
            client = Client(http)
            client.post("/sample", {})
            plan = client.post(f"/hosts/{HOST}/evacuate", {}, dry_run=True)["id"]
        entered = chromium.new_context()
        page = entered.new_page()
        page.goto(app.login_link(running.settings, "admin"))
        page.wait_for_selector("main h1")
        paths = {"start": "/", "list": "/vms", "plan": f"/plans/{plan}", "map": "/deathmap"}
        rows: Rows = {}
        for machine in MACHINES:
            for name, path in paths.items():
                url = running.url + path
                rows[f"{machine.name} {name}"] = _loaded(chromium, entered, url, machine)
    figures = {
        f"{machine.name}_{figure}": max(
            median(values[figure]) for row, values in rows.items() if row.startswith(machine.name)
        )
        for machine in MACHINES
        for figure in ("fcp_ms", "lcp_ms", "tbt_ms", "cls", "script_kb", "style_kb")
    }
    show(f"{ROUNDS} loads of each page, the worst page's median last", rows, figures)


def _loaded(
    chromium: Browser, entered: BrowserContext, url: str, machine: Machine
) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for _ in range(ROUNDS):
        context = chromium.new_context(
            viewport={"width": machine.width, "height": machine.height},
            storage_state=entered.storage_state(),
            locale="en-GB",
        )
        for name, value in _once(context.new_page(), url, machine).items():
            found.setdefault(name, []).append(value)
        context.close()
    return found


def _once(page: Page, url: str, machine: Machine) -> dict[str, float]:
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    speed = {"downloadThroughput": machine.bytes_s, "uploadThroughput": machine.bytes_s}
    limits = {"offline": False, "latency": machine.delay_ms, **speed}
    session.send("Network.emulateNetworkConditions", limits)
    session.send("Emulation.setCPUThrottlingRate", {"rate": machine.cpu})
    page.add_init_script(WATCH)
    sizes = loaded_kb(page)
    page.goto(url)
    page.wait_for_selector("main h1")
    page.wait_for_timeout(QUIET_MS)
    seen = page.evaluate("window.seen")
    return {
        "fcp_ms": seen["fcp"],
        "lcp_ms": seen["lcp"],
        "tbt_ms": seen["tbt"],
        "cls": seen["cls"],
        **sizes,
    }
