import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from anypool.clock import ManualClock, SystemClock
from anypool.errors import Conflict
from anypool.store import Store, Tx, events, lease
from anypool.store.guard import Guard
from anypool.store.records import EventRecord
from tests.unit import store_kit
from tests.unit.store_kit import Child, child

OPENER = Callable[[], Store]


clock = store_kit.clock


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/anypool.db"


@pytest.fixture
def ends_with_process() -> bool:
    """Whether the end of the holder's process frees the lease at once."""
    return True


@pytest.fixture
def manager(url: str, clock: ManualClock) -> Iterator[OPENER]:
    with ExitStack() as opened:

        def start() -> Store:
            store = Store.open(url, clock=clock)
            opened.callback(store.close)
            return store

        yield start


def write(store: Store, message: str = "m") -> None:
    with store.writing() as tx:
        events.append(tx, EventRecord(kind="test", message=message))


def messages(store: Store) -> list[str]:
    with store.reading() as tx:
        return [event.message for event in events.since(tx, 0, 10_000)]


def poll(ask: Callable[[], bool], deadline_s: float = 20.0) -> None:
    end = time.monotonic() + deadline_s
    while not ask():
        assert time.monotonic() < end
        time.sleep(0.02)


def freeze(frozen: Child) -> None:
    os.kill(frozen.process.pid, signal.SIGSTOP)
    os.waitid(os.P_PID, frozen.process.pid, os.WSTOPPED | os.WNOWAIT)


def test_one_manager_at_a_time(manager: OPENER, clock: ManualClock) -> None:
    first, second = manager(), manager()
    assert first.take_lease("one", 10) == 1
    assert first.lease_left_s() == 10
    assert second.take_lease("two", 10) is None
    assert second.lease_left_s() == 0
    first.give_lease()
    first.give_lease()
    assert first.lease_left_s() == 0
    assert second.take_lease("two", 10) == 2


def test_signs_of_life_keep_the_lease(manager: OPENER, clock: ManualClock) -> None:
    first, second = manager(), manager()
    first.take_lease("one", 10)
    for _ in range(5):
        assert second.take_lease("two", 10) is None
        clock.advance(9)
        first.renew_lease()
        assert first.lease_left_s() == 10
    clock.advance(10)
    assert first.lease_left_s() == 0
    assert second.take_lease("two", 10) is None
    clock.advance(10)
    assert second.take_lease("two", 10) == 2


def test_who_was_slow_to_ask_does_not_take_what_was_renewed_meanwhile(
    manager: OPENER, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waited for the database, and what it saw then was written a moment ago."""
    first, second = manager(), manager()
    assert first.take_lease("one", 10) == 1
    begin = second._transaction

    @contextmanager
    def slow() -> Iterator[Tx]:
        clock.advance(9)
        first.renew_lease()
        with begin() as tx:
            yield tx

    with monkeypatch.context() as patch:
        patch.setattr(second, "_transaction", slow)
        assert second.take_lease("two", 10) is None
    clock.advance(1)
    assert first.lease_left_s() == 9
    assert second.take_lease("two", 10) is None


def test_a_stale_epoch_writes_nothing(manager: OPENER, clock: ManualClock) -> None:
    zombie, successor = manager(), manager()
    zombie.take_lease("one", 10)
    write(zombie, "in time")
    assert successor.take_lease("two", 10) is None
    clock.advance(10)
    assert successor.take_lease("two", 10) == 2
    lates: tuple[Callable[[Store], None], ...] = (write, Store.renew_lease)
    for late in lates:
        with pytest.raises(Conflict, match=r"epoch 2 is held by two, ours was 1"):
            late(zombie)
        assert zombie.lease_left_s() == 0
    write(successor, "ours")
    assert messages(successor) == ["in time", "ours"]
    zombie.give_lease()
    write(successor)
    assert successor.lease_left_s() > 0


def test_the_lock_of_a_zombie_proves_nothing_about_its_successor(
    manager: OPENER, clock: ManualClock
) -> None:
    zombie, successor, third = manager(), manager(), manager()
    zombie.take_lease("one", 10)
    successor.take_lease("two", 10)
    clock.advance(10)
    successor.take_lease("two", 10)
    zombie.close()
    assert third.take_lease("three", 10) is None
    successor.renew_lease()
    assert third.take_lease("three", 10) is None
    write(successor)


def test_a_loser_can_come_back(manager: OPENER, clock: ManualClock) -> None:
    first, second = manager(), manager()
    first.take_lease("one", 10)
    second.take_lease("two", 10)
    clock.advance(10)
    second.take_lease("two", 10)
    second.give_lease()
    assert first.take_lease("one", 10) == 3
    write(first)


def test_a_lease_that_somebody_is_just_taking_is_not_snatched(
    manager: OPENER, clock: ManualClock, url: str, ends_with_process: bool
) -> None:
    """A lease taken without the file lock would outlive its holder's process."""
    if not ends_with_process:
        return
    store = manager()
    rival = Guard(Path(f"{url.removeprefix('sqlite:///')}.manager"))
    assert rival.take()
    assert store.take_lease("one", 10) is None
    clock.advance(9.9)
    assert store.take_lease("one", 10) is None
    clock.advance(0.2)
    assert store.take_lease("one", 10) == 1, "that somebody hangs"
    store.give_lease()
    rival.give()
    assert store.take_lease("one", 10) == 2


def test_threads_of_one_manager_take_turns(manager: OPENER) -> None:
    store = manager()
    store.take_lease("one", 10)
    threads = [threading.Thread(target=lambda: [write(store) for _ in range(20)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(messages(store)) == 160


def test_of_four_processes_one_wins_and_its_end_frees_the_lease(
    url: str, ends_with_process: bool
) -> None:
    with ExitStack() as stack:
        rivals = [stack.enter_context(child(url)) for _ in range(4)]
        assert {rival.answer() for rival in rivals} == {"open"}
        for number, rival in enumerate(rivals):
            rival.send(f"take m{number} {60 if ends_with_process else 1}")
        answers = [rival.answer() for rival in rivals]
        assert sorted(answers) == ["1", "None", "None", "None"]
        winner = rivals.pop(answers.index("1"))
        winner.kill()
        if ends_with_process:
            assert rivals[0].ask("take next 60") == "2"
        else:
            poll(lambda: rivals[0].ask("take next 60") == "2")


def test_a_frozen_manager_wakes_up_as_nobody(url: str) -> None:
    with child(url) as zombie:
        assert [zombie.answer(), zombie.ask("take zombie 0.5"), zombie.ask("write a")][1] == "1"
        freeze(zombie)
        successor = Store.open(url, clock=SystemClock())
        try:
            poll(lambda: successor.take_lease("successor", 60) == 2)
            write(successor, "b")
            os.kill(zombie.process.pid, signal.SIGCONT)
            assert zombie.ask("write c").startswith("Conflict|another manager took over")
            assert messages(successor) == ["a", "b"]
        finally:
            successor.close()


def test_who_only_reads_can_look_at_the_lease(url: str, clock: ManualClock) -> None:
    """On PostgreSQL a transaction that cannot write cannot lock either."""
    store = Store.open(url, clock=clock)
    with store.reading() as tx:
        assert lease.look(tx).epoch == 0
    store.close()
