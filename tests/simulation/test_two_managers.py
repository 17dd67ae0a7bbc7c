"""Two managers on one database: the second takes over, and the first is powerless."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from anypool.engine import Engine
from anypool.errors import Busy, StoreFailed
from anypool.store import Store, Tx, peers
from anypool.store.records import RunState
from tests.simulation.pool import SimPool
from tests.simulation.yard import Crashing, ListCrew, Yard


def test_a_zombie_does_nothing(tmp_path: Path) -> None:
    """The first manager freezes between journal and deed, and thaws when it is too late."""
    yard = Yard(tmp_path)
    run = yard.evacuate()
    while not any("_carry_out" in repr(task) for task in yard.crew.tasks):
        yard.step()
    yard.crew.work()
    frozen, old, old_store = list(yard.crew.tasks), yard.engine, yard.store
    yard.crew.tasks.clear()
    store = Crashing(Store.open(yard.url, clock=yard.clock))
    second = Engine(store, SimPool(yard.world), yard.clock, yard.settings)  # type: ignore[arg-type]
    crew = ListCrew(yard.chance)
    second.begin(crew)
    assert not second.leads
    assert any("Do(" in repr(task) for task in frozen), "a deed is in its hands"
    yard.clock.advance(yard.settings.lease_s + 1)
    second.turn()
    assert second.leads
    before = yard.copies()
    for task in sorted(frozen, key=lambda task: "Do(" not in repr(task)):
        task()
    old.turn()
    while yard.crew.tasks:
        yard.crew.work()
    assert yard.copies() == before, "the zombie did a deed"
    assert not old.leads
    with pytest.raises(Busy, match="another manager"):
        old.cancel(run)
    yard.crew, yard.store, yard.engine = crew, store, second
    yard.news = second.subscribe()
    assert yard.finish(run).state is RunState.DONE
    yard.check_tidy()
    old_store.store.close()
    yard.close()


def test_a_leader_that_is_drained_leaves_a_run_to_the_other_one(tmp_path: Path) -> None:
    """It stands by, begins nothing more, and takes over again when it is called back."""
    yard = Yard(tmp_path)
    run = yard.evacuate()
    while not any("_carry_out" in repr(task) for task in yard.crew.tasks):
        yard.step()
    yard.crew.work()
    first, frozen = yard.engine, list(yard.crew.tasks)
    yard.crew.tasks.clear()
    ended: list[str] = []
    first.keeper.pause = lambda: ended.append("its workers")
    store = Crashing(Store.open(yard.url, clock=yard.clock))
    second = Engine(store, SimPool(yard.world), yard.clock, yard.settings)  # type: ignore[arg-type]
    crew = ListCrew(yard.chance)
    second.begin(crew)
    with store.store.writing(shared=True) as tx:
        peers.drain(tx, first.keeper.peer.holder, "ada")
    first.keeper.round()
    assert first.leads, "the other one was seen once only, and may be long dead"
    yard.clock.advance(1)
    second.keeper.round()
    first.keeper.round()
    assert not first.leads
    assert ended == ["its workers"]
    first.keeper.round()
    second.keeper.round()
    assert (first.leads, second.leads) == (False, True), "without waiting for a lease to end"
    before = yard.copies()
    for task in sorted(frozen, key=lambda task: "Do(" not in repr(task)):
        task()
    assert yard.copies() == before, "it did a deed after it had left"
    first_crew, first_store = yard.crew, yard.store
    yard.crew, yard.store, yard.engine = crew, store, second
    yard.news = second.subscribe()
    assert yard.finish(run).state is RunState.DONE
    yard.check_tidy()
    second.stop()
    yard.clock.advance(yard.settings.lease_s)
    first.keeper.round()
    assert first.leads, "nobody else is left"
    first_crew.tasks.clear()
    first_store.store.close()
    yard.close()


def test_who_cannot_read_the_records_does_not_lead(tmp_path: Path) -> None:
    """The database goes away between the lease and the first look at what is there."""
    yard = Yard(tmp_path)
    run = yard.evacuate()
    yard.step()
    yard.store.store.close()
    store = Crashing(Store.open(yard.url, clock=yard.clock))
    reading = store.store.reading
    failures = iter([StoreFailed("the database is away")] * 2)

    @contextmanager
    def failing() -> Iterator[Tx]:
        for failure in failures:
            raise failure
        with reading() as tx:
            yield tx

    store.reading = failing  # type: ignore[attr-defined]
    engine = Engine(store, SimPool(yard.world), yard.clock, yard.settings)  # type: ignore[arg-type]
    yard.crew.tasks.clear()
    engine.keeper.round()
    assert not engine.leads, "it knows nothing"
    engine.begin(yard.crew)
    assert engine.leads
    yard.store, yard.engine, yard.news = store, engine, engine.subscribe()
    assert yard.finish(run).state is RunState.DONE
    yard.check_tidy()
    yard.close()
