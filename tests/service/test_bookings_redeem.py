"""Bookings that VMs are made on: never counted twice, never free in between, all or nothing.

The judge reads the database with `sqlite3` and the simulated world, and counts by itself.
"""

import sqlite3
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from msgspec.structs import replace

from anypool.engine import Engine
from anypool.engine.observing.picture import Picture
from anypool.errors import Conflict, Invalid, NoPlan, StoreFailed
from anypool.model import Booking, BookingId, DiskWish, HostId, VmId, VmState, VmWish
from anypool.plan import Action, Redeemed, released
from anypool.planner.rules import NO_RULES
from anypool.planner.wishes import CreateVms
from anypool.service.redeeming import on_its_host
from anypool.service.wishes import NewVm
from anypool.store import audit, runs
from anypool.store.records import PlanRecord, RunState
from tests.strategies import host, pool
from tests.unit.test_bookings import stored, wish
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


def full(engine: Engine) -> list[Booking]:
    """Book all there is, and return the bookings: one for each host, of all its free memory."""
    return [engine.bookings.make(wish(engine, n, most(engine)), "ada", 600) for n in range(3)]


def most(engine: Engine) -> int:
    return max(map(engine.inventory.memory_free_mib, engine.inventory.hosts))


def vm_wish(engine: Engine, number: int, memory_mib: int = SIZE) -> VmWish:
    shared = next(one.id for one in engine.inventory.datastores.values() if one.shared)
    disk = DiskWish(target="vda", datastore=shared, size_bytes=1 << 20, volume=f"new-{number}.raw")
    key = VmId(f"00000000-0000-0000-0001-{number:012d}")
    return VmWish(id=key, name=f"made-{number}", memory_mib=memory_mib, disks=(disk,))


def planned(engine: Engine, booking: Booking, *sizes: int, first: int = 0) -> PlanRecord:
    """Keep a plan that makes VMs of these sizes on a booking."""
    wishes = tuple(vm_wish(engine, first + n, size) for n, size in enumerate(sizes))
    taken = Redeemed(booking=booking.id, host=booking.host, memory_mib=sum(sizes))
    asked = CreateVms(wishes=wishes, host=booking.host, redeems=(taken,))
    inventory = engine.inventory
    return engine.submit(asked.plan(inventory, NO_RULES), "ada", inventory)


def booked(engine: Engine) -> int:
    return sum(host.booked_mib for host in engine.inventory.hosts.values())


def test_a_vm_is_made_in_a_full_pool_on_what_was_kept_for_it(site: Site, engine: Engine) -> None:
    """All the while nobody else finds room for as little as 1 MiB; the rest stays kept."""
    kept = full(engine)
    mine, before = kept[0], sum(stored(site).values())
    with pytest.raises(NoPlan):
        CreateVms(wishes=(vm_wish(engine, 7),), host=mine.host).plan(engine.inventory, NO_RULES)
    run = engine.run(planned(engine, mine, SIZE, SIZE).id, "ada")
    assert sum(stored(site).values()) == before - 2 * SIZE
    while engine.wait(run.id, 0.01).state is RunState.RUNNING:
        with pytest.raises(NoPlan):
            engine.bookings.make(wish(engine, 9, 1), "ada", 600)
    assert engine.wait(run.id, 30).state is RunState.DONE
    made = [vm for vm in engine.inventory.vms.values() if vm.name.startswith("made-")]
    assert [(vm.host, vm.state) for vm in made] == [(mine.host, VmState.RUNNING)] * 2
    assert engine.bookings.get(mine.id).memory_mib == mine.memory_mib - 2 * SIZE
    assert booked(engine) == sum(stored(site).values())
    soon(lambda: most(engine) == 0)


def test_room_of_a_run_that_ends_while_room_is_counted_is_not_free(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its VM is seen to run at the moment at which it is under way no more."""
    mine = full(engine)[0]
    engine.bookings.drop(mine.id, "ada")

    def ends() -> tuple[Action, ...]:
        there = {mine.host: mine.memory_mib}
        engine._observer.change(partial(Picture.book, more_mib=there))
        return ()

    monkeypatch.setattr(engine._runner, "pending", ends)
    with pytest.raises(NoPlan):
        engine.bookings.make(wish(engine, 9, 1), "ada", 600)


def test_the_last_of_it_ends_the_booking_and_the_trail_says_who(site: Site, engine: Engine) -> None:
    mine = engine.bookings.make(wish(engine, 0, SIZE), "ada", 600)
    run = engine.run(planned(engine, mine, SIZE).id, "bob")
    assert engine.bookings.all() == ()
    assert (booked(engine), sum(stored(site).values())) == (0, 0)
    with site.store().reading() as tx:
        told = [row for row in audit.all_rows(tx) if row.deed == "booking.redeemed"]
    assert [(row.who, row.object_id, row.run) for row in told] == [("bob", mine.id, run.id)]
    assert "0 MiB are left" in told[0].detail


@pytest.mark.parametrize("how", ["dropped", "smaller", "used"])
def test_what_is_no_longer_kept_is_not_taken(site: Site, engine: Engine, how: str) -> None:
    """A plan may be older than the end of its booking: then nothing begins, nothing is lost."""
    kept = full(engine)
    mine = kept[0]
    plan = planned(engine, mine, SIZE)
    if how == "dropped":
        engine.bookings.drop(mine.id, "ada")
    elif how == "smaller":
        shrink(site, mine.id, SIZE - 1)
    else:
        other = planned(engine, mine, mine.memory_mib, first=50)
        run = engine.run(other.id, "ada")
        assert engine.wait(run.id, 30).state is RunState.DONE
    before = stored(site)
    words = {"smaller": "keeps 511 MiB by now"}.get(how, "overbooked|no booking")
    with pytest.raises(Conflict, match=words):
        engine.run(plan.id, "ada")
    assert stored(site) == before
    with site.store().reading() as tx:
        assert all(run.plan != plan.id for run in runs.unfinished(tx))


def shrink(site: Site, key: BookingId, left_mib: int) -> None:
    with sqlite3.connect(site.url.removeprefix("sqlite:///")) as database:
        database.execute("update bookings set memory_mib = ? where id = ?", (left_mib, key))


def test_a_run_that_cannot_be_written_leaves_the_booking(
    site: Site, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = engine.bookings.make(wish(engine, 0, SIZE), "ada", 600)
    plan = planned(engine, mine, SIZE)

    def broken(*_: object) -> None:
        raise StoreFailed("the disk is full")

    monkeypatch.setattr(runs, "add_run", broken)
    with pytest.raises(StoreFailed):
        engine.run(plan.id, "ada")
    assert engine.bookings.all() == (mine,)
    assert booked(engine) == SIZE
    monkeypatch.undo()
    assert engine.wait(engine.run(plan.id, "ada").id, 30).state is RunState.DONE


def test_the_host_of_the_booking_and_no_other() -> None:
    world = pool(2).with_host(host(9, pool="lab"))
    mine = Booking(
        id=BookingId("b1"), name="web", host=HostId("h1"), memory_mib=SIZE, vcpus=1, by="ada",
        made_at=0.0, until=1.0,
    )  # fmt: skip
    asked = NewVm(name="web", image="base")
    assert on_its_host(asked, mine, world).host == "h1"
    assert on_its_host(replace(asked, host="host1"), mine, world).host == "h1"
    with pytest.raises(Conflict, match=r"room on host1 in pool default, not on host0$"):
        on_its_host(replace(asked, host="host0"), mine, world)
    with pytest.raises(Conflict, match="not on host9 in pool lab"):
        on_its_host(replace(asked, host="host9"), mine, world)
    with pytest.raises(Invalid, match="not started"):
        on_its_host(replace(asked, start=False), mine, world)


def test_only_the_room_of_the_booking_is_free_for_it() -> None:
    world = pool(2)
    world = world.with_host(host(1, booked_mib=3000))
    taken = Redeemed(booking=BookingId("b"), host=HostId("h1"), memory_mib=1000)
    assert released(world, (taken,)).hosts[HostId("h1")].booked_mib == 2000
    assert released(world, (taken,) * 4).hosts[HostId("h1")].booked_mib == 0
    gone = replace(taken, host=HostId("h9"))
    assert released(world, (gone,)) == world
