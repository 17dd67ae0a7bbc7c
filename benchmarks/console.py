"""The web console with 40,000 VMs: first rows, search answers, scrolling, what is loaded.

`python -m benchmarks console [VMS]`. The manager starts cold from a filled database, VMs
change meanwhile, and Chromium shows what a person would see: times end when rows are painted.
"""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, Response, sync_playwright

from benchmarks.inventory_pool import Pool, PoolSize
from benchmarks.table import Rows, show

VMS = 40_000
CHANGES_S = 400.0
ROUNDS = 7
SEARCHES = ("state = running", "memory >= 4GiB", "name ~ 77", "host.name ~ h1 and vcpus > 1")
FRAMES = """
async () => {
  const scroller = document.querySelector('.ap-table__scroll');
  const times = [];
  let before = performance.now();
  const end = before + 3000;
  while (performance.now() < end) {
    scroller.scrollTop += 96;
    await new Promise(requestAnimationFrame);
    const now = performance.now();
    times.push(now - before);
    before = now;
  }
  return times;
}
"""
"""Scroll three rows a frame for three seconds; the time of each frame in ms."""

SEARCH = """
async (query) => {
  const begin = performance.now();
  history.pushState(null, '', '/vms?q=' + encodeURIComponent(query));
  const wanted = () => document.querySelector('.ap-table:not(.ap-table--old)') &&
    document.querySelector('[role=combobox]').value === query &&
    document.querySelector('.ap-search__found');
  await new Promise(requestAnimationFrame);
  while (!wanted()) await new Promise(requestAnimationFrame);
  return performance.now() - begin;
}
"""
"""Search by the address, as Enter does; ms until the answer is on the screen."""


@contextmanager
def _page(pool: Pool) -> Iterator[tuple[Page, dict[str, int]]]:
    """A logged-in page, and the bytes on the wire of each kind of file that it loaded."""
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    loaded = {"script": 0, "stylesheet": 0}

    def count(answer: Response) -> None:
        kind = answer.request.resource_type
        if kind in loaded and answer.ok:
            loaded[kind] += int(answer.headers.get("content-length", "0"))

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=arguments
        )
        page = chromium.new_context(viewport={"width": 1440, "height": 900}).new_page()
        page.set_default_timeout(60_000)
        page.on("response", count)
        page.goto(pool.login_link())
        page.wait_for_selector("main h1")
        yield page, loaded
        chromium.close()


def run() -> None:
    """Fill a pool, open the console, and print the figures."""
    vms = int(sys.argv[2]) if len(sys.argv) > 2 else VMS
    with tempfile.TemporaryDirectory(prefix="console-") as folder:
        pool = Pool(PoolSize(vms), Path(folder), CHANGES_S)
        pool.fill()
        pool.start()
        pool.await_all_read()
        with _page(pool) as (page, loaded):
            rows: Rows = {"console": _measured(page, pool)}
            kb = {f"{kind}_kb": bytes_ / 1000 for kind, bytes_ in loaded.items()}
        pool.end()
    rows["console"].update({name: [value] for name, value in kb.items()})
    ratios = {name: max(values) for name, values in rows["console"].items() if values}
    show(f"{vms} VMs, load average {Pool.load_average():.1f}", rows, ratios)


def _measured(page: Page, pool: Pool) -> dict[str, list[float]]:
    first: list[float] = []
    search: list[float] = []
    base = "http://{}:{}".format(*pool.address)
    for _ in range(ROUNDS):
        page.goto(f"{base}/vms", wait_until="commit")
        page.wait_for_selector(".ap-table__row--body a")
        first.append(page.evaluate("performance.now()"))
    for query in SEARCHES * 2:
        search.append(page.evaluate(SEARCH, query))
    page.goto(f"{base}/vms")
    page.wait_for_selector(".ap-table__row--body a")
    frames = sorted(page.evaluate(FRAMES))
    mean = sum(frames) / len(frames)
    return {
        "first_rows_ms": first,
        "search_ms": search,
        "frames_per_s": [1000 / mean],
        "frame_p95_ms": [frames[int(len(frames) * 0.95)]],
    }
