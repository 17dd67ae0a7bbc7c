"""An hour of 1,000 simulated hosts: what of memory, files, threads and rows grows meanwhile.

`python -m benchmarks flat [SECONDS]`. Every few seconds the manager's process and its workers
are looked at from outside, every minute the rows of its database are counted. What is compared
is the middle of two windows: one after everything has been read and the first records have been
thinned out, and the last. `python -m scripts.plots build/flat.json` draws what was seen.
"""

import json
import sys
import time
from pathlib import Path
from statistics import median

from msgspec import Struct, to_builtins

from benchmarks.flat_people import People
from benchmarks.flat_pool import ENDPOINTS, HOSTS_EACH, VMS_EACH, FlatPool, flat_pool

SECONDS = 3600.0
EVERY_S = 10.0
ROWS_EVERY_S = 60.0
WINDOWS = 6
"""The first window and the last are each such a part of the time; one more warms up."""
PER_HOUR = frozenset({"load_chunks", "load_hours", "load_objects"})
"""Tables of loads, with a row for each object and hour, kept until its day is rolled up."""
FILE = Path("build/flat.json")


class Sample(Struct, frozen=True, kw_only=True):
    """What was seen at one moment, seconds after the beginning; memory in MB."""

    at: float
    rss: float
    workers_rss: float
    fds: int
    workers_fds: int
    threads: int
    workers_threads: int
    answered: int
    load: float


class Count(Struct, frozen=True, kw_only=True):
    """Rows of each table at one moment, and the bytes of the database."""

    at: float
    rows: dict[str, int]
    bytes: int


class Seen(Struct, frozen=True, kw_only=True):
    """All of it, in order of time."""

    seconds: float
    samples: list[Sample]
    counts: list[Count]


def run() -> None:
    """Watch, print the table and the line of JSON, and keep what was seen for the picture."""
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else SECONDS
    with flat_pool() as pool, People(pool) as people:
        seen = _watch(pool, people, seconds)
        done = people.done()
    _keep(seen)
    _print(seen, done)


def _keep(seen: Seen) -> None:
    """Write what was seen so far, also for who wants to look meanwhile."""
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(json.dumps({"flat": to_builtins(seen)}) + "\n", encoding="utf-8")


def _watch(pool: FlatPool, people: People, seconds: float) -> Seen:
    begun, counted = time.monotonic(), 0.0
    samples: list[Sample] = []
    counts: list[Count] = []
    while (at := time.monotonic() - begun) < seconds:
        people.check()
        samples.append(_sample(pool, people, at))
        if not counts or at - counted >= min(ROWS_EVERY_S, seconds / 60):
            counted = at
            counts.append(Count(at=at, rows=pool.rows(), bytes=pool.database_bytes()))
            _keep(Seen(seconds=at, samples=samples, counts=counts))
        time.sleep(min(EVERY_S, seconds / 60))
    return Seen(seconds=seconds, samples=samples, counts=counts)


def _sample(pool: FlatPool, people: People, at: float) -> Sample:
    ours, workers = pool.usage(), pool.workers_usage()
    return Sample(
        at=at,
        rss=ours.rss_mb,
        workers_rss=sum(one.rss_mb for one in workers),
        fds=ours.fds,
        workers_fds=sum(one.fds for one in workers),
        threads=ours.threads,
        workers_threads=sum(one.threads for one in workers),
        answered=people.answered,
        load=pool.load_average(),
    )


def windows(seconds: float) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return where the two windows that are compared begin and end, in seconds."""
    part = seconds / WINDOWS
    return (part, 2 * part), (seconds - part, seconds)


def _print(seen: Seen, done: dict[str, int]) -> None:
    first, last = windows(seen.seconds)
    title = f"{ENDPOINTS * HOSTS_EACH} hosts, {ENDPOINTS * VMS_EACH} VMs, {seen.seconds:.0f} s"
    print(f"\nflat: {title}; medians of {first[0]:.0f}-{first[1]:.0f} s and the last window")
    print(f"{'':28}{'first':>12}{'last':>12}{'growth':>12}")
    grown: dict[str, float] = {}
    for name in ("rss", "workers_rss", "fds", "workers_fds", "threads", "workers_threads", "load"):
        before, after = (_middle(seen.samples, name, part) for part in (first, last))
        grown[name] = after - before
        grown[f"{name} %"] = 100 * (after - before) / before if before else 0.0
        print(f"{name:28}{before:12.1f}{after:12.1f}{grown[name]:+12.1f}")
    print("\nrows of the database, of each table that has any")
    early, late = (_rows(seen.counts, part) for part in (first, last))
    for table in sorted(late):
        if early.get(table) or late[table]:
            before, after = early.get(table, 0.0), late[table]
            note = "  (loads: one for each object and hour)" if table in PER_HOUR else ""
            print(f"{table:28}{before:12.0f}{after:12.0f}{after - before:+12.0f}{note}")
    before, after = (
        sum(count for table, count in part.items() if table not in PER_HOUR)
        for part in (early, late)
    )
    print(f"\nmeanwhile: {', '.join(f'{count} {what}' for what, count in done.items())}")
    result = {
        "rss_growth_percent": round(grown["rss %"], 2),
        "fds": round(grown["fds"]),
        "threads": round(grown["threads"]),
        "rows_growth": round(100 * (after - before) / before, 2),
        "hours": round(seen.seconds / 3600, 3),
        "workers_rss_growth_percent": round(grown["workers_rss %"], 2),
        "workers_fds": round(grown["workers_fds"]),
        "workers_threads": round(grown["workers_threads"]),
    }
    print(json.dumps(result), flush=True)


def _middle(samples: list[Sample], name: str, part: tuple[float, float]) -> float:
    return median(float(getattr(one, name)) for one in samples if part[0] <= one.at <= part[1])


def _rows(counts: list[Count], part: tuple[float, float]) -> dict[str, float]:
    inside = [one for one in counts if part[0] <= one.at <= part[1]]
    return {table: median(one.rows[table] for one in inside) for table in inside[-1].rows}
