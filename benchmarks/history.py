"""How much a kept load and a stored inventory cost, against rows in SQLite and gzip.

`make bench NAME=history`; it needs no lab and takes about a minute. What is measured
goes through the product's own recorder, rollup, history and archive, on an SQLite file.
"""

import gzip
import random
import sqlite3
import tempfile
import time
from pathlib import Path
from statistics import median
from uuid import UUID

import numpy as np
from msgspec.structs import replace

from anypool.clock import ManualClock
from anypool.engine.loads.curves import METRIC, curves
from anypool.engine.loads.history import History, Span
from anypool.engine.loads.hour import Readings
from anypool.engine.loads.recorder import Recorder
from anypool.engine.loads.rollup import Rollup
from anypool.engine.records.archive import Archive
from anypool.model import (
    Disk,
    EndpointId,
    Host,
    HostId,
    Inventory,
    NetworkId,
    Nic,
    PMap,
    Vm,
    VmId,
    VmState,
)
from anypool.model.metric import COUNT
from anypool.store import Store, inventories, loads
from benchmarks.table import show

OBJECTS = 2_000
HOURS = 26
STEP_S = 30
SLOTS = 3600 // STEP_S
QUERIES = 30
POOL, VMS = 2_500, 40_000
CHANGED_AN_HOUR = 0.02
_RANDOM = random.Random(3)
IDS = [VmId(str(UUID(int=_RANDOM.getrandbits(128), version=4))) for _ in range(VMS)]
START = 1_700_006_400 - 1_700_006_400 % 86_400


def run() -> None:
    """Measure, print a table, and one line of JSON."""
    with tempfile.TemporaryDirectory() as folder:
        rows, ratios = _loads(Path(folder))
        more, figures = _inventories(Path(folder))
    show("history", rows | more, ratios | figures)


def _loads(folder: Path) -> tuple[dict[str, dict[str, list[float]]], dict[str, float]]:
    data = _data(np.random.default_rng(1))
    clock = ManualClock(float(START))
    store = Store.open(f"sqlite:///{folder}/loads.db", clock=clock)
    recorder = Recorder(store, clock, STEP_S)
    names = [f"{number:08x}-0000-4000-8000-{number:012x}" for number in range(OBJECTS)]
    readings = [_readings(names, data[:, :, slot]) for slot in range(SLOTS)]
    took = _record(recorder, clock, readings)
    samples = OBJECTS * COUNT * SLOTS * HOURS
    with store.reading() as tx:
        size = sum(
            len(body)
            for hour in range(START // 3600, START // 3600 + HOURS)
            for body in loads.chunks_of(tx, hour, range(1, OBJECTS + 1)).values()
        )
    begun = time.perf_counter()
    Rollup(store).run(clock.now() + 3600, lambda: True)
    rolled = time.perf_counter() - begun
    with store.reading() as tx:
        days = [
            len(loads.days(tx, number, range(START // 86400, START // 86400 + 1))[0][1])
            for number in range(1, OBJECTS + 1, 50)
        ]
    history = History(store, recorder, STEP_S)
    asked = []
    for name in names[:QUERIES]:
        begun = time.perf_counter()
        history.series(name, [], Span(START, START + 86_400, 300))
        asked.append(1000 * (time.perf_counter() - begun))
    curve_ms = _curves(history, names)
    peer = _sqlite(folder / "peer.db", data)
    zipped = _gzip(data)
    mine = {
        "bytes_per_sample": [size / samples],
        "us_per_sample": [1e6 * took / samples],
        "day_query_ms": asked,
        "day_row_bytes": [float(one) for one in days],
        "rollup_us": [1e6 * rolled / OBJECTS],
        "fortnight_ms": [curve_ms],
    }
    ratios = {
        "bytes_per_sample": size / samples,
        "us_per_sample": 1e6 * took / samples,
        "query_ms": median(asked),
        "fortnight_ms": curve_ms,
        "day_row_bytes": median(days),
        "rows_bytes_ratio": size / samples / peer["bytes_per_sample"][0],
        "rows_us_ratio": 1e6 * took / samples / peer["us_per_sample"][0],
        "rows_query_ratio": median(asked) / median(peer["day_query_ms"]),
        "gzip_bytes_ratio": size / samples / zipped["bytes_per_sample"][0],
    }
    store.close()
    return {"anypool": mine, "rows in SQLite": peer, "float64, gzip": zipped}, ratios


def _curves(history: History, names: list[str]) -> float:
    """Return the CPU time in ms in which the load curve of an object over two weeks is read."""
    begun = time.process_time()
    span = range(START // 3600, START // 3600 + HOURS)
    kept = history.kept(names, METRIC, span)
    found = curves(kept, [VmId(name) for name in names], span, 95.0)
    took = time.process_time() - begun
    assert len(found) == OBJECTS
    return 1000 * took / OBJECTS / HOURS * 24 * 14


def _data(rng: np.random.Generator) -> np.ndarray:
    """An hour of [object, metric, slot]: two in five idle, the others noisy and in bursts."""
    idle = rng.random(OBJECTS) < 0.4

    def wander(sigma: float, phi: float) -> np.ndarray:
        noise = rng.normal(0, sigma, (OBJECTS, SLOTS))
        made = np.zeros((OBJECTS, SLOTS))
        for slot in range(SLOTS):
            made[:, slot] = phi * made[:, slot - 1] * (slot > 0) + noise[:, slot]
        return np.exp(made)

    def bursts(scale: float, share: float) -> np.ndarray:
        level = np.exp(rng.normal(scale, 1.5, (OBJECTS, 1)))
        there = rng.random((OBJECTS, SLOTS)) < np.where(idle, share / 20, share)[:, None]
        return level * wander(0.4, 0.8) * there

    cpu = np.exp(rng.normal(2.5, 1.2, (OBJECTS, 1))) * wander(0.15, 0.9)
    steps = np.cumsum(rng.normal(0, 0.0004, (OBJECTS, SLOTS)), axis=1)
    memory = np.round(np.exp(rng.normal(8, 1, (OBJECTS, 1))) * (1 + steps))
    disks = (bursts(9, 0.3), bursts(11, 0.7))
    nets = (bursts(10, 0.95), bursts(10, 0.95))
    return np.stack([np.minimum(cpu, 800.0), memory, *disks, *nets], axis=1)


def _readings(names: list[str], slot: np.ndarray) -> list[Readings]:
    """Return [object, metric] as hosts of forty VMs answer."""
    starts = range(0, len(names), 40)
    return [Readings(names[at : at + 40], slot[at : at + 40].T) for at in starts]


def _record(recorder: Recorder, clock: ManualClock, readings: list[list[Readings]]) -> float:
    """Take and flush slot by slot; return the seconds it took."""
    took = 0.0
    for _ in range(HOURS):
        for slot in readings:
            begun = time.perf_counter()
            for batch in slot:
                recorder.take(batch)
            took += time.perf_counter() - begun
            clock.advance(STEP_S)
            begun = time.perf_counter()
            recorder.flush()
            took += time.perf_counter() - begun
    return took


def _sqlite(path: Path, data: np.ndarray) -> dict[str, list[float]]:
    """Plain rows: object, metric, time, value; a day of 20 objects, found by their key."""
    some = 20
    database = sqlite3.connect(path)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute(
        "CREATE TABLE samples (object INTEGER, metric INTEGER, at INTEGER, value REAL,"
        " PRIMARY KEY (object, metric, at)) WITHOUT ROWID"
    )
    took = 0.0
    for hour in range(24):
        for slot in range(SLOTS):
            at = START + hour * 3600 + slot * STEP_S
            values = data[:some, :, slot].tolist()
            begun = time.perf_counter()
            rows = [(o, m, at, v) for o, row in enumerate(values) for m, v in enumerate(row)]
            database.executemany("INSERT INTO samples VALUES (?, ?, ?, ?)", rows)
            database.commit()
            took += time.perf_counter() - begun
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    asked = []
    query = (
        "SELECT metric, at / 300, min(value), avg(value), max(value) FROM samples"
        " WHERE object = ? AND at BETWEEN ? AND ? GROUP BY 1, 2"
    )
    for number in range(some):
        begun = time.perf_counter()
        database.execute(query, (number, START, START + 86_400)).fetchall()
        asked.append(1000 * (time.perf_counter() - begun))
    database.close()
    samples = some * COUNT * SLOTS * 24
    return {
        "bytes_per_sample": [path.stat().st_size / samples],
        "us_per_sample": [1e6 * took / samples],
        "day_query_ms": asked,
    }


def _gzip(data: np.ndarray) -> dict[str, list[float]]:
    begun = time.perf_counter()
    size = sum(len(gzip.compress(data[number].tobytes(), 6)) for number in range(OBJECTS))
    took = time.perf_counter() - begun
    samples = OBJECTS * COUNT * SLOTS
    return {"bytes_per_sample": [size / samples], "us_per_sample": [1e6 * took / samples]}


def _inventories(folder: Path) -> tuple[dict[str, dict[str, list[float]]], dict[str, float]]:
    clock = ManualClock(float(START))
    store = Store.open(f"sqlite:///{folder}/inventories.db", clock=clock)
    rng, world = np.random.default_rng(2), _world()
    archive = Archive(store)
    sizes, times, before = list[float](), list[float](), 0
    for _ in range(13):
        begun = time.perf_counter()
        archive.keep(world)
        times.append(1000 * (time.perf_counter() - begun))
        with store.reading() as tx:
            size = inventories.size(tx)[1]
        sizes.append((size - before) / 1024)
        before = size
        clock.advance(3600)
        world = _churned(world, rng, int(VMS * CHANGED_AN_HOUR))
    single = world.with_vm(replace(world.vms[IDS[7]], vcpus=63))
    archive.keep(world)
    begun = time.perf_counter()
    archive.keep(single)
    one = 1000 * (time.perf_counter() - begun)
    with store.reading() as tx:
        newest = inventories.latest(tx)
    assert newest is not None
    begun = time.perf_counter()
    archive.load(newest)
    loaded = 1000 * (time.perf_counter() - begun)
    store.close()
    figures = {"stored_kib": sizes[1:], "store_ms": times[1:], "one_vm_ms": [one]}
    whole = {"stored_kib": sizes[:1], "store_ms": times[:1], "load_ms": [loaded]}
    # Daily ones share nothing, hours of the last week and moments of the last day share as here.
    year_mib = (365 * sizes[0] + (168 + 144) * median(sizes[1:])) / 1024
    ratios = {
        "inventory_whole_kib": sizes[0],
        "inventory_hour_kib": median(sizes[1:]),
        "inventory_store_ms": median(times[1:]),
        "inventory_one_vm_ms": one,
        "inventory_year_mib": year_mib,
    }
    return {"inventory, first": whole, "inventory, hourly": figures}, ratios


def _world() -> Inventory:
    hosts = {f"h{number}": _host(number) for number in range(POOL)}
    world = Inventory(hosts=PMap.of({HostId(key): host for key, host in hosts.items()}))
    return world.patched_vms({IDS[number]: _vm(number) for number in range(VMS)})


def _host(number: int) -> Host:
    return Host(
        id=HostId(f"h{number}"),
        name=f"host{number:04}.example",
        endpoint=EndpointId(f"e{number}"),
        cpus=64,
        memory_mib=524_288,
        networks=frozenset({NetworkId("data"), NetworkId("backup")}),
        peer_address=f"10.0.{number // 256}.{number % 256}",
    )


def _vm(number: int) -> Vm:
    mac = "52:54:00:" + ":".join(IDS[number][start : start + 2] for start in (0, 2, 4))
    return Vm(
        id=IDS[number],
        name=f"app{number:05}",
        host=HostId(f"h{number % POOL}"),
        state=VmState.RUNNING if number % 5 else VmState.STOPPED,
        vcpus=1 + number % 4,
        memory_mib=1024 << number % 4,
        disks=(Disk(target="vda", volume=f"app{number:05}.qcow2", size_bytes=20 << 30),),
        nics=(Nic(mac=mac, network=NetworkId("data")),),
    )


def _churned(world: Inventory, rng: np.random.Generator, count: int) -> Inventory:
    """Move most of some VMs to other hosts and stop or start the rest."""
    changes: dict[VmId, Vm | None] = {}
    for number in rng.choice(VMS, count, replace=False).tolist():
        vm = world.vms[IDS[number]]
        if number % 4:
            changes[vm.id] = replace(vm, host=HostId(f"h{int(rng.integers(POOL))}"))
        else:
            flipped = VmState.STOPPED if vm.state is VmState.RUNNING else VmState.RUNNING
            changes[vm.id] = replace(vm, state=flipped)
    return world.patched_vms(changes)
