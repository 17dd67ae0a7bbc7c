"""When BMCs are asked: at once when a host falls silent, and again as soon as that counts."""

from collections.abc import Callable

from msgspec.structs import replace

from anypool.clock import ManualClock
from anypool.engine.ha.asking import EARLY_S, Asking
from anypool.engine.observing.vitals import Vitals
from anypool.model import (
    APART_S,
    Capability,
    EndpointId,
    Frame,
    Host,
    HostId,
    HostState,
    Inventory,
    Power,
)
from anypool.planner.ha.detect import Word

H, E = HostId("h0"), EndpointId("e0")
UP = Host(id=H, name="h0", endpoint=E, state=HostState.UP)


def now(task: Callable[[], object]) -> None:
    task()


class Bench:
    """A host that answered once, a BMC that says off, and who asks."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.vitals = Vitals(self.clock)
        self.asked: list[HostId] = []
        self.vitals.ask_power = self._power
        self.vitals.frame(E, Frame(hosts=(UP,), full=True))
        self.asking = Asking(self.vitals)

    def _power(self, host: HostId) -> Power:
        self.asked.append(host)
        return Power.OFF

    def early(self) -> list[HostId]:
        return self.asking.early([H], self.vitals.moments.now())


def test_host_that_fell_silent_is_asked_for_until_off_is_proven() -> None:
    bench = Bench()
    assert bench.early() == []
    bench.clock.advance(1)
    bench.vitals.hush(E)
    assert bench.early() == [H]
    bench.asking.ask(H, now)
    assert bench.early() == [H]
    bench.clock.advance(bench.asking.rest_s(60))
    bench.asking.ask(H, now)
    assert bench.vitals.proof(H) is not None
    assert bench.early() == []


def test_host_that_was_dead_once_is_asked_for_as_soon_the_next_time() -> None:
    bench = Bench()
    bench.vitals.hush(E)
    for _ in range(2):
        bench.clock.advance(2 * APART_S)
        bench.asking.ask(H, now)
    assert bench.vitals.proof(H) is not None
    bench.vitals.frame(E, Frame(hosts=(UP,), full=True))
    bench.clock.advance(10)
    bench.vitals.hush(E)
    assert bench.early() == [H]


def test_power_that_was_read_off_once_keeps_nobody_awake() -> None:
    bench = Bench()
    bench.vitals.hush(E)
    bench.asking.ask(H, now)
    bench.vitals.frame(E, Frame(hosts=(UP,), full=True))
    bench.clock.advance(30)
    assert bench.asking.rest_s(1.0) == 1.0


def test_host_that_was_silent_for_a_while_is_left_to_the_usual_way() -> None:
    bench = Bench()
    bench.vitals.hush(E)
    bench.clock.advance(EARLY_S + 1)
    assert bench.early() == []


def test_second_question_is_asked_as_soon_as_it_counts_and_not_before() -> None:
    bench = Bench()
    bench.clock.advance(1)
    assert bench.asking.rest_s(1.5) == 1.5
    bench.asking.ask(H, now)
    bench.asking.ask(H, now)
    assert len(bench.asked) == 1
    assert APART_S < bench.asking.rest_s(60) < APART_S + 0.1
    assert bench.asking.rest_s(0.5) == 0.5


def test_news_are_told_when_power_was_read_and_when_a_host_falls_silent() -> None:
    bench = Bench()
    told: list[int] = []
    bench.vitals.news = lambda: told.append(1)
    bench.vitals.hush(E)
    bench.vitals.read_power(H)
    assert len(told) == 2


def test_hosts_of_no_policy_are_asked_for_too_until_that_proves_something() -> None:
    bench = Bench()
    bench.vitals.hush(E)
    able = Inventory().with_host(replace(UP, capabilities=frozenset({Capability.HOST_POWER})))
    unable = Inventory().with_host(UP)
    assert bench.asking.of_others([H], unable, now) == []
    assert bench.asked == []
    found = []
    for _ in range(3):
        found.append(bench.asking.of_others([H], able, now))
        bench.clock.advance(2 * APART_S)
    assert (len(bench.asked), found[:2]) == (2, [[], []])
    assert found[2] == [bench.vitals.proof(H)] != [None]
    assert bench.asking.of_others([H], unable, now) == found[2]


def test_question_that_waits_for_its_turn_is_not_put_again() -> None:
    bench, waiting = Bench(), list[Callable[[], object]]()
    bench.vitals.hush(E)
    for _ in range(30):
        bench.clock.advance(2 * APART_S)
        bench.asking.ask(H, waiting.append)
    assert len(waiting) == 1
    waiting.pop()()
    bench.asking.ask(H, waiting.append)
    assert len(waiting) == 1
    bench.asking.forget()  # those who waited are gone
    bench.clock.advance(2 * APART_S)
    bench.asking.ask(H, waiting.append)
    assert len(waiting) == 2


def test_answer_that_came_late_and_one_asked_right_after_it_are_one_look() -> None:
    bench = Bench()
    bench.vitals.hush(E)
    asked_at = bench.vitals.moments.now()
    bench.clock.advance(20)
    bench.vitals.note_power(H, Word.OFF, asked_at)
    bench.clock.advance(APART_S / 2)
    bench.vitals.read_power(H)
    assert bench.vitals.proof(H) is None
    bench.clock.advance(APART_S)
    bench.vitals.read_power(H)
    assert bench.vitals.proof(H) is not None


def test_power_counts_when_it_is_read_after_all_other_paths_are_silent() -> None:
    """One that is read as off while another path would still answer may be a lie."""
    bench = Bench()
    bench.vitals.hush(E)
    for _ in range(2):
        bench.clock.advance(2 * APART_S)
        bench.asking.ask(H, now)
    bench.vitals.listened(H, bench.vitals.moments.now())
    assert bench.vitals.proof(H) is None
    assert bench.early() == [H]
    bench.asking.ask(H, now)
    assert len(bench.asked) == 3, "at once"
    assert bench.vitals.proof(H) is not None
    bench.clock.advance(10)
    bench.vitals.listened(H, bench.vitals.moments.now())
    assert bench.vitals.proof(H) is not None, "they were silent before"


def test_listening_that_heard_something_makes_no_proof_and_breaks_none() -> None:
    bench = Bench()
    began = bench.vitals.moments.now()
    bench.clock.advance(1)
    bench.vitals.frame(E, Frame(hosts=(UP,), full=True))
    bench.vitals.listened(H, began)
    assert not bench.vitals.off_too_early(H)
    for _ in range(2):
        bench.clock.advance(2 * APART_S)
        bench.asking.ask(H, now)
    assert bench.vitals.proof(H) is not None


def test_where_other_paths_are_asked_a_bmc_alone_proves_nothing_before_they_were() -> None:
    """The last that was heard on another path was life, and it was not asked again since."""
    bench = Bench()
    bench.vitals.guarded = frozenset({H})
    bench.vitals.listens((H,), ())
    for _ in range(3):
        bench.clock.advance(2 * APART_S)
        bench.asking.ask(H, now)
    assert bench.vitals.proof(H) is None
    bench.vitals.listens((), (H,))
    assert bench.vitals.proof(H) is not None, "nobody asks on other paths for a host that rests"
    bench.vitals.listens((H,), ())
    bench.vitals.listened(H, bench.vitals.moments.now())
    bench.asking.ask(H, now)
    assert bench.vitals.proof(H) is not None
    bench.vitals.guarded = frozenset()
    bench.vitals.frame(E, Frame(hosts=(UP,), full=True))
    for _ in range(2):
        bench.clock.advance(2 * APART_S)
        bench.asking.ask(H, now)
    assert bench.vitals.proof(H) is not None, "nor where nothing is guarded"
