"""Who answers is asked for a VM of a dead host that nobody saw end; once, and after its death."""

from collections.abc import Callable

import pytest

from anypool.clock import ManualClock
from anypool.drivers.base import BaseDriver
from anypool.engine.ha.around import SOON_S, Around
from anypool.engine.observing.board import Board
from anypool.engine.observing.observe import Observer
from anypool.engine.observing.ours import Ours
from anypool.engine.observing.picture import Picture
from anypool.errors import Unreachable
from anypool.model import APART_S, EndpointId, Frame, HostId, Power, Vm, VmId, VmState
from tests.unit.engine_kit import H1, H2, H3, V1, host, vm
from tests.unit.test_engine_merge import endpoint

HOSTS = (H1, H2, H3)
OTHERS = tuple(endpoint(one).id for one in (H2, H3))


class Asked(BaseDriver):
    """A host that is asked; `meanwhile` happens before it answers."""

    def __init__(self, place: HostId) -> None:
        self.place = place
        self.has: tuple[Vm, ...] = ()
        self.deaf = False
        self.meanwhile: Callable[[], object] = lambda: None
        self.questions: list[tuple[VmId, ...]] = []

    def observe(self) -> Frame:
        return Frame(full=True, hosts=(host(self.place),), vms=self.has)

    def observe_vms(self, vms: tuple[VmId, ...]) -> Frame:
        self.questions.append(vms)
        self.meanwhile()
        if self.deaf:
            raise Unreachable("silence")
        here = {one.id for one in self.has}
        return Frame(full=False, vms=self.has, missing=tuple(one for one in vms if one not in here))


class Bench:
    """Three hosts; the first one had the VM, fell silent, and was proven dead much later."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.observer = Observer(Picture(Ours()), Board(), self.clock)
        self.vitals = self.observer.vitals
        self.vitals.ask_power = lambda _: Power.OFF
        self.news: list[float] = []
        self.vitals.news = lambda: self.news.append(self.clock.now())
        self.around = Around(self.vitals)
        self.tasks: list[Callable[[], object]] = []
        self.drivers = {one: Asked(one) for one in HOSTS}
        self.drivers[H1].has = (vm(V1, H1, VmState.RUNNING),)
        for one, driver in self.drivers.items():
            self.observer.add(endpoint(one), driver)
            self.observer.read(endpoint(one).id)
        self.clock.advance(30)
        self.observer.lost(endpoint(H1).id, Unreachable("silence"))
        for _ in range(2):
            self.vitals.read_power(H1)
            self.clock.advance(APART_S + 0.1)
        assert self.vitals.proof(H1) is not None

    @property
    def unasked(self) -> tuple[EndpointId, ...]:
        return self.observer.unasked(self.observer.inventory.vms[V1])

    def look(self) -> list[VmId]:
        self.waiting = self.around.ask([V1], self.observer.inventory, self.tasks.append)
        return list(self.waiting)

    def work(self) -> None:
        while self.tasks:
            self.tasks.pop(0)()


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_each_is_asked_once_and_the_last_answer_is_news(bench: Bench) -> None:
    assert bench.unasked == OTHERS
    assert bench.look() == bench.look() == [V1]
    assert len(bench.tasks) == 2
    bench.news.clear()
    bench.work()
    assert bench.news
    assert [bench.drivers[one].questions for one in HOSTS] == [[], [(V1,)], [(V1,)]]
    assert bench.look() == []
    assert bench.tasks == []


def test_question_that_is_not_answered_yet_counts_for_nothing(bench: Bench) -> None:
    seen: list[tuple[EndpointId, ...]] = []
    bench.drivers[H2].meanwhile = lambda: seen.append(bench.unasked)
    bench.look()
    bench.work()
    assert seen == [OTHERS]


def test_who_does_not_answer_is_silent_and_not_waited_for(bench: Bench) -> None:
    bench.drivers[H3].deaf = True
    bench.look()
    bench.work()
    assert bench.look() == []
    assert bench.observer.inventory.hosts[H3].state.value == "unknown"


def test_answer_shows_where_it_went(bench: Bench) -> None:
    bench.drivers[H3].has = (vm(V1, H3, VmState.RUNNING),)
    bench.look()
    bench.work()
    assert bench.observer.inventory.vms[V1].host == H3


def test_readings_that_come_anyway_count_if_they_began_after_its_death(bench: Bench) -> None:
    bench.observer.read(OTHERS[0])
    assert bench.unasked == OTHERS[1:]


def test_who_stands_for_other_hosts_than_before_is_asked_anew(bench: Bench) -> None:
    bench.observer.read(OTHERS[0])
    bench.observer.succeed(endpoint(H2), bench.drivers[H2].observe())
    assert set(bench.unasked) == set(OTHERS)


def test_reading_that_began_before_its_death_does_not_count(bench: Bench) -> None:
    bench.vitals.begin()  # it is not proven dead any more
    bench.drivers[H2].meanwhile = lambda: [
        (bench.vitals.read_power(H1), bench.clock.advance(APART_S + 0.1)) for _ in range(2)
    ]
    bench.observer.read(OTHERS[0], (V1,))
    assert bench.unasked == OTHERS


def test_others_wait_a_moment_for_it_and_no_longer(bench: Bench) -> None:
    bench.look()
    assert bench.around.holds_all(bench.waiting)
    bench.clock.advance(SOON_S + 1)
    bench.look()
    assert not bench.around.holds_all(bench.waiting)
    assert not bench.around.holds_all(())
