"""The same searches in this process: by our columns, by SQL, and by a scan of plain objects."""

import random
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any

from anypool.drivers.sim import SimDriver, build_world
from anypool.model import Frame, Inventory, PMap, Vm
from anypool.model.units import MIB
from anypool.search import Noun, Rows, find, parse
from benchmarks.inventory_pool import PoolSize

ROUNDS = 40
_COLUMNS = "id, name, state, host, memory, vcpus, mac"


@dataclass
class PlainVm:
    """A VM as most programs would keep it."""

    id: str
    name: str
    state: str
    host: str
    memory: int
    vcpus: int
    mac: str


@dataclass
class Search:
    """One search in three languages; the answer is a page of ids and how many there are."""

    ours: str
    sql: str
    plain: Callable[[PlainVm], bool]
    key: Callable[[PlainVm], Any]


def compare(size: PoolSize) -> dict[str, float]:
    """Return medians in ms and the ratios of ours to the others', over the same searches."""
    inventory = _inventory(size)
    rows = Rows(Noun.VM)
    rows.advance(inventory)
    plain = [_plain(vm, inventory) for vm in inventory.vms.values()]
    database = _database(plain)
    draw = random.Random(7)
    taken: dict[str, list[float]] = {"columns": [], "sql": [], "scan": []}
    for number in range(ROUNDS):
        search = _search(draw)
        asked = {
            "columns": lambda search=search: _by_columns(rows, search),
            "sql": lambda search=search: _by_sql(database, search),
            "scan": lambda search=search: _by_scan(plain, search),
        }
        names = list(asked)[:: 1 if number % 2 else -1]
        answers = {}
        for name in names:
            begin = time.perf_counter()
            answers[name] = asked[name]()
            if number >= ROUNDS // 4:  # the first ones build columns and fill caches
                taken[name].append((time.perf_counter() - begin) * 1000)
        assert len({str(answer) for answer in answers.values()}) == 1, (search.ours, answers)
    ours, sql, scan = (median(taken[name]) for name in ("columns", "sql", "scan"))
    return {
        "in_process_ms": ours, "sql_ms": sql, "scan_ms": scan,
        "sql_ratio": ours / sql, "scan_ratio": ours / scan,
    }  # fmt: skip


def _inventory(size: PoolSize) -> Inventory:
    frames: list[Frame] = []
    for number in range(size.endpoints):
        frames.append(SimDriver(build_world(size.shape(number), name=f"dc{number}")).observe())
    found = Inventory(
        hosts=PMap.of({host.id: host for frame in frames for host in frame.hosts}),
        datastores=PMap.of({one.id: one for frame in frames for one in frame.datastores}),
        networks=PMap.of({one.id: one for frame in frames for one in frame.networks}),
    )
    return found.patched_vms({vm.id: vm for frame in frames for vm in frame.vms})


def _plain(vm: Vm, inventory: Inventory) -> PlainVm:
    host = "" if vm.host is None else inventory.hosts[vm.host].name
    macs = " ".join(nic.mac for nic in vm.nics)
    return PlainVm(vm.id, vm.name, str(vm.state), host, vm.memory_mib * MIB, vm.vcpus, macs)


def _database(plain: list[PlainVm]) -> sqlite3.Connection:
    database = sqlite3.connect(":memory:")
    database.execute(f"create table vm ({_COLUMNS}, primary key (id)) without rowid")
    for column in ("name", "state", "host", "memory"):
        database.execute(f"create index by_{column} on vm ({column})")
    fields = _COLUMNS.split(", ")
    rows = [[getattr(vm, field) for field in fields] for vm in plain]
    database.executemany("insert into vm values (?, ?, ?, ?, ?, ?, ?)", rows)
    database.execute("analyze")
    return database


def _search(draw: random.Random) -> Search:
    number, host, mac = draw.randrange(1, 2500), draw.randrange(1, 100), draw.randrange(256)
    by_name: Callable[[PlainVm], Any] = lambda vm: (vm.name, vm.id)  # noqa: E731
    return draw.choice(
        [
            Search("", "1 order by name, id", lambda _: True, by_name),
            Search(
                f"name ~ m{number}",
                f"name like '%m{number}%' order by name, id",
                lambda vm: f"m{number}" in vm.name.casefold(),
                by_name,
            ),
            Search(
                "state = running order by memory desc",
                "state = 'running' order by memory desc, name, id",
                lambda vm: vm.state == "running",
                lambda vm: (-vm.memory, vm.name, vm.id),
            ),
            Search(
                f"host = h{host}",
                f"host = 'h{host}' order by name, id",
                lambda vm: vm.host == f"h{host}",
                by_name,
            ),
            Search(
                f"memory >= 4GiB and mac ~ 52:54:00:{mac:02x} and not state = stopped",
                f"memory >= {4 << 30} and mac like '%52:54:00:{mac:02x}%' "
                "and state != 'stopped' order by name, id",
                lambda vm: (
                    vm.memory >= 4 << 30
                    and f"52:54:00:{mac:02x}" in vm.mac
                    and vm.state != "stopped"
                ),
                by_name,
            ),
        ]
    )


def _by_columns(rows: Rows, search: Search) -> tuple[int, list[str]]:
    found = find(parse(search.ours, Noun.VM), rows, most=100)
    return found.total, [str(vm.id) for vm in found.records]


def _by_sql(database: sqlite3.Connection, search: Search) -> tuple[int, list[str]]:
    where, _, order = search.sql.partition(" order by ")
    total = database.execute(
        f"select count(*), sum(memory), sum(vcpus) from vm where {where}"
    ).fetchone()
    page = database.execute(f"select * from vm where {where} order by {order} limit 100")
    return total[0], [row[0] for row in page]


def _by_scan(plain: list[PlainVm], search: Search) -> tuple[int, list[str]]:
    found = sorted(filter(search.plain, plain), key=search.key)
    sum(vm.memory for vm in found)
    sum(vm.vcpus for vm in found)
    return len(found), [vm.id for vm in found[:100]]
