"""Planning ends when who asked for it has left, and never when nobody was said to wait."""

import asyncio
from collections.abc import Callable, Iterator

import httpx
import pytest

from anypool.api import forward
from anypool.errors import Cancelled, Unreachable
from anypool.model import HostId, RolloutWish
from anypool.planner import cancel, plan_evacuation
from anypool.planner.rehearse import Dies, Watched, watch
from anypool.planner.rolling import forecast
from anypool.planner.rounds import Rounds
from anypool.planner.rules import NO_RULES
from tests.strategies import pool, vm

HOSTS = tuple(HostId(f"h{number}") for number in range(4))
WORLD = pool(4).with_vm(vm(0, "h0")).with_vm(vm(1, "h0"))

ASKS: dict[str, Callable[[], object]] = {
    "evacuate": lambda: plan_evacuation(WORLD, HOSTS[0]),
    "evacuate tight": lambda: plan_evacuation(WORLD, HOSTS[0], tight=True),
    "a search in rounds": lambda: Rounds()(),
    "maintain": lambda: forecast(WORLD, RolloutWish(hosts=HOSTS), "default", NO_RULES),
    "rehearse": lambda: watch(
        WORLD, Watched(dying=frozenset(HOSTS[:1]), guarded=frozenset(HOSTS), how=Dies.OFF)
    ),
}


@pytest.fixture(autouse=True)
def _nobody_waits() -> Iterator[None]:
    yield
    cancel.wait_for(None)


@pytest.mark.parametrize("what", ASKS)
def test_planners_end_when_who_asked_has_left(what: str) -> None:
    cancel.wait_for(lambda: True)
    with pytest.raises(Cancelled):
        ASKS[what]()


@pytest.mark.parametrize("what", ASKS)
def test_planners_come_to_their_end_for_who_waits_and_for_the_engine(what: str) -> None:
    ASKS[what]()
    cancel.wait_for(lambda: False)
    ASKS[what]()


def test_what_is_decided_stays_whoever_leaves() -> None:
    left = False
    cancel.wait_for(lambda: left)
    cancel.decide()
    left = True
    cancel.check()


def test_who_has_left_decides_nothing() -> None:
    cancel.wait_for(lambda: True)
    with pytest.raises(Cancelled):
        cancel.decide()


async def _never() -> httpx.Response:
    await asyncio.Event().wait()
    raise AssertionError


def test_a_request_that_was_passed_on_ends_with_its_client() -> None:
    async def gone() -> object:
        return {"type": "http.disconnect"}

    async def stays() -> object:
        return await _never()

    async def answer() -> httpx.Response:
        return httpx.Response(204)

    async def passed_on() -> None:
        with pytest.raises(Unreachable, match="went away"):
            await forward._unless_left(_never(), gone)  # type: ignore[arg-type]
        assert (await forward._unless_left(answer(), stays)).status_code == 204  # type: ignore[arg-type]

    asyncio.run(asyncio.wait_for(passed_on(), 20))
