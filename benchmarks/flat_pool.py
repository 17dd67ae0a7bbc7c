"""The manager that is watched for an hour: 1,000 simulated hosts, records kept for minutes."""

import http.client
import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from urllib.parse import urlencode

from anypool import app
from anypool.cli.child import manager
from anypool.cli.client import Client
from anypool.cli.connection import open_http
from anypool.cli.contexts import Context
from anypool.cli.login import by_code, split_link
from anypool.drivers.sim import Fault, FaultKind, Shape, build_world
from anypool.settings import FILE, Settings

ENDPOINTS, HOSTS_EACH, VMS_EACH = 4, 250, 3750
CHANGES_S = 60.0
LIMPING = Shape(hosts=10, vms=100, seed=99)
"""One small endpoint more, which hangs now and then: its worker is killed and made anew."""
KEPT_DAYS = 240 / 86400
"""Records are kept for four minutes, so that an hour shows what weeks show otherwise."""
SETTINGS = {
    "retention_every_s": 30.0,
    "inventory_every_s": 60.0,
    "plan_valid_days": KEPT_DAYS,
    **{
        f"keep_{kind}_days": KEPT_DAYS
        for kind in (
            "operations", "plans", "measurements", "inventories", "hourly_inventories",
            "daily_inventories", "events", "audit", "logins", "requests", "letters",
        )
    },
}  # fmt: skip
POLICIES: tuple[dict[str, Any], ...] = (
    {"name": "ha", "scope": "pool = default", "rule": {"kind": "ha", "level": "shadow"}},
    {"name": "spare", "scope": "pool = default", "rule": {"kind": "failover", "failures": 1}},
    {"name": "pair", "scope": "name = vm7 or name = vm8", "rule": {"kind": "apart"}},
)


class Usage(NamedTuple):
    """What one process holds."""

    rss_mb: float
    fds: int
    threads: int


class FlatPool:
    """A running manager, looked at from outside and spoken to over HTTP."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stack = ExitStack()
        state = folder / "state"
        state.mkdir(mode=0o700)
        lines = "".join(f"{name} = {value!r}\n" for name, value in SETTINGS.items())
        (state / FILE).write_text(lines, encoding="utf-8")
        settings = Settings(state_dir=str(state), listen_port=0)
        self._running = self._stack.enter_context(manager(settings))
        self._pid = self._running.pid
        self._database = state / "anypool.db"
        self.address = ("127.0.0.1", self._running.settings.listen_port)
        _, code = split_link(app.login_link(self._running.settings, "admin"))
        self.token = by_code(Context(url=self._running.url), code).token

    def come_and_go(self) -> None:
        """Log in by a link and log out, and make a token for a program and take it back."""
        _, code = split_link(app.login_link(self._running.settings, "admin"))
        with open_http(Context(url=self._running.url)) as http:
            client = Client(http)
            http.headers["X-Anypool-CSRF"] = str(client.ask("/login", {"code": code})["csrf"])
            made = client.ask("/tokens", {"label": "for a program", "days": 1})["token"]
            client.delete(f"/tokens/{made['id']}")
            client.ask("/logout", {})

    def fill(self) -> None:
        """Add the endpoints and policies."""
        for number in range(ENDPOINTS):
            options: dict[str, object] = {
                "hosts": HOSTS_EACH, "vms": VMS_EACH, "seed": number + 1, "datastores": 4,
                "networks": 4, "snapshot_percent": 5, "local_percent": 10,
                "churn_s": CHANGES_S / ENDPOINTS,
            }  # fmt: skip
            if number == 0:
                options["lose_events_s"] = 30
            self._add(f"dc{number}", options)
        limping = {"hosts": LIMPING.hosts, "vms": LIMPING.vms, "seed": LIMPING.seed}
        self._add("limping", limping | {"state": self._world})
        for body in POLICIES:
            made = self.ask("POST", "/policies", body)
            assert made.get("id"), made

    def limp(self) -> None:
        """Let the small endpoint hang at its next call."""
        world = build_world(LIMPING, name="limping", path=self._world)
        world.inject(Fault(kind=FaultKind.HANG, times=1))
        world.close()

    def get(self, path: str, **query: object) -> Any:
        """Return what the API answers."""
        return self.ask("GET", f"{path}?{urlencode(query)}")

    def ask(self, method: str, path: str, body: object = None, key: str = "") -> Any:
        """Return what the API answers, over a connection of its own."""
        line = http.client.HTTPConnection(*self.address, timeout=60)
        headers = self.headers | ({"Idempotency-Key": key} if key else {})
        try:
            line.request(method, f"/api/v1{path}", json.dumps(body) if body else None, headers)
            return json.loads(line.getresponse().read() or b"null")
        finally:
            line.close()

    @property
    def headers(self) -> dict[str, str]:
        """Return who we are."""
        return {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}

    def usage(self) -> Usage:
        """Return what the manager's own process holds."""
        return _usage(self._pid)

    def workers_usage(self) -> list[Usage]:
        """Return what each of its worker processes holds, the simulated pools included."""
        found = []
        for pid in _children(self._pid):
            try:
                found.append(_usage(pid))
            except OSError:
                continue
        return found

    def rows(self) -> dict[str, int]:
        """Return how many rows each table has."""
        with closing(sqlite3.connect(f"file:{self._database}?mode=ro", uri=True)) as line:
            named = line.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
            return {
                name: line.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]
                for (name,) in named
                if not name.startswith("sqlite_")
            }

    def database_bytes(self) -> int:
        """Return the size of the database, its log included."""
        return sum(one.stat().st_size for one in self._database.parent.glob("anypool.db*"))

    @staticmethod
    def load_average() -> float:
        """Return the load of the machine over the last minute."""
        return os.getloadavg()[0]

    def end(self) -> None:
        """End the manager."""
        self._stack.close()

    def _add(self, name: str, options: dict[str, object]) -> None:
        uri = f"sim://{name}?{urlencode(options)}"
        made = self.ask("POST", "/endpoints", {"name": name, "uri": uri})
        assert made.get("hosts"), made

    @property
    def _world(self) -> Path:
        return self._folder / "limping"


@contextmanager
def flat_pool() -> Iterator[FlatPool]:
    """Yield the manager with everything added."""
    with TemporaryDirectory(prefix="anypool-flat-") as folder:
        made = FlatPool(Path(folder))
        try:
            made.fill()
            yield made
        finally:
            made.end()


def _usage(pid: int) -> Usage:
    place = Path(f"/proc/{pid}")
    words = dict(
        line.split(":", 1) for line in (place / "status").read_text().splitlines() if ":" in line
    )
    rss_mb = int(words["VmRSS"].split()[0]) / 1024 if "VmRSS" in words else 0.0
    return Usage(rss_mb, len(os.listdir(place / "fd")), int(words["Threads"]))


def _children(pid: int) -> list[int]:
    found: set[int] = set()
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            found |= set(map(int, (task / "children").read_text().split()))
        except OSError:
            continue
    return sorted(found)
