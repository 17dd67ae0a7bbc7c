"""The web console with 40,000 VMs that change: first rows, answers, scrolling, memory, size.

`python -m benchmarks console [VMS [SECONDS]]`. The manager starts cold from a filled database,
and Chromium shows what a person would see: times end when rows are painted. The same rows as
a plain HTML table, in the same browser, are the other contestant. For SECONDS the list stays
open while VMs change, somebody scrolls and searches in it, and what the page keeps is measured
after the garbage was collected.
"""

import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from playwright.sync_api import Browser, BrowserContext, CDPSession, Page

from benchmarks.console_page import (
    AWAIT_FIRST_ROWS,
    CONSOLE,
    FIRST_ROWS,
    PLAIN,
    Contestant,
    browser,
    loaded_kb,
    plain_table,
)
from benchmarks.inventory_pool import Pool, PoolSize
from benchmarks.table import Rows, print_rows, show

VMS = 40_000
CHANGES_S = 500.0
ROUNDS = 5
HEAP_S = 1800.0
HEAP_EVERY_S = 20.0
WIDE = {"width": 1440, "height": 900}
SEARCHES = (
    "state = running and memory >= 4GiB",
    "name ~ 77",
    "vcpus > 1 order by memory desc",
    "host ~ h1 and state = running",
    "memory < 2GiB order by name desc",
    "name ~ 4 and vcpus >= 2",
)
"""Each is asked once: a second time the answer would be there already."""


def run() -> None:
    """Fill a pool, open the console, and print the figures."""
    vms = int(sys.argv[2]) if len(sys.argv) > 2 else VMS
    heap_s = float(sys.argv[3]) if len(sys.argv) > 3 else HEAP_S
    with tempfile.TemporaryDirectory(prefix="console-") as folder, browser() as chromium:
        pool = Pool(PoolSize(vms), Path(folder), CHANGES_S)
        try:
            say(f"filling a pool of {vms} VMs")
            pool.fill()
            say(f"it serves all of them {pool.start():.1f} s after its start")
            pool.await_all_read()
            rows, extra = _measured(chromium, pool, Path(folder), heap_s)
        finally:
            pool.end()
    ours, plain = rows["console"], rows["plain table"]
    figures = {name: median(values) for name, values in ours.items()}
    figures |= {f"plain_{name}": median(values) for name, values in plain.items()}
    figures |= extra | {"load": Pool.load_average()}
    show(f"{vms} VMs, load average {Pool.load_average():.1f}", rows, figures)


def say(text: str) -> None:
    """Tell how far it is."""
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def _measured(
    chromium: Browser, pool: Pool, folder: Path, heap_s: float
) -> tuple[Rows, dict[str, float]]:
    base = "http://{}:{}".format(*pool.address)
    entered = _entered(chromium, pool)
    say("first rows")
    first, sizes = _first_rows(chromium, entered, f"{base}/vms", CONSOLE)
    page = entered.new_page()
    page.goto(f"{base}/vms")
    ours = _used(page, CONSOLE, first)
    counter = pool.change_cost(10)
    say(f"{counter.changes_s:.0f} changes a second arrive; the list stays open for {heap_s:g} s")
    heap = _heap(page, heap_s)
    page.close()
    ours["heap_mb"] = heap
    print_rows("The console", {"console": ours})
    say("the same rows as a plain table")
    table = plain_table(pool, folder / "plain.html")
    bare = chromium.new_context(viewport=WIDE)
    first, _ = _first_rows(chromium, bare, table.as_uri(), PLAIN)
    page = bare.new_page()
    page.set_default_timeout(180_000)
    page.goto(table.as_uri(), wait_until="commit")
    theirs = _used(page, PLAIN, first)
    theirs["heap_mb"] = [_kept_mb(bare.new_cdp_session(page))]
    growth = 100 * (_end(heap) / _begin(heap) - 1)
    extra = {"heap_growth_percent": growth, "changes_s": counter.changes_s, **sizes}
    return {"console": ours, "plain table": theirs}, extra


def _entered(chromium: Browser, pool: Pool) -> BrowserContext:
    """A browser somebody is logged in with."""
    context = chromium.new_context(viewport=WIDE, locale="en-GB")
    context.set_default_timeout(60_000)
    page = context.new_page()
    page.goto(pool.login_link())
    page.wait_for_selector("main h1")
    page.close()
    return context


def _first_rows(
    chromium: Browser, of: BrowserContext, url: str, what: Contestant
) -> tuple[list[float], dict[str, float]]:
    """Open a page with nothing cached, again and again; ms until its first rows are painted."""
    times, sizes = [], dict[str, float]()
    state = of.storage_state()
    for _ in range(ROUNDS):
        context = chromium.new_context(viewport=WIDE, locale="en-GB", storage_state=state)
        context.add_init_script(FIRST_ROWS.replace("ROW", what.row))
        page = context.new_page()
        sizes = loaded_kb(page)
        page.goto(url, wait_until="commit")
        times.append(float(page.evaluate(AWAIT_FIRST_ROWS)))
        context.close()
    return times, sizes


def _used(page: Page, what: Contestant, first: list[float]) -> dict[str, list[float]]:
    page.wait_for_selector(what.row, timeout=180_000)
    say(f"{what.name}: scrolling")
    frames = sorted(page.evaluate(what.scroll))
    say(f"{what.name}: searching")
    search = [float(page.evaluate(what.search, query)) for query in SEARCHES]
    return {
        "first_rows_ms": first,
        "search_ms": search,
        "fps": [1000 * len(frames) / sum(frames)],
        "frame_p95_ms": [frames[int(len(frames) * 0.95)]],
    }


def _heap(page: Page, seconds: float) -> list[float]:
    """Keep the list in use; return what the page keeps, in MB, every few seconds."""
    session = page.context.new_cdp_session(page)
    page.evaluate(CONSOLE.search, "")
    end, found = time.monotonic() + seconds, []
    while time.monotonic() < end:
        found.append(_kept_mb(session))
        page.evaluate(CONSOLE.search, f"vcpus > 0 and name ~ {len(found) % 10}")
        page.evaluate(CONSOLE.scroll.replace("3000", "1000"))
        page.evaluate(CONSOLE.search, "")
        page.wait_for_timeout(HEAP_EVERY_S * 1000)
    return found


def _kept_mb(session: CDPSession) -> float:
    for _ in range(3):
        session.send("HeapProfiler.collectGarbage")
    return float(session.send("Runtime.getHeapUsage")["usedSize"]) / 1e6


def _begin(heap: list[float]) -> float:
    """The usual size of the second sixth of the time: the first one fills caches."""
    part = len(heap) // 6
    return median(heap[part : 2 * part] or heap[:1])


def _end(heap: list[float]) -> float:
    return median(heap[-max(1, len(heap) // 6) :])
