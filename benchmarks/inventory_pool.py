"""A manager with a simulated pool of any size: its database is filled once, then it starts cold."""

import http.client
import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from urllib.parse import urlencode

from anypool.cli.child import manager
from anypool.cli.contexts import Context
from anypool.cli.login import by_code, split_link
from anypool.drivers.sim import Fault, FaultKind, Shape, build_world
from anypool.settings import Settings

VMS_PER_ENDPOINT = 2500
VMS_PER_HOST = 16
HANGS = "hangs"
LOOK_S = 0.05


class PoolSize(NamedTuple):
    """How many VMs, in endpoints of 2,500; the hosts follow."""

    vms: int

    @property
    def endpoints(self) -> int:
        return max(3, self.vms // VMS_PER_ENDPOINT)

    @property
    def vms_each(self) -> int:
        return self.vms // self.endpoints

    def shape(self, number: int) -> Shape:
        """Return the pool behind one endpoint."""
        hosts = max(1, self.vms_each // VMS_PER_HOST)
        return Shape(
            hosts=hosts, vms=self.vms_each, seed=number + 1, datastores=4, networks=4,
            snapshot_percent=5, local_percent=10,
        )  # fmt: skip


class ChangeCost(NamedTuple):
    """CPU of the manager for each change that arrived, while nobody asked for anything."""

    us_per_change: float
    changes_s: float


class Pool:
    """The running manager of a filled database, and what it is made to endure."""

    def __init__(self, size: PoolSize, folder: Path, changes_s: float) -> None:
        self.size = size
        self._folder = folder
        self._changes_s = changes_s
        self._settings = Settings(state_dir=str(folder / "state"), listen_port=0)
        self._stack = ExitStack()
        self._settings_now = self._settings
        self._pid = 0
        self.token = ""
        self.address = ("127.0.0.1", 0)

    def fill(self) -> None:
        """Add every endpoint to a new manager, and end it when everything is written down."""
        self._begin()
        for number in range(self.size.endpoints):
            name = HANGS if number == 0 else f"dc{number}"
            answer = self.post("/endpoints", {"name": name, "uri": self._uri(name, number)})
            assert answer.get("hosts"), answer
        self.await_all_read()
        time.sleep(3)  # the database is written once a second
        self._stack.close()

    def start(self) -> float:
        """Start the manager on the filled database; return seconds until it serves all VMs."""
        self._stack.close()
        begin = time.monotonic()
        self._begin()
        while self.get("/vms", limit=1)["total"] < self.size.vms_each * self.size.endpoints:
            time.sleep(LOOK_S)
        return time.monotonic() - begin

    def await_all_read(self) -> float:
        """Wait until every endpoint was read; return the seconds it took."""
        begin = time.monotonic()
        while self.get("/vms", limit=1, q="state = unknown")["total"]:
            assert time.monotonic() < begin + 600, self.get("/endpoints", limit=100)
            time.sleep(0.5)
        return time.monotonic() - begin

    def hang(self) -> None:
        """Let one endpoint hang from now on, whatever it is asked."""
        world = build_world(self.size.shape(0), name=HANGS, path=self._world_file)
        world.inject(Fault(kind=FaultKind.HANG, times=-1))
        world.close()

    def await_hang(self) -> None:
        """Make sure that the endpoint hung: the manager says so."""
        seen = self.get(f"/endpoints/{HANGS}")
        assert seen["state"] != "connected", seen

    def change_cost(self, seconds: float) -> ChangeCost:
        """Return what changes cost while nobody searches."""
        with NoticeCounter(self) as counter:
            time.sleep(1)
            cpu, count, begin = self._cpu_s(), counter.count, time.monotonic()
            time.sleep(seconds)
            cpu, count = self._cpu_s() - cpu, counter.count - count
            passed = time.monotonic() - begin
        return ChangeCost(cpu / max(count, 1) * 1e6, count / passed)

    def peak_rss_mb(self) -> float:
        """Return the most resident memory that the manager's own process ever had."""
        return _status_mb(self._pid, "VmHWM")

    def workers_rss_mb(self) -> float:
        """Return the resident memory of all worker processes, simulated worlds included."""
        return sum(_status_mb(pid, "VmRSS") for pid in _children(self._pid))

    @staticmethod
    def load_average() -> float:
        """Return the load of the machine over the last minute."""
        return os.getloadavg()[0]

    def connection(self) -> http.client.HTTPConnection:
        """Return a connection of its own."""
        return http.client.HTTPConnection(*self.address, timeout=60)

    def get(self, path: str, **query: object) -> Any:
        """Return what the API answers."""
        return self._ask("GET", f"/api/v1{path}?{urlencode(query)}", None)

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """Return what the API answers."""
        return self._ask("POST", f"/api/v1{path}", json.dumps(body))

    @property
    def headers(self) -> dict[str, str]:
        """Return who we are."""
        return {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}

    def login_link(self) -> str:
        """Return a link that logs a browser in, once."""
        from anypool import app

        return app.login_link(self._settings_now, "admin")

    def end(self) -> None:
        """End the manager."""
        self._stack.close()

    def _ask(self, method: str, path: str, body: str | None) -> Any:
        connection = self.connection()
        try:
            connection.request(method, path, body, self.headers)
            return json.loads(connection.getresponse().read() or b"null")
        finally:
            connection.close()

    def _begin(self) -> None:
        running = self._stack.enter_context(manager(self._settings))
        self._pid = running.pid
        self.address = ("127.0.0.1", running.settings.listen_port)
        self._settings_now = running.settings
        if not self.token:
            from anypool import app

            _, code = split_link(app.login_link(running.settings, "admin"))
            self.token = by_code(Context(url=running.url), code).token

    @property
    def _world_file(self) -> Path:
        return self._folder / HANGS

    def _uri(self, name: str, number: int) -> str:
        shape = self.size.shape(number)
        options: dict[str, object] = {
            key: getattr(shape, key)
            for key in ("hosts", "vms", "seed", "datastores", "networks", "snapshot_percent",
                        "local_percent")
        }  # fmt: skip
        if name == HANGS:
            options["state"] = self._world_file
        else:
            options["churn_s"] = self._changes_s / (self.size.endpoints - 1)
        if number == 1:
            options["lose_events_s"] = 10
        return f"sim://{name}?{urlencode(options)}"

    def _cpu_s(self) -> float:
        fields = Path(f"/proc/{self._pid}/stat").read_text().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class NoticeCounter:
    """Listens to the event stream and counts what is new about VMs."""

    def __init__(self, pool: Pool) -> None:
        self.count = 0
        self._connection = pool.connection()
        self._connection.request("GET", "/api/v1/events/stream", None, pool.headers)
        self._answer = self._connection.getresponse()
        self._thread = threading.Thread(target=self._read, daemon=True)

    def _read(self) -> None:
        try:
            for line in self._answer:
                self.count += b'"kind": "vm"' in line
        except (OSError, ValueError, AttributeError):
            return

    def __enter__(self) -> "NoticeCounter":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._connection.sock is not None:
            self._connection.sock.shutdown(2)
        self._thread.join(10)
        self._connection.close()


@contextmanager
def pool(size: PoolSize, changes_s: float) -> Iterator[Pool]:
    """Yield a pool whose database is filled and whose manager is not started yet."""
    with TemporaryDirectory(prefix="anypool-bench-") as folder:
        made = Pool(size, Path(folder), changes_s)
        try:
            made.fill()
            yield made
        finally:
            made.end()


def _status_mb(pid: int, name: str) -> float:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith(f"{name}:")) / 1024


def _children(pid: int) -> list[int]:
    found: set[int] = set()
    for task in Path(f"/proc/{pid}/task").iterdir():
        found |= set(map(int, (task / "children").read_text().split()))
    return sorted(found)
