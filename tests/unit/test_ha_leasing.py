"""Who reads storage leases for all: one of the hosts that see the same, and one at a time."""

from collections.abc import Iterable

import pytest
from msgspec.structs import replace

from anypool.clock import ManualClock
from anypool.engine.ha.leasing import ALL_S, LOOK_S, Leasing, readers
from anypool.engine.observing import leases as sights
from anypool.engine.observing.vitals import Vitals
from anypool.model import (
    Capability,
    Datastore,
    DatastoreId,
    HostId,
    HostState,
    Inventory,
    StorageLease,
)
from anypool.planner.ha.detect import Path, Word
from tests.strategies import pool
from tests.unit.test_ha_lease_sights import BOUND_S, lease

H0, H1, H2, H3 = (HostId(f"h{n}") for n in range(4))
COMMON, OWN = DatastoreId("common"), DatastoreId("own")


def world() -> Inventory:
    """Four hosts with a datastore together; the second has another one of its own."""
    made = pool(4).with_datastore(Datastore(id=COMMON, name="common", shared=True))
    made = made.with_datastore(Datastore(id=OWN, name="own", shared=False))
    for key, host in made.hosts.items():
        stores = frozenset({COMMON, OWN}) if key == H1 else frozenset({COMMON})
        able = host.capabilities | {Capability.HOST_LEASES}
        made = made.with_host(replace(host, capabilities=able, datastores=stores))
    return made


def test_one_host_reads_for_all_that_share_what_it_sees() -> None:
    made = world()
    assert len(readers(made.hosts.values(), made)) == 1
    deaf = replace(made.host(H0), capabilities=frozenset())
    alone = replace(made.host(H2), datastores=frozenset({OWN}))
    silent = replace(made.host(H3), state=HostState.UNKNOWN)
    assert readers([deaf, alone, silent], made) == []


def test_reading_that_is_not_over_is_not_begun_again() -> None:
    clock, made = ManualClock(), world()
    made = made.with_host(replace(made.host(H3), state=HostState.UNKNOWN))
    leasing = Leasing(Vitals(clock))
    waiting = []
    for _ in range(20):
        clock.advance(max(ALL_S, LOOK_S) + 1)
        waiting += leasing.tasks(made.hosts, made)
    assert len(waiting) == 2, "one listens to the silent host, one reads all"
    for task in waiting:
        task()
    clock.advance(max(ALL_S, LOOK_S) + 1)
    assert len(leasing.tasks(made.hosts, made)) == 2


def with_silent(made: Inventory, *keys: HostId) -> Inventory:
    for key in keys:
        made = made.with_host(replace(made.host(key), state=HostState.UNKNOWN))
    return made


class Bench:
    """Four hosts of which the last is silent; `ask` is asked, and reads what `says`."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.vitals = Vitals(self.clock)
        self.vitals.leases.ask = self._ask
        self.leasing = Leasing(self.vitals)
        self.world = with_silent(world(), H3)
        self.asked: list[tuple[HostId, tuple[HostId, ...]]] = []
        self.mine = 0
        self.sequence = 7

    def _ask(self, reader: HostId, about: Iterable[HostId]) -> tuple[StorageLease, ...]:
        self.asked.append((reader, tuple(about)))
        self.mine += 1
        more = {"datastore": COMMON}
        return (lease(reader, self.mine, **more), lease(H3, self.sequence, **more))

    def listen(self) -> Word:
        """Do what is due; return what the lease of the silent host says."""
        for task in self.leasing.tasks([*self.world.hosts, HostId("h9")], self.world):
            task()
        heard = {one.path: one.word for one in self.vitals.heard(H3)}
        return heard.get(Path.STORAGE, Word.NONE)


def test_lease_of_a_silent_host_is_life_while_it_is_renewed_and_silence_when_it_is_not() -> None:
    bench = Bench()
    assert bench.listen() is Word.NONE
    assert bench.asked[0] == (H1, (H1, H3))
    bench.sequence = 8
    bench.clock.advance(LOOK_S)
    assert bench.listen() is Word.ANSWERS
    for _ in range(2):
        bench.clock.advance(LOOK_S)
        assert bench.listen() is Word.ANSWERS, "it was renewed too short ago to tell"
    asked = len(bench.asked)
    assert (bench.listen(), len(bench.asked)) == (Word.ANSWERS, asked), "not more often"
    bench.clock.advance(LOOK_S)
    assert bench.listen() is Word.SILENT
    clock = bench.leasing.clock(H3)
    assert clock is not None
    assert (clock.left_s, clock.watchdog) == (BOUND_S - 6, "iTCO_wdt")
    assert bench.leasing.clock(HostId("h9")) is None


def test_silent_host_without_a_lease_is_not_silent_on_that_path() -> None:
    """It would count as failed, and not as one of which nothing is known."""
    bench = Bench()
    bench.world = with_silent(bench.world, H2)
    for _ in range(6):
        bench.listen()
        bench.clock.advance(LOOK_S)
    assert bench.listen() is Word.SILENT
    assert Path.STORAGE not in {one.path for one in bench.vitals.heard(H2)}


def test_only_what_is_silent_is_read_often_and_all_now_and_then() -> None:
    bench = Bench()
    bench.world = world()
    bench.listen()
    assert [about for _, about in bench.asked] == [()]
    assert bench.vitals.leases.of(H3), "what the survey reads is known"
    bench.clock.advance(ALL_S - 0.1)
    assert bench.leasing.tasks(bench.world.hosts, bench.world) == []
    assert len(bench.asked) == 1
    bench.clock.advance(0.1)
    bench.listen()
    assert [about for _, about in bench.asked] == [(), ()]


def test_who_leads_anew_reads_all_and_waits_for_nobody() -> None:
    bench = Bench()
    due = len(bench.leasing.tasks(bench.world.hosts, bench.world))
    assert bench.leasing.tasks(bench.world.hosts, bench.world) == []
    bench.leasing.begin()
    assert len(bench.leasing.tasks(bench.world.hosts, bench.world)) == due == 2


LONELY = replace(world().host(H2), datastores=frozenset({OWN}))
DEAF = replace(world().host(H2), capabilities=frozenset())


@pytest.mark.parametrize(
    ("made", "turn", "found"),
    [
        (world(), 0, (H0, H1)),
        (world(), 1, (H1, H2)),
        (world(), 2, (H2, H0)),
        (world(), 3, (H0, H1)),
        (with_silent(world(), H0), 0, (H1, H2)),
        (world().with_host(LONELY), 1, (H1, H0)),
        (world().with_host(DEAF), 1, (H1, H0)),
        (with_silent(world(), H0, H1, H2), 5, ()),
    ],
)
def test_two_hosts_that_answer_read_for_a_silent_one_in_turn(
    made: Inventory, turn: int, found: tuple[HostId, ...]
) -> None:
    assert sights.readers((H3, HostId("h9")), made, turn) == found


def test_what_only_one_host_sees_is_read_by_nobody_else() -> None:
    lost = DatastoreId("lost")
    made = world().with_host(replace(world().host(H3), datastores=frozenset({OWN, lost})))
    made = made.with_host(replace(made.host(H0), datastores=frozenset({OWN, lost})))
    assert sights.readers((H3,), made, 0) == ()


def test_leases_are_read_by_others_in_turn_who_read_their_own_too() -> None:
    bench = Bench()
    leases = bench.vitals.leases
    assert leases.look([H3], bench.world) == frozenset()
    bench.sequence = 8
    assert leases.look([H3], bench.world) >= {H3}
    assert bench.asked == [(H1, (H1, H3)), (H2, (H2, H3)), (H2, (H2, H3)), (H0, (H0, H3))]
