"""The database fails for a while in the middle of a run: nothing is done that is not written."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from anypool.errors import StoreFailed
from anypool.store import Tx
from anypool.store.records import RunState
from tests.simulation.yard import Yard


def test_a_full_disk_delays_a_run_and_does_no_harm(tmp_path: Path) -> None:
    yard = Yard(tmp_path)
    run = yard.evacuate()
    store, whole = yard.store, yard.store.store.writing
    full = True

    @contextmanager
    def writing() -> Iterator[Tx]:
        if full:
            raise StoreFailed("the disk is full", hint="free some space")
        with whole() as tx:
            yield tx

    store.writing = writing  # type: ignore[method-assign]
    before = yard.copies()
    for _ in range(200):
        yard.step()
    assert yard.copies() == before, "a deed that is not in the journal"
    full = False
    assert yard.finish(run).state is RunState.DONE
    yard.check_tidy()
    yard.close()
