"""Bookings: stored before they are answered, counted by all, and never more than there is.

The judge reads the database with `sqlite3` and counts by itself.
"""

import sqlite3
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from msgspec.structs import replace

from anypool.engine import Engine
from anypool.errors import Conflict, NoPlan, NotFound, StoreFailed
from anypool.model import BookingId, Disk, HostId, Inventory, Vm, VmId, VmState
from anypool.planner import choose, plan_evacuation
from anypool.store import act, audit, bookings
from anypool.store.act import Act
from tests.unit.test_engine_live import Site, soon

SIZE = 512


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    made.close()


@pytest.fixture
def engine(site: Site) -> Engine:
    made = site.engine()
    made.start()
    site.add_all(made)
    return made


def wish(engine: Engine, number: int = 0, memory_mib: int = SIZE) -> Vm:
    shared = next(one.id for one in engine.inventory.datastores.values() if one.shared)
    disks = (Disk(target="vda", volume="", datastore=shared),)
    key = VmId(f"00000000-0000-0000-0000-{number:012d}")
    return Vm(id=key, name=f"new-{number}", host=None, memory_mib=memory_mib, disks=disks)


def stored(site: Site) -> Counter[str]:
    """Return the MiB that the database keeps of each host."""
    file = site.url.removeprefix("sqlite:///")
    with sqlite3.connect(file) as database:
        rows = database.execute("select host, memory_mib from bookings").fetchall()
    return Counter(host for host, size in rows for _ in range(size))


def held(engine: Engine) -> Counter[str]:
    """Return the MiB that running VMs have of each host."""
    return Counter(
        str(vm.host)
        for vm in engine.inventory.vms.values()
        if vm.state not in (VmState.STOPPED, VmState.CRASHED)
        for _ in range(vm.memory_mib)
    )


def test_many_at_once_get_what_there_is_and_no_more(site: Site, engine: Engine) -> None:
    size = {host.id: host.memory_mib for host in engine.inventory.hosts.values()}
    big = min(size.values()) // 5
    in_use = held(engine)
    room = sum((size[host] - in_use[host]) // big for host in size)
    assert room > 3

    def book(number: int) -> bool:
        try:
            made = engine.bookings.make(wish(engine, number, big), "ada", 600)
        except NoPlan:
            return False
        with site.store().reading():
            assert stored(site)[made.host] >= big  # before anybody is told
        return True

    with ThreadPoolExecutor(8) as threads:
        granted = sum(threads.map(book, range(room + 8)))
    assert granted == room
    kept = stored(site)
    assert all(in_use[host] + kept[host] <= size[host] for host in size)
    assert sum(kept.values()) == room * big
    assert {one.id: one.booked_mib for one in engine.inventory.hosts.values()} == {
        host: kept[host] for host in size
    }


def test_what_is_stored_together_is_audited_on_behalf_of_each(site: Site, engine: Engine) -> None:
    """Four ask while the line is held, each in a request of their own: one transaction."""
    names = ("ada", "bob", "eve", "joe")

    def book(number: int) -> None:
        act.set_request(f"request-{number}")
        act.begin(Act(who=names[number], role="operator", proof="token", deed="OPERATE_VM"))
        engine.bookings.make(wish(engine, number), names[number], 600)

    with ThreadPoolExecutor(4) as threads:
        with engine.bookings._turn:
            made = [threads.submit(book, number) for number in range(4)]
            soon(lambda: len(engine.bookings._queue) == 4)
        for one in made:
            one.result(5)
    store = site.store()
    with store.reading() as tx:
        rows = [row for row in audit.all_rows(tx) if row.object_kind == "booking"]
        assert audit.verify(tx).sound
    assert {(row.who, row.request) for row in rows} == {
        (name, f"request-{number}") for number, name in enumerate(names)
    }
    assert len({row.at for row in rows}) == 1


def test_one_that_fails_does_not_keep_the_next_waiting(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise StoreFailed("the disk is full")

    monkeypatch.setattr(bookings, "add", broken)
    with ThreadPoolExecutor(8) as threads:
        made = [threads.submit(engine.bookings.make, wish(engine, n), "ada", 9) for n in range(8)]
        for one in made:
            with pytest.raises(StoreFailed, match="full"):
                one.result(5)
    monkeypatch.undo()
    assert engine.bookings.make(wish(engine), "ada", 600).memory_mib == SIZE


def test_a_refusal_says_how_much_is_missing_where(engine: Engine) -> None:
    most = max(engine.inventory.memory_free_mib(host) for host in engine.inventory.hosts)
    with pytest.raises(NoPlan, match="short") as refused:
        engine.bookings.make(wish(engine, 0, most + 300), "ada", 600)
    assert "300 MiB" in refused.value.message
    assert engine.bookings.all() == ()


def test_others_do_not_get_the_room(site: Site, engine: Engine) -> None:
    before = plan_evacuation(engine.inventory, HostId(min(engine.inventory.hosts)))
    assert before.steps
    for _ in engine.inventory.hosts:
        most = max(map(engine.inventory.memory_free_mib, engine.inventory.hosts))
        engine.bookings.make(wish(engine, memory_mib=most), "ada", 600)
    assert choose(engine.inventory, wish(engine, 9, 1)).host is None
    with pytest.raises(NoPlan):
        plan_evacuation(engine.inventory, HostId(min(engine.inventory.hosts)))
    kept = engine.submit(before, "ada", unbooked(engine))
    with pytest.raises(Conflict, match="overbooked"):
        engine.run(kept.id, "ada")
    engine.bookings.drop(engine.bookings.all()[0].id, "ada")
    assert choose(engine.inventory, wish(engine, 9, 1)).host is not None


def unbooked(engine: Engine) -> Inventory:
    """Return the pool as if nothing were booked."""
    world = engine.inventory
    for host in list(world.hosts.values()):
        world = world.with_host(replace(host, booked_mib=0))
    return world


def test_a_restart_and_the_end_of_their_time(site: Site, engine: Engine) -> None:
    made = engine.bookings.make(wish(engine), "ada", 600)
    short = engine.bookings.make(wish(engine, 1), "ada", 0.001)
    site.close()
    again = site.engine()
    again.start()
    soon(lambda: again.leads and made.host in again.inventory.hosts)
    soon(lambda: again.bookings.all() == (made,))
    assert again.bookings.get(made.id) == made
    soon(lambda: sum(host.booked_mib for host in again.inventory.hosts.values()) == SIZE)
    assert again.inventory.hosts[made.host].booked_mib == SIZE
    for key in (short.id, BookingId("none")):
        with pytest.raises(NotFound, match="no booking"):
            again.bookings.drop(key, "ada")
    assert again.bookings.drop(made.id, "ada") == made
    assert again.inventory.hosts[made.host].booked_mib == 0
    assert not stored(site)
