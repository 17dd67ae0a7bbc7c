"""What `console` does inside the browser: with our list, and with the same rows as plain HTML."""

import html
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from playwright.sync_api import Browser, Page, Response, sync_playwright

from benchmarks.inventory_pool import Pool

LARGEST = 1000

FIRST_ROWS = """
(() => {
  const look = () => {
    if (document.querySelector('ROW')) {
      requestAnimationFrame(() => setTimeout(() => { window.firstRows = performance.now(); }));
    } else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})();
"""
"""When the first rows were painted, in ms since the address was asked for."""

AWAIT_FIRST_ROWS = """
async () => {
  const end = performance.now() + 120000;
  while (!(window.firstRows > 0)) {
    if (performance.now() > end) throw new Error('no rows in two minutes');
    await new Promise((done) => setTimeout(done, 20));
  }
  return window.firstRows;
}
"""

SCROLL = """
async () => {
  const scroller = document.querySelector('SCROLLER') ?? document.scrollingElement;
  scroller.scrollTop = 0;
  const times = [];
  await new Promise(requestAnimationFrame);
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

OUR_SEARCH = """
async (query) => {
  const begin = performance.now();
  const frame = () => new Promise(requestAnimationFrame);
  history.pushState(null, '', '/vms' + (query && '?q=' + encodeURIComponent(query)));
  const answered = () => document.querySelector('.ap-table:not(.ap-table--old)') &&
    document.querySelector('[role=combobox]').value === query &&
    document.querySelector('.ap-search__found');
  await frame();
  while (!answered()) {
    if (performance.now() - begin > 30000) throw new Error('no answer to ' + query);
    await frame();
  }
  await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  return performance.now() - begin;
}
"""
"""Search by the address, as Enter does; ms until the answer is painted."""

PLAIN_SEARCH = """
async (query) => {
  const begin = performance.now();
  const wanted = query.split(' ').at(-1).toLowerCase();
  for (const row of document.querySelectorAll('tbody tr')) {
    row.hidden = !row.textContent.toLowerCase().includes(wanted);
  }
  await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  return performance.now() - begin;
}
"""
"""Hide the rows without the last word of a query; ms until that is painted."""


class Contestant(NamedTuple):
    """How a list in the browser is used: a selector of rows, scripts that scroll and search."""

    name: str
    row: str
    scroll: str
    search: str


CONSOLE = Contestant(
    "console",
    ".ap-table__row--body a",
    SCROLL.replace("SCROLLER", ".ap-table__scroll"),
    OUR_SEARCH,
)
PLAIN = Contestant("plain table", "tbody tr", SCROLL.replace("SCROLLER", ".none"), PLAIN_SEARCH)


@contextmanager
def browser() -> Iterator[Browser]:
    """Debian's Chromium without a window."""
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    found = shutil.which("chromium")
    if found is None:
        raise SystemExit("chromium is not installed (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found, args=arguments)
        yield chromium
        chromium.close()


def loaded_kb(page: Page) -> dict[str, float]:
    """Return kB of scripts and styles on the wire, which grow as the page loads them."""
    loaded = {"script_kb": 0.0, "style_kb": 0.0}
    names = {"script": "script_kb", "stylesheet": "style_kb"}

    def count(answer: Response) -> None:
        name = names.get(answer.request.resource_type)
        if name and answer.ok:
            loaded[name] += int(answer.headers.get("content-length", "0")) / 1000

    page.on("response", count)
    return loaded


def plain_table(pool: Pool, to: Path) -> Path:
    """Write every VM with what our list shows of it into a file with one HTML table."""
    lines = ["<!doctype html><meta charset=utf-8><title>VMs</title><table><tbody>"]
    cursor = ""
    while True:
        page = pool.get("/vms", limit=LARGEST, cursor=cursor)
        lines += [_line(one) for one in page["items"]]
        cursor = page["next"] or ""
        if not cursor:
            break
    to.write_text("\n".join([*lines, "</table>"]), encoding="utf-8")
    return to


def _line(one: dict[str, Any]) -> str:
    load = one["load"] or {"cpu_percent": 0, "memory_used_mib": 0}
    size = sum(disk["size_bytes"] for disk in one["disks"])
    cells = (
        f"<a href='/vms/{one['id']}'>{html.escape(one['name'])}</a>",
        one["state"], html.escape(one["host_name"] or ""), f"{load['cpu_percent']:.0f} %",
        f"{load['memory_used_mib']} of {one['memory_mib']} MiB", str(one["vcpus"]),
        f"{size >> 30} GiB", html.escape(" ".join(one["tags"])),
    )  # fmt: skip
    return "<tr>" + "".join(f"<td>{cell}" for cell in cells)
