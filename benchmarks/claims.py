"""Room claimed durably on 1,000 hosts and on 10,000, against OpenStack placement on the same 1,000.

A claim chooses a host by memory, CPUs, datastore and network, and stores what it took: here
a booking with its row of the audit trail, there a candidate and an allocation. Both work in
one process each, on SQLite files that are synced at every commit.
"""

import json
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from statistics import median

from msgspec.structs import replace

from anypool.clock import SystemClock
from anypool.drivers import Driver
from anypool.drivers.sim import Shape, SimDriver, build_world
from anypool.engine import Engine
from anypool.engine.threads import ThreadCrew
from anypool.model import Disk, Endpoint, EndpointHealth, EndpointId, Frame, Nic, Vm, VmId
from anypool.settings import Settings
from anypool.store import Store
from benchmarks.peers import python_with
from benchmarks.place_peer import CPUS, DATASTORES, MEMORY_MIB
from benchmarks.table import Rows

PEER, FEW, MANY = "openstack-placement==16.0.0", 1_000, 10_000
ROUNDS, THEIRS, OURS, ALONE, CLIENTS = 5, 8, 512, 100, 32
SIZES = ((1, 2048), (2, 4096), (2, 8192), (4, 16384), (8, 32768))
"""vCPUs and MiB of what is claimed, one after the other."""

Request = tuple[int, int, int, int]


def claims() -> tuple[Rows, dict[str, float]]:
    """Claim in turns with the peer, then alone on few and many hosts; return all figures."""
    rows: Rows = {"placement": {"claims/s": [], "ms": []}, "anypool": {"claims/s": []}}
    with peer() as process, pool(FEW) as (engine, file):
        for number in range(ROUNDS):
            turns = [partial(_theirs, process, rows, number), partial(_ours, engine, rows, number)]
            for turn in turns[:: 1 if number % 2 else -1]:
                turn()
        rows["anypool, one client"] = alone(engine, file)
        check(file)
    with pool(MANY) as (engine, file):
        rows[f"{MANY} hosts, one client"] = alone(engine, file)
        check(file)
    ours, theirs = rows["anypool"]["claims/s"], rows["placement"]["claims/s"]
    one, many = rows["anypool, one client"], rows[f"{MANY} hosts, one client"]
    ratios = {
        "claims_ratio": median(ours) / median(theirs),
        "claim_ratio_alone": median(rows["placement"]["ms"]) / median(one["ms"]),
        f"claim_ms_{FEW}": median(one["ms"]),
        f"claim_ms_{MANY}": median(many["ms"]),
        f"claim_cpu_ms_{FEW}": median(one["cpu ms"]),
        f"claim_cpu_ms_{MANY}": median(many["cpu ms"]),
        "commit_ms": median([*one["commit ms"], *many["commit ms"]]),
    }
    return rows, ratios


def request(number: int) -> Request:
    """Return what is asked for: vCPUs, MiB, and the numbers of a datastore and a network."""
    vcpus, memory_mib = SIZES[number % len(SIZES)]
    return vcpus, memory_mib, number % DATASTORES, 0


@contextmanager
def peer() -> Iterator[subprocess.Popen[str]]:
    """Give the peer's process, its hosts being there."""
    python = python_with(PEER)
    script, folder = Path(__file__).with_name("place_peer.py"), python.parents[2]
    argv = [str(python), str(script), str(folder), str(FEW)]
    if not (folder / f"hosts-{FEW}.db").exists():
        print(f"making {FEW} hosts in placement, once; this takes minutes", flush=True)
        subprocess.run([*argv, "fill"], check=True)
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as made:
        assert made.stdout is not None
        if made.stdout.readline().strip() != "ready":
            raise SystemExit(f"{PEER} did not start")
        yield made
        assert made.stdin is not None
        made.stdin.close()


class Told(SimDriver):
    """A driver of many empty hosts, of which every second one reaches the same datastore."""

    def observe(self) -> Frame:
        """Return the hosts, all up."""
        frame = super().observe()
        stores = sorted(one.id for one in frame.datastores if one.shared)
        hosts = tuple(
            replace(host, datastores=frozenset({stores[number % DATASTORES]}))
            for number, host in enumerate(frame.hosts)
        )
        return replace(frame, hosts=hosts)


class Drivers:
    """The one driver there is, as the engine is given drivers."""

    def __init__(self, hosts: int) -> None:
        shape = Shape(
            hosts=hosts,
            vms=0,
            host_mib=MEMORY_MIB,
            host_cpus=CPUS,
            datastores=DATASTORES,
            networks=1,
        )
        self._driver = Told(build_world(shape))

    def driver(self, endpoint: Endpoint, secret: str = "") -> Driver:
        """Return it."""
        return self._driver

    def health(self, endpoint_id: EndpointId) -> EndpointHealth:
        """Return that all is well."""
        return EndpointHealth(id=endpoint_id)

    def forget(self, endpoint_id: EndpointId) -> None:
        """Do nothing: there is no connection."""


@contextmanager
def pool(hosts: int) -> Iterator[tuple[Engine, Path]]:
    """Give an engine that leads and knows so many empty hosts, and its database."""
    with tempfile.TemporaryDirectory(dir=".") as folder:
        file, crew = Path(folder) / "anypool.db", ThreadCrew(2)
        store = Store.open(f"sqlite:///{file.absolute()}", clock=SystemClock())
        settings = Settings(state_dir=folder, audit_head_file="/dev/null", lease_s=3600.0)
        engine = Engine(store, Drivers(hosts), SystemClock(), settings)
        engine.begin(crew)
        engine.add_endpoint(Endpoint(id=EndpointId("sim"), driver="sim", uri="sim://dc"), "", "ada")
        try:
            yield engine, file
        finally:
            engine.stop()
            crew.close()
            store.close()


def wish(engine: Engine, number: int) -> Vm:
    """Return the VM a request is for."""
    vcpus, memory_mib, datastore, network = request(number)
    inventory = engine.inventory
    stores = sorted(one.id for one in inventory.datastores.values() if one.shared)
    key = VmId(f"00000000-0000-0000-0000-{number:012d}")
    return Vm(
        id=key, name=f"new-{number}", host=None, vcpus=vcpus, memory_mib=memory_mib,
        disks=(Disk(target="vda", volume="", datastore=stores[datastore]),),
        nics=(Nic(mac="", network=sorted(inventory.networks)[network]),),
    )  # fmt: skip


def alone(engine: Engine, file: Path) -> dict[str, list[float]]:
    """Claim one after the other; return the durations, the CPU times, and those of bare commits.

    A bare commit is one row of 700 bytes in a database of its own beside ours.
    """
    found: dict[str, list[float]] = {"ms": [], "cpu ms": [], "commit ms": []}
    with closing(sqlite3.connect(file.with_name("bare.db"), isolation_level=None)) as bare:
        bare.execute("PRAGMA journal_mode=WAL")
        bare.execute("PRAGMA synchronous=FULL")
        bare.execute("CREATE TABLE one (row TEXT)")
        for number in range(ALONE):
            vm = wish(engine, number)
            begin, cpu = time.perf_counter(), time.thread_time()
            engine.bookings.make(vm, "ada", 3600)
            found["cpu ms"].append((time.thread_time() - cpu) * 1000)
            found["ms"].append((time.perf_counter() - begin) * 1000)
            begin = time.perf_counter()
            bare.execute("INSERT INTO one VALUES (?)", ("x" * 700,))
            found["commit ms"].append((time.perf_counter() - begin) * 1000)
    return found


def check(file: Path) -> None:
    """End the benchmark if a host was overfilled; counted from the rows alone."""
    with sqlite3.connect(file) as database:
        each = "select sum(memory_mib) as held from bookings group by host"
        query = f"select max(held), count(*) from ({each})"
        most, hosts = database.execute(query).fetchone()
    if most > MEMORY_MIB or not hosts:
        raise SystemExit(f"a host of {MEMORY_MIB} MiB was given away for {most} MiB")


def _theirs(process: subprocess.Popen[str], rows: Rows, number: int) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    wanted = [request(number * THEIRS + one) for one in range(THEIRS)]
    print(json.dumps(wanted), file=process.stdin, flush=True)
    took: list[float] = json.loads(process.stdout.readline())
    rows["placement"]["claims/s"].append(THEIRS / sum(took))
    rows["placement"]["ms"] += [one * 1000 for one in took]


def _ours(engine: Engine, rows: Rows, number: int) -> None:
    wanted = [wish(engine, number * OURS + one) for one in range(OURS)]
    with ThreadPoolExecutor(CLIENTS) as clients:
        begin = time.perf_counter()
        for _ in clients.map(lambda vm: engine.bookings.make(vm, "ada", 3600), wanted):
            pass
        rows["anypool"]["claims/s"].append(OURS / (time.perf_counter() - begin))
