"""Who uses the manager meanwhile: people who search, listen, plan, move VMs and log in."""

import http.client
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

from anypool.errors import OutcomeUnknown, StoreFailed, Unreachable
from benchmarks.flat_pool import ENDPOINTS, HOSTS_EACH, FlatPool
from benchmarks.inventory_load import query

SEARCHERS, LISTENERS = 2, 3
SEARCH_S, DEED_S, PLAN_S, LIMP_S, LOGIN_S, VISIT_S = 0.6, 3.0, 15.0, 120.0, 30.0, 6.0
GOOD = frozenset({200, 201, 202, 409, 422, 429, 503})
"""A plan may be refused and a VM be busy; anything else is a mistake."""


class People:
    """Threads that go on until the end; the first failure of one is raised by `check`.

    An answer that takes longer than a minute, or a database that is overloaded, as on a machine
    that others use too, is counted.
    """

    def __init__(self, pool: FlatPool) -> None:
        self._pool = pool
        self._stop = threading.Event()
        self._done: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._failed: list[str] = []
        works: list[tuple[Callable[[random.Random], None], float]] = [
            *[(self._search, SEARCH_S)] * SEARCHERS,
            *[(self._listen, 0.1)] * LISTENERS,
            (self._visit, VISIT_S),
            (self._deed, DEED_S),
            (self._plan, PLAN_S),
            (self._limp, LIMP_S),
            (self._log_in, LOGIN_S),
        ]
        self._threads = [
            threading.Thread(target=self._go_on, args=(work, pause_s, seed), daemon=True)
            for seed, (work, pause_s) in enumerate(works)
        ]

    def __enter__(self) -> "People":
        for one in self._threads:
            one.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for one in self._threads:
            one.join(30)

    @property
    def answered(self) -> int:
        """Return how much was answered so far."""
        return sum(self._done.values())

    def done(self) -> dict[str, int]:
        """Return how much of what was done."""
        return dict(sorted(self._done.items()))

    def check(self) -> None:
        """End the benchmark if anybody was answered what nobody may be."""
        if self._failed:
            raise SystemExit("\n".join(self._failed[:3]))

    def _go_on(self, work: Callable[[random.Random], None], pause_s: float, seed: int) -> None:
        draw = random.Random(seed)
        while not self._stop.wait(draw.uniform(0.5, 1.5) * pause_s):
            try:
                work(draw)
            except (TimeoutError, OutcomeUnknown, Unreachable, StoreFailed):
                self._count("late")
            except Exception as error:  # noqa: BLE001 - said by `check`
                if not self._stop.is_set():
                    self._failed.append(f"{work.__name__}: {type(error).__name__}: {error}")

    def _count(self, what: str) -> None:
        with self._lock:
            self._done[what] += 1

    def _asked(self, what: str, method: str, path: str, body: object = None) -> Any:
        answer = self._pool.ask(method, path, body, uuid4().hex if method == "POST" else "")
        status = answer.get("status", 200) if isinstance(answer, dict) else 200
        if isinstance(status, int) and status not in GOOD:
            self._failed.append(f"{method} {path}: {answer}")
        self._count(what)
        return answer

    def _search(self, draw: random.Random) -> None:
        self._asked("searches", "GET", f"/vms?{urlencode(query(draw))}")

    def _listen(self, draw: random.Random) -> None:
        """Follow the stream for some minutes, then come again."""
        self._follow(draw.uniform(60, 300))
        self._count("streams")

    def _visit(self, draw: random.Random) -> None:
        """Open the page's stream and leave at once, as somebody who clicks around."""
        self._follow(draw.uniform(0, 0.5))
        self._asked("looks", "GET", draw.choice(("/events", "/plans", "/operations", "/policies")))
        self._count("visits")

    def _follow(self, seconds: float) -> None:
        line = http.client.HTTPConnection(*self._pool.address, timeout=30)
        until = time.monotonic() + seconds
        try:
            line.request("GET", "/api/v1/events/stream", None, self._pool.headers)
            answer = line.getresponse()
            while time.monotonic() < until and not self._stop.is_set() and answer.readline():
                pass
        finally:
            line.close()

    def _deed(self, draw: random.Random) -> None:
        """Move a VM to another host, or switch one on or off."""
        name, kind = f"vm{draw.randrange(1, 3000)}", draw.randrange(3)
        found = self._asked("looks", "GET", f"/vms?{urlencode({'q': f'name = {name}'})}")
        vm = draw.choice(found["items"]) if found["items"] else None
        if vm is None:
            return
        runs = vm["state"] == "running"
        if kind and runs:
            self._asked("moves", "POST", f"/vms/{vm['id']}/migrate", {})
        else:
            self._asked("switches", "POST", f"/vms/{vm['id']}/{'power-off' if runs else 'start'}")

    def _plan(self, draw: random.Random) -> None:
        """Ask what an evacuation would be; nobody runs it."""
        host = f"dc{draw.randrange(ENDPOINTS)}-h{draw.randrange(1, HOSTS_EACH + 1)}"
        self._asked("plans", "POST", f"/hosts/{host}/evacuate?dry_run=true")

    def _limp(self, _: random.Random) -> None:
        self._pool.limp()
        self._count("hangs")

    def _log_in(self, _: random.Random) -> None:
        self._pool.come_and_go()
        self._count("logins")
